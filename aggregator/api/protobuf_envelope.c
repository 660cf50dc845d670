#include "aggregator/api/protobuf_envelope.h"

#include "aggregator/api/protobuf_put.h"

/* runtime.Unknown and its TypeMeta. */
#define FIELD_TYPE_META   1
#define FIELD_API_VERSION 1
#define FIELD_KIND        2
#define FIELD_RAW         2

/* 2047, the greatest number whose tag has two bytes: 2047 << 3 | 2 as a varint. */
#define FILLER_TAG "\xfa\x7f"

void protobuf_envelope_object(const char *api_version, const char *kind, struct buffer *out)
{
	size_t version_length = strlen(api_version), kind_length = strlen(kind);
	size_t type_length = protobuf_field_size(version_length) + protobuf_field_size(kind_length);
	char *to = buffer_reserve(out, 4 + protobuf_field_size(type_length));

	if (!to)
		return;
	to = PUT_LITERAL(to, "k8s\0");
	*to++ = PROTOBUF_TAG(FIELD_TYPE_META, PROTOBUF_LENGTH);
	to = protobuf_put_varint(to, type_length);
	to = protobuf_put_field(to, FIELD_API_VERSION, api_version, version_length);
	to = protobuf_put_field(to, FIELD_KIND, kind, kind_length);
	put_end(out, to);
}

void protobuf_envelope_list(const char *api_version, const char *kind, int meta_field,
	size_t items_bytes, struct buffer *out)
{
	const char empty_meta[] = {PROTOBUF_TAG(meta_field, PROTOBUF_LENGTH), 0};
	char *to;

	protobuf_envelope_object(api_version, kind, out);
	to = buffer_reserve(out, 1 + PROTOBUF_VARINT_BOUND + sizeof(empty_meta));
	if (!to)
		return;
	*to++ = PROTOBUF_TAG(FIELD_RAW, PROTOBUF_LENGTH);
	to = protobuf_put_varint(to, sizeof(empty_meta) + items_bytes);
	to = put_bytes(to, empty_meta, sizeof(empty_meta));
	put_end(out, to);
}

/* The bytes for a field of `length` zeros. */
static size_t filler_size(size_t length)
{
	return sizeof(FILLER_TAG) - 1 + protobuf_varint_size(length) + length;
}

size_t protobuf_envelope_filler(size_t size, struct buffer *out)
{
	char *to = buffer_reserve(
		out, sizeof(FILLER_TAG) + sizeof(FILLER_TAG) + PROTOBUF_VARINT_BOUND);
	size_t zeros = size - filler_size(0);

	if (!to)
		return 0;
	while (filler_size(zeros) > size)
		zeros--;
	if (filler_size(zeros) < size) {
		/* One zero more would need a longer length, two bytes at once: an empty field
		 * first. */
		to = PUT_LITERAL(to, FILLER_TAG "\0");
		zeros = size - filler_size(0) - filler_size(0);
		while (filler_size(zeros) + filler_size(0) > size)
			zeros--;
	}
	to = PUT_LITERAL(to, FILLER_TAG);
	to = protobuf_put_varint(to, zeros);
	put_end(out, to);
	return zeros;
}
