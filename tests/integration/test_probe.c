/* `tacho-agent --probe`: what this machine can give, said by the real agent. */
#include "tests/harness/pipeline.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* Runs it over our cgroups, with `before` (NULL: nothing) in front; what it printed, to be freed.
 */
static char *probe(const char *const before[4], const char *output)
{
	char program[512], root[512], form[32];
	const char *argv[16];
	const char *out = scratch_path(scratch, "probe.out");
	struct process *process;
	size_t count = 0;

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(root, sizeof(root), "--cgroup-root=%s", test_cgroups_root(cgroups));
	(void)snprintf(form, sizeof(form), "--output=%s", output);
	for (; before && before[count]; count++)
		argv[count] = before[count];
	argv[count++] = program;
	argv[count++] = "--probe";
	argv[count++] = "--window=2s";
	argv[count++] = "--node-name=" PIPELINE_NODE;
	argv[count++] = form;
	argv[count++] = root;
	argv[count] = NULL;
	process = process_start(&(struct process_options){
		.argv = argv, .output = out, .errors = scratch_path(scratch, "probe.err")});
	assert_int_equal(process_wait(process, 60000), 0);
	assert_int_equal(process_end(process), 0);
	return scratch_read(out);
}

static const json_t *signal_named(const json_t *root, const char *name)
{
	const json_t *signals = json_object_get(root, "signals");
	const json_t *signal;
	size_t i;

	json_array_foreach(signals, i, signal)
	{
		if (strcmp(json_string_value(json_object_get(signal, "name")), name) == 0)
			return signal;
	}
	fail_msg("%s is not in the report", name);
	return NULL;
}

static int64_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

/* cpu.stat is there on every machine with cgroup v2. */
static void files_are_looked_at(void **state)
{
	struct test_container container;
	const json_t *file;
	json_t *root;
	char *text;

	(void)state;
	test_container_make(cgroups, "shop", "web", NULL, "server", &container);
	text = probe(NULL, "json");
	root = json_loads(text, 0, NULL);
	assert_non_null(root);
	assert_int_equal(number(root, "cgroups"), 1);
	file = signal_named(root, "cpu.stat");
	assert_string_equal(json_string_value(json_object_get(file, "source")), "file");
	assert_true(json_is_true(json_object_get(file, "given")));
	assert_true(number(file, "look_ns") > 0 && number(file, "look_ns") < 50000000);
	json_decref(root);
	free(text);
	test_container_remove(cgroups, &container);
}

/* Somebody switches between threads all the time, so the program of run_queue runs; and each signal
 * that is not given has its reason. */
static void programs_are_measured(void **state)
{
	struct test_container container;
	const json_t *signal, *programs;
	int64_t runs = 0, run_ns = 0;
	const char *lacking = NULL;
	size_t i;
	json_t *root;
	char *text;

	(void)state;
	test_container_make(cgroups, "shop", "web", NULL, "server", &container);
	text = probe(NULL, "json");
	test_container_remove(cgroups, &container);
	root = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(root);
	json_array_foreach(json_object_get(root, "signals"), i, signal)
	{
		if (!json_is_true(json_object_get(signal, "given")))
			assert_true(
				strlen(json_string_value(json_object_get(signal, "reason"))) > 8);
	}
	lacking = json_string_value(json_object_get(root, "not_measured"));
	signal = signal_named(root, "run_queue");
	if (!lacking && !json_is_true(json_object_get(signal, "given")))
		lacking = json_string_value(json_object_get(signal, "reason"));
	if (lacking) {
		print_message("skipped: programs can't be measured here: %s\n", lacking);
		json_decref(root);
		skip();
	}
	programs = json_object_get(signal, "programs");
	assert_true(json_array_size(programs) > 0);
	json_array_foreach(programs, i, signal)
	{
		runs += number(signal, "runs");
		run_ns += number(signal, "run_ns");
	}
	print_message("run_queue: %lld runs of %lld ns\n", (long long)runs,
		(long long)(run_ns / (runs > 0 ? runs : 1)));
	assert_true(runs > 0);
	assert_true(run_ns / runs > 1 && run_ns / runs < 100000);
	json_decref(root);
}

static void without_rights_it_says_what_is_missing(void **state)
{
	const char *const before[4] = {"setpriv", "--bounding-set=-sys_admin,-bpf", NULL};
	char *text;

	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: only root can give up rights\n");
		skip();
	}
	text = probe(before, "table");
	assert_non_null(
		strstr(text, "what BPF programs cost is not measured: needs CAP_SYS_ADMIN\n"));
	assert_non_null(strstr(text, "not given by this node:\n"));
	assert_non_null(strstr(text, "  tcp: "));
	assert_non_null(strstr(text, "CAP_BPF"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_are_looked_at),
		cmocka_unit_test(programs_are_measured),
		cmocka_unit_test(without_rights_it_says_what_is_missing),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
