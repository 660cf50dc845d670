#include "tests/bench/scale/asker_requests.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_FILE (256 << 20)

/* Filled anew for each sending; the hyphens stay. */
#define AUDIT_ID "00000000-0000-4000-8000-000000000000"

struct asker_request {
	struct buffer text;
	size_t audit_id; /* where it stands in the text; 0: there is none */
};

struct asker_requests {
	struct asker_request *request;
	size_t count, capacity, turn;
	uint64_t random;
};

/* --- one request ------------------------------------------------------------------------------ */

static bool is_header(const char *line, const char *name)
{
	size_t length = strlen(name);

	return strncasecmp(line, name, length) == 0 && line[length] == ':';
}

/* Whether the user gave a header of this name, or a user where it belongs to one. */
static bool is_given(const struct asker_options *options, const char *name)
{
	bool remote = strncasecmp(name, "X-Remote-", 9) == 0;

	for (size_t i = 0; i < options->headers.count; i++)
		if (is_header(options->headers.item[i], name) ||
			(remote && is_header(options->headers.item[i], "X-Remote-User")))
			return true;
	return false;
}

static void put(struct buffer *text, const struct asker_options *options, const char *name,
	const char *value)
{
	if (!is_given(options, name))
		buffer_printf(text, "%s: %s\r\n", name, value);
}

/* What the authentication by a service account's token and the proxy handler add. */
static void put_proxied(struct asker_request *request, const struct asker_options *options,
	const char *target, const char *host)
{
	struct buffer *text = &request->text;

	if (!is_given(options, "Audit-Id")) {
		buffer_append_string(text, "Audit-Id: ");
		request->audit_id = text->length;
		buffer_append_string(text, AUDIT_ID "\r\n");
	}
	put(text, options, "X-Forwarded-For", "10.0.0.10");
	put(text, options, "X-Forwarded-Host", host);
	put(text, options, "X-Forwarded-Proto", "https");
	if (!is_given(options, "X-Forwarded-Uri"))
		buffer_printf(text, "X-Forwarded-Uri: %.*s\r\n", (int)strcspn(target, "?"), target);
	put(text, options, "X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id",
		"JTI=2f9d6c1e-58b3-4d0a-9c47-b1e3a7f05d62");
	put(text, options, "X-Remote-Group", "system:serviceaccounts");
	put(text, options, "X-Remote-Group", "system:serviceaccounts:kube-system");
	put(text, options, "X-Remote-Group", "system:authenticated");
	put(text, options, "X-Remote-Uid", "7c1f0f6e-2b8d-4f3e-8a55-90d2c6b4e173");
	put(text, options, "X-Remote-User",
		"system:serviceaccount:kube-system:horizontal-pod-autoscaler");
}

static void write_request(
	struct asker_request *request, const struct asker_options *options, const char *target)
{
	bool six = strchr(options->address, ':') != NULL;
	struct buffer *text = &request->text;
	char host[128];

	(void)snprintf(host, sizeof(host), "%s%.64s%s:%u", six ? "[" : "", options->address,
		six ? "]" : "", (unsigned)options->port);
	buffer_printf(text, "GET %s HTTP/1.1\r\n", target);
	put(text, options, "Host", host);
	put(text, options, "User-Agent",
		"kube-controller-manager/v1.36.3 (linux/amd64) kubernetes/0a1b2c3/"
		"system:serviceaccount:kube-system:horizontal-pod-autoscaler");
	put(text, options, "Accept", options->accept);
	if (options->cert)
		put_proxied(request, options, target, host);
	for (size_t i = 0; i < options->headers.count; i++)
		buffer_printf(text, "%s\r\n", options->headers.item[i]);
	if (options->gzip || options->mode == ASKER_HPA)
		put(text, options, "Accept-Encoding", "gzip");
	buffer_append_string(text, "\r\n");
}

static int add(struct asker_requests *requests, const struct asker_options *options,
	const char *target, struct error *err)
{
	struct asker_request *larger;
	size_t capacity = requests->capacity ? 2 * requests->capacity : 64;

	if (requests->count == requests->capacity) {
		larger = reallocarray(requests->request, capacity, sizeof(*larger));
		if (!larger)
			return error_errno(err, ENOMEM, "%zu requests", capacity);
		requests->request = larger;
		requests->capacity = capacity;
	}
	larger = &requests->request[requests->count++];
	*larger = (struct asker_request){0};
	write_request(larger, options, target);
	return larger->text.failed ? error_errno(err, ENOMEM, "a request") : 0;
}

/* --- all of them ------------------------------------------------------------------------------ */

static int add_line(struct asker_requests *requests, const struct asker_options *options,
	const char *line, struct error *err)
{
	if (requests->count == ASKER_MAX_TARGETS)
		return error_set(err, E2BIG, "more than %d lines", ASKER_MAX_TARGETS);
	if (line[0] != '/' || strpbrk(line, " \r\t") || strlen(line) > ASKER_MAX_TARGET)
		return error_set(
			err, EINVAL, "line %zu is no path: \"%.100s\"", requests->count + 1, line);
	return add(requests, options, line, err);
}

static int add_file(
	struct asker_requests *requests, const struct asker_options *options, struct error *err)
{
	struct buffer text = {0};
	char *next, *line;
	int r = file_read(options->targets, MAX_FILE, &text, err);

	if (r == 0 && !buffer_terminate(&text))
		r = error_errno(err, ENOMEM, "--targets");
	line = text.data;
	while (r == 0 && *line) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (*line)
			r = add_line(requests, options, line, err);
		line = next;
	}
	if (r == 0 && requests->count == 0)
		r = error_set(err, EINVAL, "there is no line in it");
	buffer_free(&text);
	return r < 0 ? error_context(err, r, "--targets %s", options->targets) : 0;
}

struct asker_requests *asker_requests_new(const struct asker_options *options, struct error *err)
{
	struct asker_requests *requests = calloc(1, sizeof(*requests));
	int r;

	if (!requests) {
		(void)error_errno(err, ENOMEM, "requests");
		return NULL;
	}
	requests->random = clock_realtime_ns() | 1;
	r = options->mode == ASKER_HPA ? add_file(requests, options, err)
				       : add(requests, options, options->path, err);
	if (r < 0) {
		asker_requests_free(requests);
		return NULL;
	}
	return requests;
}

void asker_requests_free(struct asker_requests *requests)
{
	if (!requests)
		return;
	for (size_t i = 0; i < requests->count; i++)
		buffer_free(&requests->request[i].text);
	free(requests->request);
	free(requests);
}

/* --- taking turns ----------------------------------------------------------------------------- */

/* xorshift64: unlike each other is all that they need to be. */
static uint64_t random_bits(struct asker_requests *requests)
{
	requests->random ^= requests->random << 13;
	requests->random ^= requests->random >> 7;
	requests->random ^= requests->random << 17;
	return requests->random;
}

static void put_digits(char *at, uint64_t bits, size_t digits)
{
	for (size_t i = 0; i < digits; i++, bits >>= 4)
		at[i] = "0123456789abcdef"[bits & 15];
}

static void renew_audit_id(struct asker_requests *requests, char *id)
{
	uint64_t bits = random_bits(requests);

	put_digits(id, bits, 8);
	put_digits(id + 9, bits >> 32, 4);
	put_digits(id + 15, bits >> 48, 3);
	put_digits(id + 24, random_bits(requests), 12);
}

const char *asker_requests_next(struct asker_requests *requests, size_t *ret_length)
{
	struct asker_request *request = &requests->request[requests->turn];

	requests->turn = requests->turn + 1 < requests->count ? requests->turn + 1 : 0;
	if (request->audit_id)
		renew_audit_id(requests, request->text.data + request->audit_id);
	*ret_length = request->text.length;
	return request->text.data;
}
