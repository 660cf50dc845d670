/* One of the threads that serve the API: a loop with an HTTPS server, a desk and a gate of its own.
 * What its connections ask is answered here from the first byte to the last.
 *
 * All loops have one listening socket, and one of them at a time looks at it: whoever has taken a
 * connection hands it to the loop with the fewest. */
#ifndef API_SERVING_LOOP_H
#define API_SERVING_LOOP_H

#include "aggregator/access/access.h"
#include "aggregator/api/certificate_reload.h"
#include "aggregator/api/exchange.h"
#include "aggregator/api/router.h"
#include "aggregator/api/server.h"
#include "aggregator/api/serving_load.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdatomic.h>
#include <stddef.h>

struct serving_loop;

/* All of it must outlive the loop. */
struct serving_loop_options {
	size_t index, count;               /* this one, of so many */
	struct serving_loop *const *loops; /* all of them, when they run */
	struct access *access;
	const struct router *router; /* does not change any more */
	struct exchange_tally *tally;
	struct serving_load *load;
	struct certificate_reload *certificate;
	const _Atomic bool *draining; /* each answer closes its connection */
	int socket;                   /* that listens */
	struct server_deadlines deadlines;
	struct telemetry *telemetry;
};

/* NULL and a message when memory or file descriptors are short. */
struct serving_loop *serving_loop_new(
	const struct serving_loop_options *options, struct error *err);

/* Starts its thread, named "serve-" and its index. 0, or -errno with a message. */
int serving_loop_start(struct serving_loop *loop, struct error *err);

/* Tells the thread to end, if it runs; the second one waits for it. Before one loop is freed all
 * must have ended. */
void serving_loop_stop(struct serving_loop *loop);
void serving_loop_join(struct serving_loop *loop);

/* Cuts the connections that there are. In the thread of main's loop. NULL is fine. */
void serving_loop_free(struct serving_loop *loop);

#endif
