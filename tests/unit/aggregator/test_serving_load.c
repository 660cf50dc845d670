/* aggregator/api/serving_load: bounds that several threads share. */
#include "aggregator/api/serving_load.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct serving_load *load;

static void start(size_t loops, uint32_t max_connections, uint32_t max_in_flight)
{
	const struct serving_load_options options = {loops, max_connections, max_in_flight};

	load = serving_load_new(&options);
	assert_non_null(load);
}

static int stop(void **state)
{
	(void)state;
	serving_load_free(load);
	return 0;
}

static void the_loop_with_the_fewest_connections_is_next(void **state)
{
	static const struct {
		unsigned connections[4];
		size_t loop, least;
	} CASES[] = {
		{{1, 0, 0, 0}, 0, 1},
		{{1, 1, 0, 0}, 1, 2},
		{{1, 1, 1, 1}, 3, 0}, /* in turn, when all have the same */
		{{1, 1, 1, 1}, 1, 2},
		{{5, 1, 5, 2}, 0, 1},
		{{5, 1, 5, 2}, 1, 1}, /* it may be the one that has just taken one */
		{{0, 3, 3, 3}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		start(4, 100, 1);
		for (size_t loop = 0; loop < 4; loop++)
			for (unsigned j = 0; j < CASES[i].connections[loop]; j++)
				assert_true(serving_load_connect(load, loop));
		if (serving_load_least(load, CASES[i].loop) != CASES[i].least)
			fail_msg("case %zu: %zu", i, serving_load_least(load, CASES[i].loop));
		serving_load_free(load);
	}
	start(1, 100, 1);
	assert_true(serving_load_connect(load, 0));
	assert_int_equal(serving_load_least(load, 0), 0);
}

static void connections_are_bounded_over_all_loops(void **state)
{
	(void)state;
	start(2, 3, 1);
	assert_true(serving_load_connect(load, 0));
	assert_true(serving_load_connect(load, 1));
	assert_true(serving_load_connect(load, 1));
	assert_false(serving_load_connect(load, 0));
	serving_load_disconnect(load, 0);
	assert_false(serving_load_connect(load, 1));
	serving_load_disconnect(load, 1);
	serving_load_disconnect(load, 1);
	assert_true(serving_load_connect(load, 0));
}

static void requests_in_flight_are_bounded_but_for_some(void **state)
{
	(void)state;
	start(2, 1, 2);
	assert_true(serving_load_enter(load));
	assert_true(serving_load_enter(load));
	assert_false(serving_load_enter(load));
	serving_load_enter_anyway(load);
	serving_load_leave(load);
	assert_false(serving_load_enter(load));
	serving_load_leave(load);
	assert_true(serving_load_enter(load));
	serving_load_begin(load);
	assert_int_equal(serving_load_requests(load), 1);
	serving_load_end(load);
	assert_int_equal(serving_load_requests(load), 0);
}

/* Of one, one; otherwise others keep room. */
static void streams_are_half_of_them(void **state)
{
	static const struct {
		uint32_t in_flight, streams;
	} CASES[] = {{1, 1}, {2, 1}, {3, 2}, {400, 200}, {401, 201}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		start(1, 1, CASES[i].in_flight);
		for (uint32_t j = 0; j < CASES[i].streams; j++)
			assert_true(serving_load_stream(load));
		assert_false(serving_load_stream(load));
		serving_load_stream_anyway(load);
		serving_load_end_stream(load);
		assert_false(serving_load_stream(load));
		serving_load_end_stream(load);
		assert_true(serving_load_stream(load));
		assert_true(serving_load_enter(load)); /* counted apart */
		(void)stop(state);
	}
}

#define MOST  3
#define TIMES 100000

static _Atomic unsigned inside, most_inside, turned_away;

static void *come_and_go(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < TIMES; i++) {
		unsigned now, most;

		if (!serving_load_enter(load)) {
			atomic_fetch_add(&turned_away, 1);
			continue;
		}
		now = atomic_fetch_add(&inside, 1) + 1;
		most = atomic_load(&most_inside);
		while (now > most && !atomic_compare_exchange_weak(&most_inside, &most, now))
			;
		atomic_fetch_sub(&inside, 1);
		serving_load_leave(load);
	}
	return NULL;
}

/* Never more than may be; and nobody is turned away while there is room for all. */
static void the_bound_is_exact(void **state)
{
	pthread_t threads[MOST + 1];

	(void)state;
	for (unsigned count = MOST; count <= MOST + 1; count++) {
		start(4, 1, MOST);
		atomic_store(&turned_away, 0);
		atomic_store(&most_inside, 0);
		for (unsigned i = 0; i < count; i++)
			assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
		for (unsigned i = 0; i < count; i++)
			(void)pthread_join(threads[i], NULL);
		assert_true(atomic_load(&most_inside) <= MOST);
		if (count == MOST) {
			assert_int_equal(atomic_load(&turned_away), 0);
			serving_load_free(load);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(the_loop_with_the_fewest_connections_is_next, stop),
		cmocka_unit_test_teardown(connections_are_bounded_over_all_loops, stop),
		cmocka_unit_test_teardown(requests_in_flight_are_bounded_but_for_some, stop),
		cmocka_unit_test(streams_are_half_of_them),
		cmocka_unit_test_teardown(the_bound_is_exact, stop),
	};

	return cmocka_run_group_tests_name("serving_load", tests, NULL, NULL);
}
