/* base/escape: what others write can't steer a terminal. */
#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void shows_control_characters(void **state)
{
	static const struct {
		const char *text, *shown;
	} CASES[] = {
		{"", ""},
		{"plain, \xc3\xbc and \xe2\x96\x88", "plain, \xc3\xbc and \xe2\x96\x88"},
		{"\033[2Jx", "\\x1b[2Jx"},
		{"a\nb\rc\td\x7f", "a\\x0ab\\x0dc\\x09d\\x7f"},
		{"\xc2\x9b"
		 "2J",
			"\\xc2\\x9b2J"}, /* CSI, in one character */
		{"\xc2\xa0", "\xc2\xa0"},
		{"\xc2", "\xc2"},
	};
	char out[64];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t length = escape_controls(out, sizeof(out), CASES[i].text);

		assert_string_equal(out, CASES[i].shown);
		assert_int_equal(length, strlen(CASES[i].shown));
	}
}

/* Cut between characters, with room for the end. */
static void is_cut_where_the_room_ends(void **state)
{
	char out[16];

	(void)state;
	for (size_t size = 1; size <= 10; size++) {
		memset(out, 'X', sizeof(out));
		assert_int_equal(escape_controls(out, size, "ab\ncd"), size < 3   ? size - 1
								       : size < 7 ? 2
								       : size < 9 ? size - 1
										  : 8);
		assert_int_equal(strlen(out), size < 3   ? size - 1
					      : size < 7 ? 2
					      : size < 9 ? size - 1
							 : 8);
		assert_int_equal(out[size], 'X');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shows_control_characters),
		cmocka_unit_test(is_cut_where_the_room_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
