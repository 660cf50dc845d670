/* The wire format of protobuf, written by hand into reserved memory
 * (protobuf.dev/programming-guides/encoding). Field numbers are below 16 here, so a tag is one
 * byte; strings and messages are "length-delimited". */
#ifndef API_PROTOBUF_PUT_H
#define API_PROTOBUF_PUT_H

#include "aggregator/api/put.h"
#include "proto/varint.h"

#include <stdint.h>

#define PROTOBUF_VARINT_BOUND 10

enum protobuf_wire {
	PROTOBUF_VARINT = 0,
	PROTOBUF_LENGTH = 2,
};

#define PROTOBUF_TAG(field, wire) ((char)((field) << 3 | (wire)))

static inline char *protobuf_put_varint(char *to, uint64_t value)
{
	while (value >= 0x80) {
		*to++ = (char)(value | 0x80);
		value >>= 7;
	}
	*to++ = (char)value;
	return to;
}

/* The bytes of a length-delimited field with `length` bytes in it. */
static inline size_t protobuf_field_size(size_t length)
{
	return 1 + protobuf_varint_size(length) + length;
}

static inline char *protobuf_put_field(char *to, int field, const char *text, size_t length)
{
	*to++ = PROTOBUF_TAG(field, PROTOBUF_LENGTH);
	to = protobuf_put_varint(to, length);
	return put_bytes(to, text, length);
}

#endif
