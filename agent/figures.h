/* From raw readings to the figures that are served.
 *
 * CPU usage: usage's growth over the window, in nanocores; never above the CPUs that there are.
 * Working set: usage - inactive file cache, never below 0 (the kubelet's formula).
 * RSS and cache: memory.stat's anon and file; on a hybrid host total_rss and total_cache.
 * A node's working set: anon + file - inactive file of the whole machine.
 * Throttled ratio: growth of nr_throttled over that of nr_periods; absent when there was no period.
 * Memory usage ratio: the working set over the limit; absent when there is no limit.
 * Huge pages: of 2 MiB and of 1 GiB together; pages of one size alone are enough.
 * Pressure: never more than all of the time.
 * Rates of times other than CPU usage are whole microseconds a second, those of bytes whole bytes.
 * Everything else: the field itself, as a rate over the window or as a level.
 *
 * A figure whose fields were not read is absent. */
#ifndef AGENT_FIGURES_H
#define AGENT_FIGURES_H

#include "agent/history.h"
#include "agent/reading.h"
#include "proto/metric.h"

#include <stdint.h>

struct figures {
	metric_set present;
	uint32_t window_ms; /* that the CPU rate was taken over; 0 = no CPU rate */
	uint64_t value[METRIC_COUNT];
};

struct figures_options {
	metric_set wanted;
	uint64_t window_ns;
	uint64_t interval_ns; /* between two readings */
	uint32_t cpus;        /* bound of CPU rates */
};

/* The fields that must be read for the metrics of one scope. */
field_set figures_fields(metric_set wanted, enum metric_scope scope);

/* The counter itself, or the level, behind a metric: in steps of its field's unit (ns, bytes,
 * times). False when it was not read, and for what only a history tells (peaks, ratios). */
bool figures_raw(enum metric metric, const struct reading *reading, uint64_t *ret_value);

/* The field that a metric comes from. */
enum field figures_field(enum metric metric);

/* The figures of one scope from the cgroup's history, to which `reading` was added already. */
void figures_compute(const struct figures_options *options, enum metric_scope scope,
	const struct history *history, const struct reading *reading, struct figures *ret_figures);

#endif
