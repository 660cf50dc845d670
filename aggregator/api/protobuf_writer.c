/* The resource's own kind in protobuf: NodeMetrics, PodMetrics, and lists of them. */
#include "aggregator/api/protobuf_envelope.h"
#include "aggregator/api/protobuf_object.h"

#include <stdio.h>

static void begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	char kind[32];

	if (!writer->list) {
		protobuf_envelope_object(writer->api_version, writer->kind, out);
		return;
	}
	(void)snprintf(kind, sizeof(kind), "%sList", writer->kind);
	protobuf_envelope_list(writer->api_version, kind, PROTOBUF_ENVELOPE_META, items_bytes, out);
}

static void item(struct writer *writer, const struct object *object, struct buffer *out)
{
	protobuf_object_metrics(writer, object, out);
}

static void end(struct writer *writer, struct buffer *out)
{
	(void)writer;
	(void)out;
}

static size_t bound(const struct writer *writer, const struct object *object)
{
	(void)writer;
	return protobuf_object_metrics_bound(object);
}

static size_t bound_of_pods(const struct writer *writer, const struct store_totals *totals)
{
	(void)writer;
	return protobuf_object_metrics_bound_of_pods(totals);
}

const struct writer_ops protobuf_writer = {
	.begin = begin, .item = item, .end = end, .bound = bound, .bound_of_pods = bound_of_pods};
