/* aggregator/api/request_attributes and forbidden: what a request wants to do, and what is said to
 * someone who may not. */
#include "aggregator/api/request_attributes.h"

#include "aggregator/api/forbidden.h"
#include "tests/harness/headers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char name[] = "u";
static const struct user USER = {.name = name};

static const char *or_dash(const char *text)
{
	return text && *text ? text : "-";
}

/* "verb namespace group/version resource/subresource name", or "verb path" */
static void describe(const struct access_attributes *is, char *to, size_t size)
{
	if (is->resource_request)
		(void)snprintf(to, size, "%s %s %s/%s %s/%s %s", or_dash(is->verb),
			or_dash(is->namespace), or_dash(is->group), or_dash(is->version),
			or_dash(is->resource), or_dash(is->subresource), or_dash(is->name));
	else
		(void)snprintf(to, size, "%s %s", or_dash(is->verb), is->path);
}

static int make(enum request_method method, const char *target, struct request *request,
	struct request_attributes *attributes, struct error *err)
{
	static struct evkeyvalq headers;

	headers_init(&headers, NULL);
	if (request_parse(request, method, target, &headers, err) < 0)
		fail_msg("%s: %s", target, err->message);
	return request_attributes_make(request, &USER, attributes, err);
}

#define G  REQUEST_GET
#define V1 "/apis/metrics.k8s.io/v1"
#define M  "metrics.k8s.io/v1"

static void paths_are_understood_as_kubernetes_does(void **state)
{
	static const struct {
		enum request_method method;
		const char *target, *what;
	} CASES[] = {
		/* no resources */
		{G, "/", "get /"},
		{G, "//", "get //"},
		{G, "/version", "get /version"},
		{G, "/version/", "get /version/"},
		{G, "/api", "get /api"},
		{G, "/api/v1", "get /api/v1"},
		{G, "/api/v1/", "get /api/v1/"},
		{G, "/apis", "get /apis"},
		{G, "/apis/metrics.k8s.io", "get /apis/metrics.k8s.io"},
		{G, V1, "get " V1},
		{G, V1 "/", "get " V1 "/"},
		{G, "/readyz/x", "get /readyz/x"},
		{G, "/metrics?x=y", "get /metrics"},
		{G, "/a%20b/%2f", "get /a b//"},
		{G, "/a/b/c/d/e/f/g/h/i/j/k/l", "get /a/b/c/d/e/f/g/h/i/j/k/l"},
		{G, "/apisx/g/v/r", "get /apisx/g/v/r"},
		{REQUEST_HEAD, "/x", "head /x"},
		{REQUEST_POST, "/x", "post /x"},
		{REQUEST_PUT, "/x", "put /x"},
		{REQUEST_PATCH, "/x", "patch /x"},
		{REQUEST_DELETE, "/x", "delete /x"},
		{REQUEST_OPTIONS, "/x", "options /x"},
		{REQUEST_TRACE, "/x", "trace /x"},
		{REQUEST_CONNECT, "/x", "connect /x"},
		{REQUEST_OTHER, "/x", "- /x"},
		/* resources */
		{G, V1 "/nodes", "list - " M " nodes/- -"},
		{G, V1 "/nodes/", "list - " M " nodes/- -"},
		{G, "//apis/metrics.k8s.io/v1/nodes//", "list - " M " nodes/- -"},
		{G, V1 "/nodes/n0", "get - " M " nodes/- n0"},
		{G, V1 "/nodes/n0/proxy", "get - " M " nodes/proxy n0"},
		{G, V1 "/pods", "list - " M " pods/- -"},
		{G, V1 "/namespaces/ns/pods", "list ns " M " pods/- -"},
		{G, V1 "/namespaces/ns/pods/p", "get ns " M " pods/- p"},
		{G, V1 "/namespaces/ns/pods/p/log/more", "get ns " M " pods/log p"},
		{G, V1 "/namespaces/ns/pods/%2A/rps", "get ns " M " pods/rps *"},
		{G, V1 "/namespaces/a%2Fb/pods", "get a " M " b/- pods"},
		{G, "/api/v1/pods", "list - -/v1 pods/- -"},
		{G, "/api/v1/namespaces", "list - -/v1 namespaces/- -"},
		{G, "/api/v1/namespaces/ns", "get ns -/v1 namespaces/- ns"},
		{G, "/api/v1/namespaces/ns/status", "get ns -/v1 namespaces/status ns"},
		{G, "/api/v1/namespaces/ns/finalize", "get ns -/v1 namespaces/finalize ns"},
		{G, "/api/v1/namespaces/ns/metrics/m", "get ns -/v1 metrics/- m"},
		{G, "/apis/g/v//x", "get - g/v -/- x"},
		{G, "/apis//v/r", "list - -/v r/- -"},
		{G, "/apis/g/v/a/b/c/d/e/f/g/h/i", "get - g/v a/c b"},
		/* verbs */
		{REQUEST_HEAD, V1 "/nodes", "list - " M " nodes/- -"},
		{REQUEST_HEAD, V1 "/nodes/n0", "get - " M " nodes/- n0"},
		{REQUEST_POST, V1 "/nodes", "create - " M " nodes/- -"},
		{REQUEST_PUT, V1 "/nodes/n0", "update - " M " nodes/- n0"},
		{REQUEST_PATCH, V1 "/nodes/n0", "patch - " M " nodes/- n0"},
		{REQUEST_DELETE, V1 "/nodes/n0", "delete - " M " nodes/- n0"},
		{REQUEST_DELETE, V1 "/nodes", "deletecollection - " M " nodes/- -"},
		{REQUEST_OPTIONS, V1 "/nodes", "- - " M " nodes/- -"},
		{REQUEST_TRACE, V1 "/nodes/x", "- - " M " nodes/- x"},
		{REQUEST_OTHER, V1 "/nodes", "- - " M " nodes/- -"},
		{G, V1 "/nodes?watch=true", "watch - " M " nodes/- -"},
		{G, V1 "/nodes?watch", "watch - " M " nodes/- -"},
		{G, V1 "/nodes?watch=", "watch - " M " nodes/- -"},
		{G, V1 "/nodes?watch=FALSE", "list - " M " nodes/- -"},
		{G, V1 "/nodes?watch=0&watch=1", "list - " M " nodes/- -"},
		{G, V1 "/nodes/n0?watch=1", "get - " M " nodes/- n0"},
		{REQUEST_POST, V1 "/nodes?watch=1", "create - " M " nodes/- -"},
		{G, V1 "/watch/nodes", "watch - " M " nodes/- -"},
		{REQUEST_DELETE, V1 "/watch/nodes", "watch - " M " nodes/- -"},
		{G, V1 "/watch/namespaces/ns/pods/p", "watch ns " M " pods/- p"},
		{G, V1 "/watch/nodes?fieldSelector=metadata.name=n0", "watch - " M " nodes/- -"},
		{G, V1 "/proxy/nodes/n0/x", "proxy - " M " nodes/- n0"},
		/* the name in the field selector */
		{G, V1 "/nodes?fieldSelector=metadata.name%3Dn0", "list - " M " nodes/- n0"},
		{G, V1 "/nodes?fieldSelector=metadata.name==n0", "list - " M " nodes/- n0"},
		{G, V1 "/nodes?watch=1&fieldSelector=metadata.name=n0", "watch - " M " nodes/- n0"},
		{G, V1 "/nodes?fieldSelector=metadata.namespace=x,metadata.name=n0",
			"list - " M " nodes/- n0"},
		{G, V1 "/nodes?fieldSelector=metadata.name!=n0", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=a,metadata.name=b",
			"list - " M " nodes/- a"},
		{G, V1 "/nodes?fieldSelector=metadata.name=", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=..", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=.", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=a/b", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=a%25b", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=a%5C,b", "list - " M " nodes/- a,b"},
		{G, V1 "/nodes?fieldSelector=zzz", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=n0&limit=x", "list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=n0&labelSelector=(",
			"list - " M " nodes/- -"},
		{G, V1 "/nodes?fieldSelector=metadata.name=n0&limit=x&watch=1",
			"watch - " M " nodes/- -"},
		{G, V1 "/nodes/n1?fieldSelector=metadata.name=n0", "get - " M " nodes/- n1"},
		{REQUEST_DELETE, V1 "/nodes?fieldSelector=metadata.name=n0",
			"deletecollection - " M " nodes/- -"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct request_attributes attributes;
		struct request request;
		struct error err;
		char text[500];

		if (make(CASES[i].method, CASES[i].target, &request, &attributes, &err) < 0)
			fail_msg("%s: %s", CASES[i].target, err.message);
		describe(&attributes.is, text, sizeof(text));
		if (strcmp(text, CASES[i].what) != 0)
			fail_msg("%s: %s", CASES[i].target, text);
		assert_ptr_equal(attributes.is.user, &USER);
		request_attributes_free(&attributes);
		request_free(&request);
	}
}

static void a_verb_alone_is_an_error(void **state)
{
	static const char *const TARGETS[] = {
		V1 "/watch", V1 "/watch/", V1 "/proxy", "/api/v1/watch", "/api/v1/proxy/"};

	(void)state;
	for (size_t i = 0; i < sizeof(TARGETS) / sizeof(TARGETS[0]); i++) {
		struct request_attributes attributes;
		struct request request;
		struct error err;
		char expected[200];

		assert_int_equal(make(G, TARGETS[i], &request, &attributes, &err), -EINVAL);
		(void)snprintf(expected, sizeof(expected),
			"unable to determine kind and namespace from url, %s", TARGETS[i]);
		assert_string_equal(err.message, expected);
		request_free(&request);
	}
}

static void who_may_not_is_told_in_kubernetes_words(void **state)
{
	static const struct {
		enum request_method method;
		const char *target, *reason, *json;
	} CASES[] = {
		{G, V1 "/namespaces/ns/pods", "",
			"\"message\":\"pods.metrics.k8s.io is forbidden: User \\\"u\\\" cannot list "
			"resource \\\"pods\\\" in API group \\\"metrics.k8s.io\\\" in the namespace "
			"\\\"ns\\\"\",\"reason\":\"Forbidden\",\"details\":{\"group\":\"metrics.k8s.io\","
			"\"kind\":\"pods\"},\"code\":403}\n"},
		{G, V1 "/nodes/n0", "",
			"\"message\":\"nodes.metrics.k8s.io \\\"n0\\\" is forbidden: User \\\"u\\\" "
			"cannot get resource \\\"nodes\\\" in API group \\\"metrics.k8s.io\\\" at the "
			"cluster scope\",\"reason\":\"Forbidden\",\"details\":{\"name\":\"n0\","
			"\"group\":\"metrics.k8s.io\",\"kind\":\"nodes\"},\"code\":403}\n"},
		{G, "/x", "",
			"\"message\":\"forbidden: User \\\"u\\\" cannot get path "
			"\\\"/x\\\"\",\"reason\":\"Forbidden\",\"details\":{},\"code\":403}\n"},
		{REQUEST_POST, "/x", "because",
			"\"message\":\"forbidden: User \\\"u\\\" cannot post path \\\"/x\\\": "
			"because\",\"reason\":\"Forbidden\",\"details\":{},\"code\":403}\n"},
		{G, "/api/v1/pods/p/log", "",
			"\"message\":\"pods \\\"p\\\" is forbidden: User \\\"u\\\" cannot get resource "
			"\\\"pods/log\\\" in API group \\\"\\\" at the cluster scope\",\"reason\":"
			"\"Forbidden\",\"details\":{\"name\":\"p\",\"kind\":\"pods\"},\"code\":403}\n"},
		{G, "/%3Cb%3E%26", "",
			"\"message\":\"forbidden: User \\\"u\\\" cannot get path "
			"\\\"/\\u0026lt;b\\u0026gt;\\u0026amp;\\\"\""},
		{G, "/%ff", "", "cannot get path \\\"/\\\\xff\\\"\""},
		{G, "/apis/%ff/v/%fe/%fd", "",
			"\"details\":{\"name\":\"\\ufffd\",\"group\":\"\\ufffd\",\"kind\":\"\\ufffd\"}"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct request_attributes attributes;
		struct request request;
		struct status status;
		struct buffer json = {0}, protobuf = {0};
		struct error err;

		assert_int_equal(
			make(CASES[i].method, CASES[i].target, &request, &attributes, &err), 0);
		status = forbidden_status(&attributes.is, CASES[i].reason);
		assert_int_equal(status.code, 403);
		status_write_json(&status, &json);
		if (!strstr(buffer_terminate(&json), CASES[i].json))
			fail_msg("%s: %s", CASES[i].target, json.data);
		status_write_protobuf(&status, &protobuf);
		assert_memory_equal(protobuf.data, "k8s\0", 4);
		buffer_free(&json);
		buffer_free(&protobuf);
		status_free(&status);
		request_attributes_free(&attributes);
		request_free(&request);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_understood_as_kubernetes_does),
		cmocka_unit_test(a_verb_alone_is_an_error),
		cmocka_unit_test(who_may_not_is_told_in_kubernetes_words),
	};

	return cmocka_run_group_tests_name("request_attributes", tests, NULL, NULL);
}
