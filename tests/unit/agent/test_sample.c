/* agent/sample: what stands on the wire, read back by protobuf-c. */
#include "agent/sample.h"

#include "proto/tacho.pb-c.h"
#include "tests/harness/busy_node.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ALL (~(metric_set)0 >> (64 - METRIC_COUNT))

static Tacho__V1__Message *encode(const struct sample *sample, metric_set wanted, size_t *ret_size)
{
	struct buffer out = {0};
	Tacho__V1__Message *message;

	sample_encode(sample, wanted, &out);
	assert_false(out.failed);
	if (ret_size)
		*ret_size = out.length;
	message = tacho__v1__message__unpack(NULL, out.length, (const uint8_t *)out.data);
	assert_non_null(message);
	assert_int_equal(message->kind_case, TACHO__V1__MESSAGE__KIND_SAMPLE);
	buffer_free(&out);
	return message;
}

static const Tacho__V1__Column *column(const Tacho__V1__Sample *sample, enum metric metric)
{
	for (size_t i = 0; i < sample->n_columns; i++)
		if (sample->columns[i]->metric == metric_info(metric)->id)
			return sample->columns[i];
	return NULL;
}

static void set(struct figures *figures, enum metric metric, uint64_t value)
{
	figures->present |= METRIC_BIT(metric);
	figures->value[metric] = value;
}

static void columns_in_row_order(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 3), 0);
	sample.revision = 42;
	sample.timestamp_ms = 1700000000123;
	sample.node.window_ms = 15001;
	set(&sample.node, METRIC_NODE_CPU_USAGE, 0);
	for (uint32_t row = 0; row < 3; row++)
		sample.rows[row].window_ms = 15001;
	set(&sample.rows[0], METRIC_CPU_USAGE, 0);
	set(&sample.rows[2], METRIC_CPU_USAGE, 250000007);
	set(&sample.rows[1], METRIC_PIDS, UINT64_MAX);
	message = encode(&sample, ALL, NULL);
	assert_int_equal(message->sample->revision, 42);
	assert_int_equal(message->sample->timestamp_ms, 1700000000123);
	assert_int_equal(message->sample->window_ms, 15001);
	assert_int_equal(message->sample->n_window_delta_ms, 0);
	assert_int_equal(message->sample->n_columns, 3);
	assert_int_equal(column(message->sample, METRIC_CPU_USAGE)->n_values, 3);
	assert_int_equal(column(message->sample, METRIC_CPU_USAGE)->values[0], 1); /* zero */
	assert_int_equal(column(message->sample, METRIC_CPU_USAGE)->values[1], 0); /* none */
	assert_int_equal(column(message->sample, METRIC_CPU_USAGE)->values[2], 250000008);
	assert_true(column(message->sample, METRIC_PIDS)->values[1] == UINT64_MAX); /* saturates */
	assert_int_equal(column(message->sample, METRIC_NODE_CPU_USAGE)->n_values, 1);
	assert_int_equal(column(message->sample, METRIC_NODE_CPU_USAGE)->values[0], 1);
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

static void young_rows_say_their_window(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 3), 0);
	sample.node.window_ms = 15000;
	sample.rows[0].window_ms = 15002;
	sample.rows[1].window_ms = 700;
	sample.rows[2].window_ms = 0; /* no rate at all */
	message = encode(&sample, ALL, NULL);
	assert_int_equal(message->sample->n_window_delta_ms, 3);
	assert_int_equal(message->sample->window_delta_ms[0], 2);
	assert_int_equal(message->sample->window_delta_ms[1], -14300);
	assert_int_equal(message->sample->window_delta_ms[2], 0);
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

static void unwanted_metrics_are_not_sent(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 1), 0);
	set(&sample.rows[0], METRIC_CPU_USAGE, 1);
	set(&sample.rows[0], METRIC_PIDS, 1);
	message = encode(&sample, METRIC_BIT(METRIC_PIDS), NULL);
	assert_int_equal(message->sample->n_columns, 1);
	assert_non_null(column(message->sample, METRIC_PIDS));
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

static void an_empty_node_is_a_sample_too(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 0), 0);
	sample.revision = 1;
	message = encode(&sample, ALL, NULL);
	assert_int_equal(message->sample->n_columns, 0);
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

/* What is the same in most rows is said once. */
static void most_rows_the_same_are_short(void **state)
{
	static const struct {
		uint64_t most;
		bool none; /* most rows have no figure */
	} CASES[] = {{0, false}, {123456789, false}, {UINT64_MAX, false}, {0, true}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sample sample = {0};
		Tacho__V1__Message *message;
		const Tacho__V1__Column *pids;
		size_t size;

		assert_int_equal(sample_reset(&sample, 100), 0);
		for (uint32_t row = 0; row < 100; row++)
			if (!CASES[i].none)
				set(&sample.rows[row], METRIC_PIDS, CASES[i].most);
		set(&sample.rows[0], METRIC_PIDS, 7);
		set(&sample.rows[3], METRIC_PIDS, 8);
		set(&sample.rows[99], METRIC_PIDS, 9);
		message = encode(&sample, ALL, &size);
		pids = column(message->sample, METRIC_PIDS);
		assert_in_range(size, 1, 50);
		assert_int_equal(pids->n_values, 3);
		assert_int_equal(pids->n_rows, 3);
		assert_int_equal(pids->rows[0], 0);
		assert_int_equal(pids->rows[1], 3);
		assert_int_equal(pids->rows[2], 96);
		assert_int_equal(pids->values[0], 8);
		assert_int_equal(pids->values[2], 10);
		assert_true(
			pids->others == (CASES[i].none                        ? 0
						: CASES[i].most == UINT64_MAX ? UINT64_MAX
									      : CASES[i].most + 1));
		tacho__v1__message__free_unpacked(message, NULL);
		sample_free(&sample);
	}
}

/* Where all figures are whole pages, or whole microseconds, that is said once. */
static void a_step_makes_figures_short(void **state)
{
	static const struct {
		enum metric metric;
		uint64_t value[3];
		uint32_t step;
		uint64_t stored[3];
	} CASES[] = {
		{METRIC_MEMORY_RSS, {8192, 0, 40960}, 4096, {3, 1, 11}},
		{METRIC_MEMORY_RSS, {8192, 1, 40960}, 0, {8193, 2, 40961}},
		{METRIC_MEMORY_RSS, {0, 0, 0}, 0, {1, 1, 1}}, /* no shorter with one */
		{METRIC_MEMORY_RSS, {UINT64_MAX - 4095, 0, 4096}, 4096,
			{(UINT64_MAX - 4095) / 4096 + 1, 1, 2}},
		{METRIC_MEMORY_RSS, {UINT64_MAX, 0, 4096}, 0, {UINT64_MAX, 1, 4097}},
		{METRIC_PRESSURE_IO_STALLED, {5000, 1000000, 0}, 1000, {6, 1001, 1}},
		{METRIC_CPU_USAGE_PEAK, {5000, 1000001, 0}, 0, {5001, 1000002, 1}},
		{METRIC_PIDS, {4096, 8192, 0}, 0, {4097, 8193, 1}},
		{METRIC_NETWORK_RECEIVE_BYTES, {4096, 8192, 0}, 0, {4097, 8193, 1}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sample sample = {0};
		Tacho__V1__Message *message;
		const Tacho__V1__Column *it;

		assert_int_equal(sample_reset(&sample, 3), 0);
		for (uint32_t row = 0; row < 3; row++)
			set(&sample.rows[row], CASES[i].metric, CASES[i].value[row]);
		message = encode(&sample, ALL, NULL);
		it = column(message->sample, CASES[i].metric);
		assert_int_equal(it->step, CASES[i].step);
		if (it->others) { /* all the same */
			assert_int_equal(it->others, CASES[i].stored[0]);
			assert_int_equal(it->n_values, 0);
		}
		for (size_t row = 0; row < it->n_values; row++)
			assert_true(it->values[row] == CASES[i].stored[row]);
		tacho__v1__message__free_unpacked(message, NULL);
		sample_free(&sample);
	}
}

/* What is absent stays absent behind a step. */
static void a_step_leaves_out_nothing(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 2), 0);
	set(&sample.rows[1], METRIC_MEMORY_RSS, 1 << 20);
	set(&sample.node, METRIC_NODE_MEMORY_WORKING_SET, 1 << 20);
	message = encode(&sample, ALL, NULL);
	assert_int_equal(column(message->sample, METRIC_MEMORY_RSS)->values[0], 0);
	assert_int_equal(column(message->sample, METRIC_MEMORY_RSS)->values[1], 257);
	assert_int_equal(column(message->sample, METRIC_NODE_MEMORY_WORKING_SET)->step, 4096);
	assert_int_equal(column(message->sample, METRIC_NODE_MEMORY_WORKING_SET)->values[0], 257);
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

static void what_is_kept_is_not_sent(void **state)
{
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	assert_int_equal(sample_reset(&sample, 2), 0);
	sample.timestamp_ms = 7000;
	set(&sample.rows[0], METRIC_MEMORY_LIMIT, 4096);
	set(&sample.rows[0], METRIC_PRESSURE_IO_WAITING, 4000);
	set(&sample.rows[0], METRIC_PIDS, 4);
	message = encode(&sample, ALL, NULL);
	assert_int_equal(message->sample->n_columns, 3);
	assert_int_equal(message->sample->kept_ms, 0);
	assert_int_equal(message->sample->n_kept, 0);
	tacho__v1__message__free_unpacked(message, NULL);

	sample.kept_ms = 6000;
	message = encode(&sample,
		METRIC_BIT(METRIC_MEMORY_LIMIT) | METRIC_BIT(METRIC_PIDS) |
			METRIC_BIT(METRIC_PRESSURE_IO_WAITING),
		NULL);
	assert_int_equal(message->sample->n_columns, 1);
	assert_non_null(column(message->sample, METRIC_PIDS));
	assert_int_equal(message->sample->kept_ms, 6000);
	assert_int_equal(message->sample->n_kept, 2);
	assert_int_equal(message->sample->kept[0], metric_info(METRIC_MEMORY_LIMIT)->id);
	assert_int_equal(message->sample->kept[1], metric_info(METRIC_PRESSURE_IO_WAITING)->id);
	tacho__v1__message__free_unpacked(message, NULL);

	/* nothing is kept that nobody wants */
	message = encode(&sample, METRIC_BIT(METRIC_PIDS), NULL);
	assert_int_equal(message->sample->kept_ms, 0);
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

/* What a pod must have to be served is in every sample. */
static void resource_metrics_are_always_sent(void **state)
{
	static const enum metric METRICS[] = {
		METRIC_CPU_USAGE, METRIC_MEMORY_WORKING_SET, METRIC_MEMORY_SWAP};
	struct sample sample = {0};
	Tacho__V1__Message *message;

	(void)state;
	busy_node(&sample, 2);
	sample.kept_ms = 1;
	message = encode(&sample, ALL, NULL);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(column(message->sample, METRICS[i]));
	for (int metric = METRIC_OF_ROWS; metric < METRIC_COUNT; metric++)
		assert_non_null(column(message->sample, (enum metric)metric));
	tacho__v1__message__free_unpacked(message, NULL);
	sample_free(&sample);
}

static void every_fifth_second_says_all(void **state)
{
	static const struct {
		uint64_t revision, timestamp_ms, kept_ms;
	} LOOKS[] = {
		{1, 100000, 0},
		{1, 101003, 100000},
		{1, 104749, 100000},
		{1, 104750, 0},
		{1, 105750, 104750},
		{2, 106750, 0}, /* other rows */
		{2, 107750, 106750},
		{2, 106000, 0}, /* the clock was set back */
		{2, 107000, 106000},
		{2, 900000, 0},
	};
	struct sample_turn turn = {0};
	struct sample sample = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(LOOKS) / sizeof(LOOKS[0]); i++) {
		sample.revision = LOOKS[i].revision;
		sample.timestamp_ms = LOOKS[i].timestamp_ms;
		sample_take_turn(&sample, &turn);
		assert_int_equal(sample.kept_ms, LOOKS[i].kept_ms);
	}
}

static void reset_forgets_the_last_tick(void **state)
{
	struct sample sample = {0};

	(void)state;
	assert_int_equal(sample_reset(&sample, 2), 0);
	set(&sample.rows[1], METRIC_PIDS, 5);
	set(&sample.node, METRIC_NODE_CPU_USAGE, 5);
	assert_int_equal(sample_reset(&sample, 2), 0);
	assert_int_equal(sample.rows[1].present, 0);
	assert_int_equal(sample.node.present, 0);
	sample_free(&sample);
}

/* design.md: 30 pods of 2 containers are at most 1 KiB a second with CPU and memory, 3 KiB with
 * every metric, of which some go each fifth second. Figures as large as a busy node's. */
static void a_node_of_thirty_pods_fits_its_budget(void **state)
{
	const metric_set resource =
		METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
		METRIC_BIT(METRIC_NODE_CPU_USAGE) | METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET);
	struct sample sample = {0};
	size_t size, whole;

	(void)state;
	busy_node(&sample, 60);
	tacho__v1__message__free_unpacked(encode(&sample, resource, &size), NULL);
	assert_in_range(size, 1, 1024);
	tacho__v1__message__free_unpacked(encode(&sample, ALL, &whole), NULL);
	sample.kept_ms = sample.timestamp_ms - 1000;
	tacho__v1__message__free_unpacked(encode(&sample, ALL, &size), NULL);
	assert_in_range((whole + 4 * size) / 5, 1, 3 * 1024);
	sample_free(&sample);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_in_row_order),
		cmocka_unit_test(young_rows_say_their_window),
		cmocka_unit_test(unwanted_metrics_are_not_sent),
		cmocka_unit_test(an_empty_node_is_a_sample_too),
		cmocka_unit_test(most_rows_the_same_are_short),
		cmocka_unit_test(a_step_makes_figures_short),
		cmocka_unit_test(a_step_leaves_out_nothing),
		cmocka_unit_test(what_is_kept_is_not_sent),
		cmocka_unit_test(resource_metrics_are_always_sent),
		cmocka_unit_test(every_fifth_second_says_all),
		cmocka_unit_test(reset_forgets_the_last_tick),
		cmocka_unit_test(a_node_of_thirty_pods_fits_its_budget),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
