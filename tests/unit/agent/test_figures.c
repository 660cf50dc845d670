/* agent/figures: each figure from its fields, and absent without them. */
#include "agent/figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S  1000000000ULL
#define MS 1000000ULL
#define MI (1024ULL * 1024)

#define ALL_FIELDS (~(field_set)0)

static const struct figures_options OPTIONS = {
	.wanted = ~(metric_set)0 >> (64 - METRIC_COUNT),
	.window_ns = 15 * S,
	.interval_ns = S,
	.cpus = 2,
};

static struct reading reading_at(uint64_t at_ns)
{
	struct reading reading = {.at_ns = at_ns};

	for (int field = 0; field < FIELD_COUNT; field++)
		reading.valid |= FIELD_BIT(field);
	return reading;
}

static void every_figure_of_a_container(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading first = reading_at(100 * S), second = reading_at(102 * S);
	struct figures figures;

	(void)state;
	second.value[FIELD_CPU_USAGE_NS] = 500 * MS;
	second.value[FIELD_CPU_THROTTLED_PERIODS] = 3;
	second.value[FIELD_CPU_THROTTLED_NS] = 100 * MS;
	second.value[FIELD_CPU_PERIODS] = 12;
	second.value[FIELD_MEMORY_USAGE_BYTES] = 64 * MI;
	second.value[FIELD_MEMORY_LIMIT_BYTES] = 75 * MI;
	second.value[FIELD_MEMORY_SOCKET_BYTES] = 3 * MI;
	second.value[FIELD_HUGETLB_2MB_BYTES] = 4 * MI;
	second.value[FIELD_HUGETLB_1GB_BYTES] = 1024 * MI;
	second.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = 14 * MI;
	second.value[FIELD_MEMORY_ANON_BYTES] = 40 * MI;
	second.value[FIELD_MEMORY_FILE_BYTES] = 20 * MI;
	second.value[FIELD_MEMORY_SWAP_BYTES] = 2 * MI;
	second.value[FIELD_MEMORY_PEAK_BYTES] = 80 * MI;
	second.value[FIELD_PIDS] = 7;
	second.value[FIELD_IO_READ_BYTES] = 8192;
	second.value[FIELD_IO_WRITE_BYTES] = 4096;
	second.value[FIELD_IO_READS] = 2;
	second.value[FIELD_IO_WRITES] = 1;
	history_add(history, &first);
	history_add(history, &second);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &second, &figures);

	assert_int_equal(figures.window_ms, 2000);
	assert_int_equal(figures.value[METRIC_CPU_USAGE], 250 * MS);
	assert_int_equal(figures.value[METRIC_CPU_USAGE_PEAK], 250 * MS);
	assert_int_equal(figures.value[METRIC_CPU_THROTTLED_PERIODS], 1500);
	assert_int_equal(figures.value[METRIC_CPU_THROTTLED_TIME], 50 * MS);
	assert_int_equal(figures.value[METRIC_MEMORY_WORKING_SET], 50 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_RSS], 40 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_CACHE], 20 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_SWAP], 2 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_PEAK], 80 * MI);
	assert_int_equal(figures.value[METRIC_PIDS], 7);
	assert_int_equal(figures.value[METRIC_IO_READ_BYTES], 4096000);
	assert_int_equal(figures.value[METRIC_IO_WRITE_BYTES], 2048000);
	assert_int_equal(figures.value[METRIC_IO_READS], 1000);
	assert_int_equal(figures.value[METRIC_IO_WRITES], 500);
	assert_int_equal(figures.value[METRIC_CPU_PERIODS], 6000);
	assert_int_equal(figures.value[METRIC_CPU_THROTTLED_RATIO], 250);
	assert_int_equal(figures.value[METRIC_MEMORY_USAGE], 64 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_LIMIT], 75 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_USAGE_RATIO], 666);
	assert_int_equal(figures.value[METRIC_MEMORY_SOCKETS], 3 * MI);
	assert_int_equal(figures.value[METRIC_MEMORY_HUGETLB], 1028 * MI);
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		bool of_container =
			metric_info((enum metric)metric)->scope == METRIC_SCOPE_CONTAINER;

		assert_int_equal(!!(figures.present & METRIC_BIT(metric)), of_container);
	}
	history_free(history);
}

static void figures_of_a_node_only(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading first = reading_at(100 * S), second = reading_at(101 * S);
	struct figures figures;

	(void)state;
	second.value[FIELD_CPU_USAGE_NS] = 1500 * MS;
	second.value[FIELD_MEMORY_USAGE_BYTES] = 900 * MI;
	second.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = 300 * MI;
	history_add(history, &first);
	history_add(history, &second);
	figures_compute(&OPTIONS, METRIC_SCOPE_NODE, history, &second, &figures);
	assert_int_equal(figures.value[METRIC_NODE_CPU_USAGE], 1500 * MS);
	assert_int_equal(figures.value[METRIC_NODE_MEMORY_WORKING_SET], 600 * MI);
	assert_false(figures.present & METRIC_BIT(METRIC_CPU_USAGE));
	history_free(history);
}

static void working_set_is_never_below_zero(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading reading = reading_at(100 * S);
	struct figures figures;

	(void)state;
	reading.value[FIELD_MEMORY_USAGE_BYTES] = 5 * MI;
	reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = 6 * MI; /* read a moment later */
	history_add(history, &reading);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &reading, &figures);
	assert_true(figures.present & METRIC_BIT(METRIC_MEMORY_WORKING_SET));
	assert_int_equal(figures.value[METRIC_MEMORY_WORKING_SET], 0);
	assert_false(figures.present & METRIC_BIT(METRIC_CPU_USAGE));
	assert_int_equal(figures.window_ms, 0);
	history_free(history);
}

static void what_was_not_read_is_absent(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading first = reading_at(100 * S), second = reading_at(101 * S);
	struct figures figures;

	(void)state;
	second.valid &= ~(FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES) | FIELD_BIT(FIELD_PIDS) |
			  FIELD_BIT(FIELD_CPU_USAGE_NS));
	history_add(history, &first);
	history_add(history, &second);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &second, &figures);
	assert_false(figures.present & METRIC_BIT(METRIC_MEMORY_WORKING_SET));
	assert_false(figures.present & METRIC_BIT(METRIC_PIDS));
	assert_false(figures.present & METRIC_BIT(METRIC_CPU_USAGE));
	assert_false(figures.present & METRIC_BIT(METRIC_CPU_USAGE_PEAK));
	assert_true(figures.present & METRIC_BIT(METRIC_MEMORY_RSS));
	history_free(history);
}

/* Nothing of a container could be read this time: its last rate is not sent as a new one. */
static void a_look_that_failed_has_no_figures(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading first = reading_at(100 * S), second = reading_at(101 * S);
	struct reading failed = {.at_ns = 102 * S};
	struct figures figures;

	(void)state;
	history_add(history, &first);
	history_add(history, &second);
	history_add(history, &failed);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &failed, &figures);
	assert_int_equal(figures.present, 0);
	assert_int_equal(figures.window_ms, 0);
	history_free(history);
}

static void cpu_is_bounded_by_the_cpus(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading reading = reading_at(100 * S + 200 * MS);
	struct figures figures;

	(void)state;
	history_start_at_zero(history, 100 * S); /* its creation was seen too late */
	reading.value[FIELD_CPU_USAGE_NS] = 800 * MS;
	history_add(history, &reading);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &reading, &figures);
	assert_int_equal(figures.value[METRIC_CPU_USAGE], 2 * S);
	history_free(history);
}

static struct figures two_looks(struct reading first, struct reading second)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct figures figures;

	history_add(history, &first);
	history_add(history, &second);
	figures_compute(&OPTIONS, METRIC_SCOPE_CONTAINER, history, &second, &figures);
	history_free(history);
	return figures;
}

/* By growth: what was before the window says nothing of it. */
static void throttled_ratio_is_of_the_growth(void **state)
{
	static const struct {
		uint64_t throttled, periods; /* in the window */
		bool present;
		uint64_t ratio;
	} CASES[] = {
		{0, 10, true, 0}, {10, 10, true, 1000}, {1, 3, true, 333},
		{0, 0, false, 0}, /* nothing ran, or there is no limit */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		/* a span that does not divide the steps of a rate */
		struct reading first = reading_at(100 * S), second = reading_at(114 * S + 997);
		struct figures figures;

		first.value[FIELD_CPU_THROTTLED_PERIODS] = 5000;
		first.value[FIELD_CPU_PERIODS] = 6000;
		second.value[FIELD_CPU_THROTTLED_PERIODS] = 5000 + CASES[i].throttled;
		second.value[FIELD_CPU_PERIODS] = 6000 + CASES[i].periods;
		figures = two_looks(first, second);
		assert_int_equal(!!(figures.present & METRIC_BIT(METRIC_CPU_THROTTLED_RATIO)),
			CASES[i].present);
		if (CASES[i].present)
			assert_int_equal(figures.value[METRIC_CPU_THROTTLED_RATIO], CASES[i].ratio);
	}
}

static void throttled_ratio_needs_both_counters(void **state)
{
	static const enum field LOST[] = {FIELD_CPU_PERIODS, FIELD_CPU_THROTTLED_PERIODS};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct reading first = reading_at(100 * S), second = reading_at(101 * S);

		second.value[FIELD_CPU_PERIODS] = 10;
		second.valid &= ~FIELD_BIT(LOST[i]);
		assert_false(
			two_looks(first, second).present & METRIC_BIT(METRIC_CPU_THROTTLED_RATIO));
	}
}

static void usage_ratio_is_of_the_working_set(void **state)
{
	static const struct {
		uint64_t usage, inactive, limit;
		field_set lost;
		bool present;
		uint64_t ratio;
	} CASES[] = {
		{80 * MI, 30 * MI, 100 * MI, 0, true, 500},
		{100 * MI, 0, 100 * MI, 0, true, 1000},
		{110 * MI, 0, 100 * MI, 0, true, 1100}, /* the limit was lowered */
		{5 * MI, 6 * MI, 100 * MI, 0, true, 0},
		{80 * MI, 30 * MI, 0, 0, false, 0},
		{80 * MI, 30 * MI, 0, FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES), false, 0},
		{80 * MI, 30 * MI, 100 * MI, FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES), false, 0},
		{80 * MI, 30 * MI, 100 * MI, FIELD_BIT(FIELD_MEMORY_USAGE_BYTES), false, 0},
		{UINT64_MAX, 0, 1, 0, true, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct reading reading = reading_at(101 * S);
		struct figures figures;

		reading.value[FIELD_MEMORY_USAGE_BYTES] = CASES[i].usage;
		reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = CASES[i].inactive;
		reading.value[FIELD_MEMORY_LIMIT_BYTES] = CASES[i].limit;
		reading.valid &= ~CASES[i].lost;
		figures = two_looks(reading_at(100 * S), reading);
		assert_int_equal(!!(figures.present & METRIC_BIT(METRIC_MEMORY_USAGE_RATIO)),
			CASES[i].present);
		if (CASES[i].present)
			assert_true(figures.value[METRIC_MEMORY_USAGE_RATIO] == CASES[i].ratio);
	}
}

static void huge_pages_of_one_size_are_enough(void **state)
{
	struct reading first = reading_at(100 * S), second = reading_at(101 * S);
	struct figures figures;

	(void)state;
	second.value[FIELD_HUGETLB_1GB_BYTES] = 1024 * MI;
	second.valid &= ~FIELD_BIT(FIELD_HUGETLB_2MB_BYTES);
	figures = two_looks(first, second);
	assert_true(figures.present & METRIC_BIT(METRIC_MEMORY_HUGETLB));
	assert_int_equal(figures.value[METRIC_MEMORY_HUGETLB], 1024 * MI);
	second.valid &= ~FIELD_BIT(FIELD_HUGETLB_1GB_BYTES);
	assert_false(two_looks(first, second).present & METRIC_BIT(METRIC_MEMORY_HUGETLB));
	second = reading_at(101 * S);
	second.value[FIELD_HUGETLB_1GB_BYTES] = second.value[FIELD_HUGETLB_2MB_BYTES] = UINT64_MAX;
	assert_true(two_looks(first, second).value[METRIC_MEMORY_HUGETLB] == UINT64_MAX);
}

/* The kernel adds up its totals every two seconds. */
static void pressure_is_never_more_than_all_of_the_time(void **state)
{
	struct reading first = reading_at(100 * S), second = reading_at(101 * S);
	struct figures figures;

	(void)state;
	second.value[FIELD_PRESSURE_IO_FULL_NS] = 1900 * MS;
	figures = two_looks(first, second);
	assert_int_equal(figures.value[METRIC_PRESSURE_IO_STALLED], S);
	second.value[FIELD_PRESSURE_IO_FULL_NS] = 900 * MS;
	figures = two_looks(first, second);
	assert_int_equal(figures.value[METRIC_PRESSURE_IO_STALLED], 900 * MS);
}

/* Rates are rounded down to what they are worth, a peak up: it is never below the rate. */
static void rates_are_of_whole_steps(void **state)
{
	struct reading first = reading_at(100 * S), second = reading_at(103 * S);
	struct figures figures;

	(void)state;
	second.value[FIELD_CPU_USAGE_NS] = 1000000000;
	second.value[FIELD_CPU_THROTTLED_NS] = 1000000000;
	second.value[FIELD_IO_READ_BYTES] = 1000000;
	second.value[FIELD_IO_READS] = 1000;
	second.value[FIELD_NETWORK_RECEIVE_BYTES] = 1000000;
	figures = two_looks(first, second);
	assert_int_equal(figures.value[METRIC_CPU_USAGE], 333333333);
	assert_int_equal(figures.value[METRIC_CPU_USAGE_PEAK], 333334000);
	assert_int_equal(figures.value[METRIC_CPU_THROTTLED_TIME], 333333000);
	assert_int_equal(figures.value[METRIC_IO_READ_BYTES], 333333000);
	assert_int_equal(figures.value[METRIC_IO_READS], 333333);
	assert_int_equal(figures.value[METRIC_NETWORK_RECEIVE_BYTES], 333333);
}

static void only_wanted_metrics_and_their_fields(void **state)
{
	struct figures_options options = OPTIONS;
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading reading = reading_at(100 * S);
	struct figures figures;

	(void)state;
	options.wanted = METRIC_BIT(METRIC_MEMORY_WORKING_SET) | METRIC_BIT(METRIC_CPU_USAGE_PEAK);
	history_add(history, &reading);
	figures_compute(&options, METRIC_SCOPE_CONTAINER, history, &reading, &figures);
	assert_int_equal(figures.present, METRIC_BIT(METRIC_MEMORY_WORKING_SET));
	assert_int_equal(figures_fields(options.wanted, METRIC_SCOPE_CONTAINER),
		FIELD_BIT(FIELD_MEMORY_USAGE_BYTES) | FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES) |
			FIELD_BIT(FIELD_CPU_USAGE_NS));
	/* the node's are read by agent/node.c */
	assert_int_equal(
		figures_fields(METRIC_BIT(METRIC_NODE_CPU_USAGE), METRIC_SCOPE_CONTAINER), 0);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_figure_of_a_container),
		cmocka_unit_test(figures_of_a_node_only),
		cmocka_unit_test(working_set_is_never_below_zero),
		cmocka_unit_test(what_was_not_read_is_absent),
		cmocka_unit_test(a_look_that_failed_has_no_figures),
		cmocka_unit_test(cpu_is_bounded_by_the_cpus),
		cmocka_unit_test(throttled_ratio_is_of_the_growth),
		cmocka_unit_test(throttled_ratio_needs_both_counters),
		cmocka_unit_test(usage_ratio_is_of_the_working_set),
		cmocka_unit_test(huge_pages_of_one_size_are_enough),
		cmocka_unit_test(pressure_is_never_more_than_all_of_the_time),
		cmocka_unit_test(rates_are_of_whole_steps),
		cmocka_unit_test(only_wanted_metrics_and_their_fields),
	};

	return cmocka_run_group_tests_name("figures", tests, NULL, NULL);
}
