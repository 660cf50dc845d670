#include "aggregator/api/core_list.h"

#include "aggregator/api/core_object.h"
#include "aggregator/api/json_indent.h"
#include "aggregator/api/selection.h"

#include <stdlib.h>
#include <string.h>

struct core_list {
	enum core_kind kind;
	struct selection selection;
	struct store_cursor cursor;
	struct label_selector *labels;
	struct field_selector *fields;
	char *namespace;
	struct buffer last; /* the namespace that was written last, terminated */
	bool begun, comma, pretty;
	struct json_indent indent;
	struct buffer *out; /* while a page is made */
};

static void core_list_free(void *context)
{
	struct core_list *list = context;

	store_cursor_free(&list->cursor);
	label_selector_free(list->labels);
	field_selector_free(list->fields);
	buffer_free(&list->last);
	free(list->namespace);
	free(list);
}

/* Pods come sorted by namespace. One has no labels, and is selected by its own name. */
static void write_namespace(struct core_list *list, const char *name)
{
	const struct labels none = {0};

	if (list->last.length > 0 && strcmp(list->last.data, name) == 0)
		return;
	buffer_clear(&list->last);
	buffer_append(&list->last, name, strlen(name) + 1);
	if (!label_selector_matches(list->labels, &none) ||
		!field_selector_matches(list->fields, "", name))
		return;
	if (list->comma)
		buffer_append_char(list->out, ',');
	list->comma = true;
	core_object_write_namespace(name, false, list->out);
}

static bool visit(void *context, const struct object *object)
{
	struct core_list *list = context;

	if (list->out->length >= LISTING_PAGE)
		return false;
	if (list->kind == CORE_NAMESPACES) {
		write_namespace(list, object->namespace);
		return true;
	}
	if (list->comma)
		buffer_append_char(list->out, ',');
	list->comma = true;
	if (list->kind == CORE_NODES)
		core_object_write_node(object->node, false, list->out);
	else
		core_object_write_pod(object->pod, false, list->out);
	return true;
}

static enum listing_state core_list_next(void *context, struct buffer *out)
{
	static const char *const KINDS[] = {
		[CORE_NODES] = "NodeList",
		[CORE_PODS] = "PodList",
		[CORE_NAMESPACES] = "NamespaceList",
	};
	struct core_list *list = context;
	struct buffer page = {0};

	list->out = &page;
	if (!list->begun)
		buffer_printf(&page,
			"{\"kind\":\"%s\",\"apiVersion\":\"v1\",\"metadata\":{},\"items\":[",
			KINDS[list->kind]);
	list->begun = true;
	while (!list->cursor.finished && page.length < LISTING_PAGE && !page.failed)
		if (selection_visit(&list->selection, &list->cursor, visit, list) < 0)
			page.failed = true;
	if (list->cursor.finished)
		buffer_append_string(&page, "]}\n");
	if (list->pretty)
		json_indent_append(&list->indent, page.data, page.length, out);
	else
		buffer_append(out, page.data, page.length);
	out->failed |= page.failed || list->last.failed;
	buffer_free(&page);
	if (out->failed)
		return LISTING_FAILED;
	return list->cursor.finished ? LISTING_END : LISTING_MORE;
}

bool core_list_open(struct store *store, enum core_kind kind, const char *namespace,
	const struct list_options *options, bool pretty, struct page_source *ret_source)
{
	struct core_list *list = calloc(1, sizeof(*list));

	if (!list) {
		label_selector_free(options->labels);
		field_selector_free(options->fields);
		return false;
	}
	list->kind = kind;
	list->pretty = pretty;
	list->labels = options->labels;
	list->fields = options->fields;
	if (namespace) {
		list->namespace = strdup(namespace);
		if (!list->namespace) {
			core_list_free(list);
			return false;
		}
	}
	list->selection = (struct selection){.store = store,
		.pods = kind != CORE_NODES,
		.namespace = list->namespace,
		.labels = kind == CORE_NAMESPACES ? NULL : list->labels,
		.fields = kind == CORE_NAMESPACES ? NULL : list->fields};
	ret_source->next = core_list_next;
	ret_source->free = core_list_free;
	ret_source->context = list;
	return true;
}
