/* Percentiles of waits: at the edges of the buckets, and over a window that moves. */
#include "agent/wait_window.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WINDOW (15 * NS_PER_SECOND)

static uint64_t percentile(const uint32_t buckets[RUN_QUEUE_BUCKETS], uint32_t permille)
{
	uint64_t wait = UINT64_MAX;

	assert_true(wait_percentile(buckets, permille, &wait));
	return wait;
}

static void without_waits_there_is_none(void **state)
{
	uint32_t buckets[RUN_QUEUE_BUCKETS] = {0};
	uint64_t wait;

	(void)state;
	assert_false(wait_percentile(buckets, 500, &wait));
}

static void a_bucket_is_cut_evenly(void **state)
{
	uint32_t buckets[RUN_QUEUE_BUCKETS] = {0};

	(void)state;
	buckets[0] = 4; /* 0 to 1,024 ns */
	assert_int_equal(percentile(buckets, 250), 256);
	assert_int_equal(percentile(buckets, 500), 512);
	assert_int_equal(percentile(buckets, 1000), 1024);

	buckets[0] = 0;
	buckets[1] = 10; /* 1,024 to 2,048 */
	assert_int_equal(percentile(buckets, 0), 1024);
	assert_int_equal(percentile(buckets, 100), 1024 + 102);
	assert_int_equal(percentile(buckets, 500), 1536);
	assert_int_equal(percentile(buckets, 990), 1024 + 1013);
}

static void a_rank_at_an_edge_is_of_the_lower_bucket(void **state)
{
	uint32_t buckets[RUN_QUEUE_BUCKETS] = {0};

	(void)state;
	buckets[3] = 50; /* 4,096 to 8,192 */
	buckets[9] = 50; /* 262,144 to 524,288 */
	assert_int_equal(percentile(buckets, 500), 8192);
	assert_in_range(percentile(buckets, 501), 262144, 262144 + 262144 / 500);
	assert_int_equal(percentile(buckets, 1000), 524288);
}

static void the_last_bucket_ends_where_one_more_would_begin(void **state)
{
	uint32_t buckets[RUN_QUEUE_BUCKETS] = {0};

	(void)state;
	buckets[RUN_QUEUE_BUCKETS - 1] = UINT32_MAX;
	assert_int_equal(percentile(buckets, 0), (uint64_t)1 << 36);
	assert_int_equal(percentile(buckets, 1000), (uint64_t)1 << 37);
	for (int b = 0; b < RUN_QUEUE_BUCKETS; b++)
		buckets[b] = UINT32_MAX; /* no overflow in between */
	assert_int_equal(percentile(buckets, 500), (uint64_t)1 << 23);
}

static int by_size(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The bound that the header states, for waits of all sizes. */
static void the_error_is_less_than_a_bucket(void **state)
{
	enum { WAITS = 1000 };
	uint64_t waits[WAITS], random = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 50; round++) {
		uint32_t buckets[RUN_QUEUE_BUCKETS] = {0};

		for (int i = 0; i < WAITS; i++) {
			uint32_t b = 0;

			random ^= random << 13, random ^= random >> 7, random ^= random << 17;
			waits[i] = (random >> 8) %
				   ((uint64_t)1 << (4 + (uint64_t)round / 2 + random % 6));
			while (waits[i] >> (RUN_QUEUE_FIRST_BITS + b))
				b++;
			buckets[b]++;
		}
		qsort(waits, WAITS, sizeof(waits[0]), by_size);
		for (uint32_t permille = 1; permille <= 1000; permille += 37) {
			uint64_t truth = waits[permille - 1], said = percentile(buckets, permille);

			if (truth < 1024) {
				assert_in_range(said, 0, 1024);
			} else {
				assert_true(said <= truth * 2);
				assert_true(truth <= said * 2);
			}
		}
	}
}

static void add(struct wait_window *window, uint64_t second, uint64_t *buckets)
{
	wait_window_add(window, WINDOW, second * NS_PER_SECOND, buckets);
}

static void a_window_has_what_came_within_it(void **state)
{
	struct wait_window window = {0};
	uint64_t buckets[RUN_QUEUE_BUCKETS] = {[5] = 1000000}; /* of before the first look */
	uint64_t wait;

	(void)state;
	assert_false(wait_window_percentile(&window, WINDOW, 500, &wait));
	add(&window, 100, buckets);
	assert_false(wait_window_percentile(&window, WINDOW, 500, &wait));
	add(&window, 101, buckets);
	assert_false(wait_window_percentile(&window, WINDOW, 500, &wait));
	buckets[1] += 2;
	add(&window, 102, buckets);
	assert_true(wait_window_percentile(&window, WINDOW, 500, &wait));
	assert_int_equal(wait, 1536);
	for (uint64_t second = 103; second <= 102 + 14; second++) {
		add(&window, second, buckets);
		assert_true(wait_window_percentile(&window, WINDOW, 500, &wait));
		assert_int_equal(wait, 1536);
	}
	add(&window, 102 + 15, buckets);
	assert_false(wait_window_percentile(&window, WINDOW, 500, &wait));
}

/* Looks closer together than there are points: what is kept reaches back over the whole window. */
static void a_long_window_keeps_fewer_looks(void **state)
{
	struct wait_window window = {0};
	uint64_t buckets[RUN_QUEUE_BUCKETS] = {0};
	const uint64_t step = NS_PER_SECOND / 10; /* 150 looks a window */
	uint64_t wait;

	(void)state;
	for (uint64_t look = 1; look <= 1000; look++) {
		wait_window_add(&window, WINDOW, look * step, buckets);
		if (look == 500)
			buckets[1]++; /* seen by the next one */
		if (look > 500 && look < 500 + 135) {
			assert_true(wait_window_percentile(&window, WINDOW, 500, &wait));
			assert_int_equal(wait, 1536);
		} else if (look <= 500 || look > 500 + 170) {
			assert_false(wait_window_percentile(&window, WINDOW, 500, &wait));
		}
	}
}

static void counts_may_pass_32_bits(void **state)
{
	struct wait_window window = {0};
	uint64_t buckets[RUN_QUEUE_BUCKETS] = {[2] = UINT32_MAX};
	uint64_t wait;

	(void)state;
	add(&window, 1, buckets);
	buckets[2] += 3;
	add(&window, 2, buckets);
	assert_true(wait_window_percentile(&window, WINDOW, 1000, &wait));
	assert_int_equal(wait, 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_waits_there_is_none),
		cmocka_unit_test(a_bucket_is_cut_evenly),
		cmocka_unit_test(a_rank_at_an_edge_is_of_the_lower_bucket),
		cmocka_unit_test(the_last_bucket_ends_where_one_more_would_begin),
		cmocka_unit_test(the_error_is_less_than_a_bucket),
		cmocka_unit_test(a_window_has_what_came_within_it),
		cmocka_unit_test(a_long_window_keeps_fewer_looks),
		cmocka_unit_test(counts_may_pass_32_bits),
	};

	return cmocka_run_group_tests_name("wait_window", tests, NULL, NULL);
}
