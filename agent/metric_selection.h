/* Which metrics are collected, from the --metrics flag. */
#ifndef AGENT_METRIC_SELECTION_H
#define AGENT_METRIC_SELECTION_H

#include "base/error.h"
#include "proto/metric.h"

/* `text` is a comma-separated list of metric names and of two words: "all", and "resource" (what
 * metrics.k8s.io serves: CPU, working set and swap of containers and node). 0, or -EINVAL with a
 * message that names the word. */
int metric_selection_parse(const char *text, metric_set *ret_metrics, struct error *err);

#endif
