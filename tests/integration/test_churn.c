/* Fifty pods come and fifty go each second; the ones that stay don't notice. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A_SECOND 50
#define SECONDS  8

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	pipeline_start_agent(pipeline, "5s", "auto");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

/* Replaces each container once, over one second. Returns the number that had been served. */
static size_t replace_all(struct test_container *containers, unsigned round)
{
	uint64_t start = wait_now_ms();
	size_t served_count = 0;

	for (unsigned i = 0; i < A_SECOND; i++) {
		char pod[64];
		uint64_t due = start + (i + 1) * 1000 / A_SECOND, now;

		if (containers[i].id[0])
			test_container_remove(pipeline->cgroups, &containers[i]);
		(void)snprintf(pod, sizeof(pod), "churn-%u-%u", round, i);
		test_container_make(pipeline->cgroups, "churn", pod, NULL, "main", &containers[i]);
		now = wait_now_ms();
		if (now < due)
			wait_ms((unsigned)(due - now));
	}
	for (unsigned i = 0; i < A_SECOND; i++) {
		struct served served;

		/* the first ones are a second old by now: a look at a few costs little */
		if (i % 10 == 0 && pipeline_container(pipeline, &containers[i], &served))
			served_count++;
	}
	return served_count;
}

static size_t served_pods(const char *namespace)
{
	char path[256];
	json_t *list;
	size_t count;

	(void)snprintf(
		path, sizeof(path), "/apis/metrics.k8s.io/v1beta1/namespaces/%s/pods", namespace);
	list = pipeline_get_json(pipeline, path);
	assert_non_null(list);
	count = json_array_size(json_object_get(list, "items"));
	json_decref(list);
	return count;
}

static bool churn_is_gone(void *context)
{
	(void)context;
	return served_pods("churn") == 0;
}

static void those_that_stay_do_not_notice(void **state)
{
	struct test_container steady, *containers = calloc(A_SECOND, sizeof(*containers));
	struct process *load;
	struct served served;
	struct own_cpu start;
	size_t seen = 0;
	double own = 0, sum = 0;

	(void)state;
	assert_non_null(containers);
	test_container_make(pipeline->cgroups, "shop", "steady", NULL, "main", &steady);
	load = pipeline_start_load(&steady, "cpu", "200");
	assert_true(pipeline_wait_served(pipeline, &steady, 2, 60000) >= 0);
	start = pipeline_own_cpu(pipeline, &steady);
	for (unsigned round = 0; round < SECONDS; round++) {
		seen += replace_all(containers, round);
		assert_true(pipeline_container(pipeline, &steady, &served));
		own = pipeline_own_cores(pipeline, &steady, &start);
		print_message("served %.4f cores, own reading %.4f\n", served.cpu, own);
		/* On a busy machine the load lags, and catches up, within the window of a sample;
		 * a counter lost or taken for another is far off. */
		assert_true(served.cpu > 0.1 && served.cpu < 0.3);
		sum += served.cpu;
	}
	assert_true(sum / SECONDS > 0.9 * own && sum / SECONDS < 1.1 * own);
	print_message("%zu of %d looked at were served\n", seen, SECONDS * A_SECOND / 10);
	assert_true(seen > 0);

	for (unsigned i = 0; i < A_SECOND; i++)
		test_container_remove(pipeline->cgroups, &containers[i]);
	assert_true(wait_until(churn_is_gone, NULL, 60000));
	assert_int_equal(served_pods("shop"), 1);
	assert_true(process_alive(pipeline->agent));
	assert_true(process_alive(pipeline->aggregator));
	(void)process_end(load);
	free(containers);
}

/* A hundred at once, all served, all gone. */
static void a_hundred_at_once(void **state)
{
	struct test_container *containers = calloc(100, sizeof(*containers));

	(void)state;
	assert_non_null(containers);
	for (unsigned i = 0; i < 100; i++) {
		char pod[64];

		(void)snprintf(pod, sizeof(pod), "pod-%u", i);
		test_container_make(pipeline->cgroups, "churn", pod, NULL, "main", &containers[i]);
	}
	assert_true(pipeline_wait_served(pipeline, &containers[99], 0, 60000) >= 0);
	assert_int_equal(served_pods("churn"), 100);
	for (unsigned i = 0; i < 100; i++)
		test_container_remove(pipeline->cgroups, &containers[i]);
	assert_true(wait_until(churn_is_gone, NULL, 60000));
	free(containers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(those_that_stay_do_not_notice, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_hundred_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("churn", tests, NULL, NULL);
}
