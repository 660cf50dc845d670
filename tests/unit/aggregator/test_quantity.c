/* aggregator/api/quantity: what Go's resource.Quantity says of the same numbers. */
#include "aggregator/api/quantity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check(char *(*put)(char *, uint64_t), uint64_t value, const char *text)
{
	char out[QUANTITY_BOUND + 1];

	*put(out, value) = '\0';
	assert_string_equal(out, text);
}

static void writes_cpu(void **state)
{
	static const struct {
		uint64_t nanocores;
		const char *text;
	} CASES[] = {
		{0, "0"},
		{1, "1n"},
		{999, "999n"},
		{1000, "1u"},
		{1001, "1001n"},
		{162556, "162556n"},
		{17900000, "17900u"},
		{179000000, "179m"},
		{1000000000, "1"},
		{2000000000, "2"},
		{1500000000000, "1500"},
		{1000000000000, "1k"},
		{10000000000000, "10k"},
		{999000000000000, "999k"},
		{999999999999998, "999999999999998n"},
		{QUANTITY_MAX, "999999999999999n"},
		{QUANTITY_MAX + 1, "999999999999999n"},
		{UINT64_MAX, "999999999999999n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		check(quantity_put_nanocores, CASES[i].nanocores, CASES[i].text);
}

static void writes_memory(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} CASES[] = {
		{0, "0"},
		{1, "1"},
		{999, "999"},
		{1000, "1k"},
		{1001, "1001"},
		{1023, "1023"},
		{1024, "1Ki"},
		{1025, "1025"},
		{2000, "2000"},
		{10240, "10Ki"},
		{1000000, "1000000"},
		{351416320, "343180Ki"},
		{5242880, "5Mi"},
		{1073741824, "1Gi"},
		{1099511627776, "1Ti"},
		{999653638144, "931Gi"},
		{QUANTITY_MAX, "999999999999999"},
		{QUANTITY_MAX + 1, "999999999999999"},
		{1125899906842624, "999999999999999"},
		{UINT64_MAX, "999999999999999"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		check(quantity_put_bytes, CASES[i].bytes, CASES[i].text);
}

static void writes_steps_of_any_unit(void **state)
{
	static const struct {
		uint64_t value;
		int exponent;
		const char *text;
	} CASES[] = {
		{0, -9, "0"},
		{1500, -9, "1500n"},
		{1500000, -9, "1500u"},
		{500000000, -9, "500m"},
		{UINT64_MAX, -9, "18446744073709551615n"},
		{1500, -3, "1500m"},
		{12000, -3, "12"},
		{12000000, -3, "12k"},
		{1, 0, "1"},
		{1024, 0, "1024"},
		{1000000000000000000, 0, "1E"},
		{18000000000000000000U, 0, "18E"},
		{18446744073709551000U, 0, "18446744073709551k"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char out[QUANTITY_DECIMAL_BOUND + 1];

		*quantity_put_decimal(out, CASES[i].value, CASES[i].exponent) = '\0';
		assert_string_equal(out, CASES[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_steps_of_any_unit),
		cmocka_unit_test(writes_cpu),
		cmocka_unit_test(writes_memory),
	};

	return cmocka_run_group_tests_name("quantity", tests, NULL, NULL);
}
