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

/* Every third container serves: a few hundred requests a second, of new connections in part. */
static void set_network(struct figures *figures, uint32_t row)
{
	bool serves = row % 3 == 0;

	set(figures, METRIC_NETWORK_RECEIVE_BYTES, serves ? 150123 + row * 1777 : 0);
	set(figures, METRIC_NETWORK_TRANSMIT_BYTES, serves ? 950123 + row * 17777 : 0);
	set(figures, METRIC_NETWORK_RECEIVE_PACKETS, serves ? 812345 + row * 1234 : 0);
	set(figures, METRIC_NETWORK_TRANSMIT_PACKETS, serves ? 912345 + row * 1234 : 0);
	set(figures, METRIC_NETWORK_RECEIVE_DROPPED, row == 3 ? 66 : 0);
	set(figures, METRIC_NETWORK_TRANSMIT_DROPPED, 0);
	set(figures, METRIC_TCP_ACCEPTED, serves ? 20133 + row * 66 : 0);
	set(figures, METRIC_TCP_OPENED, serves ? 10133 + row * 66 : 0);
	set(figures, METRIC_TCP_RESETS, row % 8 ? 0 : 133);
	set(figures, METRIC_TCP_RETRANSMITS, row % 8 ? 0 : 266);
}

/* Who shares the CPUs waits for them at times; few wait for the disk, none for memory. */
static void set_pressure(struct figures *figures, uint32_t row)
{
	set(figures, METRIC_PRESSURE_CPU_WAITING, row % 2 ? 0 : 50123000 + row * 123000);
	set(figures, METRIC_PRESSURE_CPU_STALLED, row % 4 ? 0 : 10123000 + row * 123000);
	set(figures, METRIC_PRESSURE_MEMORY_WAITING, 0);
	set(figures, METRIC_PRESSURE_MEMORY_STALLED, 0);
	set(figures, METRIC_PRESSURE_IO_WAITING, row % 3 ? 0 : 20123000 + row * 123000);
	set(figures, METRIC_PRESSURE_IO_STALLED, row % 3 ? 0 : 10123000 + row * 123000);
}

void busy_node(struct sample *sample, uint32_t rows)
{
	assert_int_equal(sample_reset(sample, rows), 0);
	sample->revision = UINT64_MAX;
	sample->timestamp_ms = 1800000000000;
	sample->node.window_ms = 15000;
	for (int metric = METRIC_NODE_CPU_USAGE; metric < METRIC_COUNT; metric++)
		set(&sample->node, (enum metric)metric,
			metric <= METRIC_NODE_MEMORY_SWAP ? 60000000000 : 350123000);
	for (uint32_t row = 0; row < rows; row++) {
		struct figures *figures = &sample->rows[row];

		figures->window_ms = 15000 + row % 3;
		set(figures, METRIC_CPU_USAGE, 350123456 + row);
		set(figures, METRIC_CPU_USAGE_PEAK, 950123000ULL + row * 1000);
		set(figures, METRIC_CPU_THROTTLED_PERIODS, row % 4 ? 0 : 1500);
		set(figures, METRIC_CPU_THROTTLED_TIME, row % 4 ? 0 : 50123000);
		set(figures, METRIC_MEMORY_WORKING_SET, (125030ULL + row) * 4096);
		set(figures, METRIC_MEMORY_RSS, (100616ULL + row) * 4096);
		set(figures, METRIC_MEMORY_CACHE, (51788ULL + row) * 4096);
		set(figures, METRIC_MEMORY_SWAP, 0);
		set(figures, METRIC_MEMORY_PEAK, (198272ULL + row) * 4096);
		set(figures, METRIC_PIDS, 30);
		set(figures, METRIC_IO_READ_BYTES, row % 3 ? 0 : 1048576000);
		set(figures, METRIC_IO_WRITE_BYTES, row % 3 ? 0 : 1048576000);
		set(figures, METRIC_IO_READS, row % 3 ? 0 : 64000);
		set(figures, METRIC_IO_WRITES, row % 3 ? 0 : 64000);
		set(figures, METRIC_CPU_PERIODS, row % 4 ? 0 : 10000);
		if (row % 4 == 0)
			set(figures, METRIC_CPU_THROTTLED_RATIO, 150);
		set(figures, METRIC_MEMORY_USAGE, (149444ULL + row) * 4096);
		set(figures, METRIC_MEMORY_LIMIT, row % 2 ? 1ULL << 30 : 2ULL << 30);
		set(figures, METRIC_MEMORY_USAGE_RATIO, 477 + row);
		set(figures, METRIC_MEMORY_HUGETLB, 0);
		set(figures, METRIC_MEMORY_SOCKETS, row % 3 ? 0 : 65536 + row * 4096);
		set_network(figures, row);
		set_pressure(figures, row);
		set(figures, METRIC_OOM_KILLS, row == 7);
		set(figures, METRIC_OOM_EVENTS, 0);
	}
}
