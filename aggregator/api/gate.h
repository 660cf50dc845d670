/* The gate that every request passes, in Kubernetes' order: who asks, how many are under way,
 * whether they may; and then the route. Each step may wait for kube-apiserver. */
#ifndef API_GATE_H
#define API_GATE_H

#include "aggregator/access/access.h"
#include "aggregator/api/exchange.h"
#include "aggregator/api/router.h"
#include "base/telemetry.h"

#include <stdint.h>

struct gate_options {
	struct access *access;
	const struct router *router;
	uint32_t max_in_flight; /* more are answered with 429, but for system:masters */
	struct telemetry *telemetry;
};

struct gate;

/* Copies the options, whose parts must outlive it, and it all exchanges. NULL when memory is short.
 */
struct gate *gate_new(const struct gate_options *options);
void gate_free(struct gate *gate);

/* Answers the exchange, whose request is parsed, now or later. It may be gone on return. */
void gate_enter(struct gate *gate, struct exchange *exchange);

#endif
