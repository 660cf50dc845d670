#include "aggregator/api/probes.h"

#include "base/utf8.h"

#include <string.h>

static bool is_excluded(const struct request *request, const char *name)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->query[i].key, "exclude") == 0 &&
			strcmp(request->query[i].value, name) == 0)
			return true;
	return false;
}

const struct probes_check *probes_find(const struct probes_probe *probe, const char *name)
{
	for (size_t i = 0; i < probe->count; i++)
		if (strcmp(probe->checks[i].name, name) == 0)
			return &probe->checks[i];
	return NULL;
}

/* ?exclude= of names that no check has is a slip worth telling. */
static void warn_of_unknown(
	const struct probes_probe *probe, const struct request *request, struct buffer *out)
{
	const char *separator = "warn: some health checks cannot be excluded: no matches for ";

	for (size_t i = 0; i < request->query_count; i++) {
		const struct request_pair *pair = &request->query[i];

		if (strcmp(pair->key, "exclude") != 0 || probes_find(probe, pair->value))
			continue;
		buffer_append_string(out, separator);
		utf8_append_quoted(out, pair->value);
		separator = ", ";
	}
	if (separator[0] == ',')
		buffer_append_char(out, '\n');
}

bool probes_run(const struct probes_probe *probe, const struct request *request, struct buffer *out)
{
	size_t start = out->length;
	bool passed = true;

	for (size_t i = 0; i < probe->count; i++) {
		const struct probes_check *check = &probe->checks[i];

		if (is_excluded(request, check->name)) {
			buffer_printf(out, "[+]%s excluded: ok\n", check->name);
		} else if (check->check(check->context)) {
			buffer_printf(out, "[-]%s failed: reason withheld\n", check->name);
			passed = false;
		} else {
			buffer_printf(out, "[+]%s ok\n", check->name);
		}
	}
	warn_of_unknown(probe, request, out);
	if (passed && !request_query(request, "verbose")) {
		out->length = start;
		buffer_append_string(out, "ok");
		return true;
	}
	buffer_printf(out, "%s check %s\n", probe->name, passed ? "passed" : "failed");
	return passed;
}

bool probes_run_one(const struct probes_check *check, struct buffer *out)
{
	const char *reason = check->check(check->context);

	if (reason)
		buffer_printf(out, "internal server error: %s\n", reason);
	else
		buffer_append_string(out, "ok");
	return !reason;
}
