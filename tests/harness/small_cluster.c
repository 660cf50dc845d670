#include "tests/harness/small_cluster.h"

#include "base/clock.h"
#include "tests/harness/cluster.h"
#include "tests/harness/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct cluster_container CONTAINERS[] = {
	{"c", {12345678, 20971520, CLUSTER_NO_FIGURE}},
	{"d", {1000000, 1048577, 4096}},
};
static const struct cluster_pod PODS[] = {
	{"ns", "p", CONTAINERS, 1},
	{"ns", "q", CONTAINERS, 2},
};
static const struct cluster_node NODE = {
	.name = "n0",
	.usage = {2000000000, 351416320, 0},
	.timestamp_ms = 1767225615999,
	.window_ms = 15016,
	.pod = PODS,
	.pods = 2,
};
static const struct cluster_node ALONE = {
	.name = "n1",
	.usage = {0, 1000, CLUSTER_NO_FIGURE},
	.timestamp_ms = 0,
	.window_ms = 60000,
};

static struct telemetry *telemetry;
static struct store *store;

int small_cluster_set_up(void **state)
{
	(void)state;
	telemetry = telemetry_new();
	store = cluster_store(telemetry);
	cluster_put(store, &NODE);
	cluster_put(store, &ALONE);
	return 0;
}

int small_cluster_tear_down(void **state)
{
	(void)state;
	store_free(store);
	telemetry_free(telemetry);
	return 0;
}

struct listing_options small_cluster_options(enum listing_resource resource, const char *name)
{
	return (struct listing_options){
		.store = store,
		.resource = resource,
		.version = "v1beta1",
		.namespace = name && resource == LISTING_PODS ? "ns" : NULL,
		.name = name,
		.now_realtime_ns = 1767225600ULL * NS_PER_SECOND,
	};
}

void small_cluster_check(const struct listing_options *options, const char *expected)
{
	struct buffer out = {0};

	assert_int_equal(rendered(options, 0, &out), LISTING_END);
	assert_string_equal(out.data, expected);
	buffer_free(&out);
}
