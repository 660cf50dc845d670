/* Either side killed and back, a container back under its name: figures again at once, and never a
 * false one. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define AGAIN_MS 3000 /* on a machine with time: one of so many rounds has to be so quick */
#define ROUNDS   5
#define SHARE    0.25 /* of the load, in cores */

static struct pipeline *pipeline;
static struct test_container container;
static struct process *load;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	pipeline_start_agent(pipeline, "5s", "auto");
	return pipeline_wait_served(pipeline, &container, 2, 60000) >= 0 ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

static void kill_hard(struct process **process)
{
	process_signal(*process, SIGKILL);
	assert_int_equal(process_end(*process), 128 + SIGKILL);
	*process = NULL;
}

/* For `ms`, whatever is served of the container is what the load uses. `slack` is how far a single
 * figure may be off: short windows are coarse. Too little is not false when the machine does not
 * give the load its share. */
static void assert_true_figures(unsigned ms, double slack)
{
	struct own_cpu start = pipeline_own_cpu(pipeline, &container);
	struct served served;

	while (wait_now_ms() < start.ms + ms) {
		if (pipeline_container(pipeline, &container, &served) &&
			fabs(served.cpu - SHARE) > slack) {
			double own;

			wait_ms(500);
			own = pipeline_own_cores(pipeline, &container, &start);
			if (served.cpu < SHARE && fabs(own - SHARE) > SHARE * 0.02) {
				print_message("the load has %.3f cores only\n", own);
				return;
			}
			print_message("a false figure: %.3f cores over %.3f s\n", served.cpu,
				served.window);
			fail();
		}
		wait_ms(100);
	}
}

/* Until figures are served again. */
static long restart_aggregator(unsigned away_ms)
{
	uint64_t start;
	long ms;

	kill_hard(&pipeline->aggregator);
	wait_ms(away_ms);
	start = wait_now_ms();
	pipeline_start_aggregator(pipeline);
	assert_true(pipeline_wait_served(pipeline, &container, 0, 60000) >= 0);
	ms = (long)(wait_now_ms() - start);
	print_message("figures again %ld ms after its start\n", ms);
	return ms;
}

static void aggregator_is_soon_back_after(unsigned away_ms)
{
	long ms = AGAIN_MS + 1;

	for (int round = 0; round < ROUNDS && ms > AGAIN_MS; round++)
		ms = restart_aggregator(away_ms);
	assert_in_range(ms, 0, AGAIN_MS);
}

static void aggregator_comes_back(void **state)
{
	(void)state;
	aggregator_is_soon_back_after(1500);
	assert_true_figures(3000, 0.05);
}

/* Figures of the agent that is back: newer than its start. */
static long wait_newer(time_t start, unsigned timeout_ms)
{
	uint64_t begin = wait_now_ms();
	struct served served;

	while (wait_now_ms() < begin + timeout_ms) {
		if (pipeline_container(pipeline, &container, &served) && served.timestamp > start)
			return (long)(wait_now_ms() - begin);
		wait_ms(20);
	}
	return -1;
}

static long restart_agent(void)
{
	time_t start;
	long ms;

	kill_hard(&pipeline->agent);
	wait_ms(1500);
	start = time(NULL);
	pipeline_start_agent(pipeline, "5s", "auto");
	ms = wait_newer(start, 60000);
	print_message("figures again %ld ms after its start\n", ms);
	assert_true(ms >= 0);
	return ms;
}

static void agent_comes_back(void **state)
{
	long ms = AGAIN_MS + 1;

	(void)state;
	for (int round = 0; round < ROUNDS && ms > AGAIN_MS; round++)
		ms = restart_agent();
	assert_in_range(ms, 0, AGAIN_MS);
	assert_true_figures(3000, 0.1);
}

static void aggregator_comes_back_within_a_second(void **state)
{
	(void)state;
	aggregator_is_soon_back_after(0);
}

/* The counter starts at 0 again, under the same pod and container name. */
static void container_restarts_under_its_name(void **state)
{
	struct test_container old = container;

	(void)state;
	(void)process_end(load);
	test_container_remove(pipeline->cgroups, &container);
	test_container_make(pipeline->cgroups, "shop", "web", old.uid, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	assert_true(wait_newer(time(NULL) + 1, 60000) >= 0);
	assert_true_figures(4000, 0.1);
}

/* Nothing of a dead agent is served for ever. */
static void figures_of_a_dead_agent_expire(void **state)
{
	long ms;

	(void)state;
	kill_hard(&pipeline->agent);
	ms = pipeline_wait_gone(pipeline, &container, 90000);
	print_message("expired after %ld ms\n", ms);
	assert_in_range(ms, 10000, 60000); /* 15 s and a look, on a machine with time */
	;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(aggregator_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			aggregator_comes_back_within_a_second, set_up, tear_down),
		cmocka_unit_test_setup_teardown(agent_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			container_restarts_under_its_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(figures_of_a_dead_agent_expire, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("restart", tests, NULL, NULL);
}
