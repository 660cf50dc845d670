#include "tests/harness/busy_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void set(struct figures *figures, enum metric metric, uint64_t value)
{
	figures->present |= METRIC_BIT(metric);
	figures->value[metric] = value;
}

void busy_node(struct sample *sample, uint32_t rows)
{
	assert_int_equal(sample_reset(sample, rows), 0);
	sample->revision = UINT64_MAX;
	sample->timestamp_ms = 1800000000000;
	sample->node.window_ms = 15000;
	for (int metric = METRIC_NODE_CPU_USAGE; metric <= METRIC_NODE_MEMORY_SWAP; metric++)
		set(&sample->node, (enum metric)metric, 60000000000);
	for (uint32_t row = 0; row < rows; row++) {
		struct figures *figures = &sample->rows[row];

		figures->window_ms = 15000 + row % 3;
		set(figures, METRIC_CPU_USAGE, 350123456 + row);
		set(figures, METRIC_CPU_USAGE_PEAK, 950123456 + row);
		set(figures, METRIC_CPU_THROTTLED_PERIODS, row % 4 ? 0 : 1500);
		set(figures, METRIC_CPU_THROTTLED_TIME, row % 4 ? 0 : 50123456);
		set(figures, METRIC_MEMORY_WORKING_SET, 512123904ULL + row * 4096);
		set(figures, METRIC_MEMORY_RSS, 412123904ULL + row * 4096);
		set(figures, METRIC_MEMORY_CACHE, 212123904ULL + row * 4096);
		set(figures, METRIC_MEMORY_SWAP, 0);
		set(figures, METRIC_MEMORY_PEAK, 812123904ULL + row * 4096);
		set(figures, METRIC_PIDS, 30);
		set(figures, METRIC_IO_READ_BYTES, row % 3 ? 0 : 1048576000);
		set(figures, METRIC_IO_WRITE_BYTES, row % 3 ? 0 : 1048576000);
		set(figures, METRIC_IO_READS, row % 3 ? 0 : 64000);
		set(figures, METRIC_IO_WRITES, row % 3 ? 0 : 64000);
	}
}
