/* aggregator/store/columns, columns_update, column_values: what a sample leaves behind, row by row.
 */
#include "aggregator/store/columns_update.h"

#include "aggregator/store/column_values.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define REQUIRED (METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET))

/* Returns the number of rows without a window. */
static uint32_t apply(struct columns *columns, const struct toy_sample *sample)
{
	struct columns_update update;
	struct error err = {{0}};
	uint32_t without;

	if (columns_prepare(columns, &sample->message, &update, &err) != 0)
		fail_msg("%s", err.message);
	without = columns_commit(columns, &update);
	columns_update_free(&update);
	return without;
}

/* UINT64_MAX: none. */
static uint64_t value_of(const struct columns *columns, uint32_t row, enum metric metric)
{
	uint64_t value = UINT64_MAX;

	(void)columns_value(columns, row, metric, &value);
	return value;
}

static void starts_without_figures(void **state)
{
	struct columns columns;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&columns, 2, NULL, NULL), 0);
	assert_false(columns_value(&columns, 0, METRIC_CPU_USAGE, &value));
	assert_false(columns_node_value(&columns, METRIC_NODE_CPU_USAGE, &value));
	assert_false(columns_row_complete(&columns, 0, REQUIRED));
	assert_false(columns_row_complete(&columns, 0, 0)); /* it has no window */
	assert_false(columns_node_complete(&columns, 0));
	columns_free(&columns);
	assert_null(columns.block);
}

static void keeps_each_row_apart(void **state)
{
	struct columns columns;
	struct toy_sample sample;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&columns, 3, NULL, NULL), 0);
	toy_sample_usual(&sample, 1, 3, 10);
	assert_int_equal(apply(&columns, &sample), 0);
	for (uint32_t row = 0; row < 3; row++) {
		assert_int_equal(value_of(&columns, row, METRIC_CPU_USAGE), 10 + row);
		assert_int_equal(value_of(&columns, row, METRIC_MEMORY_WORKING_SET), 1010 + row);
		assert_int_equal(value_of(&columns, row, METRIC_PIDS), UINT64_MAX);
		assert_true(columns_row_complete(&columns, row, REQUIRED));
		assert_false(
			columns_row_complete(&columns, row, REQUIRED | METRIC_BIT(METRIC_PIDS)));
	}
	assert_true(columns_node_value(&columns, METRIC_NODE_CPU_USAGE, &value));
	assert_int_equal(value, 2010);
	assert_true(columns_node_complete(&columns, METRIC_BIT(METRIC_NODE_CPU_USAGE)));
	assert_false(columns_node_complete(&columns, METRIC_BIT(METRIC_NODE_MEMORY_SWAP)));
	assert_int_equal(columns.timestamp_ms, sample.message.timestamp_ms);
	columns_free(&columns);
}

/* Another set of metrics makes another block; in it the columns stand elsewhere. */
static void metrics_come_and_go(void **state)
{
	struct columns columns;
	struct toy_sample sample;

	(void)state;
	assert_int_equal(columns_init(&columns, 2, NULL, NULL), 0);
	toy_sample_usual(&sample, 1, 2, 10);
	(void)apply(&columns, &sample);
	toy_sample_begin(&sample, 1);
	toy_sample_add(&sample, TOY_PIDS, 2, 7);
	toy_sample_add(&sample, TOY_CPU, 2, TOY_NO_FIGURE);
	(void)apply(&columns, &sample);
	for (uint32_t row = 0; row < 2; row++) {
		assert_int_equal(value_of(&columns, row, METRIC_PIDS), 7 + row);
		assert_int_equal(value_of(&columns, row, METRIC_CPU_USAGE), UINT64_MAX);
		assert_int_equal(value_of(&columns, row, METRIC_MEMORY_WORKING_SET), UINT64_MAX);
	}
	toy_sample_begin(&sample, 1);
	(void)apply(&columns, &sample);
	assert_int_equal(columns.present, 0);
	columns_free(&columns);
}

/* The sum of a window and its delta is a window from 1 ms to what 32 bits hold. */
static void a_row_needs_a_window(void **state)
{
	static const struct {
		uint32_t window_ms;
		int32_t delta_ms;
		uint32_t row_window_ms;
	} CASES[] = {
		{15000, 0, 15000},
		{15000, -14999, 1},
		{15000, -15000, 0},
		{15000, -15001, 0},
		{0, 1, 1},
		{0, 0, 0},
		{0, INT32_MIN, 0},
		{UINT32_MAX, 0, UINT32_MAX},
		{UINT32_MAX, 1, 0},
		{UINT32_MAX, INT32_MIN, UINT32_MAX - (1U << 31)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct columns columns;
		struct toy_sample sample;
		bool served = CASES[i].row_window_ms != 0;

		assert_int_equal(columns_init(&columns, 1, NULL, NULL), 0);
		toy_sample_usual(&sample, 1, 1, 10);
		sample.message.window_ms = CASES[i].window_ms;
		sample.message.n_window_delta_ms = 1;
		sample.delta[0] = CASES[i].delta_ms;
		assert_int_equal(apply(&columns, &sample), !served);
		assert_int_equal(columns.row_window_ms[0], CASES[i].row_window_ms);
		assert_int_equal(value_of(&columns, 0, METRIC_CPU_USAGE), served ? 10 : UINT64_MAX);
		assert_int_equal(columns_row_complete(&columns, 0, REQUIRED), served);
		columns_free(&columns);
	}
}

static void refuses_what_does_not_fit(void **state)
{
	static const struct {
		uint32_t id[2];
		size_t count[2], deltas;
		const char *message; /* NULL: taken */
	} CASES[] = {
		{{TOY_CPU, TOY_MEMORY}, {2, 2}, 0, NULL}, {{TOY_CPU, TOY_MEMORY}, {2, 2}, 2, NULL},
		{{TOY_CPU, TOY_MEMORY}, {2, 1}, 0, "memory_working_set has 1 values instead of 2"},
		{{TOY_CPU, TOY_MEMORY}, {3, 2}, 0, "cpu_usage has 3 values instead of 2"},
		{{TOY_CPU, TOY_MEMORY}, {0, 2}, 0, "cpu_usage has 0 values instead of 2"},
		{{TOY_CPU, TOY_CPU}, {2, 2}, 0, "the column of cpu_usage comes twice"},
		{{TOY_NODE_CPU, TOY_CPU}, {2, 2}, 0, "node_cpu_usage has 2 values instead of 1"},
		{{TOY_NODE_CPU, TOY_NODE_CPU}, {1, 1}, 0, "node_cpu_usage comes twice"},
		{{TOY_CPU, TOY_MEMORY}, {2, 2}, 1, "1"}, {{TOY_CPU, TOY_MEMORY}, {2, 2}, 3, "3"},
		{{65000, 65000}, {9, 4}, 0, NULL}, /* of a newer agent */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct columns columns;
		struct columns_update update;
		struct toy_sample sample;
		struct error err = {{0}};
		int r;

		assert_int_equal(columns_init(&columns, 2, NULL, NULL), 0);
		toy_sample_usual(&sample, 1, 2, 10);
		(void)apply(&columns, &sample);
		toy_sample_begin(&sample, 1);
		for (size_t c = 0; c < 2; c++)
			toy_sample_add(&sample, CASES[i].id[c], CASES[i].count[c], 77);
		sample.message.n_window_delta_ms = CASES[i].deltas;
		memset(sample.delta, 0, sizeof(sample.delta));
		r = columns_prepare(&columns, &sample.message, &update, &err);
		assert_int_equal(r, CASES[i].message ? -EINVAL : 0);
		if (CASES[i].message) {
			assert_non_null(strstr(err.message, CASES[i].message));
			assert_int_equal(value_of(&columns, 1, METRIC_CPU_USAGE), 11);
		} else {
			columns_update_free(&update); /* not committed: nothing has changed */
			assert_int_equal(value_of(&columns, 1, METRIC_CPU_USAGE), 11);
		}
		columns_free(&columns);
	}
}

/* A new catalog moves rows; what is new has no figures. */
static void rows_take_their_figures_along(void **state)
{
	static const uint16_t FROM[] = {2, COLUMN_NO_ROW, 0, 0};
	struct columns before, after;
	struct toy_sample sample;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&before, 3, NULL, NULL), 0);
	toy_sample_usual(&sample, 1, 3, 10);
	(void)apply(&before, &sample);
	assert_int_equal(columns_init(&after, 4, &before, FROM), 0);
	columns_free(&before);
	assert_int_equal(value_of(&after, 0, METRIC_CPU_USAGE), 12);
	assert_int_equal(value_of(&after, 0, METRIC_MEMORY_WORKING_SET), 1012);
	assert_false(columns_row_complete(&after, 1, 0));
	assert_int_equal(value_of(&after, 2, METRIC_CPU_USAGE), 10);
	assert_int_equal(value_of(&after, 3, METRIC_CPU_USAGE), 10);
	assert_true(columns_node_value(&after, METRIC_NODE_CPU_USAGE, &value));
	columns_free(&after);
}

/* As the wire has it: others, then rows with their distances, then values. */
static void sparse(struct toy_sample *sample, size_t column, uint64_t others, size_t count,
	const uint32_t *rows, const uint64_t *values)
{
	Tacho__V1__Column *wire = &sample->column[column];

	wire->others = others;
	wire->rows = (uint32_t *)(uintptr_t)rows;
	wire->values = (uint64_t *)(uintptr_t)values;
	wire->n_rows = wire->n_values = count;
}

static void most_rows_may_have_the_same(void **state)
{
	static const uint32_t ROWS[] = {1, 3};
	static const uint64_t VALUES[] = {300, 0};
	struct columns columns;
	struct toy_sample sample;

	(void)state;
	assert_int_equal(columns_init(&columns, 6, NULL, NULL), 0);
	for (uint64_t others = 0; others <= 1000; others += 500) {
		uint64_t rest = others ? others - 1 : UINT64_MAX;

		toy_sample_begin(&sample, 1);
		toy_sample_add(&sample, TOY_CPU, 6, 1);
		toy_sample_add(&sample, TOY_PIDS, 6, 1);
		sparse(&sample, 0, others, 2, ROWS, VALUES);
		sparse(&sample, 1, 7, 0, NULL, NULL);
		assert_int_equal(apply(&columns, &sample), 0);
		for (uint32_t row = 0; row < 6; row++) {
			uint64_t expected = row == 1 ? 299 : row == 4 ? UINT64_MAX : rest;

			assert_true(value_of(&columns, row, METRIC_CPU_USAGE) == expected);
			assert_int_equal(value_of(&columns, row, METRIC_PIDS), 6);
		}
	}
	columns_free(&columns);
}

static void refuses_rows_that_are_not_there(void **state)
{
	static const struct {
		uint32_t id;
		uint64_t others;
		size_t rows, values;
		uint32_t row[3];
		const char *message; /* NULL: taken */
	} CASES[] = {
		{TOY_CPU, 1, 2, 2, {0, 1}, NULL},
		{TOY_CPU, 1, 3, 3, {0, 1, 1}, NULL},
		{TOY_CPU, 0, 1, 1, {2}, NULL},
		{TOY_CPU, 1, 0, 0, {0}, NULL},
		{TOY_CPU, 1, 1, 1, {3}, "rows that are not there"},
		{TOY_CPU, 1, 2, 2, {1, 2}, "rows that are not there"},
		{TOY_CPU, 1, 2, 2, {1, 0}, "in disorder"},
		{TOY_CPU, 1, 2, 2, {1, UINT32_MAX}, "rows that are not there"},
		{TOY_CPU, 1, 2, 2, {UINT32_MAX, 1}, "rows that are not there"},
		{TOY_CPU, 1, 2, 1, {0, 1}, "1 values for 2 rows"},
		{TOY_CPU, 1, 0, 1, {0}, "1 values for 0 rows"},
		{TOY_CPU, 0, 1, 3, {0}, "3 values for 1 rows"},
		{TOY_NODE_CPU, 1, 0, 0, {0}, "node_cpu_usage has rows"},
		{TOY_NODE_CPU, 0, 1, 1, {0}, "node_cpu_usage has rows"},
	};
	static const uint64_t VALUES[3] = {1, 1, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct columns columns;
		struct columns_update update;
		struct toy_sample sample;
		struct error err = {{0}};
		int r;

		assert_int_equal(columns_init(&columns, 3, NULL, NULL), 0);
		toy_sample_begin(&sample, 1);
		toy_sample_add(&sample, CASES[i].id, 3, 1);
		sparse(&sample, 0, CASES[i].others, CASES[i].rows, CASES[i].row, VALUES);
		sample.column[0].n_values = CASES[i].values;
		r = columns_prepare(&columns, &sample.message, &update, &err);
		assert_int_equal(r, CASES[i].message ? -EINVAL : 0);
		if (CASES[i].message)
			assert_non_null(strstr(err.message, CASES[i].message));
		else
			columns_update_free(&update);
		columns_free(&columns);
	}
}

/* The step multiplies what is read, in both forms and for a node, and keeps the column narrow. */
static void figures_may_be_of_a_step(void **state)
{
	static const uint32_t ROWS[] = {2};
	static const uint64_t VALUES[] = {251};
	static const uint16_t FROM[3] = {2, 1, COLUMN_NO_ROW};
	struct columns columns, after;
	struct toy_sample sample;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&columns, 3, NULL, NULL), 0);
	toy_sample_begin(&sample, 1);
	toy_sample_add(&sample, TOY_CPU, 3, 5);
	toy_sample_add(&sample, TOY_MEMORY, 3, 1);
	toy_sample_add(&sample, TOY_NODE_CPU, 1, 7);
	sample.column[0].step = 1000;
	sample.value[0][1] = 0;
	sparse(&sample, 1, 0, 1, ROWS, VALUES);
	sample.column[1].step = 4096;
	sample.column[2].step = 65535;
	(void)apply(&columns, &sample);
	assert_int_equal(value_of(&columns, 0, METRIC_CPU_USAGE), 5000);
	assert_int_equal(value_of(&columns, 1, METRIC_CPU_USAGE), UINT64_MAX);
	assert_int_equal(value_of(&columns, 2, METRIC_CPU_USAGE), 7000);
	assert_int_equal(value_of(&columns, 0, METRIC_MEMORY_WORKING_SET), UINT64_MAX);
	assert_int_equal(value_of(&columns, 2, METRIC_MEMORY_WORKING_SET), 250 * 4096);
	assert_true(columns_node_value(&columns, METRIC_NODE_CPU_USAGE, &value));
	assert_int_equal(value, 7 * 65535);
	assert_int_equal(columns_bytes(&columns), 2 * 8 + 3 * 4);

	/* other rows have the same figures; another step is another figure */
	assert_int_equal(columns_init(&after, 3, &columns, FROM), 0);
	assert_int_equal(value_of(&after, 0, METRIC_CPU_USAGE), 7000);
	assert_int_equal(value_of(&after, 0, METRIC_MEMORY_WORKING_SET), 250 * 4096);
	columns_free(&after);
	sample.column[0].step = 0;
	sample.column[1].step = 1;
	(void)apply(&columns, &sample);
	assert_int_equal(value_of(&columns, 2, METRIC_CPU_USAGE), 7);
	assert_int_equal(value_of(&columns, 2, METRIC_MEMORY_WORKING_SET), 250);
	columns_free(&columns);
}

static void refuses_a_step_beyond_64_bits(void **state)
{
	static const struct {
		uint32_t id, step;
		uint64_t stored, others;
		bool taken;
	} CASES[] = {
		{TOY_CPU, 1, UINT64_MAX, 0, true},
		{TOY_CPU, 2, UINT64_MAX / 2 + 1, 0, true}, /* the figure is the highest but one */
		{TOY_CPU, 2, UINT64_MAX / 2 + 2, 0, false},
		{TOY_CPU, 65535, (UINT64_MAX - 1) / 65535 + 1, 0, true},
		{TOY_CPU, 65535, (UINT64_MAX - 1) / 65535 + 2, 0, false},
		{TOY_CPU, 65536, 1, 0, false},
		{TOY_CPU, UINT32_MAX, 0, 0, false},
		{TOY_CPU, 4096, 1, UINT64_MAX, false},
		{TOY_NODE_CPU, 4096, UINT64_MAX, 0, false},
		{TOY_NODE_CPU, 65536, 0, 0, false},
		{TOY_NODE_CPU, 4096, 0, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		static const uint32_t ROWS[] = {0};
		uint64_t values[1] = {CASES[i].stored}, value = 0;
		struct columns columns;
		struct columns_update update;
		struct toy_sample sample;
		struct error err = {{0}};
		int r;

		assert_int_equal(columns_init(&columns, 1, NULL, NULL), 0);
		toy_sample_begin(&sample, 1);
		toy_sample_add(&sample, CASES[i].id, 1, 0);
		if (CASES[i].others)
			sparse(&sample, 0, CASES[i].others, 1, ROWS, values);
		sample.column[0].values = values;
		sample.column[0].step = CASES[i].step;
		r = columns_prepare(&columns, &sample.message, &update, &err);
		assert_int_equal(r, CASES[i].taken ? 0 : -EINVAL);
		if (!CASES[i].taken) {
			assert_non_null(strstr(err.message, "beyond 64 bits, or a step of"));
		} else {
			(void)columns_commit(&columns, &update);
			columns_update_free(&update);
			if (CASES[i].id == TOY_CPU) {
				assert_true(columns_value(&columns, 0, METRIC_CPU_USAGE, &value));
				assert_true(value == (CASES[i].stored - 1) * CASES[i].step);
			}
		}
		columns_free(&columns);
	}
}

/* Ids of PIDS and memory, and one that we don't know, and a node's. */
static uint32_t KEPT[] = {TOY_PIDS, TOY_MEMORY, 4000, TOY_NODE_CPU};

static void begin_kept(struct toy_sample *sample, uint64_t timestamp_ms, uint64_t kept_ms)
{
	toy_sample_begin(sample, 1);
	sample->message.timestamp_ms = timestamp_ms;
	sample->message.kept_ms = kept_ms;
	sample->message.kept = KEPT;
	sample->message.n_kept = 4;
}

static void what_is_sent_less_often_stays(void **state)
{
	struct columns columns;
	struct toy_sample sample;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&columns, 2, NULL, NULL), 0);
	begin_kept(&sample, 1000, 0);
	toy_sample_add(&sample, TOY_CPU, 2, 1);
	toy_sample_add(&sample, TOY_PIDS, 2, 300);
	toy_sample_add(&sample, TOY_MEMORY, 2, 70);
	toy_sample_add(&sample, TOY_NODE_CPU, 1, 70);
	sample.column[1].step = 10;
	(void)apply(&columns, &sample);
	/* the second needs a new block, for the CPU is wider, or memory comes itself */
	for (uint64_t look = 1; look <= 3; look++) {
		begin_kept(&sample, 1000 + look, 1000);
		toy_sample_add(&sample, TOY_CPU, 2, look == 2 ? 100000 : 2);
		if (look == 3)
			toy_sample_add(&sample, TOY_MEMORY, 2, 90);
		(void)apply(&columns, &sample);
		for (uint32_t row = 0; row < 2; row++) {
			assert_int_equal(value_of(&columns, row, METRIC_CPU_USAGE),
				(look == 2 ? 100000 : 2) + row);
			assert_int_equal(value_of(&columns, row, METRIC_PIDS), (300 + row) * 10);
			assert_int_equal(value_of(&columns, row, METRIC_MEMORY_WORKING_SET),
				(look == 3 ? 90 : 70) + row);
		}
		assert_false(columns_node_value(&columns, METRIC_NODE_CPU_USAGE, &value));
	}
	/* what is not named as kept is gone */
	begin_kept(&sample, 1004, 1000);
	sample.message.n_kept = 1;
	(void)apply(&columns, &sample);
	assert_int_equal(columns.present, METRIC_BIT(METRIC_PIDS));
	assert_int_equal(value_of(&columns, 1, METRIC_PIDS), 3010);
	columns_free(&columns);
}

/* A figure of before a sample that was lost is not taken for one of that sample. */
static void nothing_stays_of_a_sample_that_did_not_come(void **state)
{
	struct columns columns;
	struct toy_sample sample;

	(void)state;
	assert_int_equal(columns_init(&columns, 2, NULL, NULL), 0);
	/* a new reader has nothing to keep */
	begin_kept(&sample, 900, 800);
	toy_sample_add(&sample, TOY_CPU, 2, 1);
	(void)apply(&columns, &sample);
	assert_int_equal(columns.present, METRIC_BIT(METRIC_CPU_USAGE));

	begin_kept(&sample, 1000, 0);
	toy_sample_add(&sample, TOY_PIDS, 2, 300);
	(void)apply(&columns, &sample);
	begin_kept(&sample, 7000, 6000); /* that of 6000 did not come */
	(void)apply(&columns, &sample);
	assert_int_equal(columns.present, 0);
	begin_kept(&sample, 8000, 0); /* says all, and nothing of PIDs */
	(void)apply(&columns, &sample);
	begin_kept(&sample, 9000, 8000);
	(void)apply(&columns, &sample);
	assert_int_equal(columns.present, 0);
	columns_free(&columns);
}

/* The bytes of a value on each side of every edge. */
static void values_take_the_bytes_that_they_need(void **state)
{
	static const struct {
		uint64_t stored;
		size_t bytes;
	} CASES[] = {
		{1, 1},
		{UINT8_MAX, 1},
		{UINT8_MAX + 1, 2},
		{UINT16_MAX, 2},
		{UINT16_MAX + 1, 4},
		{UINT32_MAX, 4},
		{(uint64_t)UINT32_MAX + 1, 8},
		{UINT64_MAX, 8},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		static const uint16_t FROM[16] = {
			0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, COLUMN_NO_ROW};
		struct columns columns, after;
		struct toy_sample sample;
		uint64_t values[16] = {0};

		values[15] = CASES[i].stored;
		assert_int_equal(columns_init(&columns, 16, NULL, NULL), 0);
		toy_sample_begin(&sample, 1);
		toy_sample_add(&sample, TOY_CPU, 16, 0);
		sample.column[0].values = values;
		(void)apply(&columns, &sample);
		assert_int_equal(columns_bytes(&columns), 16 * (CASES[i].bytes + 4));
		assert_true(value_of(&columns, 15, METRIC_CPU_USAGE) == CASES[i].stored - 1);
		/* it does not shrink for a smaller one, but where the rows are others */
		values[15] = 3;
		(void)apply(&columns, &sample);
		assert_int_equal(columns_bytes(&columns), 16 * (CASES[i].bytes + 4));
		assert_int_equal(value_of(&columns, 15, METRIC_CPU_USAGE), 2);
		assert_int_equal(columns_init(&after, 16, &columns, FROM), 0);
		assert_int_equal(columns_bytes(&after), 16 * (1 + 4));
		columns_free(&columns);
		columns_free(&after);
	}
}

/* A column that grows leaves those beside it what they were. */
static void columns_do_not_touch(void **state)
{
	struct columns columns;
	struct toy_sample sample;

	(void)state;
	assert_int_equal(columns_init(&columns, 5, NULL, NULL), 0);
	for (int bits = 1; bits < 64; bits++) {
		uint64_t first = (uint64_t)1 << bits;

		toy_sample_begin(&sample, 1);
		toy_sample_add(&sample, TOY_CPU, 5, 20);
		toy_sample_add(&sample, TOY_MEMORY, 5, first);
		toy_sample_add(&sample, TOY_PIDS, 5, 70000);
		(void)apply(&columns, &sample);
		for (uint32_t row = 0; row < 5; row++) {
			assert_int_equal(value_of(&columns, row, METRIC_CPU_USAGE), 20 + row);
			assert_int_equal(
				value_of(&columns, row, METRIC_MEMORY_WORKING_SET), first + row);
			assert_int_equal(value_of(&columns, row, METRIC_PIDS), 70000 + row);
		}
	}
	columns_free(&columns);
}

/* More rows than are moved at a time, in another order, with columns of each width. */
static void many_rows_move(void **state)
{
	enum { ROWS = 300 };
	static const uint32_t ID[] = {TOY_CPU, TOY_MEMORY, TOY_PIDS, 6};
	static const enum metric METRICS[] = {
		METRIC_CPU_USAGE, METRIC_MEMORY_WORKING_SET, METRIC_PIDS, METRIC_MEMORY_RSS};
	uint64_t values[4][ROWS];
	uint16_t from[ROWS];
	struct columns columns, after;
	struct toy_sample sample;

	(void)state;
	assert_int_equal(columns_init(&columns, ROWS, NULL, NULL), 0);
	toy_sample_begin(&sample, 1);
	for (size_t c = 0; c < 4; c++) {
		toy_sample_add(&sample, ID[c], 1, 0);
		for (size_t row = 0; row < ROWS; row++)
			values[c][row] = (row * 7919 % 250 + 1) << (c == 3 ? 50 : 8 * c);
		sample.column[c].values = values[c];
		sample.column[c].n_values = ROWS;
	}
	(void)apply(&columns, &sample);
	for (uint16_t row = 0; row < ROWS; row++)
		from[row] = row % 10 == 9 ? COLUMN_NO_ROW : (uint16_t)(ROWS - 1 - row);
	assert_int_equal(columns_init(&after, ROWS, &columns, from), 0);
	assert_int_equal(columns_bytes(&after), columns_bytes(&columns));
	for (uint32_t row = 0; row < ROWS; row++)
		for (size_t c = 0; c < 4; c++)
			assert_true(value_of(&after, row, METRICS[c]) ==
				    (from[row] == COLUMN_NO_ROW ? UINT64_MAX
								: values[c][from[row]] - 1));
	columns_free(&columns);
	columns_free(&after);
}

static void no_rows_are_rows_too(void **state)
{
	struct columns columns;
	struct toy_sample sample;
	uint64_t value;

	(void)state;
	assert_int_equal(columns_init(&columns, 0, NULL, NULL), 0);
	toy_sample_usual(&sample, 1, 0, 10);
	assert_int_equal(apply(&columns, &sample), 0);
	assert_true(columns_node_value(&columns, METRIC_NODE_MEMORY_WORKING_SET, &value));
	assert_int_equal(value, 3010);
	columns_free(&columns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(starts_without_figures),
		cmocka_unit_test(keeps_each_row_apart),
		cmocka_unit_test(metrics_come_and_go),
		cmocka_unit_test(a_row_needs_a_window),
		cmocka_unit_test(refuses_what_does_not_fit),
		cmocka_unit_test(rows_take_their_figures_along),
		cmocka_unit_test(most_rows_may_have_the_same),
		cmocka_unit_test(refuses_rows_that_are_not_there),
		cmocka_unit_test(figures_may_be_of_a_step),
		cmocka_unit_test(refuses_a_step_beyond_64_bits),
		cmocka_unit_test(what_is_sent_less_often_stays),
		cmocka_unit_test(nothing_stays_of_a_sample_that_did_not_come),
		cmocka_unit_test(values_take_the_bytes_that_they_need),
		cmocka_unit_test(columns_do_not_touch),
		cmocka_unit_test(many_rows_move),
		cmocka_unit_test(no_rows_are_rows_too),
	};

	return cmocka_run_group_tests_name("columns", tests, NULL, NULL);
}
