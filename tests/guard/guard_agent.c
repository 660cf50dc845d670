/* What a look costs the agent besides reading: the figures of 30 pods of two containers, and their
 * message. */
#include "agent/figures.h"
#include "agent/history.h"
#include "agent/sample.h"
#include "base/clock.h"
#include "tests/guard/counting.h"
#include "tests/guard/node_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define ROWS     60
#define READINGS 18 /* that a history keeps of a window of 15 s at 1 Hz */

static const struct figures_options OPTIONS = {
	.wanted = NODE_REPORT_METRICS,
	.window_ns = 15 * NS_PER_SECOND,
	.interval_ns = NS_PER_SECOND,
	.cpus = 8,
};

struct looking {
	struct history *history[ROWS + 1]; /* the last is the node's */
	struct sample sample;
	struct buffer message;
	uint64_t looks;
};

static struct reading reading_of(size_t row, uint64_t look)
{
	struct reading reading = {
		.at_ns = look * NS_PER_SECOND + row * NS_PER_USEC,
		.valid = figures_fields(NODE_REPORT_METRICS, METRIC_SCOPE_CONTAINER),
	};

	for (int field = 0; field < FIELD_COUNT; field++)
		reading.value[field] = (row + 1) << 20;
	reading.value[FIELD_CPU_USAGE_NS] = look * (row + 1) * NS_PER_MS;
	reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] = look << 12;
	return reading;
}

static void compute(struct looking *looking, size_t row)
{
	bool of_node = row == ROWS;
	struct reading reading = reading_of(row, looking->looks);

	history_add(looking->history[row], &reading);
	figures_compute(&OPTIONS, of_node ? METRIC_SCOPE_NODE : METRIC_SCOPE_CONTAINER,
		looking->history[row], &reading,
		of_node ? &looking->sample.node : &looking->sample.rows[row]);
}

static void look(void *context, unsigned rounds)
{
	struct looking *looking = context;

	for (unsigned i = 0; i < rounds; i++) {
		looking->looks++;
		assert_int_equal(sample_reset(&looking->sample, ROWS), 0);
		for (size_t row = 0; row <= ROWS; row++)
			compute(looking, row);
		buffer_clear(&looking->message);
		sample_encode(&looking->sample, NODE_REPORT_METRICS, &looking->message);
		assert_false(looking->message.failed);
	}
}

static void counts(void **state)
{
	struct looking looking = {0};

	(void)state;
	for (size_t row = 0; row <= ROWS; row++) {
		looking.history[row] = history_new(
			READINGS, figures_fields(NODE_REPORT_METRICS, METRIC_SCOPE_CONTAINER));
		assert_non_null(looking.history[row]);
	}
	counted_work(&(struct counted_work){"look", COUNTED_MAIN, look, &looking, 100, true});
	for (size_t row = 0; row <= ROWS; row++)
		history_free(looking.history[row]);
	sample_free(&looking.sample);
	buffer_free(&looking.message);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
