/* aggregator/api/custom_metric: names, and the figure of a pod out of those of its containers. */
#include "aggregator/api/custom_metric.h"
#include "tests/harness/toy_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finds_each_by_both_names(void **state)
{
	(void)state;
	for (int i = 0; i < METRIC_COUNT; i++) {
		enum metric metric = (enum metric)i;
		const struct metric_info *info = metric_info(metric);
		struct custom_metric found = {.v1beta1 = true};

		if (!custom_metric_name(metric))
			continue;
		assert_true(custom_metric_find(info->custom, info->scope, &found));
		assert_int_equal(found.metric, metric);
		assert_string_equal(found.name, info->custom);
		assert_true(custom_metric_find(info->name, info->scope, &found));
		assert_int_equal(found.metric, metric);
		assert_string_equal(found.name, info->name);
		assert_true(found.v1beta1);
		assert_false(custom_metric_find(info->custom,
			info->scope == METRIC_SCOPE_NODE ? METRIC_SCOPE_CONTAINER
							 : METRIC_SCOPE_NODE,
			&found));
	}
}

static void does_not_find_others(void **state)
{
	static const char *const OTHERS[] = {"", "*", "cpu", "cpu_usag", "cpu_usage_", "CPU_USAGE"};
	struct custom_metric found;

	(void)state;
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
		assert_false(custom_metric_find(OTHERS[i], METRIC_SCOPE_CONTAINER, &found));
}

static void knows_what_has_a_window(void **state)
{
	(void)state;
	assert_true(custom_metric_has_window(METRIC_CPU_USAGE));
	assert_true(custom_metric_has_window(METRIC_CPU_USAGE_PEAK));
	assert_true(custom_metric_has_window(METRIC_CPU_RUN_QUEUE_P99));
	assert_true(custom_metric_has_window(METRIC_CPU_THROTTLED_RATIO));
	assert_false(custom_metric_has_window(METRIC_MEMORY_USAGE_RATIO));
	assert_false(custom_metric_has_window(METRIC_MEMORY_WORKING_SET));
	assert_false(custom_metric_has_window(METRIC_OOM_KILLS));
}

static void takes_sums_and_worsts(void **state)
{
	(void)state;
	assert_int_equal(custom_metric_with(METRIC_CPU_USAGE, 2, 3), 5);
	assert_int_equal(custom_metric_with(METRIC_OOM_KILLS, 2, 3), 5);
	assert_int_equal(custom_metric_with(METRIC_CPU_USAGE, UINT64_MAX, 3), UINT64_MAX);
	assert_int_equal(custom_metric_with(METRIC_CPU_USAGE_PEAK, 2, 3), 3);
	assert_int_equal(custom_metric_with(METRIC_CPU_RUN_QUEUE_P99, 3, 2), 3);
}

struct figures {
	bool has[METRIC_COUNT];
	uint64_t value[METRIC_COUNT];
};

static bool take_pod(void *context, const struct store_pod_view *pod)
{
	struct object object = object_of_pod(pod);
	struct figures *figures = context;

	for (int i = 0; i < METRIC_OF_ROWS; i++)
		figures->has[i] = custom_metric_of(&object, (enum metric)i, &figures->value[i]);
	return true;
}

static bool take_node(void *context, const struct store_node_view *node)
{
	struct object object = object_of_node(node);
	struct figures *figures = context;

	for (int i = METRIC_OF_ROWS; i < METRIC_COUNT; i++)
		figures->has[i] = custom_metric_of(&object, (enum metric)i, &figures->value[i]);
	return true;
}

static void a_pod_has_what_a_container_has(void **state)
{
	struct toy_store *toy = *state;
	struct toy_sample sample;
	struct figures figures = {0};

	toy_give_catalog(toy, "n", 1, "a/p@u x=1 y=2");
	toy_sample_usual(&sample, 1, 2, 10);
	toy_sample_add(&sample, metric_info(METRIC_CPU_USAGE_PEAK)->id, 2, 70);
	toy_sample_add(&sample, metric_info(METRIC_MEMORY_SWAP)->id, 2, 0);
	toy_sample_add(&sample, metric_info(METRIC_IO_READS)->id, 2, 500);
	sample.value[6][0] = 0; /* only the second reads */
	assert_int_equal(toy_try_sample(toy, "n", &sample), 0);
	assert_true(store_get_pod(toy->store, "a", "p", take_pod, &figures));
	assert_true(store_get_node(toy->store, "n", take_node, &figures));
	assert_true(figures.has[METRIC_CPU_USAGE]);
	assert_int_equal(figures.value[METRIC_CPU_USAGE], 10 + 11);
	assert_true(figures.has[METRIC_CPU_USAGE_PEAK]);
	assert_int_equal(figures.value[METRIC_CPU_USAGE_PEAK], 71);
	assert_true(figures.has[METRIC_MEMORY_SWAP]); /* nothing is a figure, too */
	assert_int_equal(figures.value[METRIC_MEMORY_SWAP], 1);
	assert_true(figures.has[METRIC_IO_READS]);
	assert_int_equal(figures.value[METRIC_IO_READS], 501);
	assert_false(figures.has[METRIC_IO_WRITES]);
	assert_true(figures.has[METRIC_NODE_CPU_USAGE]);
	assert_int_equal(figures.value[METRIC_NODE_CPU_USAGE], 2010);
	assert_false(figures.has[METRIC_NODE_MEMORY_SWAP]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_each_by_both_names),
		cmocka_unit_test(does_not_find_others),
		cmocka_unit_test(knows_what_has_a_window),
		cmocka_unit_test(takes_sums_and_worsts),
		cmocka_unit_test_setup_teardown(
			a_pod_has_what_a_container_has, toy_setup, toy_teardown),
	};

	return cmocka_run_group_tests_name("custom_metric", tests, NULL, NULL);
}
