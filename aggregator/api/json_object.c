#include "aggregator/api/json_object.h"

#include "aggregator/api/json_text.h"
#include "aggregator/api/put.h"
#include "aggregator/api/quantity.h"

/* Each reservation is for what is written until the next one: the texts, and this for the keys and
 * punctuation around them. */
#define AROUND 64

#define USAGE_BOUND (AROUND + USAGE_KEYS * (USAGE_NAME_BOUND + 6 + QUANTITY_BOUND))

void json_object_type(const char *kind, const char *api_version, struct buffer *out)
{
	PUT_APPEND(out, "\"kind\":\"");
	put_append(out, kind, strlen(kind));
	PUT_APPEND(out, "\",\"apiVersion\":\"");
	put_append(out, api_version, strlen(api_version));
	PUT_APPEND(out, "\"");
}

static void write_labels(const struct labels *labels, struct buffer *out)
{
	char *to;

	for (size_t i = 0; i < labels->count; i++) {
		size_t key = strlen(labels->item[i].key), value = strlen(labels->item[i].value);

		to = put_room(out, AROUND + JSON_TEXT_BOUND(key) + JSON_TEXT_BOUND(value));
		if (!to)
			return;
		to = i == 0 ? PUT_LITERAL(to, ",\"labels\":{") : PUT_LITERAL(to, ",");
		to = json_text_put(to, labels->item[i].key, key);
		*to++ = ':';
		to = json_text_put(to, labels->item[i].value, value);
		put_end(out, to);
	}
	PUT_APPEND(out, "}");
}

void json_object_metadata(struct writer *writer, const struct object *object, struct buffer *out)
{
	char *to = put_room(out, 2 * AROUND + TIME_TEXT_RFC3339_BYTES +
					 JSON_TEXT_BOUND(object->name_length) +
					 JSON_TEXT_BOUND(object->namespace_length));

	if (!to)
		return;
	to = PUT_LITERAL(to, "\"metadata\":{\"name\":");
	to = json_text_put(to, object->name, object->name_length);
	if (object->namespace_length) {
		to = PUT_LITERAL(to, ",\"namespace\":");
		to = json_text_put(to, object->namespace, object->namespace_length);
	}
	to = PUT_LITERAL(to, ",\"creationTimestamp\":\"");
	to = put_bytes(to, writer->creation, sizeof(writer->creation));
	*to++ = '"';
	put_end(out, to);
	writer_append_labels(writer, object->labels, write_labels, out);
	PUT_APPEND(out, "}");
}

/* `"usage":{"cpu":"1n","memory":"1Ki"}` */
static char *put_usage(char *to, const struct usage *usage)
{
	bool comma = false;

	to = PUT_LITERAL(to, "\"usage\":{");
	for (int key = 0; key < USAGE_KEYS; key++) {
		if (!usage->has[key])
			continue;
		if (comma)
			*to++ = ',';
		comma = true;
		*to++ = '"';
		to = usage_name_put(to, (enum usage_key)key);
		to = PUT_LITERAL(to, "\":\"");
		to = usage_put(to, usage, (enum usage_key)key);
		*to++ = '"';
	}
	*to++ = '}';
	return to;
}

static void append_containers(const struct object *pod, struct buffer *out)
{
	for (uint32_t i = 0; i < pod->containers; i++) {
		size_t length;
		const char *name = store_container_name(pod->pod, i, &length);
		struct usage usage;
		char *to = put_room(out, AROUND + JSON_TEXT_BOUND(length) + USAGE_BOUND);

		if (!to)
			return;
		object_container_usage(pod, i, &usage);
		to = i == 0 ? PUT_LITERAL(to, "{\"name\":") : PUT_LITERAL(to, ",{\"name\":");
		to = json_text_put(to, name, length);
		*to++ = ',';
		to = put_usage(to, &usage);
		*to++ = '}';
		put_end(out, to);
	}
}

void json_object_metrics(struct writer *writer, const struct object *object, struct buffer *out)
{
	char *to;

	json_object_metadata(writer, object, out);
	to = put_room(
		out, 2 * AROUND + TIME_TEXT_RFC3339_BYTES + TIME_TEXT_DURATION_BYTES + USAGE_BOUND);
	if (!to)
		return;
	to = PUT_LITERAL(to, ",\"timestamp\":\"");
	to = time_text_cache_put(&writer->times, to, object->timestamp_seconds);
	to = PUT_LITERAL(to, "\",\"window\":\"");
	to = time_text_put_duration(to, object->window_ms);
	to = PUT_LITERAL(to, "\",");
	if (object->node) {
		struct usage usage = object_usage(object);

		put_end(out, put_usage(to, &usage));
		return;
	}
	put_end(out, PUT_LITERAL(to, "\"containers\":["));
	append_containers(object, out);
	PUT_APPEND(out, "]");
}
