/* aggregator/api/request: paths, queries by Go's rules, headers. */
#include "aggregator/api/request.h"
#include "tests/harness/headers.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct evkeyvalq no_headers = TAILQ_HEAD_INITIALIZER(no_headers);

static struct request parsed(const char *target)
{
	struct request request;
	struct error err;

	if (request_parse(&request, REQUEST_GET, target, &no_headers, &err) != 0)
		fail_msg("%s: %s", target, err.message);
	return request;
}

static void splits_paths(void **state)
{
	static const struct {
		const char *target;
		size_t count;
		bool slash, unroutable;
		const char *first, *last;
	} CASES[] = {
		{"/", 0, false, false, NULL, NULL},
		{"/?a", 0, false, false, NULL, NULL},
		{"/apis", 1, false, false, "apis", "apis"},
		{"/apis/", 1, true, false, "apis", "apis"},
		{"/apis/g/v1?x=/y/", 3, false, false, "apis", "v1"},
		{"/apis/a%2Fb", 3, false, false, "apis", "b"},
		{"/apis/%2A", 2, false, false, "apis", "*"},
		{"/a+b/%c3%A4", 2, false, false, "a+b", "\xc3\xa4"},
		{"/apis/%ff", 2, false, false, "apis", "\xff"},
		{"//", 0, false, true, NULL, NULL},
		{"//apis", 0, false, true, NULL, NULL},
		{"/apis//g", 1, false, true, "apis", "apis"},
		{"/apis//", 1, false, true, "apis", "apis"},
		{"/1/2/3/4/5/6/7/8", 8, false, false, "1", "8"},
		{"/1/2/3/4/5/6/7/8/", 8, true, false, "1", "8"},
		{"/1/2/3/4/5/6/7/8/9", 8, false, true, "1", "8"},
		{"http://host/apis", 1, false, false, "apis", "apis"},
		{"HTTPS://host:1/apis?a", 1, false, false, "apis", "apis"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct request request = parsed(CASES[i].target);

		if (request.segment_count != CASES[i].count ||
			request.trailing_slash != CASES[i].slash ||
			request.unroutable != CASES[i].unroutable)
			fail_msg("%s: %zu parts, slash %d, unroutable %d", CASES[i].target,
				request.segment_count, request.trailing_slash, request.unroutable);
		if (CASES[i].first) {
			assert_string_equal(request.segments[0], CASES[i].first);
			assert_string_equal(
				request.segments[request.segment_count - 1], CASES[i].last);
		}
		request_free(&request);
	}
}

static void refuses_what_it_would_have_to_cut(void **state)
{
	static const struct {
		const char *target, *message;
	} CASES[] = {
		{"", "the request URL has no path"},
		{"*", "the request URL has no path"},
		{"host:443", "the request URL has no path"},
		{"http://host", "the request URL has no path"},
		{"/a%", "the request URL has an invalid escape in its path"},
		{"/a%4", "the request URL has an invalid escape in its path"},
		{"/a%zz", "the request URL has an invalid escape in its path"},
		{"/a%4?41", "the request URL has an invalid escape in its path"},
		{"/a%00b", "the request URL must not contain a NUL"},
		{"/a?b=%00", "the request URL must not contain a NUL"},
		{"/a?%00", "the request URL must not contain a NUL"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct request request = {0};
		struct error err = {.message = ""};

		assert_int_equal(
			request_parse(&request, REQUEST_GET, CASES[i].target, &no_headers, &err),
			-EINVAL);
		assert_string_equal(err.message, CASES[i].message);
		assert_null(request.text);
	}
}

static void reads_queries_as_go_does(void **state)
{
	struct request request =
		parsed("/p?a=1&b=x+y%3D&a=2&c&=z&&d=%zz&%4=d&e=1;f=2&g=a=b&h=&%69=%2b&&");

	(void)state;
	assert_string_equal(request_query(&request, "a"), "1");
	assert_string_equal(request_query(&request, "b"), "x y=");
	assert_string_equal(request_query(&request, "c"), "");
	assert_string_equal(request_query(&request, ""), "z");
	assert_null(request_query(&request, "d"));
	assert_null(request_query(&request, "e"));
	assert_null(request_query(&request, "f"));
	assert_string_equal(request_query(&request, "g"), "a=b");
	assert_string_equal(request_query(&request, "h"), "");
	assert_string_equal(request_query(&request, "i"), "+");
	assert_null(request_query(&request, "j"));
	assert_int_equal(request.query_count, 8);
	request_free(&request);

	/* the worst case for the memory behind it */
	request = parsed("/p?a&b&c&&&&&&&&&d");
	assert_int_equal(request.query_count, 4);
	assert_string_equal(request.query[3].key, "d");
	request_free(&request);
	request = parsed("/p?");
	assert_int_equal(request.query_count, 0);
	request_free(&request);
}

static void reads_bools(void **state)
{
	struct request request =
		parsed("/p?e=&t=true&f=false&F=FALSE&z=0&o=1&n=no&zz=00&m=FaLsE&m=true");

	(void)state;
	assert_true(request_query_bool(&request, "e"));
	assert_true(request_query_bool(&request, "t"));
	assert_false(request_query_bool(&request, "f"));
	assert_false(request_query_bool(&request, "F"));
	assert_false(request_query_bool(&request, "z"));
	assert_true(request_query_bool(&request, "o"));
	assert_true(request_query_bool(&request, "n"));
	assert_true(request_query_bool(&request, "zz"));
	assert_false(request_query_bool(&request, "m"));
	assert_false(request_query_bool(&request, "absent"));
	request_free(&request);
}

static void knows_when_to_indent(void **state)
{
	static const struct {
		const char *target, *agent;
		bool pretty;
	} CASES[] = {
		{"/p", NULL, false},
		{"/p", "kubectl/v1.32", false},
		{"/p", "curl/8", true},
		{"/p", "Wget", true},
		{"/p", "Mozilla/5.0 (X11)", true},
		{"/p", "Mozilla/4.0", false},
		{"/p", "xcurl", false},
		{"/p?pretty=true", NULL, true},
		{"/p?pretty=1", NULL, true},
		{"/p?pretty=T", NULL, true},
		{"/p?pretty=yes", NULL, false},
		{"/p?pretty=yes", "curl", false},
		{"/p?pretty=false", "curl", false},
		{"/p?pretty=tRUE", NULL, false},
		{"/p?pretty=", "curl", true},
		{"/p?pretty", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *lines[] = {"user-agent", CASES[i].agent, NULL};
		struct request request = parsed(CASES[i].target);
		struct evkeyvalq headers;

		headers_init(&headers, CASES[i].agent ? lines : NULL);
		request.headers = &headers;
		if (request_pretty(&request) != CASES[i].pretty)
			fail_msg("%s of %s", CASES[i].target, CASES[i].agent);
		evhttp_clear_headers(&headers);
		request_free(&request);
	}
}

static void takes_gzip_by_its_exact_name(void **state)
{
	static const struct {
		const char *value;
		bool accepts;
	} CASES[] = {
		{"gzip", true},
		{"deflate, gzip", true},
		{" gzip ,br", true},
		{"", false},
		{"gzip;q=1", false},
		{"GZIP", false},
		{"x-gzip", false},
		{"*", false},
		{", ,", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *lines[] = {"Accept-Encoding", CASES[i].value, NULL};
		struct evkeyvalq headers;
		struct request request = {.headers = &headers};

		headers_init(&headers, lines);
		if (request_accepts_gzip(&request) != CASES[i].accepts)
			fail_msg("%s", CASES[i].value);
		evhttp_clear_headers(&headers);
	}
}

static void sees_bodies(void **state)
{
	static const struct {
		const char *lines[5];
		bool body;
	} CASES[] = {
		{{NULL}, false},
		{{"Content-Length", "0", NULL}, false},
		{{"content-length", "5", NULL}, true},
		{{"Content-Length", "0", "Content-Length", "5", NULL}, true},
		{{"Content-Length", "00", NULL}, true},
		{{"Transfer-Encoding", "chunked", NULL}, true},
		{{"transfer-encoding", "gzip, chunked", NULL}, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct evkeyvalq headers;
		struct request request = {.headers = &headers};

		headers_init(&headers, CASES[i].lines);
		assert_int_equal(request_has_body(&request), CASES[i].body);
		evhttp_clear_headers(&headers);
	}
}

static void checks_timeouts(void **state)
{
	static const struct {
		const char *target;
		const char *message; /* NULL: legal */
	} CASES[] = {
		{"/p", NULL},
		{"/p?timeout=", NULL},
		{"/p?timeout=32s", NULL},
		{"/p?timeout=0", NULL},
		{"/p?timeout=-5m", NULL},
		{"/p?timeout=%2B5m", NULL},
		{"/p?timeout=1s&timeout=x", NULL},
		{"/p?timeout=x", "invalid timeout specified in the request URL - time: invalid "
				 "duration \"x\""},
		{"/p?timeout=--1s", "invalid timeout specified in the request URL - time: invalid "
				    "duration \"--1s\""},
		{"/p?timeout=%22", "invalid timeout specified in the request URL - time: invalid "
				   "duration \"\\\"\""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct request request = parsed(CASES[i].target);
		struct error err = {.message = ""};

		assert_int_equal(
			request_check_timeout(&request, &err), CASES[i].message ? -EINVAL : 0);
		assert_string_equal(err.message, CASES[i].message ? CASES[i].message : "");
		request_free(&request);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(splits_paths),
		cmocka_unit_test(refuses_what_it_would_have_to_cut),
		cmocka_unit_test(reads_queries_as_go_does),
		cmocka_unit_test(reads_bools),
		cmocka_unit_test(knows_when_to_indent),
		cmocka_unit_test(takes_gzip_by_its_exact_name),
		cmocka_unit_test(sees_bodies),
		cmocka_unit_test(checks_timeouts),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
