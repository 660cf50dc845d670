/* HTTP/1.1 connections of /metrics: accepts them, bounds them, reads requests and sends pages.
 *
 * Everything runs in the event_base's thread and takes no more of it than a request's bytes need.
 * A request for a page waits until export_server_answer() is called with that page. Whatever a
 * client is slow at has a deadline. The process must ignore SIGPIPE. */
#ifndef AGENT_EXPORT_SERVER_H
#define AGENT_EXPORT_SERVER_H

#include "agent/export_address.h"
#include "agent/export_page.h"
#include "agent/export_request.h"
#include "agent/export_tls.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define EXPORT_MAX_CONNECTIONS 16 /* two Prometheus replicas have two */
/* New ones between two sweeps, which are a second apart at most: a handshake is a millisecond of
 * the loop. More wait in the kernel's line. */
#define EXPORT_MAX_ACCEPTS     32

/* In milliseconds. */
struct export_deadlines {
	uint32_t receive_ms; /* from accept, or a request's first byte, to its last */
	uint32_t answer_ms;  /* from a request's last byte to the answer's */
	uint32_t idle_ms;    /* between two requests */
};

struct export_server_options {
	struct export_address address;
	struct export_tls *tls; /* NULL: plain HTTP */
	struct export_deadlines deadlines;
	/* A request waits. The answer may come in this call or later. */
	void (*asked)(void *context, struct export_key key);
	void *context;
	struct telemetry *telemetry;
};

struct export_server;

/* Listens from now on. The options' parts must outlive it. NULL and a message. */
struct export_server *export_server_start(
	const struct export_server_options *options, struct event_base *base, struct error *err);

/* Closes every connection. NULL is fine. */
void export_server_stop(struct export_server *server);

/* The port that it listens on. */
uint16_t export_server_port(const struct export_server *server);

/* The page of the request that waits for the longest. False when nobody waits. */
bool export_server_waits(const struct export_server *server, struct export_key *ret_key);

/* Whether anybody waits for this one. */
bool export_server_waits_for(const struct export_server *server, struct export_key key);

/* Sends the page to all who wait for it; to those who take gzip only once it is packed. */
void export_server_answer(struct export_server *server, struct export_page *page);

/* There is no such page: 503 to all who wait for it. */
void export_server_refuse(struct export_server *server, struct export_key key);

#endif
