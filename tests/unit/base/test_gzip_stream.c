/* base/gzip_stream: what goes in comes out of zlib again. */
#include "base/gzip_stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static void inflate_all(const struct buffer *packed, struct buffer *ret_plain)
{
	z_stream zlib = {0};
	int r;

	assert_int_equal(inflateInit2(&zlib, 15 + 16), Z_OK);
	zlib.next_in = (Bytef *)packed->data;
	zlib.avail_in = (uInt)packed->length;
	do {
		char *to = buffer_reserve(ret_plain, 4096);

		assert_non_null(to);
		zlib.next_out = (Bytef *)to;
		zlib.avail_out = 4096;
		r = inflate(&zlib, Z_NO_FLUSH);
		assert_true(r == Z_OK || r == Z_STREAM_END);
		ret_plain->length += 4096 - zlib.avail_out;
	} while (r != Z_STREAM_END);
	assert_int_equal(zlib.avail_in, 0);
	(void)inflateEnd(&zlib);
}

/* `pages` pages of `size` bytes that don't compress well. */
static void round_trip(size_t pages, size_t size)
{
	struct gzip_stream *stream = gzip_stream_new();
	struct buffer plain = {0}, packed = {0}, again = {0};
	uint32_t random = 1;

	assert_non_null(stream);
	for (size_t page = 0; page < pages; page++) {
		size_t start = plain.length;

		for (size_t i = 0; i < size; i++) {
			random = random * 1664525 + 1013904223;
			buffer_append_char(&plain, (char)(random >> 24));
		}
		assert_int_equal(gzip_stream_write(stream, plain.data + start, size, &packed), 0);
	}
	assert_int_equal(gzip_stream_finish(stream, &packed), 0);
	inflate_all(&packed, &again);
	assert_int_equal(again.length, plain.length);
	if (plain.length)
		assert_memory_equal(again.data, plain.data, plain.length);
	gzip_stream_free(stream);
	buffer_free(&plain);
	buffer_free(&packed);
	buffer_free(&again);
}

static void packs_pages_of_any_size(void **state)
{
	(void)state;
	round_trip(0, 0);
	round_trip(1, 1);
	round_trip(1000, 1);
	round_trip(3, 65536);
	round_trip(2, 1000000);
}

static void makes_much_less_of_a_list(void **state)
{
	struct gzip_stream *stream = gzip_stream_new();
	struct buffer packed = {0};
	static const char ITEM[] =
		"{\"name\":\"c\",\"usage\":{\"cpu\":\"1n\",\"memory\":\"20Mi\"}},";

	(void)state;
	assert_non_null(stream);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(gzip_stream_write(stream, ITEM, sizeof(ITEM) - 1, &packed), 0);
	assert_int_equal(gzip_stream_finish(stream, &packed), 0);
	assert_true(packed.length < 10000 * sizeof(ITEM) / 50);
	assert_memory_equal(packed.data, "\x1f\x8b\x08", 3);
	gzip_stream_free(stream);
	buffer_free(&packed);
}

static void says_when_there_is_no_room(void **state)
{
	struct gzip_stream *stream = gzip_stream_new();
	struct buffer packed = {.limit = 100};

	(void)state;
	assert_non_null(stream);
	assert_int_equal(gzip_stream_finish(stream, &packed), -ENOMEM);
	gzip_stream_free(stream);
	gzip_stream_free(NULL);
	buffer_free(&packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs_pages_of_any_size),
		cmocka_unit_test(makes_much_less_of_a_list),
		cmocka_unit_test(says_when_there_is_no_room),
	};

	return cmocka_run_group_tests_name("gzip_stream", tests, NULL, NULL);
}
