/* api/openapi: documents that parse, whose references lead somewhere, with what kubectl explain
 * looks for. */
#include "aggregator/api/openapi.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static json_t *parse(struct buffer *document)
{
	json_error_t error;
	json_t *json = json_loadb(document->data, document->length, JSON_REJECT_DUPLICATES, &error);

	if (!json)
		fail_msg("%s", error.text);
	buffer_free(document);
	return json;
}

static json_t *v2(void)
{
	struct buffer document = {0};

	openapi_write_v2(&document);
	return parse(&document);
}

static json_t *v3(const char *version)
{
	struct buffer document = {0};

	openapi_write_v3(version, &document);
	return parse(&document);
}

/* Each "$ref" below `json` names a type of `types`. Returns how many there are. */
static size_t follow(const json_t *json, const char *prefix, const json_t *types)
{
	size_t found = 0, index;
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)(uintptr_t)json, key, value)
	{
		if (strcmp(key, "$ref") == 0) {
			const char *target = json_string_value(value);

			assert_memory_equal(target, prefix, strlen(prefix));
			assert_non_null(json_object_get(types, target + strlen(prefix)));
			found++;
		}
		found += follow(value, prefix, types);
	}
	json_array_foreach(json, index, value) found += follow(value, prefix, types);
	return found;
}

static void every_reference_leads_somewhere(void **state)
{
	static const char *const VERSIONS[] = {"v1", "v1beta1"};
	json_t *json = v2();

	(void)state;
	assert_true(follow(json, "#/definitions/", json_object_get(json, "definitions")) > 30);
	json_decref(json);
	for (size_t i = 0; i < 2; i++) {
		json = v3(VERSIONS[i]);
		assert_true(follow(json, "#/components/schemas/",
				    json_object_get(
					    json_object_get(json, "components"), "schemas")) > 15);
		json_decref(json);
	}
}

static void expect_kind(const json_t *gvk, const char *version, const char *kind)
{
	assert_string_equal(json_string_value(json_object_get(gvk, "group")), "metrics.k8s.io");
	assert_string_equal(json_string_value(json_object_get(gvk, "version")), version);
	assert_string_equal(json_string_value(json_object_get(gvk, "kind")), kind);
}

/* kubernetes-contract: paths with a get of a group, version and kind; types with the same. */
static void says_what_explain_looks_for(void **state)
{
	static const struct {
		const char *version, *path, *kind;
	} CASES[] = {
		{"v1", "/apis/metrics.k8s.io/v1/nodes", "NodeMetrics"},
		{"v1", "/apis/metrics.k8s.io/v1/nodes/{name}", "NodeMetrics"},
		{"v1", "/apis/metrics.k8s.io/v1/pods", "PodMetrics"},
		{"v1", "/apis/metrics.k8s.io/v1/namespaces/{namespace}/pods", "PodMetrics"},
		{"v1beta1", "/apis/metrics.k8s.io/v1beta1/nodes", "NodeMetrics"},
		{"v1beta1", "/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods/{name}",
			"PodMetrics"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		json_t *json = v3(CASES[i].version), *all = v2();
		json_t *path = json_object_get(json_object_get(json, "paths"), CASES[i].path);
		json_t *type;
		char name[128];

		expect_kind(json_object_get(json_object_get(path, "get"),
				    "x-kubernetes-group-version-kind"),
			CASES[i].version, CASES[i].kind);
		assert_non_null(json_object_get(json_object_get(all, "paths"), CASES[i].path));
		(void)snprintf(name, sizeof(name), "io.k8s.metrics.pkg.apis.metrics.%s.%s",
			CASES[i].version, CASES[i].kind);
		type = json_object_get(
			json_object_get(json_object_get(json, "components"), "schemas"), name);
		expect_kind(
			json_array_get(json_object_get(type, "x-kubernetes-group-version-kind"), 0),
			CASES[i].version, CASES[i].kind);
		assert_non_null(json_object_get(json_object_get(type, "properties"), "window"));
		assert_non_null(json_object_get(json_object_get(all, "definitions"), name));
		json_decref(json);
		json_decref(all);
	}
}

static void gives_each_operation_a_name_of_its_own(void **state)
{
	json_t *json = v2(), *seen = json_object(), *path;
	const char *key;

	(void)state;
	json_object_foreach(json_object_get(json, "paths"), key, path)
	{
		const char *id = json_string_value(
			json_object_get(json_object_get(path, "get"), "operationId"));

		assert_non_null(id);
		assert_null(json_object_get(seen, id));
		assert_int_equal(json_object_set_new(seen, id, json_true()), 0);
	}
	assert_int_equal(json_object_size(seen), 10);
	json_decref(seen);
	json_decref(json);
}

static void bears_want_of_memory(void **state)
{
	(void)state;
	for (size_t limit = 1; limit < 6000; limit += 97) {
		struct buffer document = {.limit = limit};

		openapi_write_v3("v1", &document);
		assert_true(document.failed);
		buffer_free(&document);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_reference_leads_somewhere),
		cmocka_unit_test(says_what_explain_looks_for),
		cmocka_unit_test(gives_each_operation_a_name_of_its_own),
		cmocka_unit_test(bears_want_of_memory),
	};

	return cmocka_run_group_tests_name("openapi", tests, NULL, NULL);
}
