/* What the agent of one node says: a catalog of the pods that many_pods.h has, and a sample of CPU
 * and working set by the agent's own encoder. Fails the running cmocka test when memory is short.
 */
#ifndef GUARD_NODE_REPORT_H
#define GUARD_NODE_REPORT_H

#include "base/buffer.h"
#include "proto/metric.h"

#include <stddef.h>
#include <stdint.h>

#define NODE_REPORT_PODS       30
#define NODE_REPORT_CONTAINERS 4 /* of a pod, at most */
#define NODE_REPORT_REVISION   1

#define NODE_REPORT_METRICS                                                     \
	(METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) | \
		METRIC_BIT(METRIC_NODE_CPU_USAGE) | METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET))

#define NODE_REPORT_ALL (~(metric_set)0 >> (64 - METRIC_COUNT))

/* Append a message as it goes over the wire. Node `node` has pods number `node` *
 * NODE_REPORT_PODS and on, of `containers` containers each. */
void node_report_catalog(size_t node, size_t containers, uint64_t revision, struct buffer *out);
void node_report_sample(size_t containers, metric_set metrics, struct buffer *out);

#endif
