/* The gate that every request of a serving loop passes, in Kubernetes' order: who asks, how many
 * are under way, whether they may; and then the route. Each step may wait for kube-apiserver. */
#ifndef API_GATE_H
#define API_GATE_H

#include "aggregator/access/access_desk.h"
#include "aggregator/api/exchange.h"
#include "aggregator/api/router.h"
#include "aggregator/api/serving_load.h"
#include "base/telemetry.h"

struct gate_options {
	struct access_desk *desk;
	const struct router *router;
	struct serving_load
		*load; /* too many in flight are 429, but for system:masters and probes */
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
