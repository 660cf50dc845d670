/* agent/metric_selection: the --metrics flag. */
#include "agent/metric_selection.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void takes_names_and_words(void **state)
{
	metric_set metrics = 0;
	struct error err;

	(void)state;
	assert_int_equal(metric_selection_parse("pids", &metrics, &err), 0);
	assert_int_equal(metrics, METRIC_BIT(METRIC_PIDS));
	assert_int_equal(metric_selection_parse("pids,cpu_usage,", &metrics, &err), 0);
	assert_int_equal(metrics, METRIC_BIT(METRIC_PIDS) | METRIC_BIT(METRIC_CPU_USAGE));
	assert_int_equal(metric_selection_parse("all", &metrics, &err), 0);
	assert_int_equal(__builtin_popcountll(metrics), METRIC_COUNT - 3);
	assert_false(metrics & METRIC_BIT(METRIC_CPU_RUN_QUEUE_P99));
	assert_int_equal(metric_selection_parse("all,run_queue", &metrics, &err), 0);
	assert_int_equal(__builtin_popcountll(metrics), METRIC_COUNT);
	assert_int_equal(metric_selection_parse("resource,pids", &metrics, &err), 0);
	assert_int_equal(__builtin_popcountll(metrics), 7);
}

static void refuses_what_it_does_not_know(void **state)
{
	metric_set metrics = 99;
	struct error err;

	(void)state;
	assert_int_equal(metric_selection_parse("pids,cpu", &metrics, &err), -EINVAL);
	assert_non_null(strstr(err.message, "\"cpu\" is not a metric"));
	assert_int_equal(metric_selection_parse("", &metrics, &err), -EINVAL);
	assert_string_equal(err.message, "--metrics names no metric");
	assert_int_equal(metric_selection_parse(",", &metrics, &err), -EINVAL);
	assert_int_equal(metrics, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_names_and_words),
		cmocka_unit_test(refuses_what_it_does_not_know),
	};

	return cmocka_run_group_tests_name("metric_selection", tests, NULL, NULL);
}
