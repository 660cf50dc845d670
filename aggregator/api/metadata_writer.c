/* meta.k8s.io PartialObjectMetadata and PartialObjectMetadataList, in JSON and protobuf: the
 * objects without their figures. */
#include "aggregator/api/json_object.h"
#include "aggregator/api/protobuf_envelope.h"
#include "aggregator/api/protobuf_object.h"
#include "aggregator/api/put.h"

#define KIND      "PartialObjectMetadata"
#define KIND_LIST KIND "List"

static void json_begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	(void)items_bytes;
	if (!writer->list)
		return;
	PUT_APPEND(out, "{");
	json_object_type(KIND_LIST, writer->meta_version, out);
	PUT_APPEND(out, ",\"metadata\":{},\"items\":[");
}

static void json_item(struct writer *writer, const struct object *object, struct buffer *out)
{
	if (writer->comma)
		PUT_APPEND(out, ",");
	writer->comma = true;
	PUT_APPEND(out, "{");
	json_object_type(KIND, writer->meta_version, out);
	PUT_APPEND(out, ",");
	json_object_metadata(writer, object, out);
	PUT_APPEND(out, "}");
}

static void json_end(struct writer *writer, struct buffer *out)
{
	buffer_append_string(out, writer->list ? "]}\n" : "\n");
}

const struct writer_ops metadata_json_writer = {
	.begin = json_begin, .item = json_item, .end = json_end};

static void protobuf_begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	int meta_field =
		writer->meta_v1beta1 ? PROTOBUF_ENVELOPE_V1BETA1_META : PROTOBUF_ENVELOPE_META;

	if (writer->list)
		protobuf_envelope_list(
			writer->meta_version, KIND_LIST, meta_field, items_bytes, out);
	else
		protobuf_envelope_object(writer->meta_version, KIND, out);
}

static void protobuf_item(struct writer *writer, const struct object *object, struct buffer *out)
{
	int item_field = writer->list && writer->meta_v1beta1 ? PROTOBUF_ENVELOPE_V1BETA1_ITEM
							      : PROTOBUF_ENVELOPE_ITEM;

	protobuf_object_metadata(writer, object, item_field, out);
}

static void protobuf_end(struct writer *writer, struct buffer *out)
{
	(void)writer;
	(void)out;
}

static size_t protobuf_bound(const struct writer *writer, const struct object *object)
{
	(void)writer;
	return protobuf_object_metadata_bound(object);
}

static size_t protobuf_bound_of_pods(const struct writer *writer, const struct store_totals *totals)
{
	(void)writer;
	return protobuf_object_metadata_bound_of_pods(totals);
}

const struct writer_ops metadata_protobuf_writer = {
	.begin = protobuf_begin,
	.item = protobuf_item,
	.end = protobuf_end,
	.bound = protobuf_bound,
	.bound_of_pods = protobuf_bound_of_pods,
};
