/* One request to kube-apiserver, and what comes of it. Sent by kube_client.h. */
#ifndef KUBE_KUBE_REQUEST_H
#define KUBE_KUBE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_response {
	/* 0: there was no whole answer, `failure` says why (refused, TLS, time-out, cut off, longer
	 * than allowed), for a log line: "asking https://...: Connection refused". NULL otherwise.
	 */
	int status;
	const char *failure;
	const char *content_type; /* "" when there is none */
	uint32_t retry_after_s;   /* 0 = not said */
	/* The body, never NULL in an answer; of a request with on_data only that of an answer other
	 * than 2xx. Empty when that of such an answer was cut off: its status is answer enough. */
	const void *body;
	size_t size;
};

struct kube_request {
	const char *method; /* "GET", "POST" */
	const char *target; /* path and query, encoded; begins with a slash */
	const char *accept; /* NULL: application/json */
	/* Of a POST. */
	const char *content_type;
	const void *body;
	size_t size;

	/* Bytes of the body that is kept, decompressed; beyond, the call fails. 0 = 1 MiB. */
	size_t max_body;
	uint64_t timeout_ns; /* for the whole call; 0 = none */
	uint64_t silence_ns; /* without a byte from the server; 0 = none. Both 0 is not allowed. */

	/* Takes a 2xx answer piece by piece instead of keeping it: a list, a watch. 0 goes on,
	 * -errno ends the call (on_done with status 0 and that error's text in `failure`). NULL:
	 * kept. It may send and cancel calls, its own too (then what it returns does not matter).
	 */
	int (*on_data)(void *context, const void *data, size_t size);

	/* Called once from the loop, never from within kube_client_send(); the call is freed after
	 * it. Not called after kube_call_cancel(). It may send and cancel calls. What `response`
	 * points to lives until it returns. */
	void (*on_done)(void *context, const struct kube_response *response);
	void *context;
};

/* A copy that owns its texts and body. False when memory is short; kube_request_free() it in any
 * case. */
bool kube_request_copy(struct kube_request *copy, const struct kube_request *request);

/* Wipes the body: there may be a token in it. Of copies only; a zeroed one is fine. */
void kube_request_free(struct kube_request *copy);

#endif
