/* proto/metric: the table is sound, and is found by id and by name. */
#include "proto/metric.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Ids of released versions: never used again for something else. */
static void ids_stay_what_they_are(void **state)
{
	static const struct {
		uint32_t id;
		enum metric metric;
		const char *name;
	} CASES[] = {
		{1, METRIC_CPU_USAGE, "cpu_usage"},
		{2, METRIC_CPU_USAGE_PEAK, "cpu_usage_peak"},
		{3, METRIC_CPU_THROTTLED_PERIODS, "cpu_throttled_periods"},
		{4, METRIC_CPU_THROTTLED_TIME, "cpu_throttled_time"},
		{5, METRIC_MEMORY_WORKING_SET, "memory_working_set"},
		{6, METRIC_MEMORY_RSS, "memory_rss"},
		{7, METRIC_MEMORY_CACHE, "memory_cache"},
		{8, METRIC_MEMORY_SWAP, "memory_swap"},
		{9, METRIC_MEMORY_PEAK, "memory_peak"},
		{10, METRIC_PIDS, "pids"},
		{11, METRIC_IO_READ_BYTES, "io_read_bytes"},
		{12, METRIC_IO_WRITE_BYTES, "io_write_bytes"},
		{13, METRIC_IO_READS, "io_reads"},
		{14, METRIC_IO_WRITES, "io_writes"},
		{100, METRIC_NODE_CPU_USAGE, "node_cpu_usage"},
		{101, METRIC_NODE_CPU_USAGE_PEAK, "node_cpu_usage_peak"},
		{102, METRIC_NODE_MEMORY_WORKING_SET, "node_memory_working_set"},
		{103, METRIC_NODE_MEMORY_SWAP, "node_memory_swap"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(metric_by_id(CASES[i].id), CASES[i].metric);
		assert_int_equal(metric_info(CASES[i].metric)->id, CASES[i].id);
		assert_string_equal(metric_info(CASES[i].metric)->name, CASES[i].name);
	}
}

static void unknown_ids_and_names_are_none(void **state)
{
	(void)state;
	assert_int_equal(metric_by_id(0), -1);
	assert_int_equal(metric_by_id(99), -1);
	assert_int_equal(metric_by_id(UINT32_MAX), -1);
	assert_int_equal(metric_by_name("", 0), -1);
	assert_int_equal(metric_by_name("cpu_usage", 8), -1);
	assert_int_equal(metric_by_name("cpu_usage_peaks", 15), -1);
	assert_int_equal(metric_by_name("CPU_USAGE", 9), -1);
	assert_int_equal(metric_by_name("pids,io", 4), METRIC_PIDS); /* need not end there */
}

static void every_metric_is_found_and_alone(void **state)
{
	(void)state;
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_info *info = metric_info((enum metric)metric);

		assert_true(info->id > 0);
		assert_int_equal(metric_by_id(info->id), metric);
		assert_int_equal(metric_by_name(info->name, (uint32_t)strlen(info->name)), metric);
		for (int other = 0; other < metric; other++) {
			const struct metric_info *before = metric_info((enum metric)other);

			assert_string_not_equal(info->name, before->name);
			if (*info->prometheus)
				assert_string_not_equal(info->prometheus, before->prometheus);
			if (*info->custom)
				assert_string_not_equal(info->custom, before->custom);
		}
	}
}

/* Prometheus' own rule for names. */
static void assert_is_name(const char *name)
{
	assert_false(isdigit((unsigned char)*name));
	assert_int_equal(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")], '\0');
}

static void texts_are_fit_to_print(void **state)
{
	(void)state;
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_info *info = metric_info((enum metric)metric);
		size_t length = strlen(info->prometheus);

		assert_true(*info->name && *info->source && *info->help);
		assert_is_name(info->name);
		assert_is_name(info->prometheus);
		assert_is_name(info->custom);
		/* '|' would end a cell of docs/metrics.md, a newline a line of the exporter */
		assert_null(strpbrk(info->source, "|\n"));
		assert_null(strpbrk(info->help, "|\n\\"));
		if (info->kind == METRIC_KIND_COUNTER && length)
			assert_string_equal(info->prometheus + length - 6, "_total");
		assert_int_equal(info->scope == METRIC_SCOPE_NODE, info->id >= 100);
	}
}

static void units_are_fractions_of_what_people_read(void **state)
{
	(void)state;
	for (int unit = 0; unit < METRIC_UNIT_COUNT; unit++) {
		assert_non_null(metric_unit_info((enum metric_unit)unit)->text);
		assert_in_range(-metric_unit_info((enum metric_unit)unit)->exponent, 0, 9);
	}
	assert_int_equal(metric_unit_info(METRIC_UNIT_NANOCORES)->exponent, -9);
	assert_string_equal(metric_unit_info(METRIC_UNIT_NANOCORES)->text, "cores");
	assert_int_equal(metric_unit_info(METRIC_UNIT_BYTES)->exponent, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_stay_what_they_are),
		cmocka_unit_test(unknown_ids_and_names_are_none),
		cmocka_unit_test(every_metric_is_found_and_alone),
		cmocka_unit_test(texts_are_fit_to_print),
		cmocka_unit_test(units_are_fractions_of_what_people_read),
	};

	return cmocka_run_group_tests_name("metric", tests, NULL, NULL);
}
