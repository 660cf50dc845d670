/* aggregator/api/json_writer: the bytes of the Kubernetes contract. */
#include "base/clock.h"
#include "tests/harness/cluster.h"
#include "tests/harness/rendered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

static int set_up(void **state)
{
	(void)state;
	telemetry = telemetry_new();
	store = cluster_store(telemetry);
	cluster_put(store, &NODE);
	cluster_put(store, &ALONE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_free(store);
	telemetry_free(telemetry);
	return 0;
}

static struct listing_options options_of(enum listing_resource resource, const char *name)
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

static void check(const struct listing_options *options, const char *expected)
{
	struct buffer out = {0};

	assert_int_equal(rendered(options, 0, &out), LISTING_END);
	assert_string_equal(out.data, expected);
	buffer_free(&out);
}

static void lists_pods(void **state)
{
	const struct listing_options options = options_of(LISTING_PODS, NULL);

	(void)state;
	check(&options,
		"{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metada"
		"ta\":{},\"items\":[{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\","
		"\"creationTime"
		"stamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"kubernetes.io/hostname\":\"n0\","
		"\"kubernetes.io/os\":\"linux\"}},\"timestamp\":\"2026-01-01T00:00:15Z\",\"windo"
		"w\":\"15.016s\",\"containers\":[{\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\","
		"\"mem"
		"ory\":\"20Mi\"}}]},{\"metadata\":{\"name\":\"q\",\"namespace\":\"ns\","
		"\"creationTime"
		"stamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"kubernetes.io/hostname\":\"n0\","
		"\"kubernetes.io/os\":\"linux\"}},\"timestamp\":\"2026-01-01T00:00:15Z\",\"windo"
		"w\":\"15.016s\",\"containers\":[{\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\","
		"\"mem"
		"ory\":\"20Mi\"}},{\"name\":\"d\",\"usage\":{\"cpu\":\"1m\",\"memory\":\"1048577\","
		"\"swap"
		"\":\"4Ki\"}}]}]}\n");
}

static void lists_nodes(void **state)
{
	const struct listing_options options = options_of(LISTING_NODES, NULL);

	(void)state;
	check(&options,
		"{\"kind\":\"NodeMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metad"
		"ata\":{},\"items\":[{\"metadata\":{\"name\":\"n0\",\"creationTimestamp\":\"2026-01"
		"-01T00:00:00Z\",\"labels\":{\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/"
		"os\":\"linux\"}},\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"u"
		"sage\":{\"cpu\":\"2\",\"memory\":\"343180Ki\",\"swap\":\"0\"}},{\"metadata\":{"
		"\"name\":"
		"\"n1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"kubernetes."
		"io/hostname\":\"n1\",\"kubernetes.io/os\":\"linux\"}},\"timestamp\":\"1970-01-01"
		"T00:00:00Z\",\"window\":\"1m0s\",\"usage\":{\"cpu\":\"0\",\"memory\":\"1k\"}}]}"
		"\n");
}

static void gets_one_with_its_type(void **state)
{
	struct listing_options options = options_of(LISTING_PODS, "p");

	(void)state;
	check(&options,
		"{\"kind\":\"PodMetrics\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":"
		"{\"name\":\"p\",\"namespace\":\"ns\",\"creationTimestamp\":\"2026-01-01T00:00:00Z"
		"\",\"labels\":{\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}"
		",\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"containers\":[{"
		"\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\",\"memory\":\"20Mi\"}}]}\n");
	options = options_of(LISTING_NODES, "n1");
	options.version = "v1";
	check(&options,
		"{\"kind\":\"NodeMetrics\",\"apiVersion\":\"metrics.k8s.io/v1\",\"metadata\":{\"na"
		"me\":\"n1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{\"kuberne"
		"tes.io/hostname\":\"n1\",\"kubernetes.io/os\":\"linux\"}},\"timestamp\":\"1970-0"
		"1-01T00:00:00Z\",\"window\":\"1m0s\",\"usage\":{\"cpu\":\"0\",\"memory\":\"1k\"}}"
		"\n");
}

static void an_empty_list_has_items(void **state)
{
	struct listing_options options = options_of(LISTING_PODS, NULL);

	(void)state;
	options.namespace = "other";
	options.version = "v1";
	check(&options,
		"{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1\",\"metadata\":{"
		"},\"items\":[]}\n");
	options.as.pretty = true;
	check(&options, "{\n"
			"  \"kind\": \"PodMetricsList\",\n"
			"  \"apiVersion\": \"metrics.k8s.io/v1\",\n"
			"  \"metadata\": {},\n"
			"  \"items\": []\n"
			"}");
}

static void indents(void **state)
{
	struct listing_options options = options_of(LISTING_NODES, "n1");

	(void)state;
	options.as.pretty = true;
	check(&options, "{\n"
			"  \"kind\": \"NodeMetrics\",\n"
			"  \"apiVersion\": \"metrics.k8s.io/v1beta1\",\n"
			"  \"metadata\": {\n"
			"    \"name\": \"n1\",\n"
			"    \"creationTimestamp\": \"2026-01-01T00:00:00Z\",\n"
			"    \"labels\": {\n"
			"      \"kubernetes.io/hostname\": \"n1\",\n"
			"      \"kubernetes.io/os\": \"linux\"\n"
			"    }\n"
			"  },\n"
			"  \"timestamp\": \"1970-01-01T00:00:00Z\",\n"
			"  \"window\": \"1m0s\",\n"
			"  \"usage\": {\n"
			"    \"cpu\": \"0\",\n"
			"    \"memory\": \"1k\"\n"
			"  }\n"
			"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_pods),
		cmocka_unit_test(lists_nodes),
		cmocka_unit_test(gets_one_with_its_type),
		cmocka_unit_test(an_empty_list_has_items),
		cmocka_unit_test(indents),
	};

	return cmocka_run_group_tests_name("json_writer", tests, set_up, tear_down);
}
