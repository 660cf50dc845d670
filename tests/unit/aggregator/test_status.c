/* aggregator/api/status: the exact texts of the Kubernetes contract, as JSON and protobuf. */
#include "aggregator/api/status.h"
#include "proto/kubernetes.pb-c.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                                                 \
	"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\"," \
	"\"message\":"

static void assert_json(struct status status, const char *expected)
{
	struct buffer out = {0};

	status_write_json(&status, &out);
	assert_string_equal(buffer_terminate(&out), expected);
	buffer_free(&out);
	status_free(&status);
}

static void says_each_error_as_the_contract_has_it(void **state)
{
	(void)state;
	assert_json(status_bad_request("a <b> \"c\" & d"),
		HEAD "\"a \\u003cb\\u003e \\\"c\\\" \\u0026 d\",\"reason\":\"BadRequest\","
		     "\"code\":400}\n");
	assert_json(status_unauthorized(),
		HEAD "\"Unauthorized\",\"reason\":\"Unauthorized\",\"code\":401}\n");
	assert_json(status_route_not_found(),
		HEAD "\"the server could not find the requested resource\","
		     "\"reason\":\"NotFound\",\"details\":{},\"code\":404}\n");
	assert_json(status_not_found("metrics.k8s.io", "podmetrics", "ns/p"),
		HEAD "\"podmetrics.metrics.k8s.io \\\"ns/p\\\" not found\",\"reason\":\"NotFound\","
		     "\"details\":{\"name\":\"ns/p\",\"group\":\"metrics.k8s.io\","
		     "\"kind\":\"podmetrics\"},\"code\":404}\n");
	assert_json(status_not_found("", "pods", "p"),
		HEAD "\"pods \\\"p\\\" not found\",\"reason\":\"NotFound\","
		     "\"details\":{\"name\":\"p\",\"kind\":\"pods\"},\"code\":404}\n");
	assert_json(status_not_found("", "nodes", "a\xff\n\"\xc2\x85\xc3\xa4"),
		HEAD "\"nodes \\\"a\\\\xff\\\\n\\\\\\\"\\\\u0085\xc3\xa4\\\" not found\","
		     "\"reason\":\"NotFound\",\"details\":{\"name\":\"a\\ufffd\\n\\\"\xc2\x85"
		     "\xc3\xa4\",\"kind\":\"nodes\"},\"code\":404}\n");
	assert_json(status_method_not_allowed(),
		HEAD "\"the server does not allow this method on the requested resource\","
		     "\"reason\":\"MethodNotAllowed\",\"details\":{},\"code\":405}\n");
	assert_json(status_too_many_requests("wait", 1),
		HEAD "\"wait\",\"reason\":\"TooManyRequests\",\"details\":{"
		     "\"retryAfterSeconds\":1},\"code\":429}\n");
	assert_json(status_no_watch("metrics.k8s.io", "nodes"),
		HEAD "\"watch is not supported on resources of kind \\\"nodes.metrics.k8s.io\\\"\","
		     "\"reason\":\"MethodNotAllowed\",\"details\":{\"group\":\"metrics.k8s.io\","
		     "\"kind\":\"nodes\"},\"code\":405}\n");
	assert_json(status_unknown_form(),
		HEAD "\"only the following media types are accepted: application/json, "
		     "application/vnd.kubernetes.protobuf\",\"reason\":\"NotAcceptable\","
		     "\"code\":406}\n");
	assert_json(status_unknown_type(),
		HEAD "\"406: Not Acceptable\\n\\nAvailable representations: application/json, "
		     "application/vnd.kubernetes.protobuf\",\"reason\":\"NotAcceptable\","
		     "\"details\":{},\"code\":406}\n");
	assert_json(status_header_too_large(65536),
		HEAD "\"the request's header is longer than 65536 bytes\","
		     "\"reason\":\"RequestHeaderFieldsTooLarge\",\"code\":431}\n");
	assert_json(status_internal("memory is short"),
		HEAD "\"Internal error occurred: memory is short\",\"reason\":\"InternalError\","
		     "\"details\":{},\"code\":500}\n");
}

static void tells_causes(void **state)
{
	struct status status = status_invalid_list_options();

	(void)state;
	status_add_cause(&status, "FieldValueForbidden", "f", "Forbidden: no");
	assert_json(status, HEAD "\"ListOptions.meta.k8s.io \\\"\\\" is invalid: f: Forbidden: "
				 "no\",\"reason\":\"Invalid\",\"details\":{\"group\":\"meta.k8s."
				 "io\",\"kind\":\"ListOptions\",\"causes\":[{\"reason\":"
				 "\"FieldValueForbidden\",\"message\":\"Forbidden: no\",\"field\":"
				 "\"f\"}]},\"code\":422}\n");
	status = status_invalid_list_options();
	for (int i = 0; i < STATUS_MAX_CAUSES + 1; i++)
		status_add_cause(&status, "R", "f", "m");
	assert_int_equal(status.cause_count, STATUS_MAX_CAUSES);
	assert_memory_equal(status.message.data,
		"ListOptions.meta.k8s.io \"\" is invalid: [f: m, f: m, f: m, f: m]",
		status.message.length);
	status_free(&status);
}

/* Through the envelope, as a client reads it. */
static K8s__Status *decoded(struct status *status)
{
	struct buffer out = {0};
	K8s__Unknown *unknown;
	K8s__Status *message;

	status_write_protobuf(status, &out);
	status_free(status);
	assert_true(out.length > 4);
	assert_memory_equal(out.data, "k8s\0", 4);
	unknown = k8s__unknown__unpack(NULL, out.length - 4, (const uint8_t *)out.data + 4);
	assert_non_null(unknown);
	assert_string_equal(unknown->type_meta->api_version, "v1");
	assert_string_equal(unknown->type_meta->kind, "Status");
	message = k8s__status__unpack(NULL, unknown->raw.len, unknown->raw.data);
	assert_non_null(message);
	k8s__unknown__free_unpacked(unknown, NULL);
	buffer_free(&out);
	return message;
}

static void speaks_protobuf(void **state)
{
	struct status status = status_not_found("metrics.k8s.io", "nodemetrics", "n\xff");
	K8s__Status *message = decoded(&status);

	(void)state;
	assert_non_null(message->metadata);
	assert_string_equal(message->status, "Failure");
	assert_string_equal(message->message, "nodemetrics.metrics.k8s.io \"n\\xff\" not found");
	assert_string_equal(message->reason, "NotFound");
	assert_int_equal(message->code, 404);
	assert_string_equal(message->details->name, "n\xef\xbf\xbd");
	assert_string_equal(message->details->group, "metrics.k8s.io");
	assert_string_equal(message->details->kind, "nodemetrics");
	k8s__status__free_unpacked(message, NULL);

	status = status_unauthorized();
	message = decoded(&status);
	assert_null(message->details);
	assert_int_equal(message->code, 401);
	k8s__status__free_unpacked(message, NULL);

	status = status_invalid_list_options();
	status_add_cause(&status, "R", "f", "m");
	message = decoded(&status);
	assert_int_equal(message->details->n_causes, 1);
	assert_string_equal(message->details->causes[0]->reason, "R");
	assert_string_equal(message->details->causes[0]->message, "m");
	assert_string_equal(message->details->causes[0]->field, "f");
	k8s__status__free_unpacked(message, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_each_error_as_the_contract_has_it),
		cmocka_unit_test(tells_causes),
		cmocka_unit_test(speaks_protobuf),
	};

	return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
