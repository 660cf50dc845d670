/* One metric of every pod or node: a list of custom.metrics.k8s.io. What has no figure of it is not
 * in the list. */
#include "aggregator/api/custom_value.h"
#include "aggregator/api/put.h"
#include "aggregator/api/writer.h"

static bool value_of(
	const struct writer *writer, const struct object *object, struct custom_value *ret_value)
{
	*ret_value = (struct custom_value){
		.metric = writer->custom,
		.kind = object->node ? "Node" : "Pod",
		.api_version = "v1",
		.namespace = object->namespace,
		.name = object->name,
		.timestamp_seconds = object->timestamp_seconds,
		.window_ms = object->window_ms,
	};
	return custom_metric_of(object, writer->custom.metric, &ret_value->figure);
}

static void begin_json(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	(void)items_bytes;
	custom_value_begin_json(writer->custom.v1beta1, out);
}

static void item_json(struct writer *writer, const struct object *object, struct buffer *out)
{
	struct custom_value value;

	if (!value_of(writer, object, &value))
		return;
	if (writer->comma)
		PUT_APPEND(out, ",");
	writer->comma = true;
	custom_value_json(&value, out);
}

static void end_json(struct writer *writer, struct buffer *out)
{
	(void)writer;
	custom_value_end_json(out);
}

const struct writer_ops custom_json_writer = {
	.begin = begin_json, .item = item_json, .end = end_json};

static void begin_protobuf(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	custom_value_begin_protobuf(writer->custom.v1beta1, items_bytes, out);
}

static void item_protobuf(struct writer *writer, const struct object *object, struct buffer *out)
{
	struct custom_value value;

	if (value_of(writer, object, &value))
		custom_value_protobuf(&value, out);
}

static void end_protobuf(struct writer *writer, struct buffer *out)
{
	(void)writer;
	(void)out;
}

static size_t bound(const struct writer *writer, const struct object *object)
{
	struct custom_value value;

	return value_of(writer, object, &value) ? custom_value_protobuf_bound(&value) : 0;
}

/* Of tag, length, kind, version, times and value, whose lengths are known, and the names. */
#define MOST_WITHOUT_NAMES 256

static size_t bound_of_pods(const struct writer *writer, const struct store_totals *totals)
{
	return totals->pods * (MOST_WITHOUT_NAMES + strlen(writer->custom.name)) +
	       totals->name_bytes;
}

const struct writer_ops custom_protobuf_writer = {.begin = begin_protobuf,
	.item = item_protobuf,
	.end = end_protobuf,
	.bound = bound,
	.bound_of_pods = bound_of_pods};
