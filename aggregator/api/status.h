/* Kubernetes' Status: what is said when a request is not answered with what it asked for. */
#ifndef API_STATUS_H
#define API_STATUS_H

#include "base/buffer.h"

#include <stdbool.h>
#include <stddef.h>

#define STATUS_MAX_CAUSES 4

struct status_cause {
	const char *reason, *field;
	char *message; /* owned */
};

/* Made by one of the functions below; status_free() when written. Memory that was short shows as a
 * message that is cut, never as a wrong code. */
struct status {
	int code;
	const char *reason;
	struct buffer message;
	bool has_details;
	struct buffer name;       /* details; empty ones are left out */
	const char *group, *kind; /* NULL or "": left out; not owned */
	unsigned retry_after_s;   /* 0: left out */
	struct status_cause causes[STATUS_MAX_CAUSES];
	size_t cause_count;
};

/* Frees the texts. */
void status_free(struct status *status);

/* 400 */
struct status status_bad_request(const char *message);
/* 401 */
struct status status_unauthorized(void);
/* 404: no such route */
struct status status_route_not_found(void);
/* 404: `<kind>.<group> "<name>" not found`; `kind` in lower case. The group may be "". */
struct status status_not_found(const char *group, const char *kind, const char *name);
/* 404: `the server could not find the metric <metric> for <resource> <name>`; without a name that
 * ends before it */
struct status status_metric_not_found(const char *metric, const char *resource, const char *name);
/* 405 */
struct status status_method_not_allowed(void);
/* 405: of a list with watch=true. The group may be "". */
struct status status_no_watch(const char *group, const char *resource);
/* 406: no media type of the Accept header is served */
struct status status_unknown_type(void);
/* 406: a media type is, but not with what it asks for (as=, g=, v=) */
struct status status_unknown_form(void);
/* 422: add causes by status_add_cause() */
struct status status_invalid_list_options(void);
/* 429: `message` is for people */
struct status status_too_many_requests(const char *message, unsigned retry_after_s);
/* 431 */
struct status status_header_too_large(size_t most_bytes);
/* 500: "Internal error occurred: <message>" */
struct status status_internal(const char *message);

/* One more thing that is wrong with the ListOptions. `reason` ("FieldValueForbidden") and `field`
 * must outlive the status; `message` has the kind of error in front ("Forbidden: …"). More than
 * STATUS_MAX_CAUSES are dropped. */
void status_add_cause(
	struct status *status, const char *reason, const char *field, const char *message);

/* Compact, with a newline at the end. */
void status_write_json(const struct status *status, struct buffer *out);
void status_write_protobuf(const struct status *status, struct buffer *out);

#endif
