/* base/buffer: growing, limits, and failing once for all. */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect(struct buffer *buffer, const char *text)
{
	assert_non_null(buffer_terminate(buffer));
	assert_string_equal(buffer->data, text);
	assert_int_equal(buffer->length, strlen(text));
}

static void appends_in_every_way(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_append(&buffer, "abc", 2);
	buffer_append_string(&buffer, "");
	buffer_append_string(&buffer, "c");
	buffer_append_char(&buffer, ',');
	buffer_append_uint(&buffer, 0);
	buffer_append_char(&buffer, ',');
	buffer_append_uint(&buffer, UINT64_MAX);
	buffer_printf(&buffer, ",%s=%d", "x", -1);
	expect(&buffer, "abc,0,18446744073709551615,x=-1");
	buffer_append(&buffer, NULL, 0);
	expect(&buffer, "abc,0,18446744073709551615,x=-1");
	buffer_free(&buffer);
	assert_null(buffer.data);
	assert_int_equal(buffer.length + buffer.capacity, 0);
}

static void an_empty_one_is_an_empty_text(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	expect(&buffer, "");
	buffer_free(&buffer);
	buffer_free(&buffer);
}

static void grows_over_every_size(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	for (size_t i = 0; i < 5000; i++) {
		buffer_append_char(&buffer, (char)('a' + i % 26));
		assert_true(buffer.capacity >= buffer.length);
	}
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(buffer.data[i], 'a' + i % 26);
	buffer_free(&buffer);
}

static void reserves_without_appending(void **state)
{
	struct buffer buffer = {0};
	char *to;

	(void)state;
	to = buffer_reserve(&buffer, 1000);
	assert_non_null(to);
	assert_int_equal(buffer.length, 0);
	memset(to, 'x', 1000);
	buffer.length = 1000;
	to = buffer_reserve(&buffer, 0);
	assert_ptr_equal(to, buffer.data + 1000);
	buffer_free(&buffer);
}

static void stops_at_its_limit(void **state)
{
	struct buffer buffer = {.limit = 10};

	(void)state;
	buffer_append(&buffer, "0123456789", 10);
	assert_false(buffer.failed);
	buffer_append_char(&buffer, 'x');
	assert_true(buffer.failed);
	assert_int_equal(buffer.length, 10); /* what fitted is still there */
	assert_memory_equal(buffer.data, "0123456789", 10);
	assert_null(buffer_terminate(&buffer));
	assert_null(buffer_reserve(&buffer, 0));
	buffer_clear(&buffer);
	assert_false(buffer.failed);
	buffer_printf(&buffer, "%d", 7);
	expect(&buffer, "7");
	buffer_free(&buffer);
	assert_int_equal(buffer.limit, 10);
}

static void drops_all_that_follows_a_failure(void **state)
{
	struct buffer buffer = {.limit = 4};

	(void)state;
	buffer_append_string(&buffer, "abc");
	buffer_append_string(&buffer, "defg");
	buffer_append_string(&buffer, "h"); /* would fit, but a hole must not go unseen */
	buffer_append_uint(&buffer, 1);
	buffer_printf(&buffer, "i");
	assert_true(buffer.failed);
	assert_int_equal(buffer.length, 3);
	buffer_free(&buffer);
	assert_false(buffer.failed);
}

static void fails_when_sizes_overflow(void **state)
{
	struct buffer buffer = {0};

	(void)state;
	buffer_append_char(&buffer, 'a');
	assert_null(buffer_reserve(&buffer, SIZE_MAX));
	assert_true(buffer.failed);
	buffer_clear(&buffer);
	buffer_append_char(&buffer, 'b');
	expect(&buffer, "b");
	buffer_free(&buffer);
}

static void writes_every_width_of_number(void **state)
{
	uint64_t value = 1;

	(void)state;
	for (int digits = 1; digits <= 19; digits++, value *= 10) {
		struct buffer buffer = {0}, expected = {0};

		buffer_append_uint(&buffer, value - 1);
		buffer_append_char(&buffer, ' ');
		buffer_append_uint(&buffer, value);
		buffer_printf(&expected, "%llu %llu", (unsigned long long)value - 1,
			(unsigned long long)value);
		expect(&buffer, buffer_terminate(&expected));
		buffer_free(&buffer);
		buffer_free(&expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_in_every_way),
		cmocka_unit_test(an_empty_one_is_an_empty_text),
		cmocka_unit_test(grows_over_every_size),
		cmocka_unit_test(reserves_without_appending),
		cmocka_unit_test(stops_at_its_limit),
		cmocka_unit_test(drops_all_that_follows_a_failure),
		cmocka_unit_test(fails_when_sizes_overflow),
		cmocka_unit_test(writes_every_width_of_number),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
