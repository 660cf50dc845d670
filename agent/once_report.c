#include "agent/once_report.h"

#include "agent/text_table.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>

/* --- the table -------------------------------------------------------------------------------- */

#define CELL 24

_Static_assert(3 + METRIC_COUNT <= TEXT_TABLE_COLUMNS, "TEXT_TABLE_COLUMNS is too small");

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
	case METRIC_UNIT_BYTES_PER_SECOND:
		format_bytes(value, "/s", out);
		break;
	case METRIC_UNIT_NANOSECONDS:
		(void)snprintf(out, CELL, "%.3fms", (double)value / 1e6);
		break;
	case METRIC_UNIT_MILLI:
		(void)snprintf(out, CELL, "%.1f%%", (double)value / 10);
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

static size_t columns_of(metric_set metrics, enum metric_scope scope)
{
	size_t columns = 3;

	for (int i = 0; i < METRIC_COUNT; i++)
		columns += (metrics & METRIC_BIT(i)) && metric_info((enum metric)i)->scope == scope;
	return columns;
}

static void add_row(struct text_table *table, metric_set metrics, enum metric_scope scope,
	const char *const names[3], const struct figures *figures)
{
	for (size_t column = 0; column < 3; column++)
		text_table_add(table, names[column]);
	for (int i = 0; i < METRIC_COUNT; i++) {
		char cell[CELL];

		if (!(metrics & METRIC_BIT(i)) || metric_info((enum metric)i)->scope != scope)
			continue;
		if (figures)
			format_cell(figures, (enum metric)i, cell);
		text_table_add(table, figures ? cell : metric_info((enum metric)i)->name);
	}
}

static const char *or_unknown(const char *text)
{
	return *text ? text : "<unknown>";
}

int once_report_table(const struct once_report *report, FILE *out)
{
	const struct roster *roster = report->roster;
	const struct sample *sample = report->sample;
	static const char *const NODE_HEADER[3] = {"node", "", ""};
	static const char *const HEADER[3] = {"namespace", "pod", "container"};
	const char *const node[3] = {report->node_name, "", ""};
	struct text_table nodes = {.columns = columns_of(report->metrics, METRIC_SCOPE_NODE)};
	struct text_table rows = {.columns = columns_of(report->metrics, METRIC_SCOPE_CONTAINER)};
	int r;

	add_row(&nodes, report->metrics, METRIC_SCOPE_NODE, NODE_HEADER, NULL);
	add_row(&nodes, report->metrics, METRIC_SCOPE_NODE, node, &sample->node);
	add_row(&rows, report->metrics, METRIC_SCOPE_CONTAINER, HEADER, NULL);
	for (uint32_t p = 0; p < roster->pod_count; p++) {
		const struct roster_pod *pod = &roster->pods[p];

		for (uint32_t row = pod->first_row; row < pod->first_row + pod->rows; row++) {
			const char *id = roster->rows[row].cgroup->container_id;
			const char *const names[3] = {or_unknown(pod->namespace),
				*pod->name ? pod->name : pod->uid,
				*roster->rows[row].container ? roster->rows[row].container : id};

			add_row(&rows, report->metrics, METRIC_SCOPE_CONTAINER, names,
				&sample->rows[row]);
		}
	}
	r = text_table_print(&nodes, out);
	if (r == 0 && fputc('\n', out) == EOF)
		r = -errno;
	if (r == 0)
		r = text_table_print(&rows, out);
	text_table_free(&nodes);
	text_table_free(&rows);
	return r;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *json_figures(const struct figures *figures)
{
	json_t *object = json_object();

	for (int i = 0; i < METRIC_COUNT; i++) {
		uint64_t value = figures->value[i];

		if (!(figures->present & METRIC_BIT(i)))
			continue;
		/* jansson's integers have a sign */
		(void)json_object_set_new(object, metric_info((enum metric)i)->name,
			json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value));
	}
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

int once_report_json(const struct once_report *report, FILE *out)
{
	const struct roster *roster = report->roster;
	const struct sample *sample = report->sample;
	json_t *pods = json_array(), *root;
	int r;

	for (uint32_t p = 0; p < roster->pod_count; p++)
		(void)json_array_append_new(pods, json_pod(roster, &roster->pods[p], sample));
	root = json_pack("{s:s, s:I, s:{s:i, s:I}, s:i, s:o, s:o}", "node", report->node_name,
		"timestamp_ms", (json_int_t)sample->timestamp_ms, "capacity", "cpus",
		(int)report->capacity.cpus, "memory_bytes",
		(json_int_t)report->capacity.memory_bytes, "window_ms", (int)sample->node.window_ms,
		"metrics", json_figures(&sample->node), "pods", pods);
	if (!root)
		return -ENOMEM; /* or a name that is not UTF-8, which names are checked for */
	errno = 0;
	r = json_dumpf(root, out, JSON_INDENT(2));
	if (r < 0)
		r = errno ? -errno : -EIO;
	else if (fputc('\n', out) == EOF)
		r = -errno;
	json_decref(root);
	return r;
}
