/* What the agent's /metrics costs: a node with 250 pods of two containers and every metric.
 *
 *	bench_exporter [PODS]
 *
 * Copying the look, writing the page and packing it are what a scrape costs, once for all who ask
 * between two looks; keeping account of the pods is what each look costs. */
#include "agent/export_text.h"
#include "base/clock.h"
#include "base/gzip_stream.h"
#include "tests/harness/export_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 50

enum step { ACCOUNT, COPY, WRITE, PACK, STEPS };

static const char *const NAMES[STEPS] = {"account of pods", "copy", "write", "pack"};

static int by_value(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static uint64_t since(uint64_t *from_ns)
{
	uint64_t now_ns = clock_monotonic_ns(), span_ns = now_ns - *from_ns;

	*from_ns = now_ns;
	return span_ns;
}

static void pack(const struct buffer *plain, struct buffer *packed)
{
	struct gzip_stream *stream = gzip_stream_new();

	assert_non_null(stream);
	assert_int_equal(gzip_stream_write(stream, plain->data, plain->length, packed), 0);
	assert_int_equal(gzip_stream_finish(stream, packed), 0);
	gzip_stream_free(stream);
}

static void report(uint64_t spans[STEPS][ROUNDS], const struct export_world *world,
	const struct buffer *plain, const struct buffer *packed)
{
	size_t samples = 0;

	for (size_t i = 1; i < plain->length; i++)
		samples += plain->data[i - 1] == '\n' && plain->data[i] != '#';
	print_message("%u pods, %u containers: %zu samples, %zu bytes, %zu packed\n", world->pods,
		world->rows, samples, plain->length, packed->length);
	for (int step = 0; step < STEPS; step++) {
		qsort(spans[step], ROUNDS, sizeof(uint64_t), by_value);
		print_message("%-16s %6.2f ms (median of %d; worst %.2f)\n", NAMES[step],
			(double)spans[step][ROUNDS / 2] / NS_PER_MS, ROUNDS,
			(double)spans[step][ROUNDS - 1] / NS_PER_MS);
	}
}

int main(int argc, char **argv)
{
	uint32_t pods = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 250;
	struct telemetry *telemetry = telemetry_new();
	struct export_text *text = export_text_new(~(metric_set)0, "/dev/sda", telemetry);
	field_set fields = export_text_fields(text);
	struct export_ledger *ledger = export_ledger_new(fields, "/nowhere", telemetry);
	struct export_snapshot snapshot = {0};
	struct buffer plain = {0}, packed = {0};
	static uint64_t spans[STEPS][ROUNDS];
	struct export_world world;

	export_world_make(&world, pods ? pods : 250, 2);
	for (int round = 0; round < ROUNDS; round++) {
		struct export_look look = export_world_look(&world);
		uint64_t from_ns = clock_monotonic_ns();

		buffer_free(
			&plain); /* as in the agent: between two pages the memory is given back */
		buffer_free(&packed);
		export_ledger_add(ledger, look.roster, look.readings, look.count, from_ns);
		spans[ACCOUNT][round] = since(&from_ns);
		assert_int_equal(export_snapshot_take(&snapshot, &look, ledger, fields), 0);
		spans[COPY][round] = since(&from_ns);
		export_text_begin(text, EXPORT_ALL, EXPORT_TEXT);
		(void)export_text_step(text, &snapshot, UINT64_MAX, &plain);
		spans[WRITE][round] = since(&from_ns);
		pack(&plain, &packed);
		spans[PACK][round] = since(&from_ns);
	}
	report(spans, &world, &plain, &packed);
	buffer_free(&plain);
	buffer_free(&packed);
	export_snapshot_free(&snapshot);
	export_world_free(&world);
	export_ledger_free(ledger);
	export_text_free(text);
	telemetry_free(telemetry);
	return 0;
}
