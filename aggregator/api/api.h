/* The HTTPS server: metrics.k8s.io and what belongs to it, from the store.
 *
 * Requests are answered in serving loops, threads of its own; the certificate is followed, and
 * kube-apiserver is asked, in the loop of the event_base that it is given. A handler never blocks.
 * The process must ignore SIGPIPE: a client may leave while it is written to. */
#ifndef API_API_H
#define API_API_H

#include "aggregator/access/access.h"
#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define API_MAX_CONNECTIONS 4096
#define API_HANDSHAKE_MS    10000
#define API_RECEIVE_MS      10000
#define API_IDLE_MS         120000 /* clients give up after 90 s: kube-apiserver, client-go */
#define API_STALL_MS        30000
#define API_READY_MS        60000

#define API_MAX_REQUESTS   400 /* k8s.io/apiserver's --max-requests-inflight */
#define API_MAX_CONDITIONS 7

#define API_MAX_SERVING_THREADS 64

/* A check of /readyz/<name>: NULL, or what is not so yet. Any thread, several at a time. */
struct api_condition {
	const char *name;
	const char *(*check)(void *context);
	void *context;
};

struct api_options {
	const char *bind_address;
	uint16_t port;                    /* 0: any that is free, see api_port() */
	const char *cert_file, *key_file; /* PEM */
	struct access *access;            /* who may do what */
	bool core_api;                    /* serve /api/v1 nodes and pods too (standalone) */
	bool custom_metrics;              /* serve custom.metrics.k8s.io too */
	bool metadata; /* the store is told which nodes there are: /readyz waits for most of them,
			  not only for the first */
	uint32_t serving_threads; /* 0: one; at most API_MAX_SERVING_THREADS are taken */
	uint32_t max_connections; /* of all of them; 0: API_MAX_CONNECTIONS */

	/* Deadlines in milliseconds; 0: the default below. Tests shorten them. */
	uint32_t handshake_ms; /* from accept to the end of the TLS handshake */
	uint32_t receive_ms;   /* from a request's first byte to its last */
	uint32_t idle_ms;      /* of a connection without a request */
	uint32_t stall_ms;     /* of an answer, without the client taking a byte */
	uint32_t ready_ms;     /* after it /readyz does not wait for nodes any more */

	int tls_min_version;             /* TLS1_2_VERSION or TLS1_3_VERSION; 0: 1.2 */
	uint32_t max_requests_in_flight; /* 0: API_MAX_REQUESTS; more are answered with 429 */

	/* What /readyz waits for besides the nodes, each under a name of its own; may be NULL. */
	const struct api_condition *conditions;
	size_t condition_count;

	struct store *store;
	struct telemetry *telemetry;
};

struct api;

/* Listens, and serves; who is not known yet waits until `base` runs, which is main's, and that of
 * the access. NULL and a message: port in use, certificate that can't be read. Strings are copied;
 * access, store, telemetry, conditions and their names must outlive it. */
struct api *api_start(
	const struct api_options *options, struct event_base *base, struct error *err);

/* Waits for the serving threads, each of which ends at once. In main's thread, as all that follows.
 * NULL is fine. */
void api_stop(struct api *api);

/* /readyz fails from now on, as "shutdown": nothing new should be sent here. */
void api_announce_end(struct api *api);

/* Each answer closes its connection from now on. */
void api_drain(struct api *api);

/* Requests that came whole and whose answer is not wholly sent. */
size_t api_requests(const struct api *api);

/* The port that it listens on. */
uint16_t api_port(const struct api *api);

#endif
