#include "tests/bench/scale/asker_tally.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const KEYS[ASKER_FAILURES] = {
#define FAILURE(name, key) [ASKER_FAILURE_##name] = key,
#include "tests/bench/scale/asker_failure.def"
#undef FAILURE
};

void asker_tally_fail(
	struct asker_tally *tally, enum asker_failure failure, const struct error *error)
{
	tally->failed[failure]++;
	if (error && !tally->first_failure[0])
		(void)snprintf(tally->first_failure, sizeof(tally->first_failure), "%.250s",
			error->message);
}

uint64_t asker_tally_failures(const struct asker_tally *tally)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < ASKER_FAILURES; i++)
		sum += tally->failed[i];
	return sum;
}

/* --- JSON ------------------------------------------------------------------------------------- */

static json_t *usec(uint64_t ns)
{
	return json_real((double)ns / 1e3);
}

json_t *asker_tally_percentiles(const struct asker_histogram *histogram)
{
	return json_pack("{s:o,s:o,s:o,s:o,s:o}", "p50", usec(asker_histogram_at(histogram, 500)),
		"p90", usec(asker_histogram_at(histogram, 900)), "p99",
		usec(asker_histogram_at(histogram, 990)), "p999",
		usec(asker_histogram_at(histogram, 999)), "max", usec(histogram->max_ns));
}

static json_t *buckets(const struct asker_histogram *histogram)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ASKER_HISTOGRAM_BUCKETS; i++)
		if (histogram->bucket[i])
			(void)json_array_append_new(
				array, json_pack("[o,I]", usec(asker_histogram_upper_ns(i)),
					       (json_int_t)histogram->bucket[i]));
	return array;
}

static json_t *codes(const struct asker_tally *tally)
{
	json_t *object = json_object();
	char code[8];

	for (unsigned i = 0; i < ASKER_MAX_STATUS; i++) {
		if (!tally->status[i])
			continue;
		(void)snprintf(code, sizeof(code), "%u", i);
		(void)json_object_set_new(object, code, json_integer((json_int_t)tally->status[i]));
	}
	return object;
}

static json_t *failures(const struct asker_tally *tally)
{
	json_t *object = json_object();

	for (size_t i = 0; i < ASKER_FAILURES; i++)
		if (tally->failed[i])
			(void)json_object_set_new(
				object, KEYS[i], json_integer((json_int_t)tally->failed[i]));
	return object;
}

static json_t *handshakes(const struct asker_histogram *histogram)
{
	return json_pack("{s:I,s:f,s:f,s:f}", "count", (json_int_t)histogram->count, "p50_ms",
		(double)asker_histogram_at(histogram, 500) / 1e6, "p99_ms",
		(double)asker_histogram_at(histogram, 990) / 1e6, "max_ms",
		(double)histogram->max_ns / 1e6);
}

json_t *asker_tally_json(const struct asker_tally *tally, double seconds)
{
	return json_pack("{s:I,s:o,s:o,s:s,s:I,s:I,s:f,s:f,s:o,s:o,s:o}", "requests",
		(json_int_t)tally->requests, "status", codes(tally), "errors", failures(tally),
		"first_error", tally->first_failure, "body_bytes", (json_int_t)tally->body_bytes,
		"reconnects", (json_int_t)tally->reconnects, "seconds", seconds, "rate",
		seconds > 0 ? (double)tally->requests / seconds : 0.0, "handshakes",
		handshakes(&tally->handshake), "latency_us",
		asker_tally_percentiles(&tally->latency), "histogram", buckets(&tally->latency));
}

int asker_tally_print(json_t *object)
{
	int r = object ? json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9)) : -1;

	json_decref(object);
	if (r < 0 || fputc('\n', stdout) == EOF || fflush(stdout) == EOF)
		return -EIO;
	return 0;
}
