/* The resource's own kind in JSON: NodeMetrics, PodMetrics, and lists of them. */
#include "aggregator/api/json_object.h"

#include <stdio.h>

static void begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	char kind[32];

	(void)items_bytes;
	buffer_append_char(out, '{');
	if (!writer->list) {
		json_object_type(writer->kind, writer->api_version, out);
		buffer_append_char(out, ',');
		return;
	}
	(void)snprintf(kind, sizeof(kind), "%sList", writer->kind);
	json_object_type(kind, writer->api_version, out);
	buffer_append_string(out, ",\"metadata\":{},\"items\":[");
}

static void item(struct writer *writer, const struct object *object, struct buffer *out)
{
	if (!writer->list) {
		json_object_metrics(writer, object, out);
		return;
	}
	if (writer->comma)
		buffer_append_char(out, ',');
	writer->comma = true;
	buffer_append_char(out, '{');
	json_object_metrics(writer, object, out);
	buffer_append_char(out, '}');
}

static void end(struct writer *writer, struct buffer *out)
{
	buffer_append_string(out, writer->list ? "]}\n" : "}\n");
}

const struct writer_ops json_writer = {.begin = begin, .item = item, .end = end};
