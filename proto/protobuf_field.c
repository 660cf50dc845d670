#include "proto/protobuf_field.h"

#include "proto/varint.h"

#include <errno.h>
#include <string.h>

#define MAX_VARINT 10
#define MAX_TAG    5 /* bytes: all readers agree on 32 bits, written without a detour */
#define MAX_NUMBER ((1U << 29) - 1)

bool span_is(struct span span, const char *text)
{
	size_t length = strlen(text);

	return span.size == length && (length == 0 || memcmp(span.data, text, length) == 0);
}

int varint_take(struct varint *varint, unsigned char byte)
{
	/* Of the tenth byte only one bit is left of the 64. */
	if (varint->bytes >= MAX_VARINT || (varint->bytes == MAX_VARINT - 1 && byte > 1))
		return -EINVAL;
	varint->value |= (uint64_t)(byte & 0x7f) << (7 * varint->bytes);
	varint->bytes++;
	return byte & 0x80 ? 0 : 1;
}

int protobuf_tag(uint64_t tag, uint32_t *ret_number, enum field_type *ret_type)
{
	uint64_t number = tag >> 3;

	if (number == 0 || number > MAX_NUMBER)
		return -EINVAL;
	switch (tag & 7) {
	case FIELD_VARINT:
	case FIELD_FIXED64:
	case FIELD_BYTES:
	case FIELD_FIXED32:
		*ret_number = (uint32_t)number;
		*ret_type = (enum field_type)(tag & 7);
		return 0;
	default:
		return -EINVAL;
	}
}

static int take_varint(struct span *rest, uint64_t *ret_value)
{
	const unsigned char *end = rest->data + rest->size,
			    *behind = protobuf_varint_read(rest->data, end, ret_value);

	if (!behind)
		return -EINVAL;
	*rest = span_of(behind, (size_t)(end - behind));
	return 0;
}

static int take_bytes(struct span *rest, uint64_t size, struct span *ret_bytes)
{
	if (size > rest->size)
		return -EINVAL;
	*ret_bytes = span_of(rest->data, (size_t)size);
	rest->data += size;
	rest->size -= (size_t)size;
	return 0;
}

static int take_value(struct span *rest, struct protobuf_field *field)
{
	uint64_t size;
	int r;

	switch (field->type) {
	case FIELD_VARINT:
		return take_varint(rest, &field->value);
	case FIELD_BYTES:
		r = take_varint(rest, &size);
		return r < 0 ? r : take_bytes(rest, size, &field->bytes);
	case FIELD_FIXED64:
		return take_bytes(rest, 8, &field->bytes);
	case FIELD_FIXED32:
		return take_bytes(rest, 4, &field->bytes);
	}
	return -EINVAL;
}

int protobuf_next(struct span *rest, struct protobuf_field *ret_field)
{
	const unsigned char *begin = rest->data;
	uint64_t tag;
	int r;

	if (rest->size == 0)
		return 0;
	*ret_field = (struct protobuf_field){0};
	r = take_varint(rest, &tag);
	if (r == 0 && rest->data - begin > MAX_TAG)
		r = -EINVAL;
	if (r == 0)
		r = protobuf_tag(tag, &ret_field->number, &ret_field->type);
	if (r == 0)
		r = take_value(rest, ret_field);
	return r < 0 ? r : 1;
}
