/* How long threads waited for a CPU in the last seconds: percentiles from a histogram whose buckets
 * grow by powers of two.
 *
 * The kernel's side (bpf/run_queue.h) counts each wait in one bucket, for ever. Each look hands the
 * counts over; what the window had is their growth since the look at its start. Bounded: a window
 * keeps at most WAIT_WINDOW_POINTS looks, and only every so-many-th when there are more in it, so
 * that the window's start is off by 1/(WAIT_WINDOW_POINTS - 2) of it at most.
 *
 * A percentile q of n waits is the wait of rank q x n: in the bucket from `low` to `high` in which
 * that rank falls, with `before` waits in the buckets below and `count` in it,
 *
 *     low + (high - low) x (q x n - before) / count
 *
 * as if the waits of a bucket were spread evenly in it. The true one lies in the same bucket, so
 * the answer is less than the bucket's width off: less than 1 µs below 1 µs, else less than half
 * the answer too high and less than all of it too low. */
#ifndef AGENT_WAIT_WINDOW_H
#define AGENT_WAIT_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/types.h>

#include "bpf/run_queue.h"

#define WAIT_WINDOW_POINTS 18

struct wait_window {
	uint32_t count;
	uint32_t newest; /* index of the newest point when count > 0 */
	uint64_t at_ns[WAIT_WINDOW_POINTS];
	/* The last counts, and those at each point, modulo 2^32: there are not so many waits in a
	 * window. */
	uint32_t buckets[WAIT_WINDOW_POINTS][RUN_QUEUE_BUCKETS];
};

/* Takes the counts of a look. The first look starts a window with nothing in it. Zero-initialise
 * before. */
void wait_window_add(struct wait_window *window, uint64_t window_ns, uint64_t at_ns,
	const uint64_t buckets[RUN_QUEUE_BUCKETS]);

/* The wait that `permille` of 1,000 waits of the window were not longer than. False when there was
 * none. */
bool wait_window_percentile(const struct wait_window *window, uint64_t window_ns, uint32_t permille,
	uint64_t *ret_wait_ns);

/* The same of one histogram. */
bool wait_percentile(
	const uint32_t buckets[RUN_QUEUE_BUCKETS], uint32_t permille, uint64_t *ret_wait_ns);

#endif
