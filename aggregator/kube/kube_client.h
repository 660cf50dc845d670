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
#include "aggregator/kube/kube_request.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>

struct kube_client_options {
	const struct kube_config *config; /* copied */
	struct event_base *base;
	struct telemetry *telemetry;
	const char *program; /* who asks, for its log; a constant. NULL: tacho-aggregator */
};

struct kube_client;

/* NULL and a message when a file of the config can't be read. Connects with the first call. */
struct kube_client *kube_client_new(const struct kube_client_options *options, struct error *err);

/* Why the credential plugin of the kubeconfig gave nothing when it was run the last time; "" when
 * it did. Valid until the next call is sent or ends. */
const char *kube_client_credentials_failure(const struct kube_client *client);

/* Cancels what is under way without calling back. Not from a callback of one of its calls; before
 * its event_base. NULL is fine. */
void kube_client_free(struct kube_client *client);

struct kube_call;

/* Starts the call; strings and body are copied. NULL and a message when memory is short. */
struct kube_call *kube_client_send(
	struct kube_client *client, const struct kube_request *request, struct error *err);

/* Ends the call without calling back. From its own on_done it does nothing. */
void kube_call_cancel(struct kube_call *call);

#endif
