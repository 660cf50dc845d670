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
	set(&sample.rows[2], METRIC_CPU_USAGE, 250000000);
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
	assert_int_equal(column(message->sample, METRIC_CPU_USAGE)->values[2], 250000001);
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
 * every metric. Figures as large as a busy node's. */
static void a_node_of_thirty_pods_fits_its_budget(void **state)
{
	const metric_set resource =
		METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
		METRIC_BIT(METRIC_NODE_CPU_USAGE) | METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET);
	struct sample sample = {0};
	size_t size;

	(void)state;
	busy_node(&sample, 60);
	tacho__v1__message__free_unpacked(encode(&sample, resource, &size), NULL);
	assert_in_range(size, 1, 1024);
	tacho__v1__message__free_unpacked(encode(&sample, ALL, &size), NULL);
	assert_in_range(size, 1, 3 * 1024);
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
		cmocka_unit_test(reset_forgets_the_last_tick),
		cmocka_unit_test(a_node_of_thirty_pods_fits_its_budget),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
