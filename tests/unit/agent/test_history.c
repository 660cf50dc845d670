/* agent/history: rates and peaks on the counters' own times; counters that go back. */
#include "agent/history.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S  1000000000ULL
#define MS 1000000ULL

#define ALL_FIELDS (~(field_set)0)

static void add_cpu(struct history *history, uint64_t at_ns, uint64_t usage_ns)
{
	struct reading reading = {.at_ns = at_ns, .valid = FIELD_BIT(FIELD_CPU_USAGE_NS)};

	reading.value[FIELD_CPU_USAGE_NS] = usage_ns;
	history_add(history, &reading);
}

static void assert_rate(
	const struct history *history, uint64_t window_ns, uint64_t rate, uint64_t span_ns)
{
	uint64_t got = 0, span = 0;

	assert_true(history_rate(history, FIELD_CPU_USAGE_NS, window_ns, 1, &got, &span));
	assert_int_equal(got, rate);
	assert_int_equal(span, span_ns);
}

static void assert_no_rate(const struct history *history)
{
	uint64_t got = 7, span = 7;

	assert_false(history_rate(history, FIELD_CPU_USAGE_NS, 15 * S, 1, &got, &span));
	assert_int_equal(got, 7);
	assert_int_equal(span, 7);
}

static void one_reading_has_no_rate(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	assert_no_rate(history);
	add_cpu(history, 100 * S, 5 * S);
	assert_no_rate(history);
	add_cpu(history, 101 * S, 5 * S + 250 * MS);
	assert_rate(history, 15 * S, 250 * MS, S);
	history_free(history);
}

static void window_is_the_closest_span(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	/* every reading 3 ms late: the window is 15 intervals, not 14 */
	for (uint64_t i = 0; i <= 40; i++)
		add_cpu(history, 100 * S + i * (S + 3 * MS), i * 100 * MS);
	assert_rate(history, 15 * S, 15 * 100 * MS * S / (15 * (S + 3 * MS)), 15 * (S + 3 * MS));
	assert_rate(history, 5 * S, 5 * 100 * MS * S / (5 * (S + 3 * MS)), 5 * (S + 3 * MS));
	history_free(history);
}

static void young_container_is_measured_from_its_creation(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	history_start_at_zero(history, 100 * S);
	add_cpu(history, 100 * S + 400 * MS, 200 * MS);
	assert_rate(history, 15 * S, 500 * MS, 400 * MS);
	add_cpu(history, 101 * S + 400 * MS, 700 * MS);
	assert_rate(history, 15 * S, 500 * MS, 1400 * MS);
	history_free(history);
}

static void too_short_a_span_says_nothing(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	history_start_at_zero(history, 100 * S);
	add_cpu(history, 100 * S + HISTORY_MIN_SPAN_NS - 1, 50 * MS);
	assert_no_rate(history);
	history_free(history);

	history = history_new(18, ALL_FIELDS);
	history_start_at_zero(history, 100 * S);
	add_cpu(history, 100 * S + HISTORY_MIN_SPAN_NS, 50 * MS);
	assert_rate(history, 15 * S, 500 * MS, HISTORY_MIN_SPAN_NS);
	history_free(history);
}

static void start_is_only_for_the_beginning(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	add_cpu(history, 100 * S, 50 * S);
	history_start_at_zero(history, 101 * S);
	assert_no_rate(history);
	history_free(history);
}

static void a_gap_is_a_longer_window(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	add_cpu(history, 100 * S, 0);
	add_cpu(history, 101 * S, 100 * MS);
	add_cpu(history, 401 * S, 30 * S + 100 * MS); /* the process was stopped for five minutes */
	assert_rate(history, 15 * S, 100 * MS, 300 * S);
	history_free(history);
}

static void rounding_back_stands_still(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	add_cpu(history, 100 * S, 5 * S + 999);
	add_cpu(history, 101 * S, 5 * S);
	assert_rate(history, 15 * S, 0, S);
	add_cpu(history, 102 * S, 5 * S + 999);
	assert_rate(history, 15 * S, 0, 2 * S);
	history_free(history);
}

static void a_counter_that_goes_back_starts_anew(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	add_cpu(history, 100 * S, 500 * S);
	add_cpu(history, 101 * S, 501 * S);
	add_cpu(history, 102 * S, 2 * S);
	assert_no_rate(history);
	add_cpu(history, 103 * S, 2 * S + 300 * MS);
	assert_rate(history, 15 * S, 300 * MS, S);
	history_free(history);
}

static void time_that_stands_still_is_ignored(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);

	(void)state;
	add_cpu(history, 100 * S, 0);
	add_cpu(history, 101 * S, 100 * MS);
	add_cpu(history, 101 * S, 900 * MS);
	add_cpu(history, 99 * S, 900 * MS);
	assert_rate(history, 15 * S, 100 * MS, S);
	history_free(history);
}

static void a_missed_reading_leaves_a_gap(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading io = {.at_ns = 101 * S, .valid = FIELD_BIT(FIELD_IO_READS)};
	uint64_t rate, span;

	(void)state;
	add_cpu(history, 100 * S, 0);
	history_add(history, &io); /* cpu.stat could not be read this time */
	assert_no_rate(history);
	assert_false(history_rate(history, FIELD_IO_READS, 15 * S, 1000, &rate, &span));
	add_cpu(history, 102 * S, 500 * MS);
	assert_rate(history, 15 * S, 250 * MS, 2 * S);
	history_free(history);
}

/* What is read each fifth look has its last rate in the looks between. */
static void what_is_read_less_often_keeps_its_rate(void **state)
{
	const enum field slow = FIELD_PRESSURE_IO_SOME_NS;
	struct history *history = history_new(23, ALL_FIELDS);
	uint64_t rate, span, total = 0;

	(void)state;
	for (uint64_t i = 0; i <= 50; i++) {
		struct reading reading = {.at_ns = 100 * S + i * S,
			.valid = FIELD_BIT(FIELD_CPU_USAGE_NS) | FIELD_BIT(slow),
			.old = i % 5 ? FIELD_BIT(slow) : 0};

		if (i % 5 == 0)
			total += i * 10 * MS;
		reading.value[slow] = total;
		reading.value[FIELD_CPU_USAGE_NS] = i;
		history_add(history, &reading);
		if (i < 5)
			continue;
		assert_true(history_rate(history, slow, 15 * S, 1, &rate, &span));
		/* between its own readings, never half a step */
		assert_int_equal(span, i < 15 ? i / 5 * 5 * S : 15 * S);
		if (i >= 45 && i < 50) /* 35, 40 and 45 each brought so much */
			assert_int_equal(rate, (35 + 40 + 45) * 10 * MS / 15);
	}
	history_free(history);
}

/* A history of few fields keeps those alone. */
static void keeps_the_fields_that_it_is_for(void **state)
{
	struct history *history =
		history_new(18, FIELD_BIT(FIELD_IO_READS) | FIELD_BIT(FIELD_PIDS));
	struct reading reading = {.at_ns = 100 * S, .valid = ALL_FIELDS};
	uint64_t rate = 0, span;

	(void)state;
	history_start_at_zero(history, 98 * S);
	reading.value[FIELD_IO_READS] = 8;
	reading.value[FIELD_CPU_USAGE_NS] = 9;
	reading.value[FIELD_PIDS] = 10;
	history_add(history, &reading);
	assert_true(history_rate(history, FIELD_IO_READS, 15 * S, 1, &rate, &span));
	assert_int_equal(rate, 4);
	assert_false(history_rate(history, FIELD_CPU_USAGE_NS, 15 * S, 1, &rate, &span));
	assert_false(history_rate(history, FIELD_PIDS, 15 * S, 1, &rate, &span));
	history_free(history);
}

static void gauges_have_no_rate(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	uint64_t rate, span;

	(void)state;
	add_cpu(history, 100 * S, 0);
	add_cpu(history, 101 * S, 1);
	assert_false(history_rate(history, FIELD_PIDS, 15 * S, 1, &rate, &span));
	history_free(history);
}

static void a_huge_rate_saturates(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading reading = {.at_ns = 100 * S, .valid = FIELD_BIT(FIELD_IO_READ_BYTES)};
	uint64_t rate = 0, span;

	(void)state;
	history_add(history, &reading);
	reading.at_ns += S;
	reading.value[FIELD_IO_READ_BYTES] = UINT64_MAX;
	history_add(history, &reading);
	assert_true(history_rate(history, FIELD_IO_READ_BYTES, 15 * S, 1000, &rate, &span));
	assert_true(rate == UINT64_MAX);
	history_free(history);
}

static void peak_is_the_busiest_interval(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	uint64_t peak = 0, usage = 0;

	(void)state;
	for (uint64_t i = 0; i <= 30; i++) {
		usage += i == 25 ? 900 * MS : 100 * MS;
		add_cpu(history, 100 * S + i * S, usage);
	}
	assert_true(history_peak(history, FIELD_CPU_USAGE_NS, 15 * S, S, 1, &peak));
	assert_int_equal(peak, 900 * MS);
	/* ten intervals later it has left a window of five */
	assert_true(history_peak(history, FIELD_CPU_USAGE_NS, 5 * S, S, 1, &peak));
	assert_int_equal(peak, 100 * MS);
	history_free(history);
}

static void jitter_makes_no_peak(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	uint64_t peak = 0;

	(void)state;
	add_cpu(history, 100 * S, 0);
	add_cpu(history, 101 * S, 500 * MS);
	add_cpu(history, 101 * S + 120 * MS, 620 * MS); /* a full core for 120 ms only */
	add_cpu(history, 102 * S + 120 * MS, 1060 * MS);
	assert_true(history_peak(history, FIELD_CPU_USAGE_NS, 15 * S, S, 1, &peak));
	assert_int_equal(peak, 500 * MS);
	history_free(history);
}

/* A container starts again: its counter goes on, and what came since is its rate. */
static void a_counter_may_go_on_from_another(void **state)
{
	struct history *history = history_new(18, ALL_FIELDS);
	struct reading reading = {.valid = FIELD_BIT(FIELD_OOM_KILLS)};
	uint64_t rate, span;

	(void)state;
	history_was(history, FIELD_OOM_KILLS, 5); /* nothing yet */
	history_start_at_zero(history, 100 * S);
	add_cpu(history, 101 * S, S);
	history_was(history, FIELD_OOM_KILLS, 5);
	reading.at_ns = 102 * S;
	reading.value[FIELD_OOM_KILLS] = 7;
	history_add(history, &reading);
	assert_true(history_rate(history, FIELD_OOM_KILLS, 15 * S, 1000, &rate, &span));
	assert_int_equal(span, 2 * S);
	assert_int_equal(rate, 1000);
	history_free(history);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_reading_has_no_rate),
		cmocka_unit_test(a_counter_may_go_on_from_another),
		cmocka_unit_test(window_is_the_closest_span),
		cmocka_unit_test(young_container_is_measured_from_its_creation),
		cmocka_unit_test(too_short_a_span_says_nothing),
		cmocka_unit_test(start_is_only_for_the_beginning),
		cmocka_unit_test(a_gap_is_a_longer_window),
		cmocka_unit_test(rounding_back_stands_still),
		cmocka_unit_test(a_counter_that_goes_back_starts_anew),
		cmocka_unit_test(time_that_stands_still_is_ignored),
		cmocka_unit_test(a_missed_reading_leaves_a_gap),
		cmocka_unit_test(what_is_read_less_often_keeps_its_rate),
		cmocka_unit_test(keeps_the_fields_that_it_is_for),
		cmocka_unit_test(gauges_have_no_rate),
		cmocka_unit_test(a_huge_rate_saturates),
		cmocka_unit_test(peak_is_the_busiest_interval),
		cmocka_unit_test(jitter_makes_no_peak),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
