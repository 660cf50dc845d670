/* scale/asker_body: compressed lists cut at every byte, and what is no gzip. */
#define ZLIB_CONST
#include "tests/bench/scale/asker_body.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const char LIST[] = "k8s\0\x12\x0a\x12\x08some pod";
#define LIST_SIZE (sizeof(LIST) - 1)

static size_t compress_list(const void *data, size_t size, char *out, size_t room)
{
	z_stream stream = {.next_in = data,
		.avail_in = (uInt)size,
		.next_out = (Bytef *)out,
		.avail_out = (uInt)room};

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	(void)deflateEnd(&stream);
	return room - stream.avail_out;
}

static void inflates_wherever_it_is_cut(void **state)
{
	struct asker_body body = {.counts = true};
	char text[256];
	size_t size = compress_list(LIST, LIST_SIZE, text, sizeof(text));

	(void)state;
	for (size_t at = 1; at < size; at++) {
		asker_body_start(&body);
		assert_int_equal(asker_body_take(&body, true, text, at, NULL), 0);
		assert_false(asker_body_has(&body, 1));
		assert_int_equal(asker_body_take(&body, true, text + at, size - at, NULL), 0);
		assert_true(asker_body_has(&body, 1));
		assert_false(asker_body_has(&body, 2));
		assert_int_equal(body.plain_bytes, LIST_SIZE);
	}
	asker_body_free(&body);
}

/* More than one piece of inflated bytes, of few compressed ones. */
static void inflates_long_lists(void **state)
{
	enum { ITEMS = 100000 };
	struct asker_body body = {.counts = true};
	char *list = malloc(16 + 2 * ITEMS), *text = malloc(65536);
	size_t size = 0;

	(void)state;
	assert_non_null(list);
	assert_non_null(text);
	memcpy(list, "k8s\0\x12\xc0\x9a\x0c", 8); /* 200,000 bytes */
	for (size_t i = 0; i < ITEMS; i++)
		memcpy(list + 8 + 2 * i, "\x12\x00", 2);
	size = compress_list(list, 8 + 2 * ITEMS, text, 65536);
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, true, text, size, NULL), 0);
	assert_true(asker_body_has(&body, ITEMS));
	free(list);
	free(text);
	asker_body_free(&body);
}

static void takes_plain_lists(void **state)
{
	struct asker_body body = {.counts = true};

	(void)state;
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, false, LIST, LIST_SIZE, NULL), 0);
	assert_true(asker_body_has(&body, 1));
	asker_body_free(&body);
}

static void refuses_what_is_no_gzip(void **state)
{
	struct asker_body body = {.counts = true};
	char text[256];
	size_t size = compress_list(LIST, LIST_SIZE, text, sizeof(text));
	struct error err;

	(void)state;
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, true, LIST, LIST_SIZE, &err), -EPROTO);
	asker_body_start(&body);
	text[size] = 'x';
	assert_int_equal(asker_body_take(&body, true, text, size + 1, &err), -EPROTO);
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, true, text, size, &err), 0);
	assert_int_equal(asker_body_take(&body, true, "x", 1, &err), -EPROTO);
	asker_body_start(&body);
	text[size / 2] = (char)~text[size / 2];
	assert_true(asker_body_take(&body, true, text, size, &err) == -EPROTO ||
		    !asker_body_has(&body, 1));
	size = compress_list("{\"kind\":1}", 10, text, sizeof(text));
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, true, text, size, &err), -EPROTO);
	asker_body_free(&body);
}

static void does_not_look_when_nobody_asks(void **state)
{
	struct asker_body body = {0};

	(void)state;
	asker_body_start(&body);
	assert_int_equal(asker_body_take(&body, true, "anything", 8, NULL), 0);
	asker_body_free(&body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inflates_wherever_it_is_cut),
		cmocka_unit_test(inflates_long_lists),
		cmocka_unit_test(takes_plain_lists),
		cmocka_unit_test(refuses_what_is_no_gzip),
		cmocka_unit_test(does_not_look_when_nobody_asks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
