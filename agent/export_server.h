/* The socket of /metrics: listens, and hands who comes to export_clients, as many as it bears.
 *
 * Everything runs in the event_base's thread. The process must ignore SIGPIPE. */
#ifndef AGENT_EXPORT_SERVER_H
#define AGENT_EXPORT_SERVER_H

#include "agent/export_address.h"
#include "agent/export_clients.h"
#include "base/error.h"

#include <event2/event.h>
#include <stdint.h>

/* New ones between two sweeps, which are a second apart at most: a handshake is a millisecond of
 * the loop. More wait in the kernel's line. */
#define EXPORT_MAX_ACCEPTS 32

struct export_server_options {
	struct export_address address;
	struct export_clients_options clients;
};

struct export_server;

/* Listens from now on. The options' parts must outlive it. NULL and a message. */
struct export_server *export_server_start(
	const struct export_server_options *options, struct event_base *base, struct error *err);

/* Closes every connection. NULL is fine. */
void export_server_stop(struct export_server *server);

/* The port that it listens on. */
uint16_t export_server_port(const struct export_server *server);

/* Who came; the server's. */
struct export_clients *export_server_clients(struct export_server *server);

#endif
