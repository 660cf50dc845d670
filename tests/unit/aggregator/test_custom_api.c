/* aggregator/api/custom_api: the whole way, over HTTPS, of pods and nodes as Kubernetes tells of
 * them. */
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/toy_metadata.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define V1BETA2 "/apis/custom.metrics.k8s.io/v1beta2"
#define V1BETA1 "/apis/custom.metrics.k8s.io/v1beta1"
#define SHOP    V1BETA2 "/namespaces/shop"

static struct toy_store *toy;
static struct https_server *server;
static struct https *client;

/* Rows: of u1 two, of the others one each. */
static void fill(void)
{
	struct toy_sample sample;

	toy_put_node(toy, "n1 zone=a");
	toy_put_pod(toy, "shop/web-6d4b9-aaaaa@u1 app=web pod-template-hash=6d4b9");
	toy_put_pod(toy, "shop/web-6d4b9-bbbbb@u2 app=web pod-template-hash=6d4b9");
	toy_put_pod(toy, "shop/web-77f66-ccccc@u3 app=canary pod-template-hash=77f66");
	toy_put_pod(toy, "shop/web-extra-0@u4 controller-revision-hash=x "
			 "statefulset.kubernetes.io/pod-name=web-extra-0");
	toy_put_pod(toy, "shop/batch-xyz12@u5 job-name=batch");
	toy_put_pod(toy, "other/lone@u6 app=web");
	toy_put_pod(toy, "shop/web-6d4b9-ddddd@u7 app=web pod-template-hash=6d4b9");
	toy_give_catalog(toy, "n1", 1,
		"x/x@u1 app=a1 side=b1; x/x@u2 app=a2; x/x@u3 app=a3; x/x@u4 app=a4; "
		"x/x@u5 app=a5; x/x@u6 app=a6; x/x@u7! app=a7");
	toy_sample_usual(&sample, 1, 8, 100);
	toy_sample_add(&sample, metric_info(METRIC_CPU_USAGE_PEAK)->id, 8, 500);
	toy_sample_add(&sample, metric_info(METRIC_IO_READ_BYTES)->id, 8, 1500);
	memset(&sample.value[5][1], 0, 7 * sizeof(sample.value[5][1])); /* app of u1 alone */
	assert_int_equal(toy_try_sample(toy, "n1", &sample), 0);
	toy_put_node(toy, "n2 zone=b");
	toy_give_catalog(toy, "n2", 1, "");
	toy_give_sample(toy, "n2", 1, 0, 5000);
}

static int set_up(void **state)
{
	const struct api_options options = {.serving_threads = 1, .custom_metrics = true};

	if (toy_metadata_setup(state) < 0)
		return -1;
	toy = *state;
	fill();
	server = https_server_start(toy->store, toy->telemetry, &options);
	client = https_open(https_server_port(server), https_server_ca(server));
	return client ? 0 : -1;
}

static int tear_down(void **state)
{
	https_close(client);
	https_server_stop(server);
	return toy_teardown(state);
}

static struct https_response ask(const char *path, const char *headers)
{
	struct https_response response = https_get(client, path, HTTPS_SERVER_TOKEN, headers);

	if (response.status == 0)
		fail_msg("%s: no answer", path);
	return response;
}

/* --- values ----------------------------------------------------------------------------------- */

/* The items as "Kind namespace/name value; ", and their number. */
static void expect_values(const char *path, const char *expected)
{
	struct https_response response = ask(path, "");
	json_t *list, *items, *item;
	char text[1000] = "";
	size_t i, length = 0;

	if (response.status != 200)
		fail_msg("%s: %d %s", path, response.status, response.body);
	list = json_loadb(response.body, response.length, JSON_REJECT_DUPLICATES, NULL);
	items = json_object_get(list, "items");
	assert_true(json_is_array(items));
	json_array_foreach(items, i, item)
	{
		const json_t *object = json_object_get(item, "describedObject");
		const json_t *namespace = json_object_get(object, "namespace");

		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s %s/%s %s; ",
			json_string_value(json_object_get(object, "kind")),
			namespace ? json_string_value(namespace) : "",
			json_string_value(json_object_get(object, "name")),
			json_string_value(json_object_get(item, "value")));
		assert_true(length < sizeof(text));
	}
	if (strcmp(text, expected) != 0)
		fail_msg("%s: \"%s\", not \"%s\"", path, text, expected);
	json_decref(list);
	https_response_free(&response);
}

static void lists_pods(void **state)
{
	(void)state;
	expect_values(SHOP "/pods/*/cpu_usage",
		"Pod shop/batch-xyz12 105n; Pod shop/web-6d4b9-aaaaa 201n; "
		"Pod shop/web-6d4b9-bbbbb 102n; Pod shop/web-77f66-ccccc 103n; "
		"Pod shop/web-extra-0 104n; ");
	expect_values(SHOP "/pods/%2A/cpu_usage?labelSelector=app%3Dweb",
		"Pod shop/web-6d4b9-aaaaa 201n; Pod shop/web-6d4b9-bbbbb 102n; ");
	expect_values(V1BETA1 "/namespaces/other/pods/*/memory_working_set_bytes",
		"Pod other/lone 1106; ");
	expect_values(SHOP "/pods/*/cpu_usage_peak?labelSelector=app=web",
		"Pod shop/web-6d4b9-aaaaa 501n; Pod shop/web-6d4b9-bbbbb 502n; ");
	/* who has no figure is not in the list */
	expect_values(SHOP "/pods/*/fs_reads_bytes", "Pod shop/web-6d4b9-aaaaa 1500m; ");
	expect_values(SHOP "/pods/*/io_read_bytes", "Pod shop/web-6d4b9-aaaaa 1500m; ");
	expect_values(SHOP "/pods/*/threads", "");
	expect_values(V1BETA2 "/namespaces/nowhere/pods/*/cpu_usage", "");
}

static void gets_one(void **state)
{
	(void)state;
	expect_values(SHOP "/pods/web-extra-0/cpu_usage", "Pod shop/web-extra-0 104n; ");
	expect_values(SHOP "/pods/web-extra-0/cpu_usage?labelSelector=app%3Dnone",
		"Pod shop/web-extra-0 104n; ");
	expect_values(V1BETA2 "/nodes/n1/node_cpu_usage", "Node /n1 2100n; ");
	expect_values(V1BETA2 "/nodes/*/node_cpu_usage", "Node /n1 2100n; Node /n2 7u; ");
	expect_values(V1BETA2 "/nodes/*/node_cpu_usage?labelSelector=zone+in+(b)", "Node /n2 7u; ");
}

static void sums_what_belongs_together(void **state)
{
	(void)state;
	expect_values(SHOP "/metrics/cpu_usage", "Namespace /shop 615n; ");
	expect_values(SHOP "/metrics/cpu_usage?labelSelector=app%3Dweb", "Namespace /shop 303n; ");
	expect_values(SHOP "/metrics/cpu_usage_peak", "Namespace /shop 505n; ");
	expect_values(SHOP "/metrics/fs_reads_bytes", "Namespace /shop 1500m; ");
	expect_values(SHOP "/deployments.apps/web/cpu_usage", "Deployment shop/web 406n; ");
	expect_values(SHOP "/deployments.apps/web/cpu_usage?labelSelector=app%3Dcanary",
		"Deployment shop/web 103n; ");
	expect_values(SHOP "/deployments/web/cpu_usage_peak", "Deployment shop/web 503n; ");
	expect_values(
		SHOP "/replicasets.apps/web-6d4b9/cpu_usage", "ReplicaSet shop/web-6d4b9 303n; ");
	expect_values(
		SHOP "/statefulsets.apps/web-extra/cpu_usage", "StatefulSet shop/web-extra 104n; ");
	expect_values(SHOP "/jobs.batch/batch/cpu_usage", "Job shop/batch 105n; ");
}

static void expect_body(const char *path, const char *headers, int status, const char *body)
{
	struct https_response response = ask(path, headers);

	if (response.status != status || strcmp(response.body, body) != 0)
		fail_msg("%s: %d %s", path, response.status, response.body);
	https_response_free(&response);
}

static void an_answer_is_whole(void **state)
{
	(void)state;
	expect_body(SHOP "/deployments.apps/web/cpu_usage", "", 200,
		"{\"kind\":\"MetricValueList\",\"apiVersion\":\"custom.metrics.k8s.io/v1beta2\","
		"\"metadata\":{},\"items\":[{\"describedObject\":{\"kind\":\"Deployment\","
		"\"namespace\":\"shop\",\"name\":\"web\",\"apiVersion\":\"apps/v1\"},\"metric\":{"
		"\"name\":\"cpu_usage\",\"selector\":null},\"timestamp\":\"2023-11-14T22:13:20Z\","
		"\"windowSeconds\":15,\"value\":\"406n\"}]}\n");
	expect_body(V1BETA1 "/namespaces/shop/pods/*/io_read_bytes", "", 200,
		"{\"kind\":\"MetricValueList\",\"apiVersion\":\"custom.metrics.k8s.io/v1beta1\","
		"\"metadata\":{},\"items\":[{\"describedObject\":{\"kind\":\"Pod\",\"namespace\":"
		"\"shop\",\"name\":\"web-6d4b9-aaaaa\",\"apiVersion\":\"v1\"},\"metricName\":"
		"\"io_read_bytes\",\"timestamp\":\"2023-11-14T22:13:20Z\",\"window\":15,\"value\":"
		"\"1500m\",\"selector\":null}]}\n");
	expect_body(V1BETA2 "/nodes/n2/node_memory_working_set_bytes?pretty=1", "", 200,
		"{\n  \"kind\": \"MetricValueList\",\n  \"apiVersion\": "
		"\"custom.metrics.k8s.io/v1beta2\",\n  \"metadata\": {},\n  \"items\": [\n    {\n"
		"      \"describedObject\": {\n        \"kind\": \"Node\",\n        \"name\": "
		"\"n2\",\n        \"apiVersion\": \"v1\"\n      },\n      \"metric\": {\n"
		"        \"name\": \"node_memory_working_set_bytes\",\n        \"selector\": null\n"
		"      },\n      \"timestamp\": \"2023-11-14T22:13:20Z\",\n      \"value\": "
		"\"8k\"\n    }\n  ]\n}");
}

/* The list has no form but its own; its items are those in JSON. */
static void speaks_protobuf(void **state)
{
	static const char HEAD[] = "k8s\0\x0a\x30\x0a\x1d"
				   "custom.metrics.k8s.io/v1beta2\x12\x0fMetricValueList\x12";
	static const char *const PATHS[] = {SHOP "/pods/*/cpu_usage", SHOP "/metrics/cpu_usage",
		V1BETA2 "/nodes/n1/node_cpu_usage"};
	static const char *const LAST[] = {"104n", "615n", "2100n"};

	(void)state;
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
		struct https_response response =
			ask(PATHS[i], "Accept: application/vnd.kubernetes.protobuf\r\n");
		char type[64];
		size_t last = strlen(LAST[i]);

		assert_int_equal(response.status, 200);
		assert_true(https_header(&response, "Content-Type", type, sizeof(type)));
		assert_string_equal(type, "application/vnd.kubernetes.protobuf");
		assert_true(response.length > sizeof(HEAD));
		assert_memory_equal(response.body, HEAD, sizeof(HEAD) - 1);
		assert_memory_equal(response.body + response.length - last, LAST[i], last);
		https_response_free(&response);
	}
}

/* --- selectors of metrics --------------------------------------------------------------------- */

static void no_metric_has_labels(void **state)
{
	(void)state;
	expect_values(SHOP "/metrics/cpu_usage?metricLabelSelector=", "Namespace /shop 615n; ");
	expect_values(
		SHOP "/metrics/cpu_usage?metricLabelSelector=%21verb", "Namespace /shop 615n; ");
	expect_values(SHOP "/pods/*/cpu_usage?metricLabelSelector=verb%3DGET", "");
	expect_body(SHOP "/pods/*/cpu_usage?metricLabelSelector=verb%3DGET", "", 200,
		"{\"kind\":\"MetricValueList\",\"apiVersion\":\"custom.metrics.k8s.io/v1beta2\","
		"\"metadata\":{},\"items\":[]}\n");
	expect_body(SHOP "/metrics/cpu_usage?metricLabelSelector=verb%3DGET", "", 404,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"the server could not find the metric cpu_usage for namespaces "
		"shop\",\"reason\":\"NotFound\",\"code\":404}\n");
}

/* --- errors ----------------------------------------------------------------------------------- */

static void expect_message(const char *path, const char *headers, int status, const char *message)
{
	struct https_response response = ask(path, headers);
	json_t *json = json_loadb(response.body, response.length, 0, NULL);
	const char *text = json_string_value(json_object_get(json, "message"));

	if (response.status != status || !text || strcmp(text, message) != 0)
		fail_msg("%s: %d %s", path, response.status, response.body);
	json_decref(json);
	https_response_free(&response);
}

#define NO_METRIC "the server could not find the metric "
#define NO_ROUTE  "the server could not find the requested resource"

static void says_what_is_not_there(void **state)
{
	(void)state;
	expect_message(SHOP "/pods/web-extra-0/nothing", "", 404,
		NO_METRIC "nothing for pods web-extra-0");
	expect_message(SHOP "/pods/*/nothing", "", 404, NO_METRIC "nothing for pods");
	expect_message(SHOP "/pods/*/node_cpu_usage", "", 404, NO_METRIC "node_cpu_usage for pods");
	expect_message(
		SHOP "/pods/nobody/cpu_usage", "", 404, NO_METRIC "cpu_usage for pods nobody");
	/* measured in part only, and without this figure */
	expect_message(SHOP "/pods/web-6d4b9-ddddd/cpu_usage", "", 404,
		NO_METRIC "cpu_usage for pods web-6d4b9-ddddd");
	expect_message(SHOP "/pods/web-extra-0/io_read_bytes", "", 404,
		NO_METRIC "io_read_bytes for pods web-extra-0");
	expect_message(V1BETA2 "/nodes/n1/cpu_usage", "", 404, NO_METRIC "cpu_usage for nodes n1");
	expect_message(V1BETA2 "/nodes/n3/node_cpu_usage", "", 404,
		NO_METRIC "node_cpu_usage for nodes n3");
	expect_message(V1BETA2 "/namespaces/nowhere/metrics/cpu_usage", "", 404,
		NO_METRIC "cpu_usage for namespaces nowhere");
	expect_message(SHOP "/deployments.apps/we/cpu_usage", "", 404,
		NO_METRIC "cpu_usage for deployments.apps we");
	expect_message(SHOP "/deployments.apps/*/cpu_usage", "", 404,
		NO_METRIC "cpu_usage for deployments.apps");
	expect_message(
		SHOP "/services/web/cpu_usage", "", 404, NO_METRIC "cpu_usage for services web");
	expect_message(SHOP "/jobs.batch/a+b%20c/cpu_usage", "", 404,
		NO_METRIC "cpu_usage for jobs.batch a+b c");
	expect_message(SHOP "/pods", "", 404, NO_ROUTE);
	expect_message(SHOP "/pods/web-extra-0/cpu_usage/x", "", 404, NO_ROUTE);
	expect_message("/apis/custom.metrics.k8s.io/v1/nodes/n1/node_cpu_usage", "", 404, NO_ROUTE);
}

static void says_what_is_wrong(void **state)
{
	(void)state;
	expect_message(SHOP "/pods/*/cpu_usage?labelSelector=a%3Db%2C", "", 400,
		"found '', expected: identifier after ','");
	expect_message(SHOP "/metrics/cpu_usage?metricLabelSelector=a%3Db%2C", "", 400,
		"found '', expected: identifier after ','");
	expect_message(SHOP "/pods/*/cpu_usage",
		"Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n", 406,
		"only the following media types are accepted: application/json, "
		"application/vnd.kubernetes.protobuf");
}

/* --- discovery -------------------------------------------------------------------------------- */

static json_t *document(const char *path, const char *headers)
{
	struct https_response response = ask(path, headers);
	json_t *json;

	assert_int_equal(response.status, 200);
	json = json_loadb(response.body, response.length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json);
	https_response_free(&response);
	return json;
}

static void lists_what_it_serves(void **state)
{
	json_t *json = document(V1BETA2, ""), *first, *resources, *resource;
	char name[100], seen[32] = "";
	size_t i;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(json, "groupVersion")),
		"custom.metrics.k8s.io/v1beta2");
	resources = json_object_get(json, "resources");
	first = json_pack("{s:s,s:s,s:b,s:s,s:[s]}", "name", "pods/cpu_usage", "singularName", "",
		"namespaced", 1, "kind", "MetricValueList", "verbs", "get");
	assert_true(json_equal(json_array_get(resources, 0), first));
	json_array_foreach(resources, i, resource)
	{
		(void)snprintf(name, sizeof(name), "%s",
			json_string_value(json_object_get(resource, "name")));
		*strchr(name, '/') = '\0';
		assert_int_equal(json_is_true(json_object_get(resource, "namespaced")),
			strcmp(name, "nodes") != 0 && strcmp(name, "namespaces") != 0);
		if (strcmp(name, seen) != 0 && strcmp(name, "jobs.batch") != 0)
			(void)snprintf(seen, sizeof(seen), "%.31s", name);
	}
	assert_string_equal(seen, "daemonsets.apps");
	json_decref(first);
	json_decref(json);
}

#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static void both_discoveries_agree(void **state)
{
	json_t *legacy = document(V1BETA1, "");
	json_t *aggregated = document("/apis", "Accept: " AGGREGATED "\r\n");
	const json_t *group = json_array_get(json_object_get(aggregated, "items"), 1);
	const json_t *version = json_array_get(json_object_get(group, "versions"), 1);
	json_t *resources = json_object_get(legacy, "resources"), *resource, *sub;
	size_t at = 0, i, j;

	(void)state;
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(group, "metadata"), "name")),
		"custom.metrics.k8s.io");
	assert_string_equal(json_string_value(json_object_get(version, "version")), "v1beta1");
	json_array_foreach(json_object_get(version, "resources"), i, resource)
	{
		json_array_foreach(json_object_get(resource, "subresources"), j, sub)
		{
			const json_t *other = json_array_get(resources, at++);
			char name[100];

			(void)snprintf(name, sizeof(name), "%s/%s",
				json_string_value(json_object_get(resource, "resource")),
				json_string_value(json_object_get(sub, "subresource")));
			assert_string_equal(
				json_string_value(json_object_get(other, "name")), name);
		}
	}
	assert_int_equal(at, json_array_size(resources));
	assert_true(at > 100);
	json_decref(legacy);
	json_decref(aggregated);
}

static void has_documents(void **state)
{
	json_t *groups = document("/apis", ""),
	       *group = document("/apis/custom.metrics.k8s.io", "");
	json_t *index = document("/openapi/v3", ""), *paths = json_object_get(index, "paths");

	(void)state;
	assert_int_equal(json_array_size(json_object_get(groups, "groups")), 2);
	assert_string_equal(json_string_value(json_object_get(
				    json_object_get(group, "preferredVersion"), "version")),
		"v1beta2");
	assert_int_equal(json_object_size(paths), 4);
	for (int version = 1; version <= 2; version++) {
		char name[64];
		const char *url;
		json_t *openapi;

		(void)snprintf(name, sizeof(name), "apis/custom.metrics.k8s.io/v1beta%d", version);
		url = json_string_value(
			json_object_get(json_object_get(paths, name), "serverRelativeURL"));
		assert_non_null(url);
		openapi = document(url, "");
		assert_int_equal(json_object_size(json_object_get(openapi, "paths")), 3);
		json_decref(openapi);
	}
	json_decref(groups);
	json_decref(group);
	json_decref(index);
}

/* --- without it ------------------------------------------------------------------------------- */

static void off_it_is_not_there(void **state)
{
	struct https_server *other = https_server_start(toy->store, toy->telemetry, NULL);
	struct https *connection = https_open(https_server_port(other), https_server_ca(other));
	struct https_response response;

	(void)state;
	response = https_get(connection, SHOP "/pods/*/cpu_usage", HTTPS_SERVER_TOKEN, "");
	assert_int_equal(response.status, 404);
	https_response_free(&response);
	response = https_get(connection, "/apis", HTTPS_SERVER_TOKEN, "Accept: " AGGREGATED "\r\n");
	assert_int_equal(response.status, 200);
	assert_null(strstr(response.body, "custom.metrics.k8s.io"));
	https_response_free(&response);
	https_close(connection);
	https_server_stop(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_pods),
		cmocka_unit_test(gets_one),
		cmocka_unit_test(sums_what_belongs_together),
		cmocka_unit_test(an_answer_is_whole),
		cmocka_unit_test(speaks_protobuf),
		cmocka_unit_test(no_metric_has_labels),
		cmocka_unit_test(says_what_is_not_there),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(lists_what_it_serves),
		cmocka_unit_test(both_discoveries_agree),
		cmocka_unit_test(has_documents),
		cmocka_unit_test(off_it_is_not_there),
	};

	return cmocka_run_group_tests_name("custom_api", tests, set_up, tear_down);
}
