/* aggregator/api/json_text: what Go escapes, broken UTF-8, and the bound. */
#include "aggregator/api/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Wherever it stands in a text of any length, and nothing is read or written beyond. */
static void one_character_among_plain_ones(void **state)
{
	(void)state;
	for (size_t length = 1; length <= 70; length++) {
		for (size_t at = 0; at < length; at++) {
			for (unsigned c = 1; c < 256; c++) {
				bool escaped = c < 0x20 || c >= 0x80 || strchr("\"\\<>&", (int)c);
				char *text = malloc(length),
				     *json = malloc(JSON_TEXT_BOUND(length));
				size_t size;

				memset(text, 'a', length);
				text[at] = (char)c;
				size = (size_t)(json_text_put(json, text, length) - json);
				assert_true(escaped ? size > length + 2 : size == length + 2);
				assert_memory_equal(json + 1, text, at);
				assert_memory_equal(json + size - (length - at), text + at + 1,
					length - at - 1);
				if (!escaped)
					assert_int_equal(json[1 + at], (char)c);
				free(json);
				free(text);
			}
		}
	}
}

static void escapes_as_go_does(void **state)
{
	static const struct {
		const char *text, *json;
	} CASES[] = {
		{"", "\"\""},
		{"pod-1", "\"pod-1\""},
		{"exactly8", "\"exactly8\""},
		{"a long name without anything in it", "\"a long name without anything in it\""},
		{"say \"x\"", "\"say \\\"x\\\"\""},
		{"a\\b", "\"a\\\\b\""},
		{"a/b", "\"a/b\""},
		{"<a>&b", "\"\\u003ca\\u003e\\u0026b\""},
		{"found '<' behind a plain start", "\"found '\\u003c' behind a plain start\""},
		{"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
		{"\x01\x0b\x1f", "\"\\u0001\\u000b\\u001f\""},
		{"\x7f", "\"\x7f\""},
		{"gr\xc3\xbc\xc3\x9f", "\"gr\xc3\xbc\xc3\x9f\""},
		{"\xf0\x9f\x9a\x80", "\"\xf0\x9f\x9a\x80\""},
		{"\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\""},
		{"\xed\x9f\xbf\xee\x80\x80", "\"\xed\x9f\xbf\xee\x80\x80\""},
		{"\xef\xbf\xbd", "\"\xef\xbf\xbd\""},
		{"\xe2\x80\xa7", "\"\xe2\x80\xa7\""},
		{"\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\""},
		{"\xe2\x80\xaa", "\"\xe2\x80\xaa\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buffer out = {0};

		json_text_append(&out, CASES[i].text);
		assert_string_equal(buffer_terminate(&out), CASES[i].json);
		buffer_free(&out);
	}
}

static void replaces_each_byte_of_broken_utf8(void **state)
{
	static const struct {
		const char *text;
		size_t replaced; /* of its bytes */
	} CASES[] = {
		{"\x80", 1},
		{"\xff", 1},
		{"\xc3", 1},
		{"\xc0\xaf", 2}, /* '/' in two bytes */
		{"\xc1\xbf", 2},
		{"\xe0\x9f\xbf", 3},     /* too long */
		{"\xed\xa0\x80", 3},     /* a surrogate */
		{"\xe2\x82", 2},         /* cut off */
		{"\xf0\x8f\xbf\xbf", 4}, /* too long */
		{"\xf4\x90\x80\x80", 4}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", 4},
		{"\xf0\x9f\x9a", 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buffer out = {0};
		const char *at;

		json_text_append(&out, CASES[i].text);
		at = buffer_terminate(&out);
		assert_int_equal(out.length, 2 + 6 * CASES[i].replaced);
		for (size_t n = 0; n < CASES[i].replaced; n++)
			assert_memory_equal(at + 1 + 6 * n, "\\ufffd", 6);
		buffer_free(&out);
	}
}

static void needs_no_more_than_its_bound(void **state)
{
	(void)state;
	for (size_t length = 0; length < 40; length++) {
		char *text = malloc(length + 1);
		char *to = malloc(JSON_TEXT_BOUND(length));

		memset(text, 1, length + 1);
		assert_ptr_equal(json_text_put(to, text, length), to + JSON_TEXT_BOUND(length));
		free(text);
		free(to);
	}
}

static void looks_at_no_byte_behind_the_text(void **state)
{
	char text[3] = {'a', (char)0xe2, (char)0x80};
	char to[JSON_TEXT_BOUND(3)];

	(void)state;
	assert_ptr_equal(json_text_put(to, text, 3), to + 1 + 1 + 12 + 1);
	assert_memory_equal(to, "\"a\\ufffd\\ufffd\"", 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escapes_as_go_does),
		cmocka_unit_test(one_character_among_plain_ones),
		cmocka_unit_test(replaces_each_byte_of_broken_utf8),
		cmocka_unit_test(needs_no_more_than_its_bound),
		cmocka_unit_test(looks_at_no_byte_behind_the_text),
	};

	return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
