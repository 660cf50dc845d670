/* meta.k8s.io Table: what `kubectl get podmetrics` and `get nodemetrics` print. JSON only. */
#include "aggregator/api/json_object.h"
#include "aggregator/api/json_text.h"
#include "aggregator/api/put.h"
#include "aggregator/api/quantity.h"

#define AROUND 64 /* keys and punctuation of a row's cells */

static void begin(struct writer *writer, size_t items_bytes, struct buffer *out)
{
	(void)items_bytes;
	PUT_APPEND(out, "{");
	json_object_type("Table", writer->meta_version, out);
	buffer_append_string(out,
		",\"metadata\":{},\"columnDefinitions\":["
		"{\"name\":\"Name\",\"type\":\"string\",\"format\":\"name\","
		"\"description\":\"Name of the resource\",\"priority\":0},"
		"{\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},"
		"{\"name\":\"memory\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},"
		"{\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}"
		"],\"rows\":[");
}

static void append_cells(const struct object *object, struct buffer *out)
{
	struct usage usage = object_total_usage(object);
	char *to = put_room(out, AROUND + JSON_TEXT_BOUND(object->name_length) +
					 2 * QUANTITY_BOUND + TIME_TEXT_DURATION_BYTES);

	if (!to)
		return;
	to = PUT_LITERAL(to, "{\"cells\":[");
	to = json_text_put(to, object->name, object->name_length);
	to = PUT_LITERAL(to, ",\"");
	to = usage_put(to, &usage, USAGE_CPU);
	to = PUT_LITERAL(to, "\",\"");
	to = usage_put(to, &usage, USAGE_MEMORY);
	to = PUT_LITERAL(to, "\",\"");
	to = time_text_put_duration(to, object->window_ms);
	to = PUT_LITERAL(to, "\"],\"object\":");
	put_end(out, to);
}

static void item(struct writer *writer, const struct object *object, struct buffer *out)
{
	if (writer->comma)
		PUT_APPEND(out, ",");
	writer->comma = true;
	append_cells(object, out);
	switch (writer->include) {
	case LISTING_INCLUDE_METADATA:
		PUT_APPEND(out, "{");
		json_object_type("PartialObjectMetadata", writer->meta_version, out);
		PUT_APPEND(out, ",");
		json_object_metadata(writer, object, out);
		PUT_APPEND(out, "}");
		break;
	case LISTING_INCLUDE_OBJECT:
		PUT_APPEND(out, "{");
		json_object_type(writer->kind, writer->api_version, out);
		PUT_APPEND(out, ",");
		json_object_metrics(writer, object, out);
		PUT_APPEND(out, "}");
		break;
	case LISTING_INCLUDE_NONE:
		PUT_APPEND(out, "null");
		break;
	}
	PUT_APPEND(out, "}");
}

static void end(struct writer *writer, struct buffer *out)
{
	(void)writer;
	PUT_APPEND(out, "]}\n");
}

const struct writer_ops table_writer = {.begin = begin, .item = item, .end = end};
