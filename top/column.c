#include "top/column.h"

#include <stdio.h>
#include <string.h>

/* A share of 0.05: in one of twenty moments work stood still. From where it is red is where a
 * person would feel it. */
static const struct column_info COLUMNS[COLUMN_COUNT] = {
	[COLUMN_CPU] = {"cpu", "CPU", {NULL, NULL}, FORM_CORES, true, 0, 0},
	[COLUMN_MEMORY] = {"memory", "MEMORY", {NULL, NULL}, FORM_BYTES, true, 0, 0},
	[COLUMN_THROTTLED] = {"throttled", "THROTTLED", {NULL, "cpu_throttled_ratio"}, FORM_SHARE,
		true, 0.05, 0.25},
	[COLUMN_PRESSURE_CPU] = {"pressure-cpu", "CPU-PRESS",
		{"node_pressure_cpu_waiting", "pressure_cpu_waiting"}, FORM_SHARE, true, 0.1, 0.4},
	[COLUMN_PRESSURE_MEMORY] = {"pressure-memory", "MEM-PRESS",
		{"node_pressure_memory_waiting", "pressure_memory_waiting"}, FORM_SHARE, true, 0.02,
		0.1},
	[COLUMN_PRESSURE_IO] = {"pressure-io", "IO-PRESS",
		{"node_pressure_io_waiting", "pressure_io_waiting"}, FORM_SHARE, true, 0.1, 0.4},
	[COLUMN_MEMORY_RATIO] = {"memory-ratio", "OF-LIMIT", {NULL, "memory_usage_ratio"},
		FORM_SHARE, true, 0.8, 0.95},
	[COLUMN_RECEIVE] = {"receive", "RECEIVE", {NULL, "network_receive_bytes"}, FORM_RATE, true,
		0, 0},
	[COLUMN_TRANSMIT] = {"transmit", "TRANSMIT", {NULL, "network_transmit_bytes"}, FORM_RATE,
		true, 0, 0},
	[COLUMN_READ] = {"read", "READ", {NULL, "fs_reads_bytes"}, FORM_RATE, false, 0, 0},
	[COLUMN_WRITE] = {"write", "WRITE", {NULL, "fs_writes_bytes"}, FORM_RATE, false, 0, 0},
	[COLUMN_SWAP] = {"swap", "SWAP", {"node_swap_usage_bytes", "memory_swap"}, FORM_BYTES,
		false, 0, 0},
	[COLUMN_RETRANSMITS] = {"retransmits", "RETRANS", {NULL, "tcp_retransmits"}, FORM_NUMBER,
		false, 1, 10},
	[COLUMN_OOM] = {"oom-kills", "OOM-KILLS", {NULL, "oom_kills"}, FORM_NUMBER, false, 1, 1},
	[COLUMN_THREADS] = {"threads", "THREADS", {NULL, "threads"}, FORM_NUMBER, false, 0, 0},
	[COLUMN_PEAK] = {"cpu-peak", "CPU-PEAK", {"node_cpu_usage_peak", "cpu_usage_peak"},
		FORM_CORES, false, 0, 0},
	[COLUMN_RUN_QUEUE] = {"run-queue", "RUNQ-P99", {NULL, "cpu_run_queue_p99"}, FORM_SECONDS,
		false, 0.01, 0.1},
};

const struct column_info *column_info(enum column column)
{
	return &COLUMNS[column];
}

enum column column_by_name(const char *name)
{
	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (strcmp(COLUMNS[i].name, name) == 0)
			return (enum column)i;
	return COLUMN_COUNT;
}

column_set column_usual(void)
{
	column_set set = 0;

	for (unsigned i = 0; i < COLUMN_COUNT; i++)
		if (COLUMNS[i].usual)
			set |= COLUMN_BIT(i);
	return set;
}

enum alarm column_alarm(enum column column, nano value)
{
	double is = quantity_double(value);

	if (COLUMNS[column].bad > 0 && is >= COLUMNS[column].bad)
		return ALARM_BAD;
	return COLUMNS[column].warn > 0 && is >= COLUMNS[column].warn ? ALARM_WARN : ALARM_NONE;
}

static void bytes_text(double value, const char *behind, char *text, size_t size)
{
	static const char *const UNITS[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi"};
	size_t unit = 0;

	while (value >= 9999.5 && unit + 1 < sizeof(UNITS) / sizeof(UNITS[0])) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(text, size, "%.0f%s%s", value, UNITS[unit], behind);
}

void column_text(enum column column, nano value, char *text, size_t size)
{
	double is = quantity_double(value);

	switch (COLUMNS[column].form) {
	case FORM_CORES:
		if (is < 10000)
			(void)snprintf(text, size, "%.0fm", is * 1000);
		else
			(void)snprintf(text, size, "%.3g", is);
		break;
	case FORM_BYTES:
		bytes_text(is, "", text, size);
		break;
	case FORM_RATE:
		bytes_text(is, "/s", text, size);
		break;
	case FORM_SHARE:
		(void)snprintf(text, size, is < 0.0995 && is > 0 ? "%.1f%%" : "%.0f%%", is * 100);
		break;
	case FORM_SECONDS:
		if (is < 1)
			(void)snprintf(text, size, "%.2fms", is * 1000);
		else
			(void)snprintf(text, size, "%.2fs", is);
		break;
	case FORM_NUMBER:
		(void)snprintf(text, size, value % NANO_PER_ONE == 0 ? "%.0f" : "%.2f", is);
		break;
	}
}
