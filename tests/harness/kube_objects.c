#include "tests/harness/kube_objects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "proto/kubernetes.pb-c.h"

#define MANAGED_FIELDS 17 /* of ObjectMeta */

/* protobuf-c's structs have no const; what we give them is only read. */
static char *text(const char *constant)
{
	union {
		const char *in;
		char *out;
	} both = {.in = constant};

	return both.out;
}

static void put(struct buffer *out, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	char *to = buffer_reserve(out, size + 1);

	assert_non_null(to);
	assert_int_equal(protobuf_c_message_pack(message, (uint8_t *)to), size);
	out->length += size;
}

/* --- an object -------------------------------------------------------------------------------- */

static size_t make_pairs(
	const char *const *texts, K8s__StringEntry *entries, K8s__StringEntry **pointers)
{
	size_t count = 0;

	for (; texts && *texts; texts += 2, count++) {
		assert_true(count < KUBE_OBJECTS_MOST_PAIRS);
		entries[count] = (K8s__StringEntry)K8S__STRING_ENTRY__INIT;
		entries[count].key = text(texts[0]);
		entries[count].value = text(texts[1]);
		pointers[count] = &entries[count];
	}
	return count;
}

void kube_objects_put(struct buffer *out, const struct kube_object *object)
{
	static K8s__StringEntry entries[2][KUBE_OBJECTS_MOST_PAIRS];
	static K8s__StringEntry *pointers[2][KUBE_OBJECTS_MOST_PAIRS];
	K8s__PartialObjectMetadata partial = K8S__PARTIAL_OBJECT_METADATA__INIT;
	K8s__ObjectMeta meta = K8S__OBJECT_META__INIT;
	ProtobufCMessageUnknownField managed = {.tag = MANAGED_FIELDS,
		.wire_type = PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
		.len = object->managed_fields + 5};

	meta.namespace_ = text(object->namespace);
	meta.name = text(object->name);
	meta.uid = text(object->uid);
	meta.resource_version = text(object->resource_version);
	meta.n_labels = make_pairs(object->labels, entries[0], pointers[0]);
	meta.labels = pointers[0];
	meta.n_annotations = make_pairs(object->annotations, entries[1], pointers[1]);
	meta.annotations = pointers[1];
	if (object->managed_fields > 0) {
		managed.data = calloc(1, managed.len);
		assert_non_null(managed.data);
		for (int i = 0; i < 5; i++) /* the length, as a varint of five bytes */
			managed.data[i] = (uint8_t)((object->managed_fields >> (7 * i) & 0x7f) |
						    (i < 4 ? 0x80 : 0));
		meta.base.n_unknown_fields = 1;
		meta.base.unknown_fields = &managed;
	}
	partial.metadata = &meta;
	put(out, &partial.base);
	free(managed.data);
}

void kube_objects_put_envelope(
	struct buffer *out, const char *api_version, const char *kind, const void *raw, size_t size)
{
	K8s__Unknown unknown = K8S__UNKNOWN__INIT;
	K8s__TypeMeta type = K8S__TYPE_META__INIT;
	struct buffer copy = {0};

	buffer_append(&copy, raw, size);
	type.api_version = text(api_version);
	type.kind = text(kind);
	unknown.type_meta = &type;
	unknown.has_raw = true;
	unknown.raw.data = (uint8_t *)copy.data;
	unknown.raw.len = copy.length;
	unknown.content_encoding = text("");
	unknown.content_type = text("");
	buffer_append(out, "k8s", 4);
	put(out, &unknown.base);
	buffer_free(&copy);
}

/* --- a list ----------------------------------------------------------------------------------- */

/* A field of bytes, its number below 16. */
static void put_field(struct buffer *out, unsigned number, const struct buffer *bytes)
{
	size_t length = bytes->length;

	buffer_append_char(out, (char)(number << 3 | 2));
	while (length >= 0x80) {
		buffer_append_char(out, (char)(length | 0x80));
		length >>= 7;
	}
	buffer_append_char(out, (char)length);
	buffer_append(out, bytes->data, bytes->length);
}

void kube_objects_put_list(struct buffer *out, const struct kube_object *objects, size_t count,
	const char *resource_version, const char *continue_token)
{
	K8s__ListMeta meta = K8S__LIST_META__INIT;
	struct buffer list = {0}, part = {0};

	meta.self_link = text("");
	meta.resource_version = text(resource_version);
	meta.continue_token = text(continue_token);
	put(&part, &meta.base);
	put_field(&list, 1, &part);
	for (size_t i = 0; i < count; i++) {
		buffer_clear(&part);
		kube_objects_put(&part, &objects[i]);
		put_field(&list, 2, &part);
	}
	kube_objects_put_envelope(
		out, "meta.k8s.io/v1", "PartialObjectMetadataList", list.data, list.length);
	buffer_free(&part);
	buffer_free(&list);
}

/* --- a watch ---------------------------------------------------------------------------------- */

void kube_objects_put_frame(struct buffer *out, const void *event, size_t size)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buffer_append_char(out, (char)(size >> shift));
	buffer_append(out, event, size);
}

static void put_event(
	struct buffer *out, const char *type, const char *kind, const struct buffer *raw)
{
	K8s__WatchEvent event = K8S__WATCH_EVENT__INIT;
	K8s__RawExtension extension = K8S__RAW_EXTENSION__INIT;
	struct buffer object = {0}, bytes = {0};
	bool status = strcmp(kind, "Status") == 0;

	kube_objects_put_envelope(
		&object, status ? "v1" : "meta.k8s.io/v1", kind, raw->data, raw->length);
	event.type = text(type);
	event.object = &extension;
	extension.has_raw = true;
	extension.raw.data = (uint8_t *)object.data;
	extension.raw.len = object.length;
	put(&bytes, &event.base);
	kube_objects_put_frame(out, bytes.data, bytes.length);
	buffer_free(&bytes);
	buffer_free(&object);
}

void kube_objects_put_event(struct buffer *out, const char *type, const struct kube_object *object)
{
	struct buffer raw = {0};

	kube_objects_put(&raw, object);
	put_event(out, type, "PartialObjectMetadata", &raw);
	buffer_free(&raw);
}

void kube_objects_put_bookmark(struct buffer *out, const char *resource_version, bool end)
{
	static const char *const marks[] = {"k8s.io/initial-events-end", "true", NULL};
	const struct kube_object object = {.namespace = "",
		.name = "",
		.uid = "",
		.resource_version = resource_version,
		.annotations = end ? marks : NULL};

	kube_objects_put_event(out, "BOOKMARK", &object);
}

void kube_objects_put_error(struct buffer *out, int code, const char *reason, const char *message)
{
	K8s__Status status = K8S__STATUS__INIT;
	struct buffer raw = {0};

	status.status = text("Failure");
	status.has_code = true;
	status.code = code;
	status.reason = text(reason);
	status.message = text(message);
	put(&raw, &status.base);
	put_event(out, "ERROR", "Status", &raw);
	buffer_free(&raw);
}
