/* proto/protobuf_field: the wire format, and what is none. */
#include "proto/protobuf_field.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BYTES(text) (text), sizeof(text) - 1

static void reads_one_field(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		uint32_t number;
		enum field_type type;
		uint64_t value;
		size_t length;
	} CASES[] = {
		{BYTES("\x08\x00"), 1, FIELD_VARINT, 0, 0},
		{BYTES("\x08\x7f"), 1, FIELD_VARINT, 127, 0},
		{BYTES("\x08\x80\x01"), 1, FIELD_VARINT, 128, 0},
		{BYTES("\x08\x80\x00"), 1, FIELD_VARINT, 0, 0}, /* longer than it need be */
		{BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1, FIELD_VARINT, UINT64_MAX,
			0},
		{BYTES("\x12\x00"), 2, FIELD_BYTES, 0, 0},
		{BYTES("\x12\x03xyz"), 2, FIELD_BYTES, 0, 3},
		{BYTES("\x8a\x01\x01x"), 17, FIELD_BYTES, 0, 1},
		{BYTES("\x88\x80\x80\x80\x00\x07"), 1, FIELD_VARINT, 7, 0}, /* in five bytes */
		{BYTES("\x0d\x01\x02\x03\x04"), 1, FIELD_FIXED32, 0, 4},
		{BYTES("\x09\x01\x02\x03\x04\x05\x06\x07\x08"), 1, FIELD_FIXED64, 0, 8},
		{BYTES("\xf8\xff\xff\xff\x0f\x01"), (1U << 29) - 1, FIELD_VARINT, 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct span rest = span_of(CASES[i].bytes, CASES[i].size);
		struct protobuf_field field;

		assert_int_equal(protobuf_next(&rest, &field), 1);
		assert_int_equal(field.number, CASES[i].number);
		assert_int_equal(field.type, CASES[i].type);
		assert_true(field.value == CASES[i].value);
		assert_int_equal(field.bytes.size, CASES[i].length);
		assert_int_equal(protobuf_next(&rest, &field), 0);
	}
}

static void refuses_what_is_none(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} CASES[] = {
		{BYTES("\x08")},                                         /* no value */
		{BYTES("\x08\x80")},                                     /* half a value */
		{BYTES("\x80")},                                         /* half a tag */
		{BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")}, /* 65 bits */
		{BYTES("\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01")}, {BYTES("\x12")},
		{BYTES("\x12\x01")}, /* longer than what is there */
		{BYTES("\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
		{BYTES("\x0d\x01\x02\x03")}, {BYTES("\x09\x01\x02\x03\x04\x05\x06\x07")},
		{BYTES("\x00\x01")}, /* field 0 */
		{BYTES("\x0b\x0c")}, /* a group */
		{BYTES("\x0e\x01")}, /* types that there are not */
		{BYTES("\x0f\x01")}, {BYTES("\x80\x80\x80\x80\x10\x01")}, /* field 2^29 */
		{BYTES("\x88\x80\x80\x80\x80\x00\x01")},                  /* field 1 in six bytes */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct span rest = span_of(CASES[i].bytes, CASES[i].size);
		struct protobuf_field field;

		assert_int_equal(protobuf_next(&rest, &field), -EINVAL);
	}
}

static void ends_where_there_is_nothing(void **state)
{
	struct protobuf_field field;
	struct span rest = {0};

	(void)state;
	assert_int_equal(protobuf_next(&rest, &field), 0);
}

static void compares_texts(void **state)
{
	(void)state;
	assert_true(span_is(span_of("abc", 3), "abc"));
	assert_false(span_is(span_of("abc", 2), "abc"));
	assert_false(span_is(span_of("abd", 3), "abc"));
	assert_true(span_is(span_of(NULL, 0), ""));
	assert_false(span_is(span_of(NULL, 0), "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_one_field),
		cmocka_unit_test(refuses_what_is_none),
		cmocka_unit_test(ends_where_there_is_nothing),
		cmocka_unit_test(compares_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
