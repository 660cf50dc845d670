/* The agent's end of the wire: one NNG PUSH socket to one aggregator address.
 *
 * Never blocks the caller: what can't be sent now is dropped and counted, for a sample is worth
 * nothing in a second. Reconnects by itself after a random time of up to 2 s; of up to 30 s while
 * the aggregator hangs up on each new connection. A connection whose peer stopped acknowledging or
 * reading is given up after 10 s. */
#ifndef AGENT_PUSH_H
#define AGENT_PUSH_H

#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct push_options {
	const char *url;         /* tls+tcp://host:port, ipc:///path, tcp://host:port */
	const char *ca_file;     /* PEM; for tls+tcp */
	const char *server_name; /* verified in the certificate; NULL = the host of the url */
	bool insecure;           /* allows tcp:// */
	struct telemetry *telemetry;
};

struct push;

/* Starts to connect. NULL and a message for a bad url, a CA file that can't be read, or tcp://
 * without `insecure`. The aggregator need not be there yet. */
struct push *push_new(const struct push_options *options, struct error *err);

/* Drops what is still queued and connects no more; the connection that there is closes with the
 * process (NNG 1.5.2 does not close sockets well). */
void push_free(struct push *push);

/* Changes with every new connection; 0 while there is none. A new value means: send Hello and
 * Catalog first. push_send() sends only on the connection that this call told of last, so that no
 * Sample slips onto a newer one before its Hello. Call both from one thread, and this one about
 * once a second: it also looks whether the connection is stuck. */
uint64_t push_connection(struct push *push);

/* Queues one message, or drops and counts it. `data` is copied. 0, -EAGAIN (no connection, another
 * one than push_connection() told of, or the peer does not read) or -ENOMEM. A message that was
 * queued is lost when its connection ends. */
int push_send(struct push *push, const void *data, size_t size);

#endif
