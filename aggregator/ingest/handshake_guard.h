/* Shuts accepted sockets that never become a connection.
 *
 * NNG 1.5.2 waits for ever for a peer that opens a TCP connection and never finishes the TLS
 * handshake. The guard finds such sockets from outside: ours by the local port, without an open
 * pipe to their peer. One thread. */
#ifndef INGEST_HANDSHAKE_GUARD_H
#define INGEST_HANDSHAKE_GUARD_H

#include "aggregator/ingest/connections.h"

#include <stddef.h>
#include <stdint.h>

struct handshake_guard;

/* Watches the sockets that were accepted on one of `ports` (copied); each may take `patience_ns`
 * from the first sweep that sees it. NULL when memory is short. */
struct handshake_guard *handshake_guard_new(
	const uint16_t *ports, size_t port_count, uint64_t patience_ns);
void handshake_guard_free(struct handshake_guard *guard);

/* Call at least twice in `patience_ns`. Returns how many sockets it shut. */
size_t handshake_guard_sweep(
	struct handshake_guard *guard, struct connections *connections, uint64_t now_ns);

#endif
