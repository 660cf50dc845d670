#include "agent/once.h"

#include "base/clock.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* --- the table -------------------------------------------------------------------------------- */

#define CELL 24

/* 1234567 bytes as "1205Ki", as kubectl top counts in Ki and Mi. */
static void format_bytes(uint64_t bytes, const char *suffix, char *out)
{
	static const char *const PREFIXES[] = {"", "Ki", "Mi", "Gi", "Ti"};
	size_t power = 0;

	while (bytes >= 10240 && power < 4) {
		bytes /= 1024;
		power++;
	}
	(void)snprintf(out, CELL, "%llu%s%s", (unsigned long long)bytes, PREFIXES[power], suffix);
}

static void format_cell(const struct figures *figures, enum metric metric, char *out)
{
	uint64_t value = figures->value[metric];

	if (!(figures->present & METRIC_BIT(metric))) {
		(void)snprintf(out, CELL, "-");
		return;
	}
	switch (metric_info(metric)->unit) {
	case METRIC_UNIT_NANOCORES:
		(void)snprintf(
			out, CELL, "%llum", (unsigned long long)((value + 500000) / 1000000));
		break;
	case METRIC_UNIT_NANOSECONDS_PER_SECOND:
		(void)snprintf(out, CELL, "%.3fs/s", (double)value / 1e9);
		break;
	case METRIC_UNIT_MILLI_PER_SECOND:
		(void)snprintf(out, CELL, "%.1f/s", (double)value / 1e3);
		break;
	case METRIC_UNIT_MILLIBYTES_PER_SECOND:
		format_bytes(value / 1000, "/s", out);
		break;
	case METRIC_UNIT_BYTES:
		format_bytes(value, "", out);
		break;
	case METRIC_UNIT_NUMBER:
	case METRIC_UNIT_COUNT:
	default:
		(void)snprintf(out, CELL, "%llu", (unsigned long long)value);
		break;
	}
}

/* A column's width is that of its widest cell; cells stand in rows x columns of CELL bytes. */
struct table {
	struct buffer cells; /* NUL-terminated strings, row by row */
	size_t width[3 + METRIC_COUNT];
	size_t columns;
};

static void add_cell(struct table *table, size_t column, const char *text)
{
	size_t length = strlen(text);

	buffer_append(&table->cells, text, length + 1);
	if (length > table->width[column])
		table->width[column] = length;
}

static void add_row(struct table *table, metric_set metrics, enum metric_scope scope,
	const char *const names[3], const struct figures *figures)
{
	size_t column = 0;

	for (; column < 3; column++)
		add_cell(table, column, names[column]);
	for (int i = 0; i < METRIC_COUNT; i++) {
		char cell[CELL];

		if (!(metrics & METRIC_BIT(i)) || metric_info((enum metric)i)->scope != scope)
			continue;
		if (figures)
			format_cell(figures, (enum metric)i, cell);
		add_cell(table, column++, figures ? cell : metric_info((enum metric)i)->name);
	}
	table->columns = column;
}

static void print_table(const struct table *table, FILE *out)
{
	const char *cell = table->cells.data, *end = cell + table->cells.length;

	for (size_t column = 0; cell < end; column = (column + 1) % table->columns) {
		if (column + 1 == table->columns)
			(void)fprintf(out, "%s\n", cell);
		else
			(void)fprintf(out, "%-*s  ", (int)table->width[column], cell);
		cell += strlen(cell) + 1;
	}
}

static const char *or_unknown(const char *text)
{
	return *text ? text : "<unknown>";
}

static int write_table(const struct once_options *options, const struct roster *roster,
	const struct sample *sample, FILE *out)
{
	static const char *const NODE_HEADER[3] = {"node", "", ""};
	static const char *const HEADER[3] = {"namespace", "pod", "container"};
	const char *const node[3] = {options->node_name, "", ""};
	struct table nodes = {0}, rows = {0};
	int r = 0;

	add_row(&nodes, options->metrics, METRIC_SCOPE_NODE, NODE_HEADER, NULL);
	add_row(&nodes, options->metrics, METRIC_SCOPE_NODE, node, &sample->node);
	add_row(&rows, options->metrics, METRIC_SCOPE_CONTAINER, HEADER, NULL);
	for (uint32_t p = 0; p < roster->pod_count; p++) {
		const struct roster_pod *pod = &roster->pods[p];

		for (uint32_t row = pod->first_row; row < pod->first_row + pod->rows; row++) {
			const char *id = roster->rows[row].cgroup->container_id;
			const char *const names[3] = {or_unknown(pod->namespace),
				*pod->name ? pod->name : pod->uid,
				*roster->rows[row].container ? roster->rows[row].container : id};

			add_row(&rows, options->metrics, METRIC_SCOPE_CONTAINER, names,
				&sample->rows[row]);
		}
	}
	if (nodes.cells.failed || rows.cells.failed) {
		r = -ENOMEM;
	} else {
		print_table(&nodes, out);
		(void)fputc('\n', out);
		print_table(&rows, out);
	}
	buffer_free(&nodes.cells);
	buffer_free(&rows.cells);
	return r;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *json_figures(const struct figures *figures)
{
	json_t *object = json_object();

	for (int i = 0; i < METRIC_COUNT; i++)
		if (figures->present & METRIC_BIT(i))
			(void)json_object_set_new(object, metric_info((enum metric)i)->name,
				json_integer((json_int_t)figures->value[i]));
	return object;
}

static json_t *json_pod(
	const struct roster *roster, const struct roster_pod *pod, const struct sample *sample)
{
	json_t *containers = json_array();

	for (uint32_t row = pod->first_row; row < pod->first_row + pod->rows; row++) {
		const struct figures *figures = &sample->rows[row];

		(void)json_array_append_new(containers,
			/* a folder's name need not be UTF-8: then there is no path */
			json_pack("{s:s, s:s, s:o*, s:i, s:o}", "name", roster->rows[row].container,
				"id", roster->rows[row].cgroup->container_id, "cgroup",
				json_string(roster->rows[row].cgroup->path), "window_ms",
				(int)figures->window_ms, "metrics", json_figures(figures)));
	}
	return json_pack("{s:s, s:s, s:s, s:b, s:o}", "namespace", pod->namespace, "name",
		pod->name, "uid", pod->uid, "incomplete", pod->incomplete, "containers",
		containers);
}

static int write_json(const struct once_options *options, const struct roster *roster,
	const struct sample *sample, FILE *out)
{
	struct node_capacity capacity;
	json_t *pods = json_array(), *root;
	int r;

	sampler_capacity(options->sampler, &capacity);
	for (uint32_t p = 0; p < roster->pod_count; p++)
		(void)json_array_append_new(pods, json_pod(roster, &roster->pods[p], sample));
	root = json_pack("{s:s, s:I, s:{s:i, s:I}, s:i, s:o, s:o}", "node", options->node_name,
		"timestamp_ms", (json_int_t)sample->timestamp_ms, "capacity", "cpus",
		(int)capacity.cpus, "memory_bytes", (json_int_t)capacity.memory_bytes, "window_ms",
		(int)sample->node.window_ms, "metrics", json_figures(&sample->node), "pods", pods);
	if (!root)
		return -ENOMEM; /* or a name that is not UTF-8, which names are checked for */
	r = json_dumpf(root, out, JSON_INDENT(2)) < 0 ? -EIO : 0;
	(void)fputc('\n', out);
	json_decref(root);
	return r;
}

/* --- the run ---------------------------------------------------------------------------------- */

static void sleep_ns(uint64_t ns)
{
	struct timespec left = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

int once_run(const struct once_options *options, FILE *out, struct error *err)
{
	uint64_t start_ns = clock_monotonic_ns();
	const struct roster *roster;
	const struct sample *sample;
	int r;

	for (uint64_t look = 0;; look++) {
		uint64_t due_ns = start_ns + look * options->interval_ns, now_ns;

		now_ns = clock_monotonic_ns();
		if (now_ns < due_ns)
			sleep_ns(due_ns - now_ns);
		r = sampler_run(options->sampler, &roster, &sample);
		if (r < 0)
			return error_errno(err, -r, "reading the node's counters");
		if (due_ns - start_ns >= options->window_ns)
			break;
	}
	if (options->output == ONCE_JSON)
		r = write_json(options, roster, sample, out);
	else
		r = write_table(options, roster, sample, out);
	if (fflush(out) != 0 && r == 0)
		r = -errno;
	return r < 0 ? error_errno(err, -r, "writing the figures") : 0;
}
