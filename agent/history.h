/* The last readings of one cgroup's counters, and what can be said of them: rates and peaks.
 *
 * Everything is computed on the times at which the counters were read, never on the time of the
 * tick. A counter never goes back in a history: a small step back (two sources that round
 * differently) is taken as standing still, a large one (another cgroup behind the same name)
 * forgets what was before. */
#ifndef AGENT_HISTORY_H
#define AGENT_HISTORY_H

#include "agent/reading.h"

#include <stdbool.h>
#include <stdint.h>

struct history;

/* Keeps the counters among `fields` of up to `capacity` readings (at least 2). NULL when memory is
 * short. */
struct history *history_new(uint32_t capacity, field_set fields);
void history_free(struct history *history);

/* Says that every counter was 0 at `at_ns`: for a cgroup whose creation was seen. Only before the
 * first reading. */
void history_start_at_zero(struct history *history, uint64_t at_ns);

/* Says that `field` had been `value` at all readings so far: for a counter that goes on from one
 * that was elsewhere before. */
void history_was(struct history *history, enum field field, uint64_t value);

/* Takes the counters of `reading` (gauges are not kept), but for those of an earlier look. A
 * reading without any valid counter, or not later than the last one, is ignored. */
void history_add(struct history *history, const struct reading *reading);

/* The rate of `field` over the window that ends at the newest reading of it: steps x `per_second` /
 * s. The window starts at the reading that is closest to `window_ns` before the newest; later when
 * the cgroup is younger, earlier when there was none within. False when there are no two readings
 * of the field at least HISTORY_MIN_SPAN_NS apart. *ret_span_ns is the span it was taken over. */
bool history_rate(const struct history *history, enum field field, uint64_t window_ns,
	uint64_t per_second, uint64_t *ret_rate, uint64_t *ret_span_ns);

/* The highest rate between two readings that follow each other, within the same window. Two
 * readings less than half of `step_ns` (the sampling interval) apart are joined with the next, so
 * that jitter makes no peak. */
bool history_peak(const struct history *history, enum field field, uint64_t window_ns,
	uint64_t step_ns, uint64_t per_second, uint64_t *ret_peak);

/* A shorter span says too little: a container that is 100 ms old ran some ten scheduler ticks. */
#define HISTORY_MIN_SPAN_NS (100 * 1000000ULL)

#endif
