/* aggregator/api/json_indent: Go's layout, whatever the pieces. */
#include "aggregator/api/json_indent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* The right side is what Go's json.Indent(text, "", "  ") says of the left. */
static const struct {
	const char *compact, *indented;
} CASES[] = {
	{"{}", "{}"},
	{"[]", "[]"},
	{"{}\n", "{}"},
	{"null", "null"},
	{"{\"a\":1}", "{\n  \"a\": 1\n}"},
	{"{\"a\":{},\"b\":[]}", "{\n  \"a\": {},\n  \"b\": []\n}"},
	{"[1,2]", "[\n  1,\n  2\n]"},
	{"[[]]", "[\n  []\n]"},
	{"[{},{\"a\":[null,true]}]\n",
		"[\n  {},\n  {\n    \"a\": [\n      null,\n      true\n    ]\n  }\n]"},
	{" { \"a\" :\t1 ,\r\n\"b\":\"x y\" } ", "{\n  \"a\": 1,\n  \"b\": \"x y\"\n}"},
	{"{\"{[,:]}\":\"\\\"{\\\\\",\"b\":-1.5e3}",
		"{\n  \"{[,:]}\": \"\\\"{\\\\\",\n  \"b\": -1.5e3\n}"},
};

static void lays_out_as_go_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct json_indent indent = {0};
		struct buffer out = {0};

		json_indent_append(&indent, CASES[i].compact, strlen(CASES[i].compact), &out);
		assert_string_equal(buffer_terminate(&out), CASES[i].indented);
		assert_int_equal(indent.depth, 0);
		buffer_free(&out);
	}
}

static void pieces_may_end_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t length = strlen(CASES[i].compact);

		for (size_t piece = 1; piece < length; piece++) {
			struct json_indent indent = {0};
			struct buffer out = {0};

			for (size_t at = 0; at < length; at += piece)
				json_indent_append(&indent, CASES[i].compact + at,
					length - at < piece ? length - at : piece, &out);
			assert_string_equal(buffer_terminate(&out), CASES[i].indented);
			buffer_free(&out);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lays_out_as_go_does),
		cmocka_unit_test(pieces_may_end_anywhere),
	};

	return cmocka_run_group_tests_name("json_indent", tests, NULL, NULL);
}
