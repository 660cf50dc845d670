#include "aggregator/api/custom_whole.h"

#include "aggregator/api/custom_value.h"
#include "aggregator/api/json_indent.h"
#include "aggregator/api/selection.h"
#include "aggregator/api/workload.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As listing.c: other requests wait in the same loop. */
#define CALL_NS (2 * NS_PER_MS)

struct custom_whole {
	enum custom_thing thing;
	enum workload_kind kind; /* of a workload */
	bool by_name;            /* the pods that bear its name; else all that the selection has */
	struct custom_metric metric;
	struct representation as;
	char *namespace, *name;
	struct label_selector *labels;
	struct selection selection; /* points to the above */
	struct store_cursor cursor;
	bool passed; /* what bears the name lies behind */

	/* Of what was seen so far. */
	bool any;
	uint64_t figure, timestamp_seconds; /* the oldest */
	uint32_t window_ms;                 /* the shortest */
};

const char *custom_whole_name(const struct custom_whole *whole)
{
	return whole->name;
}

/* --- which pods ------------------------------------------------------------------------------- */

static int select_job(struct custom_whole *whole)
{
	struct buffer text = {0};
	const char *selector;
	int r = -ENOMEM;

	buffer_printf(&text, "%s=%s", workload_label(whole->kind), whole->name);
	selector = buffer_terminate(&text);
	if (selector)
		r = label_selector_parse(selector, &whole->labels, NULL);
	buffer_free(&text);
	return r;
}

/* Pods are sorted by name: those of a workload stand together. A name that can't be one has none.
 */
static int select_by_name(struct custom_whole *whole)
{
	int r;

	whole->by_name = !workload_label(whole->kind);
	r = whole->by_name ? store_cursor_begin(&whole->cursor, whole->namespace, whole->name)
			   : select_job(whole);
	whole->passed = r == -EINVAL;
	return r == -EINVAL ? 0 : r;
}

static int set_up(struct custom_whole *whole, const struct custom_whole_options *options)
{
	int r = 0;

	whole->name = strdup(options->name);
	if (options->namespace)
		whole->namespace = strdup(options->namespace);
	if (!whole->name || (options->namespace && !whole->namespace))
		return -ENOMEM;
	if (whole->thing == CUSTOM_WORKLOAD && !whole->labels)
		r = select_by_name(whole);
	whole->selection = (struct selection){
		.store = options->store,
		.pods = whole->thing != CUSTOM_NODE,
		.namespace = whole->namespace,
		.labels = whole->labels,
	};
	return r;
}

struct custom_whole *custom_whole_new(const struct custom_whole_options *options)
{
	struct custom_whole *whole = calloc(1, sizeof(*whole));

	if (!whole) {
		label_selector_free(options->labels);
		return NULL;
	}
	whole->thing = options->thing;
	whole->kind = options->workload;
	whole->metric = options->metric;
	whole->as = options->as;
	whole->labels = options->labels;
	if (set_up(whole, options) < 0) {
		custom_whole_free(whole);
		return NULL;
	}
	return whole;
}

void custom_whole_free(struct custom_whole *whole)
{
	if (!whole)
		return;
	store_cursor_free(&whole->cursor);
	label_selector_free(whole->labels);
	free(whole->namespace);
	free(whole->name);
	free(whole);
}

/* --- adding up -------------------------------------------------------------------------------- */

static void add(struct custom_whole *whole, const struct object *object)
{
	uint64_t figure;

	if (!custom_metric_of(object, whole->metric.metric, &figure))
		return;
	if (!whole->any || object->timestamp_seconds < whole->timestamp_seconds)
		whole->timestamp_seconds = object->timestamp_seconds;
	if (!whole->any || object->window_ms < whole->window_ms)
		whole->window_ms = object->window_ms;
	whole->figure = custom_metric_with(whole->metric.metric, whole->figure, figure);
	whole->any = true;
}

/* False behind the last pod that can bear the workload's name. */
static bool visit(void *context, const struct object *object)
{
	struct custom_whole *whole = context;
	size_t length;

	if (!whole->by_name) {
		add(whole, object);
		return true;
	}
	length = strlen(whole->name);
	if (strncmp(object->name, whole->name, length) != 0 || object->name[length] != '-') {
		whole->passed = true;
		return false;
	}
	if (workload_has_pod(whole->kind, whole->name, object->name, object->labels))
		add(whole, object);
	return true;
}

/* --- the answer ------------------------------------------------------------------------------- */

static struct custom_value value_of(const struct custom_whole *whole)
{
	static const char *const KINDS[] = {
		[CUSTOM_NODE] = "Node",
		[CUSTOM_POD] = "Pod",
		[CUSTOM_NAMESPACE] = "Namespace",
		[CUSTOM_WORKLOAD] = "",
	};
	const bool spaced = whole->thing == CUSTOM_POD || whole->thing == CUSTOM_WORKLOAD;

	return (struct custom_value){
		.metric = whole->metric,
		.kind = KINDS[whole->thing],
		.api_version = "v1",
		.namespace = spaced ? whole->namespace : "",
		.name = whole->name,
		.timestamp_seconds = whole->timestamp_seconds,
		.window_ms = whole->window_ms,
		.figure = whole->figure,
	};
}

static void write_protobuf(const struct custom_value *value, struct buffer *out)
{
	struct buffer item = {0};

	custom_value_protobuf(value, &item);
	out->failed |= item.failed;
	custom_value_begin_protobuf(value->metric.v1beta1, item.length, out);
	buffer_append(out, item.data, item.length);
	buffer_free(&item);
}

static void write_json(const struct custom_value *value, bool pretty, struct buffer *out)
{
	struct json_indent indent = {0};
	struct buffer compact = {0};

	custom_value_begin_json(value->metric.v1beta1, &compact);
	custom_value_json(value, &compact);
	custom_value_end_json(&compact);
	out->failed |= compact.failed;
	if (pretty)
		json_indent_append(&indent, compact.data, compact.length, out);
	else
		buffer_append(out, compact.data, compact.length);
	buffer_free(&compact);
}

static enum listing_state finish(const struct custom_whole *whole, struct buffer *out)
{
	struct custom_value value = value_of(whole);

	if (!whole->any)
		return LISTING_NOT_FOUND;
	if (whole->thing == CUSTOM_WORKLOAD) {
		value.kind = workload_info(whole->kind)->kind;
		value.api_version = workload_info(whole->kind)->api_version;
	}
	if (whole->as.media == MEDIA_PROTOBUF)
		write_protobuf(&value, out);
	else
		write_json(&value, whole->as.pretty, out);
	return out->failed ? LISTING_FAILED : LISTING_END;
}

enum listing_state custom_whole_next(struct custom_whole *whole, struct buffer *out)
{
	uint64_t until_ns = clock_monotonic_ns() + CALL_NS;

	if (whole->thing == CUSTOM_NODE || whole->thing == CUSTOM_POD) {
		(void)selection_get(&whole->selection, whole->name, visit, whole);
		return finish(whole, out);
	}
	while (!whole->passed && !whole->cursor.finished) {
		if (selection_visit(&whole->selection, &whole->cursor, visit, whole) < 0)
			return LISTING_FAILED;
		if (clock_monotonic_ns() >= until_ns && !whole->passed && !whole->cursor.finished)
			return LISTING_MORE;
	}
	return finish(whole, out);
}
