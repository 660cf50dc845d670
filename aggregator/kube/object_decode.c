#include "aggregator/kube/object_decode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of PartialObjectMetadata. */
#define OBJECT_METADATA 1

/* Of ObjectMeta. */
enum {
	META_NAME = 1,
	META_NAMESPACE = 3,
	META_UID = 5,
	META_RESOURCE_VERSION = 6,
	META_LABELS = 11,
	META_ANNOTATIONS = 12,
};

/* Of an entry of a map. */
enum {
	ENTRY_KEY = 1,
	ENTRY_VALUE = 2,
};

#define CONFIG_HASH        "kubernetes.io/config.hash"
#define CONFIG_MIRROR      "kubernetes.io/config.mirror"
#define INITIAL_EVENTS_END "k8s.io/initial-events-end"

/* All texts and their NULs. */
#define ARENA_SIZE                                                                 \
	(2 * (OBJECT_MAX_NAME + 1) + OBJECT_MAX_UID + 1 + OBJECT_MAX_VERSION + 1 + \
		OBJECT_MAX_CONFIG_HASH + 1 +                                       \
		OBJECT_MAX_LABELS * (OBJECT_MAX_LABEL_KEY + 1 + OBJECT_MAX_LABEL_VALUE + 1))

/* Where the texts of an object lie in its bytes. */
struct found {
	struct span name, namespace, uid, resource_version, config_hash, config_mirror;
	bool initial_events_end;
};

struct object_decoder {
	struct label labels[OBJECT_MAX_LABELS];
	size_t label_count;
	size_t labels_seen; /* those of one key are several here, and take room */
	size_t used;
	char arena[ARENA_SIZE];
	const char *excess; /* the bound that was passed, or NULL */
};

struct object_decoder *object_decoder_new(void)
{
	return malloc(sizeof(struct object_decoder));
}

void object_decoder_free(struct object_decoder *decoder)
{
	free(decoder);
}

/* A text with a NUL in it would be another one to us than to Kubernetes. */
static bool has_nul(struct span text)
{
	return text.size > 0 && memchr(text.data, '\0', text.size);
}

/* The arena has room for every text within its bound. */
static const char *keep(struct object_decoder *decoder, struct span text)
{
	char *to = decoder->arena + decoder->used;

	if (text.size > 0)
		memcpy(to, text.data, text.size);
	to[text.size] = '\0';
	decoder->used += text.size + 1;
	return to;
}

static const char *keep_within(
	struct object_decoder *decoder, struct span text, size_t most, const char *what)
{
	if (text.size > most) {
		decoder->excess = what;
		return "";
	}
	return keep(decoder, text);
}

static int read_entry(struct span bytes, struct span *ret_key, struct span *ret_value)
{
	struct protobuf_field field;
	int r;

	*ret_key = *ret_value = span_of("", 0);
	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type != FIELD_BYTES)
			continue;
		if (field.number == ENTRY_KEY)
			*ret_key = field.bytes;
		else if (field.number == ENTRY_VALUE)
			*ret_value = field.bytes;
	}
	return r;
}

/* Kubernetes writes them sorted, so that this is one comparison. Of one key the last counts. */
static void insert_label(struct object_decoder *decoder, struct label label)
{
	struct label *item = decoder->labels;
	size_t at = decoder->label_count;
	int order = 1;

	while (at > 0 && (order = strcmp(label.key, item[at - 1].key)) < 0)
		at--;
	if (at > 0 && order == 0) {
		item[at - 1].value = label.value;
		return;
	}
	memmove(item + at + 1, item + at, (decoder->label_count - at) * sizeof(*item));
	item[at] = label;
	decoder->label_count++;
}

static int add_label(struct object_decoder *decoder, struct span entry)
{
	struct span key, value;
	int r = read_entry(entry, &key, &value);

	if (r < 0 || has_nul(key) || has_nul(value))
		return -EINVAL;
	if (key.size > OBJECT_MAX_LABEL_KEY)
		decoder->excess = "a label's key is longer than 317 bytes";
	else if (value.size > OBJECT_MAX_LABEL_VALUE)
		decoder->excess = "a label's value is longer than 63 bytes";
	else if (decoder->labels_seen == OBJECT_MAX_LABELS)
		decoder->excess = "it has more than 256 labels";
	if (decoder->excess)
		return 0;
	decoder->labels_seen++;
	insert_label(
		decoder, (struct label){.key = keep(decoder, key), .value = keep(decoder, value)});
	return 0;
}

static int add_annotation(struct span entry, struct found *found)
{
	struct span key, value;
	int r = read_entry(entry, &key, &value);

	if (r < 0)
		return r;
	if (span_is(key, CONFIG_HASH) && value.size <= OBJECT_MAX_CONFIG_HASH && !has_nul(value))
		found->config_hash = value;
	else if (span_is(key, CONFIG_MIRROR))
		found->config_mirror = value;
	else if (span_is(key, INITIAL_EVENTS_END))
		found->initial_events_end = span_is(value, "true");
	return 0;
}

/* Of a static pod's mirror. Anyone may write config.hash on a pod of theirs, and it would have the
 * figures of another's cgroup; a pod that says that it is a mirror, and is none, the kubelet
 * deletes instead of running it. */
static struct span hash_of_mirror(const struct found *found)
{
	const struct span *hash = &found->config_hash, *mirror = &found->config_mirror;

	if (hash->size == mirror->size && hash->size > 0 &&
		memcmp(hash->data, mirror->data, hash->size) == 0)
		return *hash;
	return span_of("", 0);
}

static int take_field(
	struct object_decoder *decoder, const struct protobuf_field *field, struct found *found)
{
	struct span *text;

	switch (field->number) {
	case META_NAME:
		text = &found->name;
		break;
	case META_NAMESPACE:
		text = &found->namespace;
		break;
	case META_UID:
		text = &found->uid;
		break;
	case META_RESOURCE_VERSION:
		text = &found->resource_version;
		break;
	case META_LABELS:
		return add_label(decoder, field->bytes);
	case META_ANNOTATIONS:
		return add_annotation(field->bytes, found);
	default:
		return 0;
	}
	if (has_nul(field->bytes))
		return -EINVAL;
	*text = field->bytes;
	return 0;
}

static int read_meta(struct object_decoder *decoder, struct span bytes, struct found *found)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type == FIELD_BYTES)
			r = take_field(decoder, &field, found);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_object(struct object_decoder *decoder, struct span bytes, struct found *found)
{
	struct protobuf_field field;
	int r;

	while ((r = protobuf_next(&bytes, &field)) > 0) {
		if (field.type == FIELD_BYTES && field.number == OBJECT_METADATA)
			r = read_meta(decoder, field.bytes, found);
		if (r < 0)
			return r;
	}
	return r;
}

int object_decode(struct object_decoder *decoder, struct span bytes,
	struct object_metadata *ret_object, struct error *err)
{
	struct found found = {0};
	struct object_metadata object;

	decoder->label_count = decoder->labels_seen = decoder->used = 0;
	decoder->excess = NULL;
	if (read_object(decoder, bytes, &found) < 0)
		return error_set(err, EINVAL, "an object whose metadata is no protobuf");
	object = (struct object_metadata){
		.namespace = keep_within(
			decoder, found.namespace, OBJECT_MAX_NAME, "its namespace is too long"),
		.name = keep_within(decoder, found.name, OBJECT_MAX_NAME, "its name is too long"),
		.uid = keep_within(decoder, found.uid, OBJECT_MAX_UID, "its uid is too long"),
		.resource_version = keep_within(decoder, found.resource_version, OBJECT_MAX_VERSION,
			"its resourceVersion is too long"),
		.config_hash = keep(decoder, hash_of_mirror(&found)),
		.initial_events_end = found.initial_events_end,
	};
	if (!decoder->excess)
		object.labels =
			(struct labels){.item = decoder->labels, .count = decoder->label_count};
	*ret_object = object;
	if (decoder->excess)
		return error_set(err, E2BIG, "%s", decoder->excess);
	return 0;
}
