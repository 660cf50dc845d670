/* How many connections of clients there may be, and what they may take their time for. */
#ifndef API_CONNECTION_LIMITS_H
#define API_CONNECTION_LIMITS_H

#include "aggregator/api/serving_load.h"

#include <stddef.h>
#include <stdint.h>

struct connection_limits {
	struct serving_load *load; /* how many there may be in all loops */
	size_t loop;               /* whose these are in it */
	uint64_t handshake_ns, receive_ns, idle_ns, stall_ns; /* deadlines */
	size_t input_bytes; /* received and not yet parsed; reading pauses beyond */
};

#endif
