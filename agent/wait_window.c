#include "agent/wait_window.h"

#include <string.h>

__extension__ typedef unsigned __int128 wide;

/* Where bucket `b` begins; where the one after the last begins is where the last one ends. */
static uint64_t bucket_start(uint32_t b)
{
	return b == 0 ? 0 : (uint64_t)1 << (RUN_QUEUE_FIRST_BITS + b - 1);
}

bool wait_percentile(
	const uint32_t buckets[RUN_QUEUE_BUCKETS], uint32_t permille, uint64_t *ret_wait_ns)
{
	uint64_t waits = 0, rank, before = 0;

	for (uint32_t b = 0; b < RUN_QUEUE_BUCKETS; b++)
		waits += buckets[b];
	if (waits == 0)
		return false;
	rank = waits * permille; /* in thousandths of a wait */
	for (uint32_t b = 0; b < RUN_QUEUE_BUCKETS; b++) {
		uint64_t low = bucket_start(b), width = bucket_start(b + 1) - low;
		uint64_t count = (uint64_t)buckets[b] * 1000;

		if (count > 0 && before + count >= rank) {
			*ret_wait_ns = low + (uint64_t)((wide)width * (rank - before) / count);
			return true;
		}
		before += count;
	}
	return false;
}

static uint32_t index_of(const struct wait_window *window, uint32_t age)
{
	return (window->newest + WAIT_WINDOW_POINTS - age) % WAIT_WINDOW_POINTS;
}

static void put(struct wait_window *window, uint64_t at_ns, const uint64_t *buckets)
{
	window->at_ns[window->newest] = at_ns;
	for (uint32_t b = 0; b < RUN_QUEUE_BUCKETS; b++)
		window->buckets[window->newest][b] = (uint32_t)buckets[b];
}

void wait_window_add(struct wait_window *window, uint64_t window_ns, uint64_t at_ns,
	const uint64_t buckets[RUN_QUEUE_BUCKETS])
{
	/* The newest point is replaced as long as it is close to the one before: so the newest
	 * always is the last look's, and the others lie `step` apart. */
	uint64_t step = window_ns / (WAIT_WINDOW_POINTS - 2);
	bool keep = window->count < 2 ||
		    window->at_ns[window->newest] - window->at_ns[index_of(window, 1)] >= step;

	if (keep && window->count > 0)
		window->newest = (window->newest + 1) % WAIT_WINDOW_POINTS;
	if (keep && window->count < WAIT_WINDOW_POINTS)
		window->count++;
	put(window, at_ns, buckets);
}

/* How old the point is that lies closest to the window's start; 0 when there is but one. */
static uint32_t start_of(const struct wait_window *window, uint64_t window_ns)
{
	uint64_t newest_ns, best_off = UINT64_MAX;
	uint32_t best = 0;

	if (window->count == 0)
		return 0;
	newest_ns = window->at_ns[window->newest];
	for (uint32_t age = 1; age < window->count; age++) {
		uint64_t span = newest_ns - window->at_ns[index_of(window, age)];
		uint64_t off = span > window_ns ? span - window_ns : window_ns - span;

		if (off >= best_off)
			break; /* points only get older */
		best = age;
		best_off = off;
	}
	return best;
}

bool wait_window_percentile(const struct wait_window *window, uint64_t window_ns, uint32_t permille,
	uint64_t *ret_wait_ns)
{
	uint32_t start = start_of(window, window_ns);
	uint32_t grown[RUN_QUEUE_BUCKETS];

	if (start == 0)
		return false;
	for (uint32_t b = 0; b < RUN_QUEUE_BUCKETS; b++)
		grown[b] = window->buckets[window->newest][b] -
			   window->buckets[index_of(window, start)][b];
	return wait_percentile(grown, permille, ret_wait_ns);
}
