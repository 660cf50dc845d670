/* aggregator/api/time_text: RFC 3339 and Go's durations. */
#include "aggregator/api/time_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_rfc3339(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} CASES[] = {
		{0, "1970-01-01T00:00:00Z"},
		{1767225600, "2026-01-01T00:00:00Z"},
		{1709210096, "2024-02-29T12:34:56Z"},
		{4294967296, "2106-02-07T06:28:16Z"},
		{TIME_TEXT_MAX_SECONDS - 1, "9999-12-31T23:59:58Z"},
		{TIME_TEXT_MAX_SECONDS, "9999-12-31T23:59:59Z"},
		{TIME_TEXT_MAX_SECONDS + 1, "9999-12-31T23:59:59Z"},
		{UINT64_MAX, "9999-12-31T23:59:59Z"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[TIME_TEXT_RFC3339_BYTES + 1];

		*time_text_put_rfc3339(text, CASES[i].seconds) = '\0';
		assert_string_equal(text, CASES[i].text);
	}
}

static void writes_durations_as_go_does(void **state)
{
	static const struct {
		uint32_t ms;
		const char *text;
	} CASES[] = {
		{0, "0s"},
		{1, "1ms"},
		{500, "500ms"},
		{999, "999ms"},
		{1000, "1s"},
		{1001, "1.001s"},
		{1500, "1.5s"},
		{15000, "15s"},
		{15010, "15.01s"},
		{15016, "15.016s"},
		{15100, "15.1s"},
		{59999, "59.999s"},
		{60000, "1m0s"},
		{61005, "1m1.005s"},
		{600000, "10m0s"},
		{3599999, "59m59.999s"},
		{3600000, "1h0m0s"},
		{UINT32_MAX, "1193h2m47.295s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[TIME_TEXT_DURATION_BYTES + 1];

		*time_text_put_duration(text, CASES[i].ms) = '\0';
		assert_string_equal(text, CASES[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_rfc3339),
		cmocka_unit_test(writes_durations_as_go_does),
	};

	return cmocka_run_group_tests_name("time_text", tests, NULL, NULL);
}
