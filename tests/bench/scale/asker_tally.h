/* What is counted, and the JSON that tells of it. */
#ifndef SCALE_ASKER_TALLY_H
#define SCALE_ASKER_TALLY_H

#include "base/error.h"
#include "tests/bench/scale/asker_histogram.h"

#include <jansson.h>
#include <stdint.h>

#define ASKER_MAX_STATUS 1000

enum asker_failure {
#define FAILURE(name, key) ASKER_FAILURE_##name,
#include "tests/bench/scale/asker_failure.def"
#undef FAILURE
	ASKER_FAILURES,
};

/* Zero-initialise. */
struct asker_tally {
	uint64_t requests; /* answered, whatever the status */
	uint64_t status[ASKER_MAX_STATUS];
	uint64_t failed[ASKER_FAILURES];
	char first_failure[256]; /* in words */
	uint64_t body_bytes;
	uint64_t reconnects; /* connections after a connection's first */
	struct asker_histogram latency, handshake;
};

/* Counts it; remembers the first one's words. */
void asker_tally_fail(
	struct asker_tally *tally, enum asker_failure failure, const struct error *error);
uint64_t asker_tally_failures(const struct asker_tally *tally);

/* An object of what is counted; `seconds` is how long it took. NULL when memory is short. */
json_t *asker_tally_json(const struct asker_tally *tally, double seconds);

/* {"p50":…,"p90":…,"p99":…,"p999":…,"max":…} in microseconds. */
json_t *asker_tally_percentiles(const struct asker_histogram *histogram);

/* Writes it as one line on standard output; frees it. 0 or -errno. */
int asker_tally_print(json_t *object);

#endif
