/* ingest/intake: the sweep's clock. What messages do is test_ingest's. */
#include "aggregator/ingest/intake.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NOW_NS   (1000 * NS_PER_SECOND)
#define HELLO_NS (10 * NS_PER_SECOND)

/* NNG's threads open connections while a sweep is under way: they are younger than its time. */
static void gives_each_connection_its_whole_time(void **state)
{
	static const struct {
		uint64_t opened_ns;
		bool closes;
	} CASES[] = {
		{NOW_NS + 1, false},
		{NOW_NS + NS_PER_SECOND, false},
		{NOW_NS, false},
		{NOW_NS - HELLO_NS, false},
		{NOW_NS - HELLO_NS - 1, true},
	};
	enum { COUNT = sizeof(CASES) / sizeof(CASES[0]) };
	struct telemetry *telemetry = telemetry_new();
	struct tally tally;
	struct connections *connections = connections_new(COUNT);
	struct intake_options options = {.connections = connections,
		.tally = &tally,
		.hello_ns = HELLO_NS,
		.silence_ns = HELLO_NS};
	struct intake *intake;

	(void)state;
	tally_register(&tally, telemetry);
	intake = intake_new(&options);
	assert_non_null(intake);
	for (int i = 0; i < COUNT; i++)
		assert_true(connections_open(
			connections, i + 1, &(struct address){0}, CASES[i].opened_ns));
	intake_sweep(intake, NOW_NS);
	for (int i = 0; i < COUNT; i++)
		assert_int_equal(connections_find(connections, i + 1)->closing, CASES[i].closes);
	connections_free(connections);
	intake_free(intake);
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_connection_its_whole_time),
	};

	return cmocka_run_group_tests_name("intake", tests, NULL, NULL);
}
