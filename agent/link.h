/* The connection that NNG makes to one aggregator, loses and makes again: one PUSH socket, one
 * dialer at a time. What NNG 1.5.2 must be spared in that is known here; how long anything may take
 * is push's business. */
#ifndef AGENT_LINK_H
#define AGENT_LINK_H

#include "base/telemetry.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_URL_MAX 300 /* bytes, with the NUL: a name of 253, scheme and port */

/* For one thread: the callbacks of NNG are its own matter. */
struct link;

/* What it is like at a moment. */
struct link_state {
	bool dialing; /* there is a dialer; with it: */
	bool leaving; /* it is to be closed, as soon as that can be done */
	/* Of the connection, which outlives `connection` until NNG has removed it; id 0: none. */
	nng_pipe pipe;
	uint64_t connection; /* its number, different for each; 0: none, or it is being left */
	uint64_t connected_ns;
	int gap_ms;             /* at most, until it dials again */
	uint64_t busy_since_ns; /* since when NNG has had a message in hand; 0: it has none */
};

/* NULL when memory is short. */
struct link *link_new(struct telemetry *telemetry);

/* Ends in the midst of whatever it does; the socket ends with the process: nng_close() of 1.5.2 now
 * and then waits for ever for a connection that is on its way. NULL is fine. */
void link_free(struct link *link);

/* The url of the next link_dial(), with less than LINK_URL_MAX bytes, for the log, too. */
void link_set_url(struct link *link, const char *url);

/* Makes a dialer, when there is none, which begins to connect. `tls` for tls+tcp, else NULL. 0 or
 * NNG's code. */
int link_dial(struct link *link, nng_tls_config *tls);

/* Counts the connection as lost, drops what is queued, admits no other; the dialer is closed when a
 * connection ends, or by link_close_dialer(). */
void link_leave(struct link *link);

/* For when no connection is on its way, either. False when there is one: then the dialer stays. */
bool link_close_dialer(struct link *link);

struct link_state link_look(struct link *link);

/* Queues one message for the connection of this number, or counts it as dropped. `data` is copied.
 * 0, -EAGAIN (another connection or none, or its queue is full) or -ENOMEM. */
int link_send(struct link *link, uint64_t connection, const void *data, size_t size);

#endif
