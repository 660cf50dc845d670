/* Walks over the fields of a protobuf message that lies in memory
 * (protobuf.dev/programming-guides/encoding): copies nothing, keeps nothing, and what is not wanted
 * costs nothing. protobuf-c would copy every unknown field, and most of the metadata of a
 * Kubernetes object is managedFields. */
#ifndef PROTO_PROTOBUF_FIELD_H
#define PROTO_PROTOBUF_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_type {
	FIELD_VARINT = 0,
	FIELD_FIXED64 = 1,
	FIELD_BYTES = 2,
	FIELD_FIXED32 = 5,
};

/* A run of bytes in someone else's memory; a text in it is not terminated. */
struct span {
	const unsigned char *data;
	size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){.data = data, .size = size};
}

bool span_is(struct span span, const char *text);

struct protobuf_field {
	uint32_t number;
	enum field_type type;
	uint64_t value;    /* of a varint */
	struct span bytes; /* of FIELD_BYTES: within the message */
};

/* Takes the next field off the front of *rest. 1; 0 at the end; -EINVAL when this is no protobuf
 * (groups are none that Kubernetes has) or is cut off. Only after 1 there is something in
 * *ret_field. */
int protobuf_next(struct span *rest, struct protobuf_field *ret_field);

/* The bytes of one varint, taken one by one, for who has not got all of them yet. Zero-initialise.
 */
struct varint {
	uint64_t value;
	unsigned bytes;
};

/* 1: that was the last byte; 0: there is more; -EINVAL: more than 64 bits. */
int varint_take(struct varint *varint, unsigned char byte);

/* Field and type of a tag. 0, or -EINVAL when there is none such. */
int protobuf_tag(uint64_t tag, uint32_t *ret_number, enum field_type *ret_type);

#endif
