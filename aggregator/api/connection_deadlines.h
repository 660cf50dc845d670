/* How long a peer may be slow at what its connection is at. */
#ifndef API_CONNECTION_DEADLINES_H
#define API_CONNECTION_DEADLINES_H

#include "aggregator/api/connection_set.h"

#include <stdbool.h>
#include <stdint.h>

/* What a connection that is cut costs the loop is some 50 us, most of it in the next round. */
#define CONNECTION_DEADLINES_AT_ONCE 8

/* Cuts connections whose deadline has passed, and takes back what those that pause need not have.
 * `now_ns` is CLOCK_MONOTONIC. True when it has cut as many as at once, and there may be more. */
bool connection_deadlines_check(struct connection_set *set, uint64_t now_ns);

#endif
