#include "aggregator/api/list_options.h"

#include "base/utf8.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* True when Go's strconv.ParseInt(text, 10, 64) takes it; else the message it gives. */
static bool check_integer(const char *text, struct buffer *message)
{
	const char *digits = text + (*text == '-' || *text == '+');
	unsigned long long value = 0, most = INT64_MAX + (unsigned long long)(*text == '-');
	const char *fault = NULL;

	if (*digits == '\0' || digits[strspn(digits, "0123456789")] != '\0')
		fault = "invalid syntax";
	for (; !fault && *digits; digits++)
		if (__builtin_mul_overflow(value, 10ULL, &value) ||
			__builtin_add_overflow(
				value, (unsigned long long)(*digits - '0'), &value) ||
			value > most)
			fault = "value out of range";
	if (!fault)
		return true;
	buffer_append_string(message, "strconv.ParseInt: parsing ");
	utf8_append_quoted(message, text);
	buffer_printf(message, ": %s", fault);
	return false;
}

static bool check_integers(const struct request *request, struct status *ret_status)
{
	static const char *const KEYS[] = {"timeoutSeconds", "limit"};

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		const char *text = request_query(request, KEYS[i]);
		struct buffer message = {0};

		if (!text || check_integer(text, &message))
			continue;
		*ret_status = status_bad_request("");
		buffer_free(&ret_status->message);
		ret_status->message = message;
		return false;
	}
	return true;
}

static struct status failed_parse(int result, const struct error *err)
{
	return result == -ENOMEM ? status_internal(err->message) : status_bad_request(err->message);
}

static bool parse_selectors(
	const struct request *request, struct list_options *options, struct status *ret_status)
{
	const char *labels = request_query(request, "labelSelector");
	const char *fields = request_query(request, "fieldSelector");
	struct error err;
	int r = 0;

	if (labels && *labels)
		r = label_selector_parse(labels, &options->labels, &err);
	if (r == 0 && fields && *fields)
		r = field_selector_parse(fields, &options->fields, &err);
	if (r < 0)
		*ret_status = failed_parse(r, &err);
	return r == 0;
}

static void forbid(struct status *status, const char *field, const char *why)
{
	char message[160];

	(void)snprintf(message, sizeof(message), "Forbidden: %s", why);
	status_add_cause(status, "FieldValueForbidden", field, message);
}

static void unsupported_match(struct status *status, const char *match)
{
	struct buffer message = {0};
	const char *text;

	buffer_append_string(&message, "Unsupported value: ");
	utf8_append_quoted(&message, match);
	buffer_append_string(&message, ": supported values: \"Exact\", \"NotOlderThan\", \"\"");
	text = buffer_terminate(&message);
	status_add_cause(status, "FieldValueNotSupported", "resourceVersionMatch",
		text ? text : "Unsupported value");
	buffer_free(&message);
}

static void check_match(const struct request *request, const char *match, struct status *status)
{
	static const char FIELD[] = "resourceVersionMatch";
	const char *version = request_query(request, "resourceVersion");
	const char *token = request_query(request, "continue");

	if (!version || !*version)
		forbid(status, FIELD,
			"resourceVersionMatch is forbidden unless resourceVersion is provided");
	if (token && *token)
		forbid(status, FIELD,
			"resourceVersionMatch is forbidden when continue is provided");
	if (strcmp(match, "Exact") != 0 && strcmp(match, "NotOlderThan") != 0)
		unsupported_match(status, match);
	if (strcmp(match, "Exact") == 0 && version && strcmp(version, "0") == 0)
		forbid(status, FIELD,
			"resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"");
}

static bool check_combinations(const struct request *request, struct status *ret_status)
{
	const char *match = request_query(request, "resourceVersionMatch");
	struct status status = status_invalid_list_options();

	if (match && *match)
		check_match(request, match, &status);
	if (request_query(request, "sendInitialEvents"))
		forbid(&status, "sendInitialEvents", "sendInitialEvents is forbidden for list");
	if (status.cause_count == 0) {
		status_free(&status);
		return true;
	}
	*ret_status = status;
	return false;
}

bool list_options_parse(const struct request *request, const char *group, const char *resource,
	struct list_options *ret_options, struct status *ret_status)
{
	struct list_options options = {0};

	if (!check_integers(request, ret_status))
		return false;
	if (!parse_selectors(request, &options, ret_status))
		goto fail;
	if (request_query_bool(request, "watch")) {
		*ret_status = status_no_watch(group, resource);
		goto fail;
	}
	if (!check_combinations(request, ret_status))
		goto fail;
	*ret_options = options;
	return true;
fail:
	label_selector_free(options.labels);
	field_selector_free(options.fields);
	return false;
}

char *list_options_name(const struct request *request)
{
	struct list_options options = {0};
	struct status status = {0};
	const char *name = NULL;
	char *copy = NULL;

	if (!request_query(request, "fieldSelector"))
		return NULL;
	if (check_integers(request, &status) && parse_selectors(request, &options, &status))
		name = field_selector_name(options.fields);
	if (name)
		copy = strdup(name);
	status_free(&status);
	label_selector_free(options.labels);
	field_selector_free(options.fields);
	return copy;
}
