#include "agent/probe_report.h"

#include "agent/figures.h"
#include "agent/text_table.h"
#include "base/clock.h"
#include "proto/metric.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

#define CELL  32
#define NAMES 2048

static bool comes_from(enum metric metric, field_set fields)
{
	return metric_info(metric)->scope == METRIC_SCOPE_CONTAINER &&
	       (FIELD_BIT(figures_field(metric)) & fields);
}

void probe_report_metrics(field_set fields, char *text, size_t size)
{
	size_t length = 0;

	text[0] = '\0';
	for (enum metric metric = 0; metric < METRIC_COUNT && length < size; metric++)
		if (comes_from(metric, fields))
			length += (size_t)snprintf(text + length, size - length, "%s%s",
				length > 0 ? ", " : "", metric_info(metric)->name);
}

static struct bpf_cost sum(const struct probe_row *row)
{
	struct bpf_cost all = {0};

	for (size_t i = 0; i < row->program_count; i++) {
		all.runs += row->programs[i].runs;
		all.run_ns += row->programs[i].run_ns;
	}
	return all;
}

static double share(uint64_t ns, uint64_t of_ns)
{
	return of_ns > 0 ? (double)ns / (double)of_ns : 0;
}

/* --- the table -------------------------------------------------------------------------------- */

/* Signals are asked in the kernel all the time; the walk's program runs in the look. */
static double core_share(const struct probe_report *report, const struct probe_row *row)
{
	double looks = share(row->look_ns, report->interval_ns);
	double runs = share(sum(row).run_ns, report->window_ns);

	return strcmp(row->name, "walk") == 0 ? looks : looks + runs;
}

static void add_cost(
	struct text_table *table, const struct probe_report *report, const struct probe_row *row)
{
	struct bpf_cost all = sum(row);
	char look[CELL] = "-", runs[CELL] = "-", each[CELL] = "-", core[CELL] = "-";

	if (row->look_ns > 0)
		(void)snprintf(look, CELL, "%.1f us", (double)row->look_ns / 1e3);
	if (row->program_count > 0 && !report->not_measured) {
		(void)snprintf(runs, CELL, "%.1f",
			(double)all.runs * 1e9 / (double)(report->window_ns + !report->window_ns));
		if (all.runs > 0)
			(void)snprintf(
				each, CELL, "%llu ns", (unsigned long long)(all.run_ns / all.runs));
	}
	if (row->look_ns > 0 || all.runs > 0)
		(void)snprintf(core, CELL, "%.4f %%", core_share(report, row) * 100);
	text_table_add(table, look);
	text_table_add(table, runs);
	text_table_add(table, each);
	text_table_add(table, core);
}

static void add_given(struct text_table *table, const struct probe_report *report)
{
	static const char *const HEADER[] = {
		"signal", "source", "a look", "runs/s", "a run", "of a core", "metrics"};

	table->columns = sizeof(HEADER) / sizeof(HEADER[0]);
	for (size_t i = 0; i < table->columns; i++)
		text_table_add(table, HEADER[i]);
	for (size_t i = 0; i < report->row_count; i++) {
		const struct probe_row *row = &report->rows[i];
		char names[NAMES];

		if (!row->given)
			continue;
		probe_report_metrics(row->used, names, sizeof(names));
		text_table_add(table, row->name);
		text_table_add(table, row->bpf ? "bpf" : "file");
		add_cost(table, report, row);
		text_table_add(table, *names ? names : "(given by a source above)");
	}
}

static field_set all_used(const struct probe_report *report)
{
	field_set used = 0;

	for (size_t i = 0; i < report->row_count; i++)
		used |= report->rows[i].used;
	return used;
}

/* Only what no other source gives. */
static void print_missing(const struct probe_report *report, FILE *out)
{
	field_set said = all_used(report), idle = 0;
	const char *title = "\nnot given by this node:\n";
	char names[NAMES];

	for (size_t i = 0; i < report->row_count; i++) {
		const struct probe_row *row = &report->rows[i];

		probe_report_metrics(row->fields & ~said, names, sizeof(names));
		if (row->given)
			idle |= row->fields;
		if (row->given || !*names)
			continue;
		(void)fprintf(out, "%s  %s: %s\n    %s\n", title, row->name, row->why, names);
		title = "";
		said |= row->fields;
	}
	probe_report_metrics(idle & ~said, names, sizeof(names));
	if (*names)
		(void)fprintf(out, "%s  no cgroup here has a figure of:\n    %s\n", title, names);
}

int probe_report_table(const struct probe_report *report, FILE *out)
{
	struct text_table table = {0};
	int r;

	(void)fprintf(out, "node %s: %u containers and units, watched for %.1f s\n\n",
		report->node_name, report->cgroups, (double)report->window_ns / 1e9);
	add_given(&table, report);
	r = text_table_print(&table, out);
	text_table_free(&table);
	if (r < 0)
		return r;
	if (report->not_measured)
		(void)fprintf(out, "\nwhat BPF programs cost is not measured: %s\n",
			report->not_measured);
	print_missing(report, out);
	return ferror(out) ? -EIO : 0;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *json_metrics(field_set fields)
{
	json_t *names = json_array();

	for (enum metric metric = 0; metric < METRIC_COUNT; metric++)
		if (comes_from(metric, fields))
			(void)json_array_append_new(names, json_string(metric_info(metric)->name));
	return names;
}

static json_t *json_programs(const struct probe_report *report, const struct probe_row *row)
{
	json_t *programs = json_array();

	for (size_t i = 0; i < row->program_count; i++) {
		const struct bpf_cost *cost = &row->programs[i];
		json_t *program = json_pack("{s:s}", "name", cost->name);

		if (!report->not_measured) {
			(void)json_object_set_new(
				program, "runs", json_integer((json_int_t)cost->runs));
			(void)json_object_set_new(
				program, "run_ns", json_integer((json_int_t)cost->run_ns));
		}
		(void)json_array_append_new(programs, program);
	}
	return programs;
}

static json_t *json_row(const struct probe_report *report, const struct probe_row *row)
{
	json_t *object = json_pack("{s:s, s:s, s:b, s:o, s:o}", "name", row->name, "source",
		row->bpf ? "bpf" : "file", "given", row->given, "metrics",
		json_metrics(row->fields), "used_for", json_metrics(row->used));

	if (!row->given)
		(void)json_object_set_new(object, "reason", json_string(row->why));
	if (row->look_ns > 0)
		(void)json_object_set_new(
			object, "look_ns", json_integer((json_int_t)row->look_ns));
	if (row->bpf && row->given)
		(void)json_object_set_new(object, "programs", json_programs(report, row));
	if (row->look_ns > 0 || sum(row).runs > 0)
		(void)json_object_set_new(object, "core_share", json_real(core_share(report, row)));
	return object;
}

int probe_report_json(const struct probe_report *report, FILE *out)
{
	json_t *signals = json_array(), *root;
	int r;

	for (size_t i = 0; i < report->row_count; i++)
		(void)json_array_append_new(signals, json_row(report, &report->rows[i]));
	root = json_pack("{s:s, s:I, s:I, s:i, s:s*, s:o}", "node", report->node_name, "window_ms",
		(json_int_t)(report->window_ns / NS_PER_MS), "interval_ms",
		(json_int_t)(report->interval_ns / NS_PER_MS), "cgroups", (int)report->cgroups,
		"not_measured", report->not_measured, "signals", signals);
	if (!root)
		return -ENOMEM;
	errno = 0;
	r = json_dumpf(root, out, JSON_INDENT(2));
	if (r < 0)
		r = errno ? -errno : -EIO;
	else if (fputc('\n', out) == EOF)
		r = -errno;
	json_decref(root);
	return r;
}
