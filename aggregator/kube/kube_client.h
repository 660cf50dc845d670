/* HTTPS client of kube-apiserver: libcurl's multi interface in a libevent loop.
 *
 * One client belongs to one event_base and its thread; no call blocks (the token and the CA are
 * small local files). All calls of a client share connections (HTTP/2 where the server has it).
 * Redirects are not followed, proxies not used.
 *
 * The token file is read again each minute and after a 401, CA and client certificate when their
 * files have changed. A call is tried once (a 401 once more, when there is another token by then):
 * who wants more uses backoff.h. */
#ifndef KUBE_KUBE_CLIENT_H
#define KUBE_KUBE_CLIENT_H

#include "aggregator/kube/kube_config.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stddef.h>
#include <stdint.h>

struct kube_client_options {
	const struct kube_config *config; /* copied */
	struct event_base *base;
	struct telemetry *telemetry;
};

struct kube_client;

/* NULL and a message when a file of the config can't be read. Connects with the first call. */
struct kube_client *kube_client_new(const struct kube_client_options *options, struct error *err);

/* Cancels what is under way without calling back. Not from a callback of one of its calls; before
 * its event_base. NULL is fine. */
void kube_client_free(struct kube_client *client);

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

struct kube_call;

/* Starts the call; strings and body are copied. NULL and a message when memory is short. */
struct kube_call *kube_client_send(
	struct kube_client *client, const struct kube_request *request, struct error *err);

/* Ends the call without calling back. From its own on_done it does nothing. */
void kube_call_cancel(struct kube_call *call);

#endif
