/* `tacho-agent --once`: one window's reading, without an aggregator. */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct scratch *scratch;
static struct test_cgroups *cgroups;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	cgroups = test_cgroups_new(scratch, TEST_DRIVER_SYSTEMD);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_end_all();
	test_cgroups_free(cgroups);
	scratch_free(scratch);
	return 0;
}

/* Runs it over our cgroups (or, with `own` false, over what the machine has) and returns what it
 * printed, to be freed. */
static char *run_once(const char *output, const char *source, bool own)
{
	char program[512], root[512], logs[512], form[32], from[32];
	const char *argv[] = {program, "--once", "--window=2s", form, from,
		"--node-name=" PIPELINE_NODE, own ? root : NULL, logs, NULL};
	const char *out = scratch_path(scratch, "once.out");
	struct process *process;

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(form, sizeof(form), "--output=%s", output);
	(void)snprintf(from, sizeof(from), "--source=%s", source);
	(void)snprintf(root, sizeof(root), "--cgroup-root=%s", test_cgroups_root(cgroups));
	(void)snprintf(logs, sizeof(logs), "--log-root=%s", test_cgroups_log_root(cgroups));
	process = process_start(&(struct process_options){
		.argv = argv, .output = out, .errors = scratch_path(scratch, "once.err")});
	assert_int_equal(process_wait(process, 60000), 0);
	assert_int_equal(process_end(process), 0);
	return scratch_read(out);
}

/* The figures of the only container of the only pod, which must be ours, and their window in
 * seconds. */
static json_t *only_container(
	json_t *root, const struct test_container *container, double *ret_window)
{
	json_t *pods = json_object_get(root, "pods"), *pod, *containers, *only;

	assert_int_equal(json_array_size(pods), 1);
	pod = json_array_get(pods, 0);
	assert_string_equal(
		json_string_value(json_object_get(pod, "namespace")), container->namespace);
	assert_string_equal(json_string_value(json_object_get(pod, "name")), container->pod);
	assert_string_equal(json_string_value(json_object_get(pod, "uid")), container->uid);
	containers = json_object_get(pod, "containers");
	assert_int_equal(json_array_size(containers), 1);
	only = json_array_get(containers, 0);
	assert_string_equal(json_string_value(json_object_get(only, "name")), container->name);
	assert_string_equal(json_string_value(json_object_get(only, "id")), container->id);
	*ret_window = json_number_value(json_object_get(only, "window_ms")) / 1e3;
	return json_object_get(only, "metrics");
}

/* Our own reading of the CPU that the container used while the program ran. */
struct own_reading {
	double cpu_seconds;
	bool even; /* the load had its share all the time: a busy machine does not give it that */
};

/* As run_once(); looks again when the load was not even. */
static char *run_once_evenly(
	const char *source, const struct test_container *container, struct own_reading *ret_own)
{
	for (int round = 0;; round++) {
		uint64_t start_ms = wait_now_ms();
		uint64_t start_usec = test_container_cpu_usec(cgroups, container);
		char *text = run_once("json", source, true);
		uint64_t usec = test_container_cpu_usec(cgroups, container) - start_usec;
		double cores = (double)usec / (double)(wait_now_ms() - start_ms) / 1000;

		ret_own->cpu_seconds = (double)usec / 1e6;
		ret_own->even = fabs(cores - 0.25) < 0.25 * 0.01;
		if (ret_own->even || round == 4)
			return text;
		print_message("the load had %.4f cores: once more\n", cores);
		free(text);
	}
}

static void json_is_right(const char *source)
{
	struct test_container container;
	struct process *load, *memory;
	json_t *root, *metrics;
	struct own_reading own;
	double cpu, bytes, window;
	char *text;

	test_container_make(cgroups, "shop", "web", NULL, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	memory = pipeline_start_load(&container, "memory", "64");
	wait_ms(500); /* the memory's touching is CPU time too */
	text = run_once_evenly(source, &container, &own);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "node")), PIPELINE_NODE);
	metrics = only_container(root, &container, &window);
	cpu = json_number_value(json_object_get(metrics, "cpu_usage")) / 1e9;
	bytes = json_number_value(json_object_get(metrics, "memory_working_set"));
	print_message("%s: %.4f cores, %.0f bytes\n", source, cpu, bytes);
	assert_true(window > 1.5 && window < 30);
	assert_true(cpu * window <= own.cpu_seconds * 1.01); /* it lies within our reading */
	if (own.even)
		assert_true(fabs(cpu - 0.25) < 0.25 * 0.03);
	assert_true(fabs(bytes - (double)test_container_working_set(cgroups, &container)) <
		    bytes * 0.01);
	json_decref(root);
	free(text);
	(void)process_end(load);
	(void)process_end(memory);
	test_container_remove(cgroups, &container);
}

static void json_has_the_figures(void **state)
{
	(void)state;
	json_is_right("auto");
	json_is_right("files");
}

static void table_has_a_line_a_container(void **state)
{
	struct test_container first, second;
	char *text;

	(void)state;
	test_container_make(cgroups, "shop", "web", NULL, "server", &first);
	test_container_make(cgroups, "shop", "web", first.uid, "sidecar", &second);
	text = run_once("table", "auto", true);
	print_message("%s", text);
	assert_non_null(strstr(text, "namespace"));
	assert_non_null(strstr(text, "cpu_usage"));
	assert_non_null(strstr(text, "server"));
	assert_non_null(strstr(text, "sidecar"));
	assert_non_null(strstr(text, PIPELINE_NODE));
	free(text);
}

/* Any byte but '/', NUL and a line feed may stand in a cgroup's name. */
#define ODD " \"quoted\" \\ {\"pods\": []}\r2026-01-01T00:00:00.000Z ERROR forged \x1b[31m \xff\xfe"

static void names_may_hold_anything(void **state)
{
	const char *errors = scratch_path(scratch, "once.err");
	char folder[1200], *text, *log;
	struct test_container container;
	json_t *root, *pod;
	unsigned found = 0;
	size_t i;

	(void)state;
	test_container_make(cgroups, "shop", "web", NULL, "server", &container);
	/* at the top of the tree, where units are looked for */
	*strstr(container.procs_v2, test_cgroups_root(cgroups)) = '\0';
	(void)snprintf(
		folder, sizeof(folder), "%s%s" ODD, container.procs_v2, test_cgroups_root(cgroups));
	assert_int_equal(mkdir(folder, 0755), 0);
	text = run_once("json", "auto", false);
	log = scratch_read(errors);
	(void)rmdir(folder);
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "pods"), i, pod)
	{
		found += strstr(json_string_value(json_object_get(pod, "name")),
				 "\\x0d2026-01-01T00:00:00.000Z\\x20ERROR\\x20forged\\x20\\x1b") !=
			 NULL;
	}
	assert_int_equal(found, 1);
	assert_null(strchr(log, '\r'));
	assert_null(strchr(log, '\x1b'));
	json_decref(root);
	free(log);
	free(text);
}

/* A machine without kubepods: its units or top-level cgroups are shown. */
static void any_machine_has_something_to_show(void **state)
{
	char *text = run_once("json", "auto", false);
	json_t *root = json_loads(text, 0, NULL);

	(void)state;
	assert_non_null(root);
	assert_true(json_array_size(json_object_get(root, "pods")) > 0);
	json_decref(root);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(json_has_the_figures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(table_has_a_line_a_container, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_may_hold_anything, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			any_machine_has_something_to_show, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
