/* aggregator/api/digits: every number of digits, at both ends. */
#include "aggregator/api/digits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <inttypes.h>
#include <stdio.h>

#include <cmocka.h>

static void check(uint64_t value)
{
	char digits[DIGITS_BOUND + 1], expected[32];

	*digits_put(digits, value) = '\0';
	(void)snprintf(expected, sizeof(expected), "%" PRIu64, value);
	assert_string_equal(digits, expected);
}

static void writes_numbers_of_every_length(void **state)
{
	uint64_t power = 1;

	(void)state;
	check(0);
	for (int digits = 1; digits <= DIGITS_BOUND; digits++, power *= 10) {
		check(power - 1);
		check(power);
		check(power + 1);
		check(power + power / 3);
	}
	check(UINT64_MAX);
}

static void writes_two_digits(void **state)
{
	char digits[3] = "";

	(void)state;
	for (unsigned value = 0; value < 100; value++) {
		char expected[16];

		assert_ptr_equal(digits_put_two(digits, value), digits + 2);
		(void)snprintf(expected, sizeof(expected), "%02u", value);
		assert_string_equal(digits, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_numbers_of_every_length),
		cmocka_unit_test(writes_two_digits),
	};

	return cmocka_run_group_tests_name("digits", tests, NULL, NULL);
}
