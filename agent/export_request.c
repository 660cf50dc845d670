#include "agent/export_request.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct text {
	const char *data;
	size_t length;
};

static bool is(struct text text, const char *word)
{
	return text.length == strlen(word) && strncasecmp(text.data, word, text.length) == 0;
}

static bool is_exactly(struct text text, const char *word)
{
	return text.length == strlen(word) && memcmp(text.data, word, text.length) == 0;
}

static struct text trim(struct text text)
{
	while (text.length > 0 && (*text.data == ' ' || *text.data == '\t')) {
		text.data++;
		text.length--;
	}
	while (text.length > 0 &&
		(text.data[text.length - 1] == ' ' || text.data[text.length - 1] == '\t'))
		text.length--;
	return text;
}

/* The piece before the next `separator`; `rest` moves behind it. */
static struct text cut(struct text *rest, char separator)
{
	const char *end = memchr(rest->data, separator, rest->length);
	struct text piece = {rest->data, end ? (size_t)(end - rest->data) : rest->length};
	size_t used = end ? piece.length + 1 : piece.length;

	rest->data += used;
	rest->length -= used;
	return piece;
}

/* --- what a header says ----------------------------------------------------------------------- */

/* 0 to 1; what can't be read is 0. */
static double quality(struct text text)
{
	char digits[16], *end;
	double q;

	if (text.length == 0 || text.length >= sizeof(digits))
		return 0;
	memcpy(digits, text.data, text.length);
	digits[text.length] = '\0';
	q = strtod(digits, &end);
	return *end == '\0' && q >= 0 && q <= 1 ? q : 0;
}

struct clause {
	struct text value, version; /* version.length 0: none is named */
	double q;
};

static struct clause parse_clause(struct text text)
{
	struct clause clause = {.value = trim(cut(&text, ';')), .q = 1};

	while (text.length > 0) {
		struct text value = cut(&text, ';'), name = trim(cut(&value, '='));

		value = trim(value);
		if (is(name, "q"))
			clause.q = quality(value);
		else if (is(name, "version"))
			clause.version = value;
	}
	return clause;
}

/* Which format the clause asks for; false for one that we have not. */
static bool format_of(const struct clause *clause, enum export_format *ret_format)
{
	if (is(clause->value, "application/openmetrics-text")) {
		*ret_format = EXPORT_OPENMETRICS;
		return clause->version.length == 0 || is(clause->version, "1.0.0");
	}
	*ret_format = EXPORT_TEXT;
	if (is(clause->value, "text/plain"))
		return clause->version.length == 0 || is(clause->version, "0.0.4");
	return is(clause->value, "text/*") || is(clause->value, "*/*");
}

/* The format with the highest q; the first of equals. Who takes neither gets text, as from every
 * other exporter. */
static enum export_format negotiate(struct text accept)
{
	enum export_format best = EXPORT_TEXT, format;
	double best_q = 0;

	while (accept.length > 0) {
		struct clause clause = parse_clause(cut(&accept, ','));

		if (clause.q > best_q && format_of(&clause, &format)) {
			best = format;
			best_q = clause.q;
		}
	}
	return best;
}

static bool takes_gzip(struct text codings)
{
	while (codings.length > 0) {
		struct clause clause = parse_clause(cut(&codings, ','));

		if (is(clause.value, "gzip") || is(clause.value, "*"))
			return clause.q > 0;
	}
	return false;
}

/* *has_body becomes true when the header says so. */
static void take_header(struct text name, struct text value, struct export_request *request,
	int minor, bool *has_body)
{
	if (is(name, "Accept"))
		request->key.format = negotiate(value);
	else if (is(name, "Accept-Encoding"))
		request->gzip = takes_gzip(value);
	else if (is(name, "Connection"))
		request->keep_alive = minor > 0 ? !is(value, "close") : is(value, "keep-alive");
	else if (is(name, "Content-Length"))
		*has_body |= !is(value, "0");
	else if (is(name, "Transfer-Encoding"))
		*has_body = true;
}

/* --- the head --------------------------------------------------------------------------------- */

size_t export_request_end(const char *data, size_t length)
{
	const char *end = memmem(data, length, "\r\n\r\n", 4);

	return end ? (size_t)(end - data) + 4 : 0;
}

/* A line without its CR LF; a bare CR or LF, or a NUL, is in none. */
static bool next_line(struct text *rest, struct text *ret_line)
{
	*ret_line = cut(rest, '\n');
	if (ret_line->length == 0 || ret_line->data[ret_line->length - 1] != '\r')
		return false;
	ret_line->length--;
	return !memchr(ret_line->data, '\r', ret_line->length) &&
	       !memchr(ret_line->data, '\0', ret_line->length);
}

static int parse_target(struct text target, struct export_request *request)
{
	static const char *const PATHS[EXPORT_PARTS] = {
		[EXPORT_ALL] = "/metrics",
		[EXPORT_CADVISOR] = "/metrics/cadvisor",
		[EXPORT_RESOURCE] = "/metrics/resource",
	};
	struct text path = cut(&target, '?');

	for (int part = 0; part < EXPORT_PARTS; part++)
		if (is_exactly(path, PATHS[part])) {
			request->key.part = (enum export_part)part;
			return 200;
		}
	return 404;
}

static int parse_request_line(struct text line, struct export_request *request, int *ret_minor)
{
	struct text method = cut(&line, ' '), target = cut(&line, ' ');
	int status;

	if (method.length == 0 || target.length == 0 || line.length != strlen("HTTP/1.1") ||
		memcmp(line.data, "HTTP/", 5) != 0)
		return 400;
	if (memcmp(line.data, "HTTP/1.", 7) != 0)
		return 505;
	if (line.data[7] != '0' && line.data[7] != '1')
		return 505;
	*ret_minor = line.data[7] - '0';
	status = parse_target(target, request);
	request->head = is_exactly(method, "HEAD");
	if (status == 200 && !request->head && !is_exactly(method, "GET"))
		return 405;
	return status;
}

int export_request_parse(const char *head, size_t length, struct export_request *ret_request)
{
	struct text rest = {head, length}, line;
	bool malformed = false, has_body = false;
	int status, minor = 1;

	*ret_request = (struct export_request){0};
	if (!next_line(&rest, &line))
		return 400;
	status = parse_request_line(line, ret_request, &minor);
	ret_request->keep_alive = minor > 0;
	while (next_line(&rest, &line) && line.length > 0) {
		struct text value = line, name = cut(&value, ':');

		malformed |= name.length == line.length || name.length == 0 ||
			     memchr(name.data, ' ', name.length) != NULL;
		take_header(name, trim(value), ret_request, minor, &has_body);
	}
	if (malformed || rest.length > 0 || (has_body && status == 200))
		status = 400;
	if (status != 200)
		ret_request->keep_alive = false;
	return status;
}
