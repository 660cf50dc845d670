#include "aggregator/api/custom_value.h"

#include "aggregator/api/custom_discovery.h"
#include "aggregator/api/digits.h"
#include "aggregator/api/json_text.h"
#include "aggregator/api/protobuf_envelope.h"
#include "aggregator/api/protobuf_put.h"
#include "aggregator/api/quantity.h"
#include "aggregator/api/time_text.h"

#define MS_PER_SECOND 1000

#define KIND "MetricValueList"

/* Keys, punctuation, time and numbers of one item in JSON. */
#define AROUND 256

/* Fields of MetricValue; those that differ between the versions are told by `v1beta1`. */
#define FIELD_DESCRIBED 1
#define FIELD_METRIC    2
#define FIELD_TIMESTAMP 3
#define FIELD_WINDOW    4
#define FIELD_VALUE     5

#define FIELD_OBJECT_KIND      1 /* ObjectReference */
#define FIELD_OBJECT_NAMESPACE 2
#define FIELD_OBJECT_NAME      3
#define FIELD_OBJECT_VERSION   5

#define FIELD_FIRST 1 /* MetricIdentifier.name, Time.seconds, Quantity.string */

/* Tag, length, tag and a varint of seconds (TIME_TEXT_MAX_SECONDS); tag and a window of up to
 * 2^32 ms in seconds. */
#define TIMES_BOUND ((size_t)(3 + 6 + 1 + 4))
#define VALUE_BOUND ((size_t)(4 + QUANTITY_DECIMAL_BOUND))

static const char *api_version(bool v1beta1)
{
	return v1beta1 ? CUSTOM_DISCOVERY_GROUP "/v1beta1" : CUSTOM_DISCOVERY_GROUP "/v1beta2";
}

static char *put_figure(char *to, const struct custom_value *value)
{
	enum metric_unit unit = metric_info(value->metric.metric)->unit;

	return quantity_put_decimal(to, value->figure, metric_unit_info(unit)->exponent);
}

/* Whole seconds, and never 0 of a window that there is. */
static uint64_t window_seconds(const struct custom_value *value)
{
	uint64_t seconds = ((uint64_t)value->window_ms + MS_PER_SECOND / 2) / MS_PER_SECOND;

	return seconds > 0 ? seconds : 1;
}

/* --- JSON ------------------------------------------------------------------------------------- */

void custom_value_begin_json(bool v1beta1, struct buffer *out)
{
	buffer_printf(out,
		"{\"kind\":\"" KIND "\",\"apiVersion\":\"%s\",\"metadata\":{},\"items\":[",
		api_version(v1beta1));
}

void custom_value_end_json(struct buffer *out)
{
	buffer_append_string(out, "]}\n");
}

static char *put_described(char *to, const struct custom_value *value)
{
	to = PUT_LITERAL(to, "{\"describedObject\":{\"kind\":\"");
	to = put_bytes(to, value->kind, strlen(value->kind));
	*to++ = '"';
	if (*value->namespace) {
		to = PUT_LITERAL(to, ",\"namespace\":");
		to = json_text_put(to, value->namespace, strlen(value->namespace));
	}
	to = PUT_LITERAL(to, ",\"name\":");
	to = json_text_put(to, value->name, strlen(value->name));
	to = PUT_LITERAL(to, ",\"apiVersion\":\"");
	to = put_bytes(to, value->api_version, strlen(value->api_version));
	return PUT_LITERAL(to, "\"}");
}

void custom_value_json(const struct custom_value *value, struct buffer *out)
{
	bool v1beta1 = value->metric.v1beta1;
	size_t name = strlen(value->metric.name);
	char *to = put_room(out, AROUND + name + JSON_TEXT_BOUND(strlen(value->namespace)) +
					 JSON_TEXT_BOUND(strlen(value->name)));

	if (!to)
		return;
	to = put_described(to, value);
	to = v1beta1 ? PUT_LITERAL(to, ",\"metricName\":\"")
		     : PUT_LITERAL(to, ",\"metric\":{\"name\":\"");
	to = put_bytes(to, value->metric.name, name);
	to = v1beta1 ? PUT_LITERAL(to, "\"") : PUT_LITERAL(to, "\",\"selector\":null}");
	to = PUT_LITERAL(to, ",\"timestamp\":\"");
	to = time_text_put_rfc3339(to, value->timestamp_seconds);
	*to++ = '"';
	if (custom_metric_has_window(value->metric.metric)) {
		to = v1beta1 ? PUT_LITERAL(to, ",\"window\":")
			     : PUT_LITERAL(to, ",\"windowSeconds\":");
		to = digits_put(to, window_seconds(value));
	}
	to = PUT_LITERAL(to, ",\"value\":\"");
	to = put_figure(to, value);
	to = v1beta1 ? PUT_LITERAL(to, "\",\"selector\":null}") : PUT_LITERAL(to, "\"}");
	put_end(out, to);
}

/* --- protobuf --------------------------------------------------------------------------------- */

void custom_value_begin_protobuf(bool v1beta1, size_t items_bytes, struct buffer *out)
{
	protobuf_envelope_list(
		api_version(v1beta1), KIND, PROTOBUF_ENVELOPE_META, items_bytes, out);
}

static size_t described_size(const struct custom_value *value)
{
	size_t size = protobuf_field_size(strlen(value->kind)) +
		      protobuf_field_size(strlen(value->name)) +
		      protobuf_field_size(strlen(value->api_version));

	if (*value->namespace)
		size += protobuf_field_size(strlen(value->namespace));
	return size;
}

static char *put_text(char *to, int field, const char *text)
{
	return protobuf_put_field(to, field, text, strlen(text));
}

static char *put_described_object(char *to, const struct custom_value *value)
{
	*to++ = PROTOBUF_TAG(FIELD_DESCRIBED, PROTOBUF_LENGTH);
	to = protobuf_put_varint(to, described_size(value));
	to = put_text(to, FIELD_OBJECT_KIND, value->kind);
	if (*value->namespace)
		to = put_text(to, FIELD_OBJECT_NAMESPACE, value->namespace);
	to = put_text(to, FIELD_OBJECT_NAME, value->name);
	return put_text(to, FIELD_OBJECT_VERSION, value->api_version);
}

/* In v1beta1 the name itself. */
static char *put_metric(char *to, const struct custom_metric *metric)
{
	if (!metric->v1beta1) {
		*to++ = PROTOBUF_TAG(FIELD_METRIC, PROTOBUF_LENGTH);
		to = protobuf_put_varint(to, protobuf_field_size(strlen(metric->name)));
	}
	return put_text(to, metric->v1beta1 ? FIELD_METRIC : FIELD_FIRST, metric->name);
}

static char *put_times(char *to, const struct custom_value *value)
{
	uint64_t seconds = value->timestamp_seconds < TIME_TEXT_MAX_SECONDS
				   ? value->timestamp_seconds
				   : TIME_TEXT_MAX_SECONDS;

	*to++ = PROTOBUF_TAG(FIELD_TIMESTAMP, PROTOBUF_LENGTH);
	*to++ = (char)(1 + protobuf_varint_size(seconds));
	*to++ = PROTOBUF_TAG(FIELD_FIRST, PROTOBUF_VARINT);
	to = protobuf_put_varint(to, seconds);
	if (custom_metric_has_window(value->metric.metric)) {
		*to++ = PROTOBUF_TAG(FIELD_WINDOW, PROTOBUF_VARINT);
		to = protobuf_put_varint(to, window_seconds(value));
	}
	return to;
}

static char *put_value(char *to, const struct custom_value *value)
{
	char text[QUANTITY_DECIMAL_BOUND];
	size_t length = (size_t)(put_figure(text, value) - text);

	*to++ = PROTOBUF_TAG(FIELD_VALUE, PROTOBUF_LENGTH);
	*to++ = (char)protobuf_field_size(length);
	return protobuf_put_field(to, FIELD_FIRST, text, length);
}

/* Its message, without tag and length. */
static size_t message_bound(const struct custom_value *value)
{
	return protobuf_field_size(described_size(value)) +
	       protobuf_field_size(protobuf_field_size(strlen(value->metric.name))) + TIMES_BOUND +
	       VALUE_BOUND;
}

size_t custom_value_protobuf_bound(const struct custom_value *value)
{
	return protobuf_field_size(message_bound(value));
}

void custom_value_protobuf(const struct custom_value *value, struct buffer *out)
{
	size_t most = message_bound(value), head = 1 + protobuf_varint_size(most), length;
	char *to = put_room(out, head + most), *message, *end;

	if (!to)
		return;
	message = to + head;
	end = put_described_object(message, value);
	end = put_metric(end, &value->metric);
	end = put_times(end, value);
	end = put_value(end, value);
	length = (size_t)(end - message);
	*to++ = PROTOBUF_TAG(PROTOBUF_ENVELOPE_ITEM, PROTOBUF_LENGTH);
	to = protobuf_put_varint(to, length);
	memmove(to, message, length); /* where the length took less than it might */
	put_end(out, to + length);
}
