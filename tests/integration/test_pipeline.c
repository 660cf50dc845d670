/* From the kernel's counters to kubectl: real processes, real cgroups, the real kubectl. */
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
#include <unistd.h>

#include <cmocka.h>

#define WINDOW    "5s"
#define FULL      4.9  /* seconds: a full window */
#define PROMPT_MS 2000 /* what comes or goes is seen within this time, on a machine with time */
#define ROUNDS    5    /* of which one has to be good: on a busy machine not each can be */

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	pipeline_start_agent(pipeline, WINDOW, "auto");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

static bool is_close(const char *what, double value, double expected, double tolerance)
{
	print_message("%s: served %.6g, expected %.6g (%+.2f %%)\n", what, value, expected,
		(value / expected - 1) * 100);
	return fabs(value - expected) <= tolerance * expected;
}

/* The figure of the next sample and our own reading are over the same span to within a part of a
 * second; the load is even, so that makes no difference. */
static bool cpu_is_right(const struct test_container *container)
{
	struct own_cpu start = pipeline_own_cpu(pipeline, container);
	struct served served;
	double own;

	wait_ms(6500);
	assert_true(pipeline_container(pipeline, container, &served));
	own = pipeline_own_cores(pipeline, container, &start);
	return is_close("CPU by cpu.stat", served.cpu, own, 0.03) &&
	       is_close("CPU by the load's share", served.cpu, 0.25, 0.03) &&
	       served.window >= FULL && served.window < 6.5;
}

static void cpu_is_that_of_cpu_stat(void **state)
{
	struct test_container container;
	struct process *load;
	bool right = false;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	assert_true(pipeline_wait_served(pipeline, &container, 0, 60000) >= 0);
	for (int round = 0; round < ROUNDS && !right; round++)
		right = cpu_is_right(&container);
	assert_true(right);
	(void)process_end(load);
}

static void memory_is_what_was_allocated(void **state)
{
	struct test_container container;
	struct process *load;
	struct served served;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "cache", NULL, "store", &container);
	load = pipeline_start_load(&container, "memory", "128");
	assert_true(pipeline_wait_served(pipeline, &container, 2, 60000) >= 0);
	assert_true(pipeline_container(pipeline, &container, &served));
	assert_true(is_close("memory by size", served.memory, 128. * 1024 * 1024, 0.01));
	assert_true(is_close("memory by the kernel's files", served.memory,
		(double)test_container_working_set(pipeline->cgroups, &container), 0.01));
	(void)process_end(load);
}

static bool comes_and_goes_promptly(void)
{
	struct test_container container;
	struct process *load;
	long served_ms, gone_ms;

	test_container_make(pipeline->cgroups, "shop", "second", NULL, "main", &container);
	load = pipeline_start_load(&container, "cpu", "100");
	served_ms = pipeline_wait_served(pipeline, &container, 0, 60000);
	(void)process_end(load);
	test_container_remove(pipeline->cgroups, &container);
	gone_ms = pipeline_wait_gone(pipeline, &container, 60000);
	print_message(
		"served %ld ms after its start, gone %ld ms after its end\n", served_ms, gone_ms);
	assert_true(served_ms >= 0 && gone_ms >= 0);
	return served_ms <= PROMPT_MS && gone_ms <= PROMPT_MS;
}

static void containers_come_and_go_promptly(void **state)
{
	struct test_container first;
	bool prompt = false;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "first", NULL, "main", &first);
	assert_true(pipeline_wait_served(pipeline, &first, 0, 60000) >= 0);
	for (int round = 0; round < ROUNDS && !prompt; round++)
		prompt = comes_and_goes_promptly();
	assert_true(prompt);
	assert_true(pipeline_wait_served(pipeline, &first, 0, 60000) >= 0);
}

/* Runs kubectl and expects each of `words` (ends in NULL) in its output. */
static void expect_kubectl(const char *arguments, const char *const *words)
{
	struct kubectl_result result =
		kubectl_run(pipeline->scratch, pipeline->kubeconfig, arguments);

	print_message("$ kubectl %s\n%s%s", arguments, result.output, result.errors);
	assert_int_equal(result.status, 0);
	for (; *words; words++)
		assert_non_null(strstr(result.output, *words));
	kubectl_result_free(&result);
}

#define EXPECT(arguments, ...) expect_kubectl(arguments, (const char *const[]){__VA_ARGS__, NULL})

static void kubectl_shows_it(void **state)
{
	struct test_container server, sidecar, other;
	struct process *load, *memory;
	struct kubectl_result none;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web-0", NULL, "server", &server);
	load = pipeline_start_load(&server, "cpu", "250");
	test_container_make(pipeline->cgroups, "shop", "web-0", server.uid, "sidecar", &sidecar);
	test_container_make(pipeline->cgroups, "bank", "vault-0", NULL, "safe", &other);
	memory = pipeline_start_load(&other, "memory", "32");
	assert_true(pipeline_wait_served(pipeline, &server, FULL, 60000) >= 0);
	assert_true(pipeline_wait_served(pipeline, &other, FULL, 60000) >= 0);

	EXPECT("top node", "NAME", PIPELINE_NODE, "%");
	EXPECT("top pod -A --containers", "NAMESPACE", "web-0", "server", "sidecar", "25", "bank",
		"vault-0", "safe", "32Mi");
	EXPECT("top pod -n shop", "web-0");
	EXPECT("top pod -n shop web-0", "web-0");
	EXPECT("top pod -n shop -l '!absent'", "web-0");
	EXPECT("get podmetrics -n shop", "NAME", "WINDOW", "web-0");
	EXPECT("get podmetrics -A -o yaml", "kind: PodMetrics", "name: vault-0");
	EXPECT("get nodemetrics", PIPELINE_NODE);
	EXPECT("api-resources --api-group=metrics.k8s.io", "NodeMetrics", "PodMetrics");
	EXPECT("get --raw /apis/metrics.k8s.io/v1beta1/namespaces/shop/pods",
		"\"apiVersion\":\"metrics.k8s.io/v1beta1\"", "\"kind\":\"PodMetricsList\"",
		"web-0");
	EXPECT("get --raw /apis/metrics.k8s.io/v1/nodes", "\"apiVersion\":\"metrics.k8s.io/v1\"",
		"\"kind\":\"NodeMetricsList\"", PIPELINE_NODE);

	none = kubectl_run(
		pipeline->scratch, pipeline->kubeconfig, "top pod -n shop -l absent=yes");
	assert_null(strstr(none.output, "web-0"));
	kubectl_result_free(&none);
	(void)process_end(load);
	(void)process_end(memory);
}

/* No more CPU than there is, memory within the machine's own: the node's figures
 * are compared with the kernel's files by the unit tests and by tests/vm. */
static void the_node_is_served(void **state)
{
	struct served served;
	uint64_t end = wait_now_ms() + 60000;
	char *meminfo = scratch_read("/proc/meminfo");
	double total_kib = 0;

	(void)state;
	assert_int_equal(sscanf(meminfo, "MemTotal: %lf", &total_kib), 1);
	free(meminfo);
	while (!pipeline_node(pipeline, &served) && wait_now_ms() < end)
		wait_ms(50);
	assert_true(pipeline_node(pipeline, &served));
	assert_true(served.cpu >= 0 && served.cpu <= (double)sysconf(_SC_NPROCESSORS_ONLN) * 1.05);
	assert_true(served.memory > 0 && served.memory < total_kib * 1024);
}

static void two_containers_of_a_pod_are_one_pod(void **state)
{
	struct test_container server, sidecar;
	json_t *list, *items;

	(void)state;
	test_container_make(pipeline->cgroups, "pair", "web-0", NULL, "server", &server);
	test_container_make(pipeline->cgroups, "pair", "web-0", server.uid, "sidecar", &sidecar);
	assert_true(pipeline_wait_served(pipeline, &server, 0, 60000) >= 0);
	assert_true(pipeline_wait_served(pipeline, &sidecar, 0, 60000) >= 0);
	list = pipeline_get_json(pipeline, "/apis/metrics.k8s.io/v1/namespaces/pair/pods");
	items = json_object_get(list, "items");
	assert_int_equal(json_array_size(items), 1);
	assert_int_equal(
		json_array_size(json_object_get(json_array_get(items, 0), "containers")), 2);
	json_decref(list);
}

/* The same pods where the kubelet names cgroups by the cgroupfs driver, read from files. */
static int set_up_cgroupfs(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_CGROUPFS);
	pipeline_start_aggregator(pipeline);
	pipeline_start_agent(pipeline, WINDOW, "files");
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(cpu_is_that_of_cpu_stat, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			cpu_is_that_of_cpu_stat, set_up_cgroupfs, tear_down),
		cmocka_unit_test_setup_teardown(memory_is_what_was_allocated, set_up, tear_down),
		cmocka_unit_test_setup_teardown(containers_come_and_go_promptly, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			containers_come_and_go_promptly, set_up_cgroupfs, tear_down),
		cmocka_unit_test_setup_teardown(kubectl_shows_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_node_is_served, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			two_containers_of_a_pod_are_one_pod, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
