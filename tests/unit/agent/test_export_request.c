/* agent/export_request: what is asked for, and what is no request. */
#include "agent/export_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *head, struct export_request *request)
{
	/* exactly as long as it is, so that a sanitizer sees a step beyond */
	size_t length = strlen(head);
	char *copy = malloc(length ? length : 1);
	int status;

	assert_non_null(copy);
	memcpy(copy, head, length);
	status = export_request_parse(copy, length, request);
	free(copy);
	return status;
}

static void lines_decide(void **state)
{
	static const struct {
		const char *head;
		int status;
	} CASES[] = {
		{"GET /metrics HTTP/1.1\r\n\r\n", 200},
		{"HEAD /metrics HTTP/1.1\r\n\r\n", 200},
		{"GET /metrics?x=y HTTP/1.1\r\nHost: x\r\n\r\n", 200},
		{"GET /metrics/cadvisor HTTP/1.0\r\n\r\n", 200},
		{"GET /metrics/resource HTTP/1.1\r\n\r\n", 200},
		{"GET /metrics/ HTTP/1.1\r\n\r\n", 404},
		{"GET / HTTP/1.1\r\n\r\n", 404},
		{"POST / HTTP/1.1\r\n\r\n", 404},
		{"GET /metricsx HTTP/1.1\r\n\r\n", 404},
		{"POST /metrics HTTP/1.1\r\n\r\n", 405},
		{"POST /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 405},
		{"get /metrics HTTP/1.1\r\n\r\n", 405},
		{"GET /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 200},
		{"GET /metrics HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
		{"GET /metrics HTTP/2.0\r\n\r\n", 505},
		{"GET /metrics HTTP/1.2\r\n\r\n", 505},
		{"GET /metrics\r\n\r\n", 400},
		{"GET /metrics XTTP/1.1\r\n\r\n", 400},
		{"GET  /metrics HTTP/1.1\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1 \r\n\r\n", 400},
		{" /metrics HTTP/1.1\r\n\r\n", 400},
		{"\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nno colon\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\n: x\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\n folded: x\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\nHost: x\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nHost: x\ny: z\r\n\r\n", 400},
		{"GET /metrics HTTP/1.1\r\nHost: x\ry\r\n\r\n", 400},
		{"", 400},
	};
	struct export_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		int status = parse(CASES[i].head, &request);

		if (status != CASES[i].status)
			fail_msg("%d instead of %d: %s", status, CASES[i].status, CASES[i].head);
		if (status != 200)
			assert_false(request.keep_alive);
	}
}

static struct export_request with(const char *header)
{
	struct export_request request;
	char head[1024];

	(void)snprintf(
		head, sizeof(head), "GET /metrics HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", header);
	assert_int_equal(parse(head, &request), 200);
	return request;
}

static void the_format_is_negotiated(void **state)
{
	static const struct {
		const char *accept;
		enum export_format format;
	} CASES[] = {
		{"Accept: */*", EXPORT_TEXT},
		{"Accept: text/plain", EXPORT_TEXT},
		{"Accept: text/html", EXPORT_TEXT},
		{"Accept: application/openmetrics-text", EXPORT_OPENMETRICS},
		{"accept:application/OpenMetrics-text ; version=1.0.0", EXPORT_OPENMETRICS},
		{"Accept: application/openmetrics-text;version=0.0.1", EXPORT_TEXT},
		{"Accept: application/openmetrics-text;q=0.4,text/plain;q=0.5", EXPORT_TEXT},
		{"Accept: application/openmetrics-text;q=0, */*", EXPORT_TEXT},
		{"Accept: application/openmetrics-text;q=x", EXPORT_TEXT},
		/* Prometheus 2 and 3 */
		{"Accept: application/openmetrics-text;version=1.0.0;q=0.5,application/"
		 "openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
			EXPORT_OPENMETRICS},
		{"Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,"
		 "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;"
		 "escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
			EXPORT_OPENMETRICS},
		{"Accept: application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
		 "encoding=delimited;q=0.6,text/plain;version=0.0.4;q=0.3",
			EXPORT_TEXT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		assert_int_equal(with(CASES[i].accept).key.format, CASES[i].format);
}

static void packing_and_staying_are_asked_for(void **state)
{
	struct export_request request;

	(void)state;
	assert_true(with("Accept-Encoding: gzip").gzip);
	assert_true(with("Accept-Encoding: deflate, gzip;q=0.5").gzip);
	assert_true(with("Accept-Encoding: *").gzip);
	assert_false(with("Accept-Encoding: gzip;q=0, deflate").gzip);
	assert_false(with("Accept-Encoding: identity").gzip);
	assert_false(with("X: y").gzip);
	assert_true(with("X: y").keep_alive);
	assert_false(with("Connection: Close").keep_alive);
	assert_int_equal(parse("HEAD /metrics HTTP/1.0\r\n\r\n", &request), 200);
	assert_false(request.keep_alive);
	assert_true(request.head);
	assert_int_equal(
		parse("GET /metrics/resource HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &request),
		200);
	assert_true(request.keep_alive);
	assert_int_equal(request.key.part, EXPORT_RESOURCE);
}

static void the_end_is_found(void **state)
{
	(void)state;
	assert_int_equal(export_request_end("", 0), 0);
	assert_int_equal(export_request_end("GET", 3), 0);
	assert_int_equal(export_request_end("a\r\n\r", 4), 0);
	assert_int_equal(export_request_end("a\r\n\r\nb", 6), 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_decide),
		cmocka_unit_test(the_format_is_negotiated),
		cmocka_unit_test(packing_and_staying_are_asked_for),
		cmocka_unit_test(the_end_is_found),
	};

	return cmocka_run_group_tests_name("export_request", tests, NULL, NULL);
}
