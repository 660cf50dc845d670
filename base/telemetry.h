/* A program's figures about itself: counters, gauges and histograms, in Prometheus' text format.
 *
 * A registry is made in main and handed down; each part registers its series when it starts and
 * keeps the pointers. Updating is one relaxed atomic operation and safe from any thread;
 * registering and rendering take the registry's lock. */
#ifndef BASE_TELEMETRY_H
#define BASE_TELEMETRY_H

#include "base/buffer.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct telemetry;

/* One series. The registry owns it; it lives as long as the registry. */
struct telemetry_series {
	_Atomic uint64_t value;
};

/* NULL when memory is short. */
struct telemetry *telemetry_new(void);
void telemetry_free(struct telemetry *telemetry);

/* Registers a series, or returns the one that has the same name and label. `name`, `help`, `label`
 * and `label_value` must outlive the registry; `label` may be NULL. Series of one name share the
 * help and stand together when rendered. Returns a series that is not rendered when memory is
 * short, never NULL. A counter's name ends in _total. */
struct telemetry_series *telemetry_counter(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value);
struct telemetry_series *telemetry_gauge(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value);

/* How long something took, by buckets. The registry owns it. */
struct telemetry_histogram;

struct telemetry_bucket {
	uint64_t up_to_ns;
	const char *seconds; /* the same as the label's text: "0.001" */
};

#define TELEMETRY_MAX_BUCKETS 20

/* As above. `buckets` in ascending order, at most TELEMETRY_MAX_BUCKETS, must outlive the registry;
 * one without an end stands behind the last. A histogram's name ends in _seconds. */
struct telemetry_histogram *telemetry_histogram(struct telemetry *telemetry, const char *name,
	const char *help, const char *label, const char *label_value,
	const struct telemetry_bucket *buckets, size_t count);

/* Any thread, at the cost of two atomic operations. */
void telemetry_observe(struct telemetry_histogram *histogram, uint64_t ns);

/* Any thread, at the cost of an atomic operation. */
static inline void telemetry_add(struct telemetry_series *series, uint64_t amount)
{
	atomic_fetch_add_explicit(&series->value, amount, memory_order_relaxed);
}

/* Of a gauge that several parts, or threads, add to. */
static inline void telemetry_subtract(struct telemetry_series *series, uint64_t amount)
{
	atomic_fetch_sub_explicit(&series->value, amount, memory_order_relaxed);
}

static inline void telemetry_set(struct telemetry_series *series, uint64_t value)
{
	atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

static inline uint64_t telemetry_get(const struct telemetry_series *series)
{
	return atomic_load_explicit(&series->value, memory_order_relaxed);
}

/* Appends every series in text format 0.0.4, in the order in which names were first registered. */
void telemetry_render(struct telemetry *telemetry, struct buffer *out);

#endif
