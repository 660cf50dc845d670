#include "top/answer.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static json_t *parse(const void *body, size_t size, struct error *err)
{
	json_error_t problem;
	json_t *root = json_loadb(body, size, 0, &problem);

	if (!root)
		(void)error_set(err, EINVAL, "the answer is no JSON: %s", problem.text);
	return root;
}

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The array at the key; NULL and the JSON freed when there is none. */
static json_t *parse_list(
	const void *body, size_t size, const char *key, json_t **ret_root, struct error *err)
{
	json_t *array;

	*ret_root = parse(body, size, err);
	if (!*ret_root)
		return NULL;
	array = json_object_get(*ret_root, key);
	if (!json_is_array(array)) {
		(void)error_set(err, EINVAL, "the answer has no %s", key);
		json_decref(*ret_root);
		return NULL;
	}
	return array;
}

const char *answer_version(const void *body, size_t size)
{
	const char *found = NULL;
	json_t *root, *versions = parse_list(body, size, "versions", &root, NULL), *version;
	size_t i;

	if (!versions)
		return NULL;
	json_array_foreach(versions, i, version)
	{
		if (strcmp(text_of(version, "version"), "v1") == 0)
			found = "v1";
		else if (!found && strcmp(text_of(version, "version"), "v1beta1") == 0)
			found = "v1beta1";
	}
	json_decref(root);
	return found;
}

static void take_offer(const char *name, column_set offer[KIND_COUNT])
{
	static const char *const PREFIX[KIND_COUNT] = {"nodes/", "pods/"};
	const char *metric;

	for (unsigned kind = 0; kind < KIND_COUNT; kind++) {
		if (strncmp(name, PREFIX[kind], strlen(PREFIX[kind])) != 0)
			continue;
		for (unsigned column = 0; column < COLUMN_COUNT; column++) {
			metric = column_info((enum column)column)->metric[kind];
			if (metric && strcmp(metric, name + strlen(PREFIX[kind])) == 0)
				offer[kind] |= COLUMN_BIT(column);
		}
	}
}

int answer_offer(const void *body, size_t size, column_set ret_offer[KIND_COUNT], struct error *err)
{
	json_t *root, *resources = parse_list(body, size, "resources", &root, err), *resource;
	size_t i;

	if (!resources)
		return -EINVAL;
	memset(ret_offer, 0, KIND_COUNT * sizeof(*ret_offer));
	json_array_foreach(resources, i, resource)
	{
		take_offer(text_of(resource, "name"), ret_offer);
	}
	json_decref(root);
	return 0;
}

static void add_usage(const json_t *usage, struct row *row)
{
	static const struct {
		const char *key;
		enum column column;
	} OF[] = {{"cpu", COLUMN_CPU}, {"memory", COLUMN_MEMORY}};
	nano value;

	for (size_t i = 0; i < sizeof(OF) / sizeof(OF[0]); i++) {
		if (quantity_parse(text_of(usage, OF[i].key), &value) < 0)
			continue;
		if (row->has & COLUMN_BIT(OF[i].column))
			value += row->value[OF[i].column];
		table_set(row, OF[i].column, value);
	}
}

static void take_item(const json_t *item, enum kind kind, struct table *table)
{
	const json_t *metadata = json_object_get(item, "metadata"), *container;
	const char *name = text_of(metadata, "name");
	struct row *row;
	size_t i;

	if (!*name)
		return;
	row = table_put(table, kind == KIND_PODS ? text_of(metadata, "namespace") : "", name);
	if (!row)
		return;
	row->has &= ~COLUMN_BASIC;
	if (kind == KIND_NODES)
		add_usage(json_object_get(item, "usage"), row);
	else {
		json_array_foreach(json_object_get(item, "containers"), i, container)
		{
			add_usage(json_object_get(container, "usage"), row);
		}
	}
	if (row->has & COLUMN_BIT(COLUMN_CPU))
		sparkline_add(&row->cpu, quantity_double(row->value[COLUMN_CPU]));
}

int answer_list(
	const void *body, size_t size, enum kind kind, struct table *table, struct error *err)
{
	json_t *root, *items = parse_list(body, size, "items", &root, err), *item;
	size_t i;

	if (!items)
		return -EINVAL;
	table_begin(table);
	json_array_foreach(items, i, item)
	{
		take_item(item, kind, table);
	}
	table_end(table);
	json_decref(root);
	return 0;
}

int answer_values(const void *body, size_t size, enum column column, const char *namespace,
	struct table *table, struct error *err)
{
	json_t *root, *items = parse_list(body, size, "items", &root, err), *item;
	const json_t *object;
	struct row *row;
	nano value;
	size_t i;

	if (!items)
		return -EINVAL;
	table_clear(table, namespace, column);
	json_array_foreach(items, i, item)
	{
		object = json_object_get(item, "describedObject");
		row = table_find(table, text_of(object, "namespace"), text_of(object, "name"));
		if (row && quantity_parse(text_of(item, "value"), &value) == 0)
			table_set(row, column, value);
	}
	json_decref(root);
	return 0;
}
