/* base/work_queue: work of several threads, run in one, in order. */
#include "base/work_queue.h"

#include <event2/event.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define POSTERS 4
#define EACH    2000

struct piece {
	struct work work; /* first */
	unsigned poster, number;
};

static struct event_base *base;
static struct work_queue *queue;
static unsigned done[POSTERS]; /* pieces, by poster */
static unsigned runs;

static int set_up(void **state)
{
	struct error err;

	(void)state;
	base = event_base_new();
	assert_non_null(base);
	queue = work_queue_new(base, NULL, NULL, &err);
	assert_non_null(queue);
	for (unsigned i = 0; i < POSTERS; i++)
		done[i] = 0;
	runs = 0;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	work_queue_free(queue);
	event_base_free(base);
	return 0;
}

static void run(struct work *work)
{
	struct piece *piece = (struct piece *)work;

	assert_int_equal(piece->number, done[piece->poster]);
	done[piece->poster]++;
	free(piece);
}

static void *post(void *number)
{
	for (unsigned i = 0; i < EACH; i++) {
		struct piece *piece = calloc(1, sizeof(*piece));

		if (!piece)
			abort();
		piece->work.run = run;
		piece->poster = *(unsigned *)number;
		piece->number = i;
		work_queue_post(queue, &piece->work);
	}
	return NULL;
}

static bool all_done(void)
{
	for (unsigned i = 0; i < POSTERS; i++)
		if (done[i] < EACH)
			return false;
	return true;
}

static void each_posters_work_is_run_in_order(void **state)
{
	unsigned numbers[POSTERS];
	pthread_t threads[POSTERS];

	(void)state;
	for (unsigned i = 0; i < POSTERS; i++) {
		numbers[i] = i;
		assert_int_equal(pthread_create(&threads[i], NULL, post, &numbers[i]), 0);
	}
	while (!all_done())
		(void)event_base_loop(base, EVLOOP_ONCE);
	for (unsigned i = 0; i < POSTERS; i++)
		(void)pthread_join(threads[i], NULL);
}

static void again(struct work *work)
{
	if (++runs < 3)
		work_queue_post(queue, work);
}

/* What is posted while work is run is run the next time, so that no loop is held up. */
static void work_may_be_posted_again_from_within(void **state)
{
	struct work work = {again, NULL};

	(void)state;
	work_queue_post(queue, &work);
	for (unsigned i = 1; i <= 3; i++) {
		(void)event_base_loop(base, EVLOOP_ONCE);
		assert_int_equal(runs, i);
	}
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	assert_int_equal(runs, 3);
}

static void count_wake(void *unused)
{
	(void)unused;
	runs++;
}

static void the_owner_may_run_it_and_can_be_woken(void **state)
{
	struct work_queue *own;
	struct work work = {again, NULL};
	struct error err;

	(void)state;
	own = work_queue_new(base, count_wake, NULL, &err);
	assert_non_null(own);
	work_queue_wake(own);
	(void)event_base_loop(base, EVLOOP_ONCE);
	assert_int_equal(runs, 1);
	runs = 2; /* the work then posts itself no more */
	work_queue_post(own, &work);
	work_queue_run(own);
	assert_int_equal(runs, 3);
	work_queue_free(own);
}

static void what_was_not_run_is_forgotten(void **state)
{
	struct work work = {again, NULL};

	(void)state;
	work_queue_post(queue, &work);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_posters_work_is_run_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			work_may_be_posted_again_from_within, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			the_owner_may_run_it_and_can_be_woken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_was_not_run_is_forgotten, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("work_queue", tests, NULL, NULL);
}
