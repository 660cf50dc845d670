/* agent/once_report: the table and the JSON of --once. */
#include "agent/once_report.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A node of three pods: one of two containers, one without names, one that is incomplete. */
struct seen {
	struct cgroup cgroups[3];
	char paths[3][32];
	struct roster_row rows[3];
	struct roster_pod pods[3];
	struct roster roster;
	struct figures figures[3];
	struct sample sample;
	struct once_report report;
};

static void figure(struct figures *figures, enum metric metric, uint64_t value)
{
	figures->present |= METRIC_BIT(metric);
	figures->value[metric] = value;
}

static void see(struct seen *seen)
{
	static const char *const NAMES[] = {"server", "sidecar", ""};
	static const char *const PATHS[] = {"/a", "/odd\"\\\n\x1b", "/\xff"};

	memset(seen, 0, sizeof(*seen));
	for (int i = 0; i < 3; i++) {
		(void)strcpy(seen->cgroups[i].container_id, ID);
		(void)strcpy(seen->paths[i], PATHS[i]);
		seen->cgroups[i].path = seen->paths[i];
		seen->rows[i] = (struct roster_row){&seen->cgroups[i], NAMES[i]};
	}
	seen->pods[0] = (struct roster_pod){"shop", "web", "uid-1", 0, 2, false};
	seen->pods[1] = (struct roster_pod){"", "", "uid-2", 2, 1, false};
	seen->pods[2] = (struct roster_pod){"shop", "new", "uid-3", 3, 0, true};
	seen->roster = (struct roster){7, seen->pods, seen->rows, 3, 3, true};
	figure(&seen->figures[0], METRIC_CPU_USAGE, 249500000);
	figure(&seen->figures[0], METRIC_CPU_THROTTLED_TIME, 1500000000);
	figure(&seen->figures[0], METRIC_CPU_THROTTLED_PERIODS, 2500);
	figure(&seen->figures[0], METRIC_MEMORY_WORKING_SET, 64 << 20);
	figure(&seen->figures[0], METRIC_IO_READ_BYTES, 20480000);
	figure(&seen->figures[0], METRIC_PIDS, 3);
	figure(&seen->figures[1], METRIC_CPU_USAGE, 0);
	figure(&seen->figures[1], METRIC_MEMORY_WORKING_SET, UINT64_MAX);
	seen->figures[0].window_ms = 15000;
	seen->sample.timestamp_ms = 1700000000123;
	seen->sample.rows = seen->figures;
	seen->sample.row_count = 3;
	seen->sample.node.window_ms = 14999;
	figure(&seen->sample.node, METRIC_NODE_CPU_USAGE, 1000000000);
	figure(&seen->sample.node, METRIC_NODE_MEMORY_WORKING_SET, 10239);
	seen->report = (struct once_report){.node_name = "node-1",
		.metrics = ~(metric_set)0,
		.capacity = {.cpus = 4, .memory_bytes = 8ULL << 30, .architecture = "amd64"},
		.roster = &seen->roster,
		.sample = &seen->sample};
}

/* What is written, to be freed. */
static char *written(
	int (*write)(const struct once_report *report, FILE *out), const struct once_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(write(report, out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

/* --- the table -------------------------------------------------------------------------------- */

/* The words of one line, parted by one blank each. */
static void next_line(char **text, char *words, size_t size)
{
	char *line = strsep(text, "\n"), *more;
	size_t length = 0;

	assert_non_null(line);
	words[0] = '\0';
	for (char *word = strtok_r(line, " ", &more); word; word = strtok_r(NULL, " ", &more))
		length += (size_t)snprintf(
			words + length, size - length, "%s%s", length ? " " : "", word);
}

static void the_table_has_a_line_a_container(void **state)
{
	static const char *const LINES[] = {
		"node node_cpu_usage node_memory_working_set",
		"node-1 1000m 10239",
		"",
		"namespace pod container cpu_usage cpu_throttled_periods cpu_throttled_time "
		"memory_working_set pids io_read_bytes",
		"shop web server 250m 2.5/s 1.500s/s 64Mi 3 20Ki/s",
		"shop web sidecar 0m - - 16777215Ti - -",
		"<unknown> uid-2 " ID " - - - - - -",
		"",
	};
	struct seen seen;
	char *text, *rest, words[512];

	(void)state;
	see(&seen);
	seen.report.metrics =
		METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_CPU_THROTTLED_PERIODS) |
		METRIC_BIT(METRIC_CPU_THROTTLED_TIME) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
		METRIC_BIT(METRIC_PIDS) | METRIC_BIT(METRIC_IO_READ_BYTES) |
		METRIC_BIT(METRIC_NODE_CPU_USAGE) | METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET);
	text = rest = written(once_report_table, &seen.report);
	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		next_line(&rest, words, sizeof(words));
		assert_string_equal(words, LINES[i]);
	}
	assert_null(rest);
	free(text);
}

static void columns_stand_below_each_other(void **state)
{
	struct seen seen;
	char *text, *line, *at;

	(void)state;
	see(&seen);
	text = written(once_report_table, &seen.report);
	line = strstr(text, "namespace");
	assert_non_null(line);
	at = strstr(line, "memory_working_set");
	assert_non_null(at);
	for (int row = 0; row < 3; row++) {
		char *next = strchr(line, '\n') + 1;

		assert_true(next[at - line - 1] == ' ' && next[at - line] != ' ');
		at = next + (at - line);
		line = next;
	}
	free(text);
}

static void an_empty_node_has_its_headers(void **state)
{
	struct roster none = {.revision = 1};
	struct seen seen;
	char *text;

	(void)state;
	see(&seen);
	seen.report.roster = &none;
	text = written(once_report_table, &seen.report);
	assert_non_null(strstr(text, "node-1"));
	assert_non_null(strstr(text, "namespace"));
	free(text);
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void json_has_every_figure(void **state)
{
	json_error_t why;
	json_t *root, *expected;
	struct seen seen;
	char *text;

	(void)state;
	see(&seen);
	text = written(once_report_json, &seen.report);
	root = json_loads(text, 0, &why);
	if (!root)
		fail_msg("%s in %s", why.text, text);
	expected = json_pack("{s:s, s:I, s:{s:i, s:I}, s:i, s:{s:I, s:I}, s:["
			     "{s:s, s:s, s:s, s:b, s:["
			     "{s:s, s:s, s:s, s:i, s:{s:I, s:I, s:I, s:I, s:I, s:I}},"
			     "{s:s, s:s, s:s, s:i, s:{s:I, s:I}}]},"
			     "{s:s, s:s, s:s, s:b, s:[{s:s, s:s, s:i, s:{}}]},"
			     "{s:s, s:s, s:s, s:b, s:[]}]}",
		"node", "node-1", "timestamp_ms", (json_int_t)1700000000123, "capacity", "cpus", 4,
		"memory_bytes", (json_int_t)(8ULL << 30), "window_ms", 14999, "metrics",
		"node_cpu_usage", (json_int_t)1000000000, "node_memory_working_set",
		(json_int_t)10239, "pods", /* */
		"namespace", "shop", "name", "web", "uid", "uid-1", "incomplete", 0, "containers",
		"name", "server", "id", ID, "cgroup", "/a", "window_ms", 15000, "metrics",
		"cpu_usage", (json_int_t)249500000, "cpu_throttled_time", (json_int_t)1500000000,
		"cpu_throttled_periods", (json_int_t)2500, "memory_working_set",
		(json_int_t)(64 << 20), "io_read_bytes", (json_int_t)20480000, "pids",
		(json_int_t)3, /* */
		"name", "sidecar", "id", ID, "cgroup", "/odd\"\\\n\x1b", "window_ms", 0, "metrics",
		"cpu_usage", (json_int_t)0, "memory_working_set", (json_int_t)INT64_MAX, /* */
		"namespace", "", "name", "", "uid", "uid-2", "incomplete", 0, "containers", "name",
		"", "id", ID, "window_ms", 0, "metrics", /* its path is not UTF-8 */
		"namespace", "shop", "name", "new", "uid", "uid-3", "incomplete", 1, "containers");
	assert_non_null(expected);
	assert_true(json_equal(root, expected));
	json_decref(expected);
	json_decref(root);
	free(text);
}

static void a_full_disk_is_an_error(void **state)
{
	struct seen seen;
	FILE *full = fopen("/dev/full", "we");

	(void)state;
	assert_non_null(full);
	setbuf(full, NULL);
	see(&seen);
	assert_int_equal(once_report_json(&seen.report, full), -ENOSPC);
	clearerr(full);
	assert_int_equal(once_report_table(&seen.report, full), -ENOSPC);
	(void)fclose(full);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_has_a_line_a_container),
		cmocka_unit_test(columns_stand_below_each_other),
		cmocka_unit_test(an_empty_node_has_its_headers),
		cmocka_unit_test(json_has_every_figure),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	return cmocka_run_group_tests_name("once_report", tests, NULL, NULL);
}
