/* Those who ask for /metrics: their connections, bounded, from the first byte to the last.
 *
 * Everything runs in the event_base's thread and takes no more of it than a request's bytes need.
 * A request for a page waits until export_clients_answer() is called with that page. Whatever a
 * client is slow at has a deadline. The process must ignore SIGPIPE. */
#ifndef AGENT_EXPORT_CLIENTS_H
#define AGENT_EXPORT_CLIENTS_H

#include "agent/export_page.h"
#include "agent/export_request.h"
#include "agent/export_tls.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define EXPORT_MAX_CONNECTIONS 16 /* two Prometheus replicas have two */

/* In milliseconds. */
struct export_deadlines {
	uint32_t receive_ms; /* from accept, or a request's first byte, to its last */
	uint32_t answer_ms;  /* from a request's last byte to the answer's */
	uint32_t idle_ms;    /* between two requests */
};

struct export_clients_options {
	struct export_tls *tls; /* NULL: plain HTTP */
	struct export_deadlines deadlines;
	/* A request waits. The answer may come in this call or later. */
	void (*asked)(void *context, struct export_key key);
	void *context;
	struct telemetry *telemetry;
};

struct export_clients;

/* None yet. The options' parts and the base must outlive it. NULL: memory is short. */
struct export_clients *export_clients_new(
	const struct export_clients_options *options, struct event_base *base);

/* Closes every connection. NULL is fine. */
void export_clients_free(struct export_clients *clients);

/* Takes a connection that was accepted, and its socket. Who has been idle for the longest gives way
 * when there are EXPORT_MAX_CONNECTIONS; when all are busy, the new one is closed and counted. */
void export_clients_take(struct export_clients *clients, evutil_socket_t fd);

/* Closes those that are beyond a deadline; to be called more often than the shortest one. */
void export_clients_sweep(struct export_clients *clients);

/* The page of the request that waits for the longest. False when nobody waits. */
bool export_clients_wait(const struct export_clients *clients, struct export_key *ret_key);

/* Whether anybody waits for this one. */
bool export_clients_wait_for(const struct export_clients *clients, struct export_key key);

/* Sends the page to all who wait for it; to those who take gzip only once it is packed. */
void export_clients_answer(struct export_clients *clients, struct export_page *page);

/* There is no such page: 503 to all who wait for it. */
void export_clients_refuse(struct export_clients *clients, struct export_key key);

#endif
