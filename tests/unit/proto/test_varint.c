/* proto/varint: numbers of the wire, wherever they lie. */
#include "proto/varint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 10

/* In `bytes` bytes, which may be more than it needs. */
static void write_long(uint64_t value, size_t bytes, unsigned char *to)
{
	for (size_t i = 0; i < bytes; i++) {
		to[i] = (unsigned char)((i < MOST ? value & 0x7f : 0) | (i + 1 < bytes ? 0x80 : 0));
		value >>= 7;
	}
}

/* Reads what is in memory of just that size, so that a look beyond it is seen. */
static const unsigned char *read_in(
	const unsigned char *bytes, size_t size, uint64_t *ret_value, size_t *ret_used)
{
	unsigned char *memory = malloc(size + !size);
	const unsigned char *behind;

	assert_non_null(memory);
	memcpy(memory, bytes, size);
	behind = protobuf_varint_read(memory, memory + size, ret_value);
	*ret_used = behind ? (size_t)(behind - memory) : 0;
	free(memory);
	return behind;
}

/* Each width, each number of bytes that it may have, and with each number of bytes behind it. */
static void reads_what_is_there(void **state)
{
	(void)state;
	for (unsigned bits = 0; bits <= 64; bits++) {
		uint64_t value = bits == 0 ? 0 : UINT64_MAX >> (64 - bits) ^ (bits % 3 ? 0 : 2);
		size_t least = protobuf_varint_size(value);

		for (size_t bytes = least; bytes <= MOST; bytes++)
			for (size_t behind = 0; behind <= MOST; behind++) {
				unsigned char at[2 * MOST];
				uint64_t read = ~value;
				size_t used;

				memset(at, 0xff, sizeof(at));
				write_long(value, bytes, at);
				assert_non_null(read_in(at, bytes + behind, &read, &used));
				assert_true(read == value);
				assert_int_equal(used, bytes);
			}
	}
}

static void refuses_what_is_cut_off(void **state)
{
	unsigned char at[MOST];
	uint64_t value;
	size_t used;

	(void)state;
	write_long(UINT64_MAX, MOST, at);
	for (size_t size = 0; size < MOST; size++)
		assert_null(read_in(at, size, &value, &used));
	assert_non_null(read_in(at, MOST, &value, &used));
}

static void refuses_more_than_64_bits(void **state)
{
	unsigned char at[2 * MOST];
	uint64_t value;
	size_t used;

	(void)state;
	memset(at, 0, sizeof(at));
	write_long(UINT64_MAX, MOST, at);
	at[MOST - 1] = 2;
	assert_null(read_in(at, MOST, &value, &used));
	assert_null(read_in(at, sizeof(at), &value, &used));
	write_long(1, MOST + 1, at);
	assert_null(read_in(at, sizeof(at), &value, &used));
	memset(at, 0xff, sizeof(at));
	assert_null(read_in(at, sizeof(at), &value, &used));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_is_there),
		cmocka_unit_test(refuses_what_is_cut_off),
		cmocka_unit_test(refuses_more_than_64_bits),
	};

	return cmocka_run_group_tests_name("varint", tests, NULL, NULL);
}
