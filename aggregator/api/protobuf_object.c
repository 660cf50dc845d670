#include "aggregator/api/protobuf_object.h"

#include "aggregator/api/protobuf_envelope.h"
#include "aggregator/api/protobuf_put.h"
#include "aggregator/api/quantity.h"
#include "base/clock.h"

#define FIELD_METADATA   1 /* NodeMetrics, PodMetrics, PartialObjectMetadata */
#define FIELD_TIMESTAMP  2
#define FIELD_WINDOW     3
#define FIELD_USAGE      4
#define FIELD_CONTAINERS 4

#define FIELD_META_NAME      1 /* ObjectMeta */
#define FIELD_META_NAMESPACE 3
#define FIELD_META_CREATION  8
#define FIELD_META_LABELS    11

#define FIELD_KEY             1 /* of a map's entry */
#define FIELD_VALUE           2
#define FIELD_CONTAINER_NAME  1
#define FIELD_CONTAINER_USAGE 2
#define FIELD_NUMBER          1 /* Time.seconds, Duration.duration */
#define FIELD_QUANTITY        1

/* The most bytes of a field that is a Time or a Duration: tag, length, and a tag and varint in it.
 * TIME_TEXT_MAX_SECONDS has 38 bits, the greatest window 52 bits of nanoseconds. */
#define NUMBER_BOUND (3 + 8)

/* An entry of the usage map: tag, length, key, value, and the Quantity's own tag and length. */
#define USAGE_ENTRY_BOUND(key_length) (2 + 2 + (key_length) + 2 + 2 + QUANTITY_BOUND)
#define USAGE_BOUND                   (USAGE_KEYS * USAGE_ENTRY_BOUND(USAGE_NAME_BOUND))

/* Tag and length of a message; the length may grow when the message is closed. */
#define HEAD_BOUND (1 + PROTOBUF_VARINT_BOUND)

/* Starts a message whose length is not known yet, one byte being left for it. The caller has room
 * for HEAD_BOUND besides the message. Returns where the message begins. */
static char *open_message(char *to, int field)
{
	*to++ = PROTOBUF_TAG(field, PROTOBUF_LENGTH);
	return to + 1;
}

/* Writes the length before `message`, which ends at `to`, and moves the message when the length
 * takes other than the `left` bytes. Returns where the next byte goes. */
static char *close_message(char *message, char *to, size_t left)
{
	size_t length = (size_t)(to - message), size = protobuf_varint_size(length);
	char *head = message - left;

	if (size != left)
		memmove(head + size, message, length);
	(void)protobuf_put_varint(head, length);
	return head + size + length;
}

/* The same for a message that is appended piece by piece: it is known by its offset, since the
 * buffer may move. Its length most often takes as many bytes as that of the one before, which are
 * in *head; 0: there was none. */
static size_t open_in(struct buffer *out, int field, uint8_t *head)
{
	char *to = put_room(out, HEAD_BOUND);

	if (*head == 0)
		*head = 1;
	if (to)
		put_end(out, open_message(to, field) - 1 + *head);
	return out->length;
}

static void close_in(struct writer *writer, struct buffer *out, size_t message, uint8_t *head)
{
	size_t length = out->length - message, left = *head;
	char *to;

	if (!put_room(out, HEAD_BOUND))
		return;
	to = out->data + message;
	put_end(out, close_message(to, to + length, left));
	*head = (uint8_t)protobuf_varint_size(length);
	label_text_moved(&writer->labels, out, message, *head - left);
}

/* A Time or a Duration: both are a message with one number. */
static char *put_number(char *to, int field, uint64_t number)
{
	*to++ = PROTOBUF_TAG(field, PROTOBUF_LENGTH);
	*to++ = (char)(1 + protobuf_varint_size(number));
	*to++ = PROTOBUF_TAG(FIELD_NUMBER, PROTOBUF_VARINT);
	return protobuf_put_varint(to, number);
}

static uint64_t bounded_seconds(uint64_t seconds)
{
	return seconds < TIME_TEXT_MAX_SECONDS ? seconds : TIME_TEXT_MAX_SECONDS;
}

static void write_labels(const struct labels *labels, struct buffer *out)
{
	for (size_t i = 0; i < labels->count; i++) {
		const struct label *label = &labels->item[i];
		size_t key = strlen(label->key), value = strlen(label->value);
		char *to = put_room(
			out, HEAD_BOUND + protobuf_field_size(key) + protobuf_field_size(value));

		if (!to)
			return;
		*to++ = PROTOBUF_TAG(FIELD_META_LABELS, PROTOBUF_LENGTH);
		to = protobuf_put_varint(to, protobuf_field_size(key) + protobuf_field_size(value));
		to = protobuf_put_field(to, FIELD_KEY, label->key, key);
		to = protobuf_put_field(to, FIELD_VALUE, label->value, value);
		put_end(out, to);
	}
}

static void append_object_meta(
	struct writer *writer, const struct object *object, struct buffer *out)
{
	size_t message = open_in(out, FIELD_METADATA, &writer->head_of_metadata);
	char *to =
		put_room(out, protobuf_field_size(object->name_length) +
				      protobuf_field_size(object->namespace_length) + NUMBER_BOUND);

	if (!to)
		return;
	to = protobuf_put_field(to, FIELD_META_NAME, object->name, object->name_length);
	if (object->namespace_length)
		to = protobuf_put_field(
			to, FIELD_META_NAMESPACE, object->namespace, object->namespace_length);
	to = put_number(to, FIELD_META_CREATION, bounded_seconds(writer->creation_seconds));
	put_end(out, to);
	writer_append_labels(writer, object->labels, write_labels, out);
	close_in(writer, out, message, &writer->head_of_metadata);
}

/* The entries of a usage map. All lengths in them are below 128: one byte each. */
static char *put_usage(char *to, int field, const struct usage *usage)
{
	for (int key = 0; key < USAGE_KEYS; key++) {
		char *entry, *value, *text;

		if (!usage->has[key])
			continue;
		entry = open_message(to, field);
		to = open_message(entry, FIELD_KEY);
		to[-1] = (char)USAGE_NAME[key].length;
		to = usage_name_put(to, (enum usage_key)key);
		value = open_message(to, FIELD_VALUE);
		text = open_message(value, FIELD_QUANTITY);
		to = usage_put(text, usage, (enum usage_key)key);
		text[-1] = (char)(to - text);
		value[-1] = (char)(to - value);
		entry[-1] = (char)(to - entry);
	}
	return to;
}

static void append_container(const struct object *pod, uint32_t i, struct buffer *out)
{
	size_t length;
	const char *name = store_container_name(pod->pod, i, &length);
	struct usage usage;
	char *message, *to;

	to = put_room(out, HEAD_BOUND + protobuf_field_size(length) + USAGE_BOUND);
	if (!to)
		return;
	object_container_usage(pod, i, &usage);
	message = open_message(to, FIELD_CONTAINERS);
	to = protobuf_put_field(message, FIELD_CONTAINER_NAME, name, length);
	to = put_usage(to, FIELD_CONTAINER_USAGE, &usage);
	put_end(out, close_message(message, to, 1));
}

void protobuf_object_metadata(
	struct writer *writer, const struct object *object, int item_field, struct buffer *out)
{
	size_t message = open_in(out, item_field, &writer->head_of_item);

	append_object_meta(writer, object, out);
	close_in(writer, out, message, &writer->head_of_item);
}

void protobuf_object_metrics(struct writer *writer, const struct object *object, struct buffer *out)
{
	size_t message = open_in(out, PROTOBUF_ENVELOPE_ITEM, &writer->head_of_item);
	char *to;

	append_object_meta(writer, object, out);
	to = put_room(out, 2 * NUMBER_BOUND + USAGE_BOUND);
	if (!to)
		return;
	to = put_number(to, FIELD_TIMESTAMP, bounded_seconds(object->timestamp_seconds));
	to = put_number(to, FIELD_WINDOW, object->window_ms * NS_PER_MS);
	if (object->node) {
		struct usage usage = object_usage(object);

		to = put_usage(to, FIELD_USAGE, &usage);
	}
	put_end(out, to);
	for (uint32_t i = 0; i < object->containers; i++)
		append_container(object, i, out);
	close_in(writer, out, message, &writer->head_of_item);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static size_t meta_bound(const struct object *object)
{
	size_t bound = protobuf_field_size(object->name_length) +
		       protobuf_field_size(object->namespace_length) + NUMBER_BOUND;

	for (size_t i = 0; i < object->labels->count; i++) {
		const struct label *label = &object->labels->item[i];

		bound += protobuf_field_size(protobuf_field_size(strlen(label->key)) +
					     protobuf_field_size(strlen(label->value)));
	}
	return protobuf_field_size(bound);
}

/* CPU and memory are hardly ever absent; swap is where there is none. */
static size_t usage_bound(bool swaps)
{
	return USAGE_ENTRY_BOUND(USAGE_NAME[USAGE_CPU].length) +
	       USAGE_ENTRY_BOUND(USAGE_NAME[USAGE_MEMORY].length) +
	       (swaps ? USAGE_ENTRY_BOUND(USAGE_NAME[USAGE_SWAP].length) : 0);
}

size_t protobuf_object_metadata_bound(const struct object *object)
{
	return protobuf_field_size(meta_bound(object));
}

size_t protobuf_object_metrics_bound(const struct object *object)
{
	size_t bound = meta_bound(object) + 2 * NUMBER_BOUND;

	if (object->node)
		bound += usage_bound(object_swaps(object, 0));
	for (uint32_t i = 0; i < object->containers; i++) {
		size_t name;

		(void)store_container_name(object->pod, i, &name);
		bound += protobuf_field_size(
			protobuf_field_size(name) + usage_bound(object_swaps(object, i)));
	}
	return protobuf_field_size(bound);
}

/* Of many pods at once only sums are known, so each field's tag and length are taken at their
 * most: names and containers are shorter than 2^14 bytes, a label and its value than 2^21, and a
 * whole pod (store.h bounds its containers) and its metadata than 2^28. */
#define SHORT_FIELD  (1 + 2)
#define MIDDLE_FIELD (1 + 3)
#define LONG_FIELD   (1 + 4)

static size_t meta_bound_of_pods(const struct store_totals *totals)
{
	return totals->pods * (LONG_FIELD + 2 * SHORT_FIELD + NUMBER_BOUND) + totals->name_bytes +
	       totals->labels * (3 * MIDDLE_FIELD) + totals->label_bytes;
}

size_t protobuf_object_metadata_bound_of_pods(const struct store_totals *totals)
{
	return totals->pods * LONG_FIELD + meta_bound_of_pods(totals);
}

size_t protobuf_object_metrics_bound_of_pods(const struct store_totals *totals)
{
	return totals->pods * (LONG_FIELD + 2 * NUMBER_BOUND) + meta_bound_of_pods(totals) +
	       totals->containers * (2 * SHORT_FIELD + usage_bound(true));
}
