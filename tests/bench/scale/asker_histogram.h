/* How long things took: a log-linear histogram of nanoseconds. A bucket is 1/32 to 1/64 of its
 * values wide (3 % at most), so that any percentile is right within that; below 64 ns it is exact.
 */
#ifndef SCALE_ASKER_HISTOGRAM_H
#define SCALE_ASKER_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define ASKER_HISTOGRAM_STEPS   32 /* buckets of each power of two */
#define ASKER_HISTOGRAM_BUCKETS (60 * ASKER_HISTOGRAM_STEPS)

/* Zero-initialise. */
struct asker_histogram {
	uint64_t count;
	uint64_t max_ns; /* exact */
	uint64_t bucket[ASKER_HISTOGRAM_BUCKETS];
};

void asker_histogram_add(struct asker_histogram *histogram, uint64_t ns);

/* The greatest value that falls into bucket `index`. */
uint64_t asker_histogram_upper_ns(size_t index);

/* What `permille` of the values do not exceed: the upper end of their bucket, but never more than
 * the greatest value. 0 when there is none. */
uint64_t asker_histogram_at(const struct asker_histogram *histogram, unsigned permille);

#endif
