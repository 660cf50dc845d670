/* What stands in for kube-apiserver: an HTTPS server (HTTP/1.1) in threads of its own, on loopback,
 * that answers as the test has it answer. One thread a connection, so that handlers may block; they
 * see kube_exchange.h. A failure to start fails the running cmocka test.
 *
 *	struct kube_double *server = kube_double_start(NULL);
 *	struct kube_config config = kube_double_config(server);
 *
 *	kube_double_answer(server, "/version", 200, "application/json", "{}");
 *	kube_double_on(server, "/api/v1/pods", list_pods, &world);
 *	...
 *	assert_true(kube_double_await(server, "/api/v1/pods", 2, 10000));
 *	kube_double_stop(server);
 */
#ifndef HARNESS_KUBE_DOUBLE_H
#define HARNESS_KUBE_DOUBLE_H

#include "aggregator/kube/kube_config.h"
#include "tests/harness/kube_exchange.h"
#include "tests/harness/pki.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct kube_double;

/* Zero is good for everything. */
struct kube_double_options {
	const struct pki *pki; /* who signs its certificate; NULL: one of its own */
	const char *names;     /* in it; NULL: "IP:127.0.0.1,DNS:localhost" */
	/* PEM: asks clients for a certificate of this authority. One of another is refused, none is
	 * fine. */
	const char *client_ca;
	uint16_t port; /* 0: a free one. Another one's that was stopped, for a restart. */
};

struct kube_double *kube_double_start(const struct kube_double_options *options);

/* Cuts all connections and waits for all handlers. NULL is fine. */
void kube_double_stop(struct kube_double *server);

/* --- what it answers -------------------------------------------------------------------------- */

/* Calls `handler` for requests of this path (without the query; "/x*": all that begin so), from now
 * on and instead of what was there. The first registered path that fits wins. Others are 404. */
void kube_double_on(
	struct kube_double *server, const char *path, kube_handler handler, void *context);

/* The same answer each time. Texts are copied. */
void kube_double_answer(struct kube_double *server, const char *path, int status,
	const char *content_type, const char *body);

/* Another certificate for connections from now on. */
void kube_double_certify(struct kube_double *server, const struct pki *pki, const char *names);

/* Cuts all connections that there are. */
void kube_double_cut(struct kube_double *server);

/* --- a stream that the test's thread drives --------------------------------------------------- */

/* Answers each request with 200 and chunks: what is pushed, in order, as long as someone reads.
 * What nobody reads yet is kept. Register it with kube_double_on(server, path, kube_feed_serve,
 * feed). Free it after the double was stopped. */
struct kube_feed;
struct kube_feed *kube_feed_new(const char *content_type);
void kube_feed_free(struct kube_feed *feed);
void kube_feed_serve(struct kube_exchange *exchange, void *feed);

void kube_feed_push(struct kube_feed *feed, const void *data, size_t size);
void kube_feed_push_text(struct kube_feed *feed, const char *text);
/* Ends the answer, cleanly or by cutting the connection, behind what was pushed. */
void kube_feed_end(struct kube_feed *feed);
void kube_feed_cut(struct kube_feed *feed);
/* Requests that it is answering now. */
unsigned kube_feed_readers(struct kube_feed *feed);

/* --- what was asked --------------------------------------------------------------------------- */

/* Requests for the path so far. */
unsigned kube_double_count(struct kube_double *server, const char *path);
/* Waits until there were `count`. */
bool kube_double_await(
	struct kube_double *server, const char *path, unsigned count, unsigned timeout_ms);
/* The n-th request for the path, head and body as they came; NULL when there were not so many. Free
 * it. */
char *kube_double_request(struct kube_double *server, const char *path, unsigned n);
/* Handshakes that succeeded so far. */
unsigned kube_double_connections(struct kube_double *server);

/* --- how to reach it -------------------------------------------------------------------------- */

uint16_t kube_double_port(const struct kube_double *server);
const char *kube_double_url(const struct kube_double *server); /* "https://127.0.0.1:PORT" */
const char *kube_double_ca(const struct kube_double *server);  /* PEM */
/* Server and CA, in texts that are the double's: not for kube_config_free(). */
struct kube_config kube_double_config(const struct kube_double *server);

#endif
