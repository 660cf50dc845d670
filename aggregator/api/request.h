/* What a client asks for: method, path and query taken apart, headers looked up. Go's rules. */
#ifndef API_REQUEST_H
#define API_REQUEST_H

#include "base/error.h"

#include <event2/keyvalq_struct.h>
#include <stdbool.h>
#include <stddef.h>

#define REQUEST_MAX_SEGMENTS 8 /* no route of ours has more */

enum request_method {
	REQUEST_GET,
	REQUEST_HEAD,
	REQUEST_POST,
	REQUEST_PUT,
	REQUEST_PATCH,
	REQUEST_DELETE,
	REQUEST_OPTIONS,
	REQUEST_TRACE,
	REQUEST_CONNECT,
	REQUEST_OTHER, /* one that evhttp does not know */
};

struct request_pair {
	const char *key, *value;
};

struct request {
	enum request_method method;
	const struct evkeyvalq *headers; /* not owned */

	const char *path; /* decoded, whole */

	/* The same between its slashes. A path that no route can match (an empty part
	 * within it, too many parts) has `unroutable`. "/" has no segment. */
	const char *segments[REQUEST_MAX_SEGMENTS];
	size_t segment_count;
	bool trailing_slash;
	bool unroutable;

	struct request_pair *query; /* in the order in which they came */
	size_t query_count;

	char *text; /* what the pointers above point into */
};

/* Takes `target` (path, or http(s)://host/path, with a query or not) apart. Each %XX is decoded
 * before the path is split. 0; -EINVAL (no path, a bad escape in the path, a NUL anywhere: there
 * is no name with one, and a cut name could be another's) or -ENOMEM. */
int request_parse(struct request *ret_request, enum request_method method, const char *target,
	const struct evkeyvalq *headers, struct error *err);
void request_free(struct request *request);

/* The first value of `key`, which may be "", or NULL. */
const char *request_query(const struct request *request, const char *key);

/* Absent, "false" and "0" are false; everything else is true. */
bool request_query_bool(const struct request *request, const char *key);

/* The first header of that name in any case, or NULL. */
const char *request_header(const struct request *request, const char *name);

/* True when the query, or the User-Agent by its nature, asks for indented JSON. */
bool request_pretty(const struct request *request);

/* True when Accept-Encoding has a clause "gzip", as k8s.io/apiserver looks for it. */
bool request_accepts_gzip(const struct request *request);

/* True when the request announces a body of any kind. */
bool request_has_body(const struct request *request);

/* Checks ?timeout=, a Go duration of any sign. 0, or -EINVAL with Kubernetes' message. */
int request_check_timeout(const struct request *request, struct error *err);

#endif
