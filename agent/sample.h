/* How much: the figures of one tick, and what a Sample says. */
#ifndef AGENT_SAMPLE_H
#define AGENT_SAMPLE_H

#include "agent/figures.h"
#include "base/buffer.h"
#include "proto/metric.h"

#include <stdint.h>

struct sample {
	uint64_t revision;     /* of the roster whose rows these are */
	uint64_t timestamp_ms; /* CLOCK_REALTIME */
	/* Of the last sample that said all, when this one need not; 0: this one says all. */
	uint64_t kept_ms;
	struct figures node;
	struct figures *rows;
	uint32_t row_count, row_capacity;
};

/* Makes room for `rows` rows, all absent. 0 or -ENOMEM. Zero-initialise before the first use. */
int sample_reset(struct sample *sample, uint32_t rows);
void sample_free(struct sample *sample);

/* How often a sample says all. The others leave out what hardly moves or is read no more often. */
#define SAMPLE_WHOLE_MS 5000

/* Decides what this sample says: all when its rows are others than those of the one that said all
 * last, or that is SAMPLE_WHOLE_MS ago. Zero-initialise `turn`. */
struct sample_turn {
	uint64_t revision, timestamp_ms; /* of the last that said all */
};
void sample_take_turn(struct sample *sample, struct sample_turn *turn);

/* Appends the wire's Message with the Sample: a column for each of `wanted` that any row has a
 * figure of; `out` is failed when memory is short. */
void sample_encode(const struct sample *sample, metric_set wanted, struct buffer *out);

#endif
