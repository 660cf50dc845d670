/* scale/asker_histogram: every value is in the bucket that it should be in, percentiles are right
 * within a bucket's width. */
#include "tests/bench/scale/asker_histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* The upper end of the bucket that a single value fell into. */
static uint64_t upper_of(uint64_t ns)
{
	struct asker_histogram *histogram = calloc(1, sizeof(*histogram));
	uint64_t upper_ns = 0;
	size_t found = 0;

	assert_non_null(histogram);
	asker_histogram_add(histogram, ns);
	for (size_t i = 0; i < ASKER_HISTOGRAM_BUCKETS; i++)
		if (histogram->bucket[i]) {
			upper_ns = asker_histogram_upper_ns(i);
			found++;
			assert_true(i == 0 || asker_histogram_upper_ns(i - 1) < ns);
		}
	assert_int_equal(found, 1);
	assert_int_equal(histogram->max_ns, ns);
	free(histogram);
	return upper_ns;
}

static void has_buckets_of_three_percent(void **state)
{
	(void)state;
	for (uint64_t ns = 0; ns < 5000; ns++) {
		uint64_t upper_ns = upper_of(ns);

		assert_in_range(upper_ns, ns, ns + ns / 32);
		if (ns < 64)
			assert_int_equal(upper_ns, ns);
	}
	for (unsigned bit = 5; bit < 64; bit++) {
		uint64_t power = 1ULL << bit;

		assert_int_equal(upper_of(power - 1), power - 1);
		assert_true(upper_of(power) - power <= power / 32);
	}
	assert_true(upper_of(UINT64_MAX) == UINT64_MAX);
}

static void has_rising_buckets(void **state)
{
	(void)state;
	for (size_t i = 1; i < ASKER_HISTOGRAM_BUCKETS; i++)
		assert_true(asker_histogram_upper_ns(i) > asker_histogram_upper_ns(i - 1));
	assert_true(asker_histogram_upper_ns(ASKER_HISTOGRAM_BUCKETS - 1) == UINT64_MAX);
}

static void finds_percentiles(void **state)
{
	struct asker_histogram histogram = {0};

	(void)state;
	for (uint64_t i = 1; i <= 100000; i++)
		asker_histogram_add(&histogram, i * 1000);
	for (unsigned permille = 1; permille <= 1000; permille++) {
		uint64_t exact_ns = permille * 100000ULL,
			 ns = asker_histogram_at(&histogram, permille);

		assert_in_range(ns, exact_ns, exact_ns + exact_ns / 32);
	}
	assert_int_equal(asker_histogram_at(&histogram, 1000), 100000000);
	assert_int_equal(histogram.count, 100000);
}

static void counts_ranks_upwards(void **state)
{
	struct asker_histogram histogram = {0};

	(void)state;
	assert_int_equal(asker_histogram_at(&histogram, 500), 0);
	asker_histogram_add(&histogram, 7);
	assert_int_equal(asker_histogram_at(&histogram, 0), 7);
	assert_int_equal(asker_histogram_at(&histogram, 1), 7);
	assert_int_equal(asker_histogram_at(&histogram, 1000), 7);
	asker_histogram_add(&histogram, 9);
	assert_int_equal(asker_histogram_at(&histogram, 500), 7);
	assert_int_equal(asker_histogram_at(&histogram, 501), 9);
	for (int i = 0; i < 998; i++)
		asker_histogram_add(&histogram, 1);
	assert_int_equal(asker_histogram_at(&histogram, 998), 1);
	assert_int_equal(asker_histogram_at(&histogram, 999), 7);
}

/* No percentile exceeds what was seen: the last bucket ends there. */
static void ends_at_the_greatest_value(void **state)
{
	struct asker_histogram histogram = {0};

	(void)state;
	asker_histogram_add(&histogram, 1000001);
	assert_int_equal(asker_histogram_at(&histogram, 500), 1000001);
	assert_int_equal(asker_histogram_at(&histogram, 999), 1000001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_buckets_of_three_percent),
		cmocka_unit_test(has_rising_buckets),
		cmocka_unit_test(finds_percentiles),
		cmocka_unit_test(counts_ranks_upwards),
		cmocka_unit_test(ends_at_the_greatest_value),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
