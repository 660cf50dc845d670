#include "aggregator/api/request.h"

#include "aggregator/access/header.h"
#include "base/buffer.h"
#include "base/number.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes text[0..length) to `to` and terminates it. 0; -EINVAL for a bad escape, -EILSEQ for a
 * NUL. */
static int decode(const char *text, size_t length, bool plus_is_space, char *to)
{
	const char *escape = memchr(text, '%', length);
	size_t plain = plus_is_space ? 0 : escape ? (size_t)(escape - text) : length;

	memcpy(to, text, plain);
	to += plain;
	for (size_t i = plain; i < length; i++) {
		char c = text[i];

		if (c == '%') {
			int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
			int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;

			if (high < 0 || low < 0)
				return -EINVAL;
			if (high + low == 0)
				return -EILSEQ;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		*to++ = c;
	}
	*to = '\0';
	return 0;
}

static int has_nul(struct error *err)
{
	return error_set(err, EINVAL, "the request URL must not contain a NUL");
}

/* Splits the decoded path in place. */
static void split_path(struct request *request, char *path)
{
	char *at = path + 1, *slash;

	request->unroutable = false;
	while (*at) {
		slash = strchr(at, '/');
		if (slash == at || request->segment_count == REQUEST_MAX_SEGMENTS) {
			request->unroutable = true;
			return;
		}
		request->segments[request->segment_count++] = at;
		if (!slash)
			return;
		*slash = '\0';
		at = slash + 1;
	}
	request->trailing_slash = request->segment_count > 0;
}

/* `text` has room for it twice. */
static int parse_path(struct request *request, const char *path, size_t length, struct error *err)
{
	int r = decode(path, length, false, request->text);

	if (r == -EILSEQ)
		return has_nul(err);
	if (r < 0)
		return error_set(err, EINVAL, "the request URL has an invalid escape in its path");
	request->path =
		memcpy(request->text + length + 1, request->text, strlen(request->text) + 1);
	split_path(request, request->text);
	return 0;
}

/* Go drops a pair with a ';' or a bad escape, and takes the others. */
static int add_pair(struct request *request, const char *pair, size_t length, char *to)
{
	const char *equals = memchr(pair, '=', length);
	size_t key_length = equals ? (size_t)(equals - pair) : length;
	char *value = to + key_length + 1;
	int r;

	if (length == 0 || memchr(pair, ';', length))
		return 0;
	r = decode(pair, key_length, true, to);
	if (r == 0)
		r = decode(pair + key_length + (equals != NULL),
			length - key_length - (equals != NULL), true, value);
	if (r < 0)
		return r == -EINVAL ? 0 : r;
	request->query[request->query_count++] = (struct request_pair){to, value};
	return 0;
}

static int parse_query(struct request *request, const char *query, char *to, struct error *err)
{
	size_t pairs = 1;

	for (const char *at = query; (at = strchr(at, '&')); at++)
		pairs++;
	request->query = calloc(pairs, sizeof(*request->query));
	if (!request->query)
		return error_errno(err, ENOMEM, "reading the request URL");
	while (*query) {
		size_t length = strcspn(query, "&");

		if (add_pair(request, query, length, to) < 0)
			return has_nul(err);
		to += length + 2; /* both NULs of a pair: one more than its '=' and '&' may give */
		query += length + (query[length] == '&');
	}
	return 0;
}

/* Where the path begins, or NULL. */
static const char *path_of(const char *target)
{
	const char *host;

	if (*target == '/')
		return target;
	if (strncasecmp(target, "http://", 7) == 0)
		host = target + 7;
	else if (strncasecmp(target, "https://", 8) == 0)
		host = target + 8;
	else
		return NULL;
	return strchr(host, '/');
}

int request_parse(struct request *ret_request, enum request_method method, const char *target,
	const struct evkeyvalq *headers, struct error *err)
{
	struct request request = {.method = method, .headers = headers};
	const char *path = path_of(target);
	size_t path_length;
	int r;

	if (!path)
		return error_set(err, EINVAL, "the request URL has no path");
	path_length = strcspn(path, "?");
	/* A query's worst case is "&&&": two NULs for each byte. */
	request.text = malloc(2 * (path_length + 1) + 2 * strlen(path + path_length) + 2);
	if (!request.text)
		return error_errno(err, ENOMEM, "reading the request URL");
	r = parse_path(&request, path, path_length, err);
	if (r == 0 && path[path_length] == '?')
		r = parse_query(&request, path + path_length + 1,
			request.text + 2 * (path_length + 1), err);
	if (r < 0) {
		request_free(&request);
		return r;
	}
	*ret_request = request;
	return 0;
}

void request_free(struct request *request)
{
	free(request->query);
	free(request->text);
	request->query = NULL;
	request->text = NULL;
	request->query_count = request->segment_count = 0;
}

const char *request_query(const struct request *request, const char *key)
{
	for (size_t i = 0; i < request->query_count; i++)
		if (strcmp(request->query[i].key, key) == 0)
			return request->query[i].value;
	return NULL;
}

bool request_query_bool(const struct request *request, const char *key)
{
	const char *value = request_query(request, key);

	return value && strcasecmp(value, "false") != 0 && strcmp(value, "0") != 0;
}

const char *request_header(const struct request *request, const char *name)
{
	return header_find(request->headers, name);
}

static bool starts_with(const char *text, const char *start)
{
	return text && strncmp(text, start, strlen(start)) == 0;
}

bool request_pretty(const struct request *request)
{
	/* The words that Go's strconv.ParseBool takes for true. */
	static const char *const TRUE_WORDS[] = {"1", "t", "T", "true", "TRUE", "True"};
	const char *value = request_query(request, "pretty");
	const char *agent;

	if (value && *value) {
		for (size_t i = 0; i < sizeof(TRUE_WORDS) / sizeof(TRUE_WORDS[0]); i++)
			if (strcmp(value, TRUE_WORDS[i]) == 0)
				return true;
		return false;
	}
	agent = request_header(request, "User-Agent");
	return starts_with(agent, "curl") || starts_with(agent, "Wget") ||
	       starts_with(agent, "Mozilla/5.0");
}

bool request_accepts_gzip(const struct request *request)
{
	const char *encodings = request_header(request, "Accept-Encoding");

	while (encodings && *encodings) {
		size_t length;

		encodings += strspn(encodings, " \t,");
		length = strcspn(encodings, ",");
		while (length > 0 && strchr(" \t", encodings[length - 1]))
			length--;
		if (length == 4 && memcmp(encodings, "gzip", 4) == 0)
			return true;
		encodings += strcspn(encodings, ",");
	}
	return false;
}

bool request_has_body(const struct request *request)
{
	const struct evkeyval *header;

	for (header = request->headers->tqh_first; header; header = header->next.tqe_next)
		if (header_is(header, "Transfer-Encoding") ||
			(header_is(header, "Content-Length") && strcmp(header->value, "0") != 0))
			return true;
	return false;
}

int request_check_timeout(const struct request *request, struct error *err)
{
	const char *text = request_query(request, "timeout"), *duration = text, *shown;
	struct buffer quoted = {0};
	uint64_t ns;
	int r = 0;

	if (!text || !*text)
		return 0;
	if (*duration == '+' || *duration == '-')
		duration++;
	if (number_parse_duration(duration, &ns) < 0) {
		utf8_append_quoted(&quoted, text);
		shown = buffer_terminate(&quoted);
		r = error_set(err, EINVAL,
			"invalid timeout specified in the request URL - time: invalid duration "
			"%.200s",
			shown ? shown : "");
		buffer_free(&quoted);
	}
	return r;
}
