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

#define AGAIN_MS 3000

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
	return pipeline_wait_served(pipeline, &container, 2, 15000) >= 0 ? 0 : -1;
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
 * figure may be off: short windows are coarse. */
static void assert_true_figures(unsigned ms, double slack)
{
	uint64_t end = wait_now_ms() + ms;
	struct served served;

	while (wait_now_ms() < end) {
		if (pipeline_container(pipeline, &container, &served) &&
			fabs(served.cpu - 0.25) > slack) {
			print_message("a false figure: %.3f cores over %.3f s\n", served.cpu,
				served.window);
			fail();
		}
		wait_ms(100);
	}
}

static void aggregator_comes_back(void **state)
{
	uint64_t start;
	long ms;

	(void)state;
	kill_hard(&pipeline->aggregator);
	wait_ms(1500);
	start = wait_now_ms();
	pipeline_start_aggregator(pipeline);
	assert_true(pipeline_wait_served(pipeline, &container, 0, 15000) >= 0);
	ms = (long)(wait_now_ms() - start);
	print_message("figures again %ld ms after its start\n", ms);
	assert_in_range(ms, 0, AGAIN_MS);
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

static void agent_comes_back(void **state)
{
	time_t start;
	long ms;

	(void)state;
	kill_hard(&pipeline->agent);
	wait_ms(1500);
	start = time(NULL);
	pipeline_start_agent(pipeline, "5s", "auto");
	ms = wait_newer(start, 15000);
	print_message("figures again %ld ms after its start\n", ms);
	assert_in_range(ms, 0, AGAIN_MS);
	assert_true_figures(3000, 0.1);
}

static void aggregator_comes_back_within_a_second(void **state)
{
	uint64_t start;

	(void)state;
	kill_hard(&pipeline->aggregator);
	start = wait_now_ms();
	pipeline_start_aggregator(pipeline);
	assert_true(pipeline_wait_served(pipeline, &container, 0, 15000) >= 0);
	assert_in_range(wait_now_ms() - start, 0, AGAIN_MS);
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
	assert_true(wait_newer(time(NULL) + 1, 5000) >= 0);
	assert_true_figures(4000, 0.1);
}

/* Nothing of a dead agent is served for ever. */
static void figures_of_a_dead_agent_expire(void **state)
{
	long ms;

	(void)state;
	kill_hard(&pipeline->agent);
	ms = pipeline_wait_gone(pipeline, &container, 30000);
	print_message("expired after %ld ms\n", ms);
	assert_in_range(ms, 10000, 17000);
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
