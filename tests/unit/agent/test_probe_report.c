/* agent/probe_report: the table and the JSON of --probe. */
#include "agent/probe_report.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A signal of two programs, one that can't load, a file, and a file that only repeats. */
static const struct probe_row ROWS[] = {
	{.name = "network",
		.bpf = true,
		.given = true,
		.fields = FIELD_BIT(FIELD_NETWORK_RECEIVE_BYTES),
		.used = FIELD_BIT(FIELD_NETWORK_RECEIVE_BYTES),
		.look_ns = 20000,
		.programs = {{1, "ingress", 300000, 3000}, {2, "egress", 100000, 1000}},
		.program_count = 2},
	{.name = "oom",
		.bpf = true,
		.why = "loading it: no such tracepoint",
		.fields = FIELD_BIT(FIELD_OOM_KILLS)},
	{.name = "pids.current",
		.given = true,
		.fields = FIELD_BIT(FIELD_PIDS),
		.used = FIELD_BIT(FIELD_PIDS),
		.look_ns = 100000},
	{.name = "copy", .given = true, .fields = FIELD_BIT(FIELD_PIDS), .look_ns = 1000},
	{.name = "second", .why = "it is off", .fields = FIELD_BIT(FIELD_PIDS)},
	{.name = "empty", .given = true, .fields = FIELD_BIT(FIELD_TCP_RESETS)},
};

static struct probe_report report = {.node_name = "node-1",
	.window_ns = 2000000000,
	.interval_ns = 1000000000,
	.cgroups = 12,
	.rows = ROWS,
	.row_count = sizeof(ROWS) / sizeof(ROWS[0])};

static char *written(int (*write)(const struct probe_report *report, FILE *out))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(write(&report, out), 0);
	(void)fclose(out);
	return text;
}

static void table_says_what_each_costs(void **state)
{
	char *text = written(probe_report_table);

	(void)state;
	/* 4000 runs in 2 s, 400 us of them and a look of 20 us a second */
	assert_string_equal(text,
		"node node-1: 12 containers and units, watched for 2.0 s\n\n"
		"signal        source  a look    runs/s  a run   of a core  metrics\n"
		"network       bpf     20.0 us   2000.0  100 ns  0.0220 %   network_receive_bytes\n"
		"pids.current  file    100.0 us  -       -       0.0100 %   pids\n"
		"copy          file    1.0 us    -       -       0.0001 %   (given by a source "
		"above)\n"
		"empty         file    -         -       -       -          (given by a source "
		"above)\n"
		"\nnot given by this node:\n"
		"  oom: loading it: no such tracepoint\n    oom_kills, oom_events\n"
		"  no cgroup here has a figure of:\n    tcp_resets\n");
	free(text);
}

static void what_is_not_measured_has_its_reason(void **state)
{
	char *text;

	(void)state;
	report.not_measured = "needs CAP_SYS_ADMIN";
	text = written(probe_report_table);
	assert_non_null(
		strstr(text, "what BPF programs cost is not measured: needs CAP_SYS_ADMIN\n"));
	assert_null(strstr(text, "2000.0"));
	free(text);
	text = written(probe_report_json);
	assert_non_null(strstr(text, "\"not_measured\": \"needs CAP_SYS_ADMIN\""));
	assert_null(strstr(text, "run_ns"));
	free(text);
	report.not_measured = NULL;
}

static void json_has_every_program(void **state)
{
	char *text = written(probe_report_json);
	json_t *root = json_loads(text, 0, NULL), *signals, *first, *programs, *second;

	(void)state;
	assert_non_null(root);
	signals = json_object_get(root, "signals");
	assert_int_equal(json_array_size(signals), report.row_count);
	assert_int_equal(json_integer_value(json_object_get(root, "window_ms")), 2000);
	first = json_array_get(signals, 0);
	assert_true(json_is_true(json_object_get(first, "given")));
	programs = json_object_get(first, "programs");
	assert_int_equal(json_array_size(programs), 2);
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(programs, 1), "name")), "egress");
	assert_int_equal(
		json_integer_value(json_object_get(json_array_get(programs, 1), "runs")), 1000);
	second = json_array_get(signals, 1);
	assert_false(json_is_true(json_object_get(second, "given")));
	assert_string_equal(json_string_value(json_object_get(second, "reason")),
		"loading it: no such tracepoint");
	json_decref(root);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_says_what_each_costs),
		cmocka_unit_test(what_is_not_measured_has_its_reason),
		cmocka_unit_test(json_has_every_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
