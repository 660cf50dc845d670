/* The resource's own kind in JSON: NodeMetrics, PodMetrics, and lists of them. */
#include "aggregator/api/json_object.h"
#include "aggregator/api/put.h"

#include <stdio.h>

static void begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	char kind[32];

	(void)items_bytes;
	PUT_APPEND(out, "{");
	if (!writer->list) {
		json_object_type(writer->kind, writer->api_version, out);
		PUT_APPEND(out, ",");
		return;
	}
	(void)snprintf(kind, sizeof(kind), "%sList", writer->kind);
	json_object_type(kind, writer->api_version, out);
	PUT_APPEND(out, ",\"metadata\":{},\"items\":[");
}

static void item(struct writer *writer, const struct object *object, struct buffer *out)
{
	if (!writer->list) {
		json_object_metrics(writer, object, out);
		return;
	}
	if (writer->comma)
		PUT_APPEND(out, ",");
	writer->comma = true;
	PUT_APPEND(out, "{");
	json_object_metrics(writer, object, out);
	PUT_APPEND(out, "}");
}

static void end(struct writer *writer, struct buffer *out)
{
	buffer_append_string(out, writer->list ? "]}\n" : "}\n");
}

const struct writer_ops json_writer = {.begin = begin, .item = item, .end = end};
