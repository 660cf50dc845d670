/* aggregator/api/json_writer: the bytes of the Kubernetes contract. */
#include "base/clock.h"
#include "tests/harness/cluster.h"
#include "tests/harness/rendered.h"
#include "tests/harness/small_cluster.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void lists_pods(void **state)
{
	const struct listing_options options = small_cluster_options(LISTING_PODS, NULL);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\","
		"\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"p\",\"namespace\":\"ns\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"containers\":[{"
		"\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\",\"memory\":\"20Mi\"}}]},{"
		"\"metadata\":{\"name\":\"q\",\"namespace\":\"ns\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"containers\":[{"
		"\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\",\"memory\":\"20Mi\"}},{"
		"\"name\":\"d\",\"usage\":{\"cpu\":\"1m\",\"memory\":\"1048577\","
		"\"swap\":\"4Ki\"}}]}]}\n");
}

static void lists_nodes(void **state)
{
	const struct listing_options options = small_cluster_options(LISTING_NODES, NULL);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"NodeMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1beta1\","
		"\"metadata\":{},\"items\":[{\"metadata\":{\"name\":\"n0\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"usage\":{"
		"\"cpu\":\"2\",\"memory\":\"343180Ki\",\"swap\":\"0\"}},{\"metadata\":{"
		"\"name\":\"n1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n1\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"1970-01-01T00:00:00Z\",\"window\":\"1m0s\",\"usage\":{"
		"\"cpu\":\"0\",\"memory\":\"1k\"}}]}\n");
}

static void gets_one_with_its_type(void **state)
{
	struct listing_options options = small_cluster_options(LISTING_PODS, "p");

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"PodMetrics\",\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":"
		"{\"name\":\"p\",\"namespace\":\"ns\",\"creationTimestamp\":\"2026-01-01T00:00:00Z"
		"\",\"labels\":{\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}"
		",\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"containers\":[{"
		"\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\",\"memory\":\"20Mi\"}}]}\n");
	options = small_cluster_options(LISTING_NODES, "n1");
	options.version = "v1";
	small_cluster_check(&options,
		"{\"kind\":\"NodeMetrics\",\"apiVersion\":\"metrics.k8s.io/v1\",\"metadata\":{"
		"\"name\":\"n1\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n1\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"1970-01-01T00:00:00Z\",\"window\":\"1m0s\",\"usage\":{"
		"\"cpu\":\"0\",\"memory\":\"1k\"}}\n");
}

static void an_empty_list_has_items(void **state)
{
	struct listing_options options = small_cluster_options(LISTING_PODS, NULL);

	(void)state;
	options.namespace = "other";
	options.version = "v1";
	small_cluster_check(&options,
		"{\"kind\":\"PodMetricsList\",\"apiVersion\":\"metrics.k8s.io/v1\",\"metadata\":{"
		"},\"items\":[]}\n");
	options.as.pretty = true;
	small_cluster_check(&options, "{\n"
				      "  \"kind\": \"PodMetricsList\",\n"
				      "  \"apiVersion\": \"metrics.k8s.io/v1\",\n"
				      "  \"metadata\": {},\n"
				      "  \"items\": []\n"
				      "}");
}

static void indents(void **state)
{
	struct listing_options options = small_cluster_options(LISTING_NODES, "n1");

	(void)state;
	options.as.pretty = true;
	small_cluster_check(&options, "{\n"
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

	return cmocka_run_group_tests_name(
		"json_writer", tests, small_cluster_set_up, small_cluster_tear_down);
}
