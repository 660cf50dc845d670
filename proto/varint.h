/* How long a number is on the wire (protobuf.dev/programming-guides/encoding, varints). */
#ifndef PROTO_VARINT_H
#define PROTO_VARINT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes: 1 to 10. */
static inline size_t protobuf_varint_size(uint64_t value)
{
	return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

#endif
