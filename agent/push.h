/* The agent's end of the wire: one NNG PUSH socket, which pushes to one aggregator at a time.
 *
 * Never blocks the caller: what can't be sent now is dropped and counted, for a sample is worth
 * nothing in a second. Reconnects by itself after a random time of up to 2 s; of up to 30 s while
 * the aggregator hangs up on each new connection. A connection whose peer stopped acknowledging or
 * reading, or does not finish the handshake, is given up after 10 s.
 *
 * A push is used again for the next address rather than freed: NNG 1.5.2 does not close sockets
 * well, so that each one that was opened stays until the process ends. */
#ifndef AGENT_PUSH_H
#define AGENT_PUSH_H

#include "base/error.h"
#include "base/telemetry.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PUSH_URL_MAX 300 /* bytes, with the NUL: a name of 253, scheme and port */

/* For one thread: the callbacks of NNG are its own matter. */
struct push;

/* Idle at first. `telemetry` gets sums over all pushes of the process. NULL and a message when
 * memory is short. */
struct push *push_new(struct telemetry *telemetry, struct error *err);

/* Ends the connection, drops what is queued, connects no more; the socket stays until the process
 * ends, and other pushes may not notice any more when their connections break: free them all, then
 * leave. NULL is fine. */
void push_free(struct push *push);

/* Begins to connect an idle push to tls+tcp://host:port, tcp://host:port or ipc:///path; the
 * aggregator need not be there yet. A host should be an address: NNG looks names up by itself, and
 * takes their first address. `tls` is for tls+tcp, NULL otherwise, and held. 0, or -EINVAL and a
 * message: then it is idle as before. */
int push_start(struct push *push, const char *url, nng_tls_config *tls, struct error *err);

/* Ends the connection, drops what is queued, and admits no other. NNG takes its time for that: the
 * push may be started again once it is idle: go on with push_care(). May be stopped twice. Not for
 * a url with a name in it. */
void push_stop(struct push *push);

/* Whether nothing is left of the last address: true at first, false from push_start() on, true
 * again a moment (of a connection), or two calls of push_care() after push_stop(). */
bool push_idle(struct push *push);

bool push_connected(struct push *push);

/* Changes with every new connection; 0 while there is none. A new value means: send Hello and
 * Catalog first. push_send() sends only on the connection that this call told of last, so that no
 * Sample slips onto a newer one before its Hello. */
uint64_t push_connection(struct push *push);

/* Gives up a connection or handshake that is stuck, says when there has long been none, dials anew
 * when NNG has forgotten to. Call it about once a second, idle or not. */
void push_care(struct push *push, uint64_t now_ns);

/* Queues one message, or drops and counts it. `data` is copied. 0, -EAGAIN (no connection, another
 * one than push_connection() told of, or the peer does not read) or -ENOMEM. A message that was
 * queued is lost when its connection ends. */
int push_send(struct push *push, const void *data, size_t size);

#endif
