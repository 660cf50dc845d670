/* Runs the loop until SIGTERM or SIGINT, and then leaves without failing a request: /readyz says
 * that we go, so that nothing new is sent here; after a delay each answer closes its connection;
 * when no request is under way, or none has ended for too long, the loop ends. A second signal ends
 * it at once. */
#ifndef AGGREGATOR_SHUTDOWN_H
#define AGGREGATOR_SHUTDOWN_H

#include "aggregator/api/api.h"
#include "base/error.h"

#include <event2/event.h>
#include <stdint.h>

#define SHUTDOWN_DRAIN_NS 10000000000ULL /* for requests that are under way */

/* Blocks. `delay_ns` is served on as ever before connections are closed. 0 or -errno. */
int shutdown_run(struct event_base *base, struct api *api, uint64_t delay_ns, struct error *err);

#endif
