/* Numbers on the wire (protobuf.dev/programming-guides/encoding, varints). */
#ifndef PROTO_VARINT_H
#define PROTO_VARINT_H

#include <stddef.h>
#include <stdint.h>

/* Bytes: 1 to 10. */
static inline size_t protobuf_varint_size(uint64_t value)
{
	return (size_t)(70 - __builtin_clzll(value | 1)) / 7;
}

/* Any of them, byte by byte. */
static inline const unsigned char *protobuf_varint_read_slowly(
	const unsigned char *at, const unsigned char *end, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; at < end && shift < 64; shift += 7) {
		unsigned char byte = *at++;

		if (shift == 63 && byte > 1)
			return NULL; /* of the tenth byte only one bit is left of the 64 */
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return at;
		}
	}
	return NULL;
}

/* Reads one from `at`, before `end`. What is behind it; NULL when it is cut off or more than 64
 * bits. Most have no more than five bytes: for them there is no loop. */
static inline const unsigned char *protobuf_varint_read(
	const unsigned char *at, const unsigned char *end, uint64_t *ret_value)
{
	if (at < end && *at < 0x80) {
		*ret_value = *at;
		return at + 1;
	}
	if (end - at >= 5) {
		uint64_t value = (at[0] & 0x7fU) | (at[1] & 0x7fU) << 7;

		*ret_value = value;
		if (at[1] < 0x80)
			return at + 2;
		*ret_value = value |= (at[2] & 0x7fU) << 14;
		if (at[2] < 0x80)
			return at + 3;
		*ret_value = value |= (at[3] & 0x7fU) << 21;
		if (at[3] < 0x80)
			return at + 4;
		*ret_value = value | (at[4] & 0x7fULL) << 28;
		if (at[4] < 0x80)
			return at + 5;
	}
	return protobuf_varint_read_slowly(at, end, ret_value);
}

#endif
