/* How long a peer may be slow at what its connection is at. */
#ifndef API_CONNECTION_DEADLINES_H
#define API_CONNECTION_DEADLINES_H

#include "aggregator/api/connection_set.h"

#include <stdint.h>

/* Cuts the connections whose deadline has passed, and takes back what those that pause need not
 * have. `now_ns` is CLOCK_MONOTONIC. */
void connection_deadlines_check(struct connection_set *set, uint64_t now_ns);

#endif
