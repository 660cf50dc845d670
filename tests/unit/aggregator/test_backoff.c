/* aggregator/kube/backoff: waits grow, are spread, and obey the server within reason. */
#include "aggregator/kube/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void grows_to_the_maximum(void **state)
{
	static const uint32_t BASES[] = {800, 1600, 3200, 6400, 12800, 15000, 15000};

	(void)state;
	for (int round = 0; round < 200; round++) {
		struct backoff backoff = {0};

		for (size_t i = 0; i < sizeof(BASES) / sizeof(BASES[0]); i++) {
			uint32_t wait = backoff_next_ms(&backoff, 0);

			assert_in_range(wait, BASES[i], 2 * BASES[i]);
			assert_true(wait <= BACKOFF_MAX_MS);
		}
	}
}

static void is_spread(void **state)
{
	uint32_t least = UINT32_MAX, most = 0;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		struct backoff backoff = {.tries = 100};
		uint32_t wait = backoff_next_ms(&backoff, 0);

		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
	}
	/* Of 1000 draws from 15..30 s some fall into the first and the last second. */
	assert_in_range(least, 15000, 16000);
	assert_in_range(most, 29000, 30000);
}

static void begins_anew_after_a_success(void **state)
{
	struct backoff backoff = {.tries = UINT32_MAX};

	(void)state;
	assert_true(backoff_next_ms(&backoff, 0) >= 15000);
	assert_int_equal(backoff.tries, UINT32_MAX);
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ms(&backoff, 0), 800, 1600);
}

static void obeys_the_server_within_reason(void **state)
{
	static const struct {
		uint32_t told_s, least_ms, most_ms;
	} CASES[] = {
		{0, 800, 1600},
		{1, 1000, 1600},
		{2, 2000, 2000},
		{60, 60000, 60000},
		{300, 300000, 300000},
		{301, 300000, 300000},
		{UINT32_MAX, 300000, 300000},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct backoff backoff = {0};

		assert_in_range(backoff_next_ms(&backoff, CASES[i].told_s), CASES[i].least_ms,
			CASES[i].most_ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(grows_to_the_maximum),
		cmocka_unit_test(is_spread),
		cmocka_unit_test(begins_anew_after_a_success),
		cmocka_unit_test(obeys_the_server_within_reason),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
