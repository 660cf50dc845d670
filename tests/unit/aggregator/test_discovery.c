/* aggregator/api/discovery: the documents' bytes, read back by jansson too, and who gets which. */
#include "aggregator/api/discovery.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define V2      "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define V2BETA1 "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

static void assert_document(struct buffer *out, const char *expected)
{
	json_t *json;

	assert_string_equal(buffer_terminate(out), expected);
	json = json_loads(out->data, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	json_decref(json);
	buffer_free(out);
}

static void negotiates(void **state)
{
	static const struct {
		const char *accept;
		enum discovery_form form;
	} CASES[] = {
		{NULL, DISCOVERY_LEGACY},
		{"*/*", DISCOVERY_LEGACY},
		{"application/json", DISCOVERY_LEGACY},
		{V2, DISCOVERY_V2},
		{V2 "," V2BETA1, DISCOVERY_V2},
		{V2BETA1, DISCOVERY_V2BETA1},
		{V2 "," V2BETA1 ",application/json", DISCOVERY_V2},
		{"application/json;as=Other;g=apidiscovery.k8s.io;v=v2,application/json",
			DISCOVERY_LEGACY},
		{"application/json;g=apidiscovery.k8s.io;v=v3;as=APIGroupDiscoveryList",
			DISCOVERY_UNSERVED},
		{"application/vnd.kubernetes.protobuf", DISCOVERY_UNSERVED},
		{"application/vnd.kubernetes.protobuf,*/*", DISCOVERY_LEGACY},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(discovery_negotiate(CASES[i].accept), CASES[i].form);
	assert_string_equal(discovery_content_type(DISCOVERY_V2), V2);
	assert_string_equal(discovery_content_type(DISCOVERY_V2BETA1), V2BETA1);
	assert_string_equal(discovery_content_type(DISCOVERY_LEGACY), "application/json");
}

#define VERSIONS                                                                                   \
	"\"name\":\"metrics.k8s.io\",\"versions\":[{\"groupVersion\":\"metrics.k8s.io/v1\","       \
	"\"version\":\"v1\"},{\"groupVersion\":\"metrics.k8s.io/v1beta1\",\"version\":\"v1beta1\"" \
	"}],\"preferredVersion\":{\"groupVersion\":\"metrics.k8s.io/v1\",\"version\":\"v1\"}"

static void writes_the_legacy_documents(void **state)
{
	struct buffer out = {0};

	(void)state;
	discovery_write_groups(false, &out);
	assert_document(&out,
		"{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[{" VERSIONS "}]}\n");
	discovery_write_group(&out);
	assert_document(&out, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\"," VERSIONS "}\n");
	discovery_write_resources("v1beta1", &out);
	assert_document(&out,
		"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":"
		"\"metrics.k8s.io/v1beta1\",\"resources\":[{\"name\":\"nodes\",\"singularName\":"
		"\"\",\"namespaced\":false,\"kind\":\"NodeMetrics\",\"verbs\":[\"get\",\"list\"]},"
		"{\"name\":\"pods\",\"singularName\":\"\",\"namespaced\":true,\"kind\":"
		"\"PodMetrics\",\"verbs\":[\"get\",\"list\"]}]}\n");
	discovery_write_core_versions(&out);
	assert_document(&out, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],"
			      "\"serverAddressByClientCIDRs\":[]}\n");
	discovery_write_core_resources(&out);
	assert_document(&out,
		"{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"v1\","
		"\"resources\":[{\"name\":\"namespaces\",\"singularName\":\"namespace\","
		"\"namespaced\":false,\"kind\":\"Namespace\",\"verbs\":[\"get\",\"list\"],"
		"\"shortNames\":[\"ns\"]},{\"name\":\"nodes\",\"singularName\":\"node\","
		"\"namespaced\":false,\"kind\":\"Node\",\"verbs\":[\"get\",\"list\"],"
		"\"shortNames\":[\"no\"]},{\"name\":\"pods\",\"singularName\":\"pod\","
		"\"namespaced\":true,\"kind\":\"Pod\",\"verbs\":[\"get\",\"list\"],"
		"\"shortNames\":[\"po\"]}]}\n");
}

#define RESOURCES(version)                                                                        \
	"{\"version\":\"" version "\",\"resources\":[{\"resource\":\"nodes\",\"responseKind\":{"  \
	"\"group\":\"metrics.k8s.io\",\"version\":\"" version "\",\"kind\":\"NodeMetrics\"},"     \
	"\"scope\":\"Cluster\",\"singularResource\":\"\",\"verbs\":[\"get\",\"list\"]},{"         \
	"\"resource\":\"pods\",\"responseKind\":{\"group\":\"metrics.k8s.io\",\"version\":"       \
	"\"" version "\",\"kind\":\"PodMetrics\"},\"scope\":\"Namespaced\",\"singularResource\":" \
	"\"\",\"verbs\":[\"get\",\"list\"]}],\"freshness\":\"Current\"}"

static void writes_the_aggregated_document(void **state)
{
	struct buffer out = {0};

	(void)state;
	discovery_write_aggregated(DISCOVERY_V2, false, &out);
	assert_document(&out, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":"
			      "\"apidiscovery.k8s.io/v2\",\"metadata\":{},\"items\":[{\"metadata\""
			      ":{\"name\":\"metrics.k8s.io\"},\"versions\":[" RESOURCES(
				      "v1") "," RESOURCES("v1beta1") "]}]}\n");
	discovery_write_core_aggregated(DISCOVERY_V2BETA1, &out);
	assert_non_null(strstr(buffer_terminate(&out),
		"\"apiVersion\":\"apidiscovery.k8s.io/v2beta1\",\"metadata\":{},\"items\":[{"
		"\"metadata\":{},\"versions\":[{\"version\":\"v1\",\"resources\":[{\"resource\":"
		"\"namespaces\",\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":"
		"\"Namespace\"}"));
	buffer_free(&out);
}

static void tags_documents(void **state)
{
	char tag[DISCOVERY_ETAG_BYTES], other[DISCOVERY_ETAG_BYTES], list[200] = "W/\"x\", ";
	struct buffer out = {0};

	(void)state;
	buffer_append_string(&out, "abc");
	discovery_etag(&out, tag);
	/* SHA-256 of "abc", FIPS 180-2 */
	assert_string_equal(
		tag, "\"BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD\"");
	buffer_append_char(&out, 'd');
	discovery_etag(&out, other);
	assert_true(discovery_etag_matches(tag, tag));
	assert_true(discovery_etag_matches(strcat(list, tag), tag));
	assert_false(discovery_etag_matches(other, tag));
	assert_false(discovery_etag_matches(NULL, tag));
	assert_false(discovery_etag_matches("", tag));
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(negotiates),
		cmocka_unit_test(writes_the_legacy_documents),
		cmocka_unit_test(writes_the_aggregated_document),
		cmocka_unit_test(tags_documents),
	};

	return cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
}
