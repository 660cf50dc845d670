#include "tests/bench/scale/asker_histogram.h"

/* log2 of the steps */
#define STEP_BITS 5

static size_t index_of(uint64_t ns)
{
	unsigned shift;

	if (ns < ASKER_HISTOGRAM_STEPS)
		return (size_t)ns;
	shift = 63 - (unsigned)__builtin_clzll(ns) - STEP_BITS;
	return (size_t)shift * ASKER_HISTOGRAM_STEPS + (size_t)(ns >> shift);
}

void asker_histogram_add(struct asker_histogram *histogram, uint64_t ns)
{
	histogram->bucket[index_of(ns)]++;
	histogram->count++;
	if (ns > histogram->max_ns)
		histogram->max_ns = ns;
}

uint64_t asker_histogram_upper_ns(size_t index)
{
	size_t shift;

	if (index < ASKER_HISTOGRAM_STEPS)
		return index;
	shift = index / ASKER_HISTOGRAM_STEPS - 1;
	index -= shift * ASKER_HISTOGRAM_STEPS; /* 32..63, the value's first six bits */
	return ((uint64_t)index << shift) + ((1ULL << shift) - 1);
}

uint64_t asker_histogram_at(const struct asker_histogram *histogram, unsigned permille)
{
	uint64_t rank = (histogram->count * permille + 999) / 1000, seen = 0;

	if (histogram->count == 0)
		return 0;
	if (rank == 0)
		rank = 1;
	for (size_t i = 0; i < ASKER_HISTOGRAM_BUCKETS; i++) {
		uint64_t upper_ns = asker_histogram_upper_ns(i);

		seen += histogram->bucket[i];
		if (seen >= rank)
			return upper_ns < histogram->max_ns ? upper_ns : histogram->max_ns;
	}
	return histogram->max_ns;
}
