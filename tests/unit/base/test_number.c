/* base/number: edges of 64 bits, and Go's durations. */
#include "base/number.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void parses_whole_numbers(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} CASES[] = {
		{"0", 0, 0},
		{"42", 0, 42},
		{"18446744073709551615", 0, UINT64_MAX},
		{"18446744073709551616", -ERANGE, 0},
		{"99999999999999999999999", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"+1", -EINVAL, 0},
		{" 1", -EINVAL, 0},
		{"1 ", -EINVAL, 0},
		{"0x10", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t value = 7;

		assert_int_equal(number_parse(CASES[i].text, strlen(CASES[i].text), &value),
			CASES[i].result);
		assert_int_equal(value, CASES[i].result == 0 ? CASES[i].value : 7);
	}
}

static void parses_durations_as_go_does(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t ns;
	} CASES[] = {
		{"0", 0, 0},
		{"15s", 0, 15000000000},
		{"500ms", 0, 500000000},
		{"1m30s", 0, 90000000000},
		{"1.5h", 0, 5400000000000},
		{".5s", 0, 500000000},
		{"1.s", 0, 1000000000},
		{"7us", 0, 7000},
		{"7\xc2\xb5s", 0, 7000},
		{"9223372036854775807ns", 0, INT64_MAX},
		{"9223372036854775808ns", -ERANGE, 0},
		{"99999999h", -ERANGE, 0},
		{"", -EINVAL, 0},
		{"15", -EINVAL, 0},
		{"-1s", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{".s", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"1s ", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t ns = 7;

		assert_int_equal(number_parse_duration(CASES[i].text, &ns), CASES[i].result);
		assert_int_equal(ns, CASES[i].result == 0 ? CASES[i].ns : 7);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_whole_numbers),
		cmocka_unit_test(parses_durations_as_go_does),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
