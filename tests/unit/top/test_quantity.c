/* top/quantity: every suffix, exactly. */
#include "top/quantity.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void every_suffix_is_exact(void **state)
{
	static const struct {
		const char *text;
		nano value;
	} CASES[] = {
		{"0", 0},
		{"1", NANO_PER_ONE},
		{"-1", -NANO_PER_ONE},
		{"+7", 7 * NANO_PER_ONE},
		{"12345678n", 12345678},
		{"17900u", 17900000},
		{"179m", 179000000},
		{"1.5", 1500000000},
		{".5", 500000000},
		{"5.", 5 * NANO_PER_ONE},
		{"0.1m", 100000},
		{"2k", 2000 * NANO_PER_ONE},
		{"3M", 3000000 * NANO_PER_ONE},
		{"4G", 4000000000 * NANO_PER_ONE},
		{"1T", 1000000000000 * NANO_PER_ONE},
		{"1P", 1000000000000000 * NANO_PER_ONE},
		{"1E", 1000000000000000000 * NANO_PER_ONE},
		{"343180Ki", (nano)343180 * 1024 * NANO_PER_ONE},
		{"20Mi", (nano)20 * 1024 * 1024 * NANO_PER_ONE},
		{"1.5Gi", (nano)3 * 512 * 1024 * 1024 * NANO_PER_ONE},
		{"1Ti", ((nano)1 << 40) * NANO_PER_ONE},
		{"1Pi", ((nano)1 << 50) * NANO_PER_ONE},
		{"7Ei", ((nano)7 << 60) * NANO_PER_ONE},
		{"2e3", 2000 * NANO_PER_ONE},
		{"2E-3", 2000000},
		{"9007199254740993", 9007199254740993 * NANO_PER_ONE}, /* no double */
		{"0.1n", 1},                                           /* rounded up */
		{"1.0000000001", NANO_PER_ONE + 1},
	};
	nano value;

	(void)state;
	for (size_t i = 0; i < COUNT(CASES); i++) {
		value = -5;
		if (quantity_parse(CASES[i].text, &value) != 0 || value != CASES[i].value)
			fail_msg("\"%s\" is %.9g", CASES[i].text, quantity_double(value));
	}
}

static void what_is_none_is_refused(void **state)
{
	static const char *const BAD[] = {"", "-", ".", "m", "1x", "1 ", " 1", "1Kib", "1ki", "1e",
		"1e+", "1e1x", "1..2", "0x10", "1n1", "--1"};
	static const char *const GREAT[] = {
		"1e28", "1000000000000E", "99999999999999999999999999999", "1e100", "1e-100"};
	nano value = 77;

	(void)state;
	for (size_t i = 0; i < COUNT(BAD); i++)
		if (quantity_parse(BAD[i], &value) != -EINVAL)
			fail_msg("\"%s\" is taken", BAD[i]);
	for (size_t i = 0; i < COUNT(GREAT); i++)
		if (quantity_parse(GREAT[i], &value) != -ERANGE)
			fail_msg("\"%s\" is taken", GREAT[i]);
	assert_true(value == 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_suffix_is_exact),
		cmocka_unit_test(what_is_none_is_refused),
	};

	return cmocka_run_group_tests_name("top/quantity", tests, NULL, NULL);
}
