#include "agent/export_head.h"

#include "base/process_figures.h"

#include <string.h>

#define TOTAL "_total"

static bool ends_in(const char *name, size_t length, const char *end)
{
	size_t size = strlen(end);

	return length > size && memcmp(name + length - size, end, size) == 0;
}

static void append_help(const char *help, size_t length, bool openmetrics, struct buffer *out)
{
	for (size_t i = 0; i < length; i++) {
		if (help[i] == '\\' || (help[i] == '"' && openmetrics))
			buffer_append_char(out, '\\');
		buffer_append_char(out, help[i]);
	}
}

static void append_unit(const char *family, size_t length, struct buffer *out)
{
	static const char *const UNITS[] = {"_seconds", "_bytes"};

	for (size_t i = 0; i < sizeof(UNITS) / sizeof(UNITS[0]); i++) {
		if (!ends_in(family, length, UNITS[i]))
			continue;
		buffer_append_string(out, "# UNIT ");
		buffer_append(out, family, length);
		buffer_append_char(out, ' ');
		buffer_append_string(out, UNITS[i] + 1);
		buffer_append_char(out, '\n');
	}
}

void export_head_append(const struct export_head *head, bool openmetrics, struct buffer *out)
{
	size_t length = strlen(head->name);
	bool total = ends_in(head->name, length, TOTAL);
	const char *type = head->counter ? "counter" : "gauge";

	if (openmetrics && head->counter && total)
		length -= strlen(TOTAL);
	else if (openmetrics && head->counter)
		type = "unknown";
	buffer_append_string(out, "# HELP ");
	buffer_append(out, head->name, length);
	buffer_append_char(out, ' ');
	append_help(head->help, head->help_length, openmetrics, out);
	buffer_append_string(out, "\n# TYPE ");
	buffer_append(out, head->name, length);
	buffer_append_char(out, ' ');
	buffer_append_string(out, type);
	buffer_append_char(out, '\n');
	if (openmetrics)
		append_unit(head->name, length, out);
}

/* "# HELP name text" and "# TYPE name type", as telemetry_render() writes them, in OpenMetrics'
 * way; its names of counters end in _total. A help's backslashes are escaped already. */
static void append_comment(const char *line, size_t length, struct buffer *out)
{
	const size_t before = strlen("# HELP ");
	const char *name = line + before, *end = memchr(name, ' ', length - before);
	size_t name_length = end ? (size_t)(end - name) : length - before;
	const char *rest = name + name_length;

	buffer_append(out, line, before);
	buffer_append(out, name,
		ends_in(name, name_length, TOTAL) ? name_length - strlen(TOTAL) : name_length);
	for (; rest < line + length; rest++) {
		if (*rest == '"' && line[2] == 'H')
			buffer_append_char(out, '\\');
		buffer_append_char(out, *rest);
	}
}

void export_head_telemetry(struct telemetry *telemetry, bool openmetrics, struct buffer *out)
{
	struct buffer own = {0};

	if (!openmetrics) {
		telemetry_render(telemetry, out);
		process_figures_render(out);
		return;
	}
	telemetry_render(telemetry, &own);
	process_figures_render(&own);
	out->failed |= own.failed;
	for (size_t at = 0; !own.failed && at < own.length;) {
		const char *line = own.data + at;
		const char *end = memchr(line, '\n', own.length - at);
		size_t length = end ? (size_t)(end - line) : own.length - at;

		if (length > strlen("# HELP ") && line[0] == '#')
			append_comment(line, length, out);
		else
			buffer_append(out, line, length);
		buffer_append_char(out, '\n');
		at += length + 1;
	}
	buffer_free(&own);
}
