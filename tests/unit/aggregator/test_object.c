/* aggregator/api/object: usage of nodes, containers and pods. */
#include "aggregator/api/object.h"
#include "tests/harness/cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct cluster_container CONTAINERS[] = {
	{"a", {1000, 4096, CLUSTER_NO_FIGURE}},
	{"b", {UINT64_MAX - 1, 1, 7}},
};
static const struct cluster_pod POD = {"ns", "p", CONTAINERS, 2};
static const struct cluster_node NODE = {
	.name = "n",
	.usage = {5, 6, CLUSTER_NO_FIGURE},
	.timestamp_ms = 1999,
	.window_ms = 15000,
	.pod = &POD,
	.pods = 1,
};

static void check_usage(const struct usage *usage, enum usage_key key, uint64_t value)
{
	assert_true(usage->has[key]);
	assert_int_equal(usage->value[key], value);
}

static bool see_pod(void *context, const struct store_pod_view *view)
{
	struct object object = object_of_pod(view);
	struct usage usage;

	*(unsigned *)context += 1;
	assert_string_equal(object.name, "p");
	assert_int_equal(object.name_length, 1);
	assert_int_equal(object.namespace_length, 2);
	assert_int_equal(object.timestamp_seconds, 1);
	assert_int_equal(object.window_ms, 15000);
	assert_int_equal(object.containers, 2);
	object_container_usage(&object, 0, &usage);
	check_usage(&usage, USAGE_CPU, 1000);
	check_usage(&usage, USAGE_MEMORY, 4096);
	assert_false(usage.has[USAGE_SWAP]);
	assert_false(object_swaps(&object, 0));
	assert_true(object_swaps(&object, 1));
	usage = object_total_usage(&object);
	check_usage(&usage, USAGE_CPU, UINT64_MAX); /* and not around */
	check_usage(&usage, USAGE_MEMORY, 4097);
	check_usage(&usage, USAGE_SWAP, 7); /* of those that have one */
	return true;
}

static bool see_node(void *context, const struct store_node_view *view)
{
	struct object object = object_of_node(view);
	struct usage usage = object_total_usage(&object);

	*(unsigned *)context += 1;
	assert_string_equal(object.namespace, "");
	assert_int_equal(object.namespace_length, 0);
	assert_int_equal(object.containers, 0);
	check_usage(&usage, USAGE_CPU, 5);
	check_usage(&usage, USAGE_MEMORY, 6);
	assert_false(usage.has[USAGE_SWAP]);
	assert_false(object_swaps(&object, 0));
	return true;
}

static void says_what_the_store_has(void **state)
{
	struct telemetry *telemetry = telemetry_new();
	struct store *store = cluster_store(telemetry);
	unsigned seen = 0;

	(void)state;
	cluster_put(store, &NODE);
	assert_true(store_get_pod(store, "ns", "p", see_pod, &seen));
	assert_true(store_get_node(store, "n", see_node, &seen));
	assert_int_equal(seen, 2);
	store_free(store);
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_the_store_has)};

	return cmocka_run_group_tests_name("object", tests, NULL, NULL);
}
