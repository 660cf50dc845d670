/* agent/source_compare: what counts as a difference. Whole comparisons: test_reader. */
#include "agent/source_compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static void knows_what_a_counter_can_have_moved(void **state)
{
	const uint64_t batch = 128 * 2 * (uint64_t)sysconf(_SC_PAGESIZE); /* of two CPUs */
	const struct {
		enum field field;
		uint64_t before, file, after;
		bool agrees;
	} CASES[] = {
		/* A file cuts off what is below a microsecond. */
		{FIELD_CPU_USAGE_NS, 5999, 5000, 5999, true},
		{FIELD_CPU_USAGE_NS, 6000, 5000, 6000, false},
		{FIELD_CPU_USAGE_NS, 5000, 7000, 9000, true},
		{FIELD_CPU_USAGE_NS, 5000, 9999, 9000, true},
		{FIELD_CPU_USAGE_NS, 5000, 10000, 9000, false},
		{FIELD_CPU_USAGE_NS, 0, 0, 0, true},
		{FIELD_CPU_USAGE_NS, UINT64_MAX, UINT64_MAX - 999, UINT64_MAX, true},
		{FIELD_CPU_THROTTLED_PERIODS, 5, 5, 5, true},
		{FIELD_CPU_THROTTLED_PERIODS, 5, 6, 7, true},
		{FIELD_CPU_THROTTLED_PERIODS, 5, 4, 5, false},
		{FIELD_CPU_THROTTLED_PERIODS, 5, 6, 5, false},
		/* Levels go up and down. */
		{FIELD_MEMORY_USAGE_BYTES, 10 * batch, 9 * batch, 8 * batch, true},
		{FIELD_MEMORY_USAGE_BYTES, 10 * batch, 11 * batch, 10 * batch, true},
		{FIELD_MEMORY_USAGE_BYTES, 10 * batch, 11 * batch + 1, 10 * batch, false},
		{FIELD_MEMORY_INACTIVE_FILE_BYTES, batch, 0, batch, true},
		{FIELD_MEMORY_INACTIVE_FILE_BYTES, batch + 1, 0, batch + 1, false},
		{FIELD_PIDS, 0, 8, 0, true},
		{FIELD_PIDS, 0, 9, 0, false},
		{FIELD_PIDS, 800, 692, 800, true},
		{FIELD_PIDS, 800, 691, 800, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		if (source_compare_agrees(CASES[i].field, CASES[i].before, CASES[i].file,
			    CASES[i].after, 2) != CASES[i].agrees)
			fail_msg("case %zu", i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_what_a_counter_can_have_moved),
	};

	return cmocka_run_group_tests_name("source_compare", tests, NULL, NULL);
}
