/* aggregator/api/table_writer: columns, cells, and the three kinds of row objects. */
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

static struct listing_options table_of(
	enum listing_resource resource, const char *name, enum listing_include include)
{
	struct listing_options options = small_cluster_options(resource, name);

	options.as.form = FORM_TABLE;
	options.include = include;
	return options;
}

static void lists_pods_with_their_sums(void **state)
{
	const struct listing_options options =
		table_of(LISTING_PODS, NULL, LISTING_INCLUDE_METADATA);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},"
		"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\","
		"\"format\":\"name\",\"description\":\"Name of the resource\",\"priority\":0},{"
		"\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},{\"name\":\"memory\",\"type\":\"string\","
		"\"format\":\"quantity\",\"description\":\"\",\"priority\":0},{"
		"\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}],\"rows\":[{\"cells\":[\"p\",\"12345678n\","
		"\"20Mi\",\"15.016s\"],\"object\":{\"kind\":\"PartialObjectMetadata\","
		"\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{\"name\":\"p\","
		"\"namespace\":\"ns\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}}},{"
		"\"cells\":[\"q\",\"13345678n\",\"22020097\",\"15.016s\"],\"object\":{"
		"\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\","
		"\"metadata\":{\"name\":\"q\",\"namespace\":\"ns\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}}}}]}\n");
}

static void includes_whole_objects(void **state)
{
	const struct listing_options options = table_of(LISTING_PODS, "p", LISTING_INCLUDE_OBJECT);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},"
		"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\","
		"\"format\":\"name\",\"description\":\"Name of the resource\",\"priority\":0},{"
		"\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},{\"name\":\"memory\",\"type\":\"string\","
		"\"format\":\"quantity\",\"description\":\"\",\"priority\":0},{"
		"\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}],\"rows\":[{\"cells\":[\"p\",\"12345678n\","
		"\"20Mi\",\"15.016s\"],\"object\":{\"kind\":\"PodMetrics\","
		"\"apiVersion\":\"metrics.k8s.io/v1beta1\",\"metadata\":{\"name\":\"p\","
		"\"namespace\":\"ns\",\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n0\",\"kubernetes.io/os\":\"linux\"}},"
		"\"timestamp\":\"2026-01-01T00:00:15Z\",\"window\":\"15.016s\",\"containers\":[{"
		"\"name\":\"c\",\"usage\":{\"cpu\":\"12345678n\",\"memory\":\"20Mi\"}}]}}]}\n");
}

static void includes_nothing(void **state)
{
	const struct listing_options options = table_of(LISTING_PODS, NULL, LISTING_INCLUDE_NONE);

	(void)state;
	small_cluster_check(&options,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},"
		"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\","
		"\"format\":\"name\",\"description\":\"Name of the resource\",\"priority\":0},{"
		"\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},{\"name\":\"memory\",\"type\":\"string\","
		"\"format\":\"quantity\",\"description\":\"\",\"priority\":0},{"
		"\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}],\"rows\":[{\"cells\":[\"p\",\"12345678n\","
		"\"20Mi\",\"15.016s\"],\"object\":null},{\"cells\":[\"q\",\"13345678n\","
		"\"22020097\",\"15.016s\"],\"object\":null}]}\n");
}

static void gets_one_node_as_v1beta1(void **state)
{
	struct listing_options options = table_of(LISTING_NODES, "n1", LISTING_INCLUDE_METADATA);

	(void)state;
	options.as.meta_v1beta1 = true;
	small_cluster_check(&options,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1beta1\",\"metadata\":{},"
		"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\","
		"\"format\":\"name\",\"description\":\"Name of the resource\",\"priority\":0},{"
		"\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},{\"name\":\"memory\",\"type\":\"string\","
		"\"format\":\"quantity\",\"description\":\"\",\"priority\":0},{"
		"\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}],\"rows\":[{\"cells\":[\"n1\",\"0\",\"1k\","
		"\"1m0s\"],\"object\":{\"kind\":\"PartialObjectMetadata\","
		"\"apiVersion\":\"meta.k8s.io/v1beta1\",\"metadata\":{\"name\":\"n1\","
		"\"creationTimestamp\":\"2026-01-01T00:00:00Z\",\"labels\":{"
		"\"kubernetes.io/hostname\":\"n1\",\"kubernetes.io/os\":\"linux\"}}}}]}\n");
}

static void an_empty_table_has_rows(void **state)
{
	struct listing_options options = table_of(LISTING_PODS, NULL, LISTING_INCLUDE_METADATA);

	(void)state;
	options.namespace = "other";
	small_cluster_check(&options,
		"{\"kind\":\"Table\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":{},"
		"\"columnDefinitions\":[{\"name\":\"Name\",\"type\":\"string\","
		"\"format\":\"name\",\"description\":\"Name of the resource\",\"priority\":0},{"
		"\"name\":\"cpu\",\"type\":\"string\",\"format\":\"quantity\","
		"\"description\":\"\",\"priority\":0},{\"name\":\"memory\",\"type\":\"string\","
		"\"format\":\"quantity\",\"description\":\"\",\"priority\":0},{"
		"\"name\":\"Window\",\"type\":\"string\",\"format\":\"duration\","
		"\"description\":\"\",\"priority\":0}],\"rows\":[]}\n");
}

/* More than a quantity can say: the sum of two of the greatest. */
static void a_sum_stays_within_its_bound(void **state)
{
	static const struct cluster_container GREAT[] = {
		{"a", {UINT64_MAX - 1, UINT64_MAX - 1, CLUSTER_NO_FIGURE}},
		{"b", {UINT64_MAX - 1, UINT64_MAX - 1, CLUSTER_NO_FIGURE}},
	};
	static const struct cluster_pod POD = {"great", "g", GREAT, 2};
	static const struct cluster_node HOST = {
		.name = "n2", .window_ms = 1000, .pod = &POD, .pods = 1};
	struct listing_options options = table_of(LISTING_PODS, NULL, LISTING_INCLUDE_NONE);
	struct buffer out = {0};

	(void)state;
	cluster_put(options.store, &HOST);
	options.namespace = "great";
	assert_int_equal(rendered(&options, 0, &out), LISTING_END);
	assert_non_null(
		strstr(out.data, "[\"g\",\"999999999999999n\",\"999999999999999\",\"1s\"]"));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_pods_with_their_sums),
		cmocka_unit_test(includes_whole_objects),
		cmocka_unit_test(includes_nothing),
		cmocka_unit_test(gets_one_node_as_v1beta1),
		cmocka_unit_test(an_empty_table_has_rows),
		cmocka_unit_test(a_sum_stays_within_its_bound),
	};

	return cmocka_run_group_tests_name(
		"table_writer", tests, small_cluster_set_up, small_cluster_tear_down);
}
