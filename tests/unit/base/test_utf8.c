/* aggregator/api/utf8: where a character ends, and texts that may hold anything. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void knows_characters(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} CASES[] = {
		{"", 0},
		{"a", 1},
		{"\x7f", 1},
		{"\x80", 0},
		{"\xc1\xbf", 0}, /* too long for its value */
		{"\xc2\x80", 2},
		{"\xc2", 0},
		{"\xc2\x41", 0},
		{"\xdf\xbf", 2},
		{"\xe0\x9f\xbf", 0},
		{"\xe0\xa0\x80", 3},
		{"\xe2\x82", 0},
		{"\xed\x9f\xbf", 3},
		{"\xed\xa0\x80", 0}, /* a surrogate */
		{"\xef\xbf\xbf", 3},
		{"\xf0\x8f\xbf\xbf", 0},
		{"\xf0\x90\x80\x80", 4},
		{"\xf0\x90\x80", 0},
		{"\xf4\x8f\xbf\xbf", 4},
		{"\xf4\x90\x80\x80", 0}, /* beyond U+10FFFF */
		{"\xf5\x80\x80\x80", 0},
		{"\xff", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(
			utf8_character(CASES[i].text, strlen(CASES[i].text)), CASES[i].size);
}

static void makes_texts_valid_and_quotes_them(void **state)
{
	static const struct {
		const char *text, *valid, *quoted;
	} CASES[] = {
		{"", "", "\"\""},
		{"plain", "plain", "\"plain\""},
		{"\xc3\xa4\xf0\x9f\x90\xa2", "\xc3\xa4\xf0\x9f\x90\xa2",
			"\"\xc3\xa4\xf0\x9f\x90\xa2\""},
		{"a\xff\xe2\x82z", "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz",
			"\"a\\xff\\xe2\\x82z\""},
		{"\"\\\a\b\f\n\r\t\v\x01\x7f'", "\"\\\a\b\f\n\r\t\v\x01\x7f'",
			"\"\\\"\\\\\\a\\b\\f\\n\\r\\t\\v\\x01\\x7f'\""},
		{"\xc2\x9f\xc2\xa0", "\xc2\x9f\xc2\xa0", "\"\\u009f\xc2\xa0\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct buffer out = {0};

		utf8_append_valid(&out, CASES[i].text);
		assert_string_equal(buffer_terminate(&out), CASES[i].valid);
		buffer_clear(&out);
		utf8_append_quoted(&out, CASES[i].text);
		assert_string_equal(buffer_terminate(&out), CASES[i].quoted);
		buffer_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_characters),
		cmocka_unit_test(makes_texts_valid_and_quotes_them),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
