/* The metrics as custom.metrics.k8s.io knows them: their names, and the one figure that a pod or a
 * node has of each. */
#ifndef API_CUSTOM_METRIC_H
#define API_CUSTOM_METRIC_H

#include "aggregator/api/object.h"
#include "proto/metric.h"

#include <stdbool.h>
#include <stdint.h>

struct custom_metric {
	enum metric metric;
	const char *name; /* by which it was asked for; constant */
	bool v1beta1;     /* else v1beta2 */
};

/* The metric of this scope with this name: that of proto/metrics.def's column `custom`, or our own
 * name for it. False when there is none; *ret_metric's version is untouched. */
bool custom_metric_find(
	const char *name, enum metric_scope scope, struct custom_metric *ret_metric);

/* The name under which the metric is listed, or NULL: it is not served. */
const char *custom_metric_name(enum metric metric);

/* True when the figure is of a span of time: its window is told then. */
bool custom_metric_has_window(enum metric metric);

/* Takes one more figure into that of the whole: the sum, or the worst of them (metric_kind). */
uint64_t custom_metric_with(enum metric metric, uint64_t whole, uint64_t figure);

/* A node's figure, or a pod's, which is that of its containers that have one. False when none
 * has. */
bool custom_metric_of(const struct object *object, enum metric metric, uint64_t *ret_figure);

#endif
