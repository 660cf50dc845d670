/* Few file descriptors, many cgroups, no logs: all that can be shown is shown. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LOAD "250"

#define FEW_FDS       "64"
#define FEW_FDS_BPF   "128" /* its programs and maps have 60 */
#define SOME_PODS     300
#define MOST_PODS     1024
#define MANY_PODS     1000
#define IN_EACH       4
#define MANY_READY_MS 120000

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

/* Makes pods of `each` containers; the last one's is *ret_last. */
static void make_pods(unsigned pods, unsigned each, struct test_container *ret_last)
{
	for (unsigned p = 0; p < pods; p++) {
		char pod[32], name[32], uid[40];

		(void)snprintf(pod, sizeof(pod), "pod-%u", p);
		for (unsigned c = 0; c < each; c++) {
			(void)snprintf(name, sizeof(name), "c%u", c);
			test_container_make(
				pipeline->cgroups, "many", pod, c ? uid : NULL, name, ret_last);
			memcpy(uid, ret_last->uid, sizeof(uid));
		}
	}
}

static size_t served_containers(size_t *ret_pods)
{
	json_t *list =
		pipeline_get_json(pipeline, "/apis/metrics.k8s.io/v1beta1/namespaces/many/pods");
	json_t *items = json_object_get(list, "items"), *pod;
	size_t i, count = 0;

	*ret_pods = json_array_size(items);
	json_array_foreach(items, i, pod)
	{
		count += json_array_size(json_object_get(pod, "containers"));
	}
	json_decref(list);
	return count;
}

static void assert_all_served(unsigned pods, unsigned each)
{
	size_t served_pods;

	assert_int_equal(served_containers(&served_pods), pods * each);
	assert_int_equal(served_pods, pods);
}

/* How often `text` stands in the agent's log. */
static unsigned said(const char *text)
{
	char *log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));
	unsigned count = 0;

	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	free(log);
	return count;
}

/* A descriptor for each file is far beyond the limit. */
static void few_file_descriptors_are_enough_from(const char *source, const char *limit)
{
	const char *const few[] = {"prlimit", limit, NULL};
	struct test_container last;
	struct process *load;

	make_pods(SOME_PODS, 1, &last);
	load = pipeline_start_load(&last, "cpu", LOAD);
	pipeline->agent_wrapper = few;
	pipeline_start_agent(pipeline, "5s", source);
	assert_true(pipeline_wait_served(pipeline, &last, 4.9, 60000) >= 0);
	assert_all_served(SOME_PODS, 1);
	assert_true(pipeline_cpu_is_true(pipeline, &last, 6000, 0.05));
	/* it is said once, if at all: not for each cgroup, not each second */
	assert_true(said("Too many open files") <= 1);
	assert_true(process_alive(pipeline->agent));
	(void)process_end(load);
}

static void few_file_descriptors_are_enough(void **state)
{
	(void)state;
	few_file_descriptors_are_enough_from("files", "--nofile=" FEW_FDS ":" FEW_FDS);
}

static void few_file_descriptors_are_enough_with_bpf(void **state)
{
	(void)state;
	few_file_descriptors_are_enough_from("auto", "--nofile=" FEW_FDS_BPF ":" FEW_FDS_BPF);
}

/* Nearly as many as the wire takes of a node. */
static void four_thousand_containers_are_served(void **state)
{
	struct test_container last;
	struct process *load;
	struct served node;
	long ms;

	(void)state;
	make_pods(MANY_PODS, IN_EACH, &last);
	load = pipeline_start_load(&last, "cpu", LOAD);
	pipeline_start_agent(pipeline, "5s", "auto");
	ms = pipeline_wait_served(pipeline, &last, 4.9, MANY_READY_MS);
	print_message("served over a full window after %ld ms\n", ms);
	assert_true(ms >= 0);
	assert_all_served(MANY_PODS, IN_EACH);
	assert_true(pipeline_cpu_is_true(pipeline, &last, 6000, 0.05));
	assert_true(pipeline_node(pipeline, &node));
	(void)process_end(load);
}

/* An aggregator would refuse them all: the agent leaves out what is too much. */
static void too_many_pods_cost_no_more_than_those(void **state)
{
	struct test_container last;
	struct served node;
	size_t pods;

	(void)state;
	make_pods(MOST_PODS + 76, 1, &last);
	pipeline_start_agent(pipeline, "5s", "auto");
	assert_true(process_wait_log(pipeline->agent, "WARN 76 pods are left out: ", 60000));
	for (uint64_t end = wait_now_ms() + 60000; !pipeline_node(pipeline, &node);) {
		assert_true(wait_now_ms() < end);
		wait_ms(100);
	}
	assert_int_equal(served_containers(&pods), MOST_PODS);
	assert_int_equal(pods, MOST_PODS);
}

/* Names come from there. Without, the node is served, and its pods are said to have no names. */
static void no_logs_cost_no_more_than_the_names(void **state)
{
	struct test_container container;
	struct served served;
	uint64_t end;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	pipeline->agent_flag = "--log-root=/absent/log";
	pipeline_start_agent(pipeline, "5s", "auto");
	assert_true(process_wait_log(pipeline->agent, "/absent/log", 60000));
	end = wait_now_ms() + 60000;
	while (!pipeline_node(pipeline, &served) && wait_now_ms() < end)
		wait_ms(50);
	assert_true(pipeline_node(pipeline, &served));
	assert_false(pipeline_container(pipeline, &container, &served));
	assert_true(process_alive(pipeline->agent));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(few_file_descriptors_are_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			few_file_descriptors_are_enough_with_bpf, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			four_thousand_containers_are_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			too_many_pods_cost_no_more_than_those, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			no_logs_cost_no_more_than_the_names, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
