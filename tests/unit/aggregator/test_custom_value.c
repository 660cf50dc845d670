/* aggregator/api/custom_value: the bytes of both versions in both media. */
#include "aggregator/api/custom_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct custom_value value_of_pod(bool v1beta1)
{
	return (struct custom_value){
		.metric = {METRIC_CPU_USAGE, "cpu_usage", v1beta1},
		.kind = "Pod",
		.api_version = "v1",
		.namespace = "ns",
		.name = "p",
		.timestamp_seconds = 1767225600,
		.window_ms = 15016,
		.figure = 500000000,
	};
}

static void assert_json(const struct custom_value *value, const char *expected)
{
	struct buffer out = {0};

	custom_value_json(value, &out);
	assert_string_equal(buffer_terminate(&out), expected);
	buffer_free(&out);
}

static void writes_json_of_v1beta2(void **state)
{
	struct custom_value value = value_of_pod(false);

	(void)state;
	assert_json(&value,
		"{\"describedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":\"p\","
		"\"apiVersion\":\"v1\"},\"metric\":{\"name\":\"cpu_usage\",\"selector\":null},"
		"\"timestamp\":\"2026-01-01T00:00:00Z\",\"windowSeconds\":15,\"value\":\"500m\"}");
}

static void writes_json_of_v1beta1(void **state)
{
	struct custom_value value = value_of_pod(true);

	(void)state;
	assert_json(&value,
		"{\"describedObject\":{\"kind\":\"Pod\",\"namespace\":\"ns\",\"name\":\"p\","
		"\"apiVersion\":\"v1\"},\"metricName\":\"cpu_usage\",\"timestamp\":"
		"\"2026-01-01T00:00:00Z\",\"window\":15,\"value\":\"500m\",\"selector\":null}");
}

static void tells_no_window_of_a_level(void **state)
{
	struct custom_value value = value_of_pod(false);

	(void)state;
	value.metric = (struct custom_metric){
		METRIC_NODE_MEMORY_WORKING_SET, "node_memory_working_set_bytes", false};
	value.kind = "Node";
	value.namespace = "";
	value.name = "a\"b";
	value.figure = 12345678;
	assert_json(&value,
		"{\"describedObject\":{\"kind\":\"Node\",\"name\":\"a\\\"b\",\"apiVersion\":\"v1\"}"
		",\"metric\":{\"name\":\"node_memory_working_set_bytes\",\"selector\":null},"
		"\"timestamp\":\"2026-01-01T00:00:00Z\",\"value\":\"12345678\"}");
}

static void rounds_a_window_and_never_to_none(void **state)
{
	static const struct {
		uint32_t ms;
		const char *text;
	} CASES[] = {{1, "\"windowSeconds\":1,"}, {1499, "\"windowSeconds\":1,"},
		{1500, "\"windowSeconds\":2,"}, {UINT32_MAX, "\"windowSeconds\":4294967,"}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct custom_value value = value_of_pod(false);
		struct buffer out = {0};

		value.window_ms = CASES[i].ms;
		custom_value_json(&value, &out);
		assert_non_null(strstr(buffer_terminate(&out), CASES[i].text));
		buffer_free(&out);
	}
}

/* describedObject: kind, namespace, name, apiVersion. */
#define DESCRIBED "\x0a\x10\x0a\x03Pod\x12\x02ns\x1a\x01p*\x02v1"
#define TIMES     "\x1a\x06\x08\x80\xf2\xd6\xca\x06 \x0f"
#define VALUE           \
	"*\x06\x0a\x04" \
	"500m"

static void assert_protobuf(const struct custom_value *value, const char *expected, size_t size)
{
	struct buffer out = {0};

	custom_value_protobuf(value, &out);
	assert_int_equal(out.length, size);
	assert_memory_equal(out.data, expected, size);
	assert_true(out.length <= custom_value_protobuf_bound(value));
	buffer_free(&out);
}

static void writes_protobuf(void **state)
{
	static const char V1BETA2[] = "\x12\x31" DESCRIBED "\x12\x0b\x0a\x09"
				      "cpu_usage" TIMES VALUE;
	static const char V1BETA1[] = "\x12\x2f" DESCRIBED "\x12\x09"
				      "cpu_usage" TIMES VALUE;
	struct custom_value value = value_of_pod(false);

	(void)state;
	assert_protobuf(&value, V1BETA2, sizeof(V1BETA2) - 1);
	value.metric.v1beta1 = true;
	assert_protobuf(&value, V1BETA1, sizeof(V1BETA1) - 1);
}

static void no_item_is_longer_than_its_bound(void **state)
{
	char name[254];
	struct custom_value value = value_of_pod(false);
	struct buffer out = {0};

	(void)state;
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	value.name = value.namespace = name;
	value.kind = "StatefulSet";
	value.metric.name = "container_pressure_memory_waiting_seconds_total";
	value.timestamp_seconds = UINT64_MAX;
	value.window_ms = UINT32_MAX;
	value.figure = UINT64_MAX;
	custom_value_protobuf(&value, &out);
	assert_false(out.failed);
	assert_true(out.length <= custom_value_protobuf_bound(&value));
	assert_true(out.length + 8 > custom_value_protobuf_bound(&value));
	buffer_free(&out);
}

static void a_list_has_its_kind(void **state)
{
	static const char LIST[] = "k8s\0\x0a\x30\x0a\x1d"
				   "custom.metrics.k8s.io/v1beta1\x12\x0fMetricValueList"
				   "\x12\x02\x0a\x00";
	struct buffer out = {0};

	(void)state;
	custom_value_begin_json(false, &out);
	custom_value_end_json(&out);
	assert_string_equal(buffer_terminate(&out),
		"{\"kind\":\"MetricValueList\",\"apiVersion\":\"custom.metrics.k8s.io/v1beta2\","
		"\"metadata\":{},\"items\":[]}\n");
	buffer_clear(&out);
	custom_value_begin_protobuf(true, 0, &out);
	assert_int_equal(out.length, sizeof(LIST) - 1);
	assert_memory_equal(out.data, LIST, sizeof(LIST) - 1);
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_json_of_v1beta2),
		cmocka_unit_test(writes_json_of_v1beta1),
		cmocka_unit_test(tells_no_window_of_a_level),
		cmocka_unit_test(rounds_a_window_and_never_to_none),
		cmocka_unit_test(writes_protobuf),
		cmocka_unit_test(no_item_is_longer_than_its_bound),
		cmocka_unit_test(a_list_has_its_kind),
	};

	return cmocka_run_group_tests_name("custom_value", tests, NULL, NULL);
}
