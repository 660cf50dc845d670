/* aggregator/api/exchange: how long answers took, as the API tells it of itself. */
#include "tests/harness/cluster.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES "/apis/metrics.k8s.io/v1/nodes"
#define PODS  "/apis/metrics.k8s.io/v1/pods"
#define ALICE "X-Remote-User: alice\r\n"

#define DURATION  "tacho_aggregator_http_request_duration_seconds"
#define WAITING   "tacho_aggregator_reviews_waiting"
#define STREAMS   "tacho_aggregator_http_streams"
#define OPEN      "tacho_aggregator_http_connections"
#define IN_FLIGHT "tacho_aggregator_http_requests_in_flight"
#define ANSWERED  "tacho_aggregator_http_requests_total"

#define HELD_MS 300

static const char *const BOUNDS[] = {"0.000025", "0.00005", "0.0001", "0.00025", "0.0005", "0.001",
	"0.0025", "0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10"};

static struct guarded_api *api;
static const struct pki_pair *proxy;
static struct telemetry *telemetry; /* of a store of the test's own */

static void start(const struct guarded_options *options)
{
	api = guarded_start(options);
	proxy = guarded_front_proxy(api);
	guarded_allow(api, true);
}

/* Lists of its pods are longer than what sockets take of them. */
static void start_large(uint32_t stall_ms)
{
	const struct cluster_shape shape = {
		.nodes = 600, .pods = 30, .containers = 2, .namespaces = 3, .seed = 1};
	struct guarded_options options = {.api = {.stall_ms = stall_ms}};

	telemetry = telemetry_new();
	options.store = cluster_store(telemetry);
	cluster_fill(options.store, &shape);
	start(&options);
}

static int tear_down(void **state)
{
	(void)state;
	proxy = NULL;
	guarded_stop(api);
	api = NULL;
	telemetry_free(telemetry);
	telemetry = NULL;
	return 0;
}

static struct https *sent(const char *target)
{
	struct https *connection = guarded_connect(api, proxy);
	char text[300];
	int length =
		snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n" ALICE "\r\n", target);

	assert_true(https_send(connection, text, (size_t)length));
	return connection;
}

static int code_of(struct https *connection)
{
	struct https_response answer = https_receive(connection, 30000);
	int code = answer.status;

	https_response_free(&answer);
	https_close(connection);
	return code;
}

static double value_of(const char *series)
{
	struct buffer text = {0};
	const char *line;
	double value;

	telemetry_render(guarded_telemetry(api), &text);
	line = strstr(buffer_terminate(&text), series);
	assert_non_null(line);
	value = strtod(line + strlen(series), NULL);
	buffer_free(&text);
	return value;
}

static double up_to(const char *kind, const char *seconds)
{
	char series[200];

	(void)snprintf(series, sizeof(series), "\n" DURATION "_bucket{kind=\"%s\",le=\"%s\"} ",
		kind, seconds);
	return value_of(series);
}

static double sum_of(const char *kind)
{
	char series[200];

	(void)snprintf(series, sizeof(series), "\n" DURATION "_sum{kind=\"%s\"} ", kind);
	return value_of(series);
}

struct expected {
	const char *kind;
	double count;
};

static bool has_come(void *context)
{
	const struct expected *expected = context;

	return up_to(expected->kind, "+Inf") >= expected->count;
}

/* A client has its answer a moment before it is counted. */
static void expect_counts(double shorts, double streams)
{
	struct expected of_shorts = {"short", shorts}, of_streams = {"stream", streams};

	assert_true(wait_until(has_come, &of_shorts, 20000));
	assert_true(wait_until(has_come, &of_streams, 20000));
	assert_true(up_to("short", "+Inf") == shorts);
	assert_true(up_to("stream", "+Inf") == streams);
}

/* Of the one answer: it is in the buckets of what it took, which is no less than `least_ms`. */
static void expect_buckets(const char *kind, unsigned least_ms, uint64_t most_ms)
{
	double least = least_ms / 1000.0, most = (double)most_ms / 1000;

	for (size_t i = 0; i < sizeof(BOUNDS) / sizeof(BOUNDS[0]); i++) {
		double seconds = strtod(BOUNDS[i], NULL);

		if (seconds < least)
			assert_true(up_to(kind, BOUNDS[i]) == 0);
		if (seconds > most)
			assert_true(up_to(kind, BOUNDS[i]) == 1);
	}
	assert_true(sum_of(kind) >= least);
	assert_true(sum_of(kind) <= most);
}

/* --- what counts ------------------------------------------------------------------------------ */

/* Whoever writes them, we or evhttp. */
static void each_short_answer_counts(void **state)
{
	static const struct {
		const char *method, *target, *headers;
		int code;
	} CASES[] = {
		{"GET", NODES, ALICE, 200},
		{"HEAD", NODES, ALICE, 405},
		{"GET", NODES, ALICE "Connection: close\r\n", 200},
		{"POST", NODES, ALICE, 405},
		{"GET", NODES, "Authorization: Bearer wrong\r\n", 401},
		{"GET", NODES "?timeout=x", ALICE, 400},
		{"GET", "/nothing", ALICE, 404},
	};
	const size_t count = sizeof(CASES) / sizeof(CASES[0]);

	(void)state;
	start(NULL);
	expect_counts(0, 0);
	for (size_t i = 0; i < count; i++) {
		struct https_response answer =
			guarded_ask(api, proxy, CASES[i].method, CASES[i].target, CASES[i].headers);

		assert_int_equal(answer.status, CASES[i].code);
		https_response_free(&answer);
		expect_counts((double)i + 1, 0);
	}
	assert_true(sum_of("short") > 0);
}

static void a_review_counts(void **state)
{
	uint64_t begun_ms;
	struct https *connection;

	(void)state;
	start(NULL);
	guarded_set_accesses(api, GUARDED_HOLDS);
	begun_ms = wait_now_ms();
	connection = sent(NODES);
	guarded_await(api, WAITING, 1);
	wait_ms(HELD_MS);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(connection), 200);
	expect_counts(1, 0);
	expect_buckets("short", HELD_MS, wait_now_ms() - begun_ms + 1);
}

static void a_long_answer_counts_until_it_is_read(void **state)
{
	uint64_t begun_ms;
	struct https *connection;

	(void)state;
	start_large(0);
	begun_ms = wait_now_ms();
	connection = sent(PODS);
	guarded_await(api, STREAMS, 1);
	wait_ms(HELD_MS);
	assert_int_equal(code_of(connection), 200);
	expect_counts(0, 1);
	expect_buckets("stream", HELD_MS, wait_now_ms() - begun_ms + 1);
}

/* The pause between two is nobody's. */
static void each_request_of_a_connection_counts_alone(void **state)
{
	struct https *connection;
	double before;
	uint64_t begun_ms;

	(void)state;
	start(NULL);
	connection = guarded_connect(api, proxy);
	for (int i = 0; i < 2; i++) {
		struct https_response answer;

		before = i > 0 ? sum_of("short") : 0;
		wait_ms(i > 0 ? HELD_MS : 0);
		begun_ms = wait_now_ms();
		answer = guarded_ask_on(connection, "GET", NODES, ALICE);
		assert_int_equal(answer.status, 200);
		https_response_free(&answer);
		expect_counts(i + 1, 0);
		assert_true(
			sum_of("short") - before <= (double)(wait_now_ms() - begun_ms + 1) / 1000);
	}
	https_close(connection);
}

/* --- what does not ---------------------------------------------------------------------------- */

static void who_leaves_before_the_answer_does_not_count(void **state)
{
	struct https *connection;

	(void)state;
	start(NULL);
	guarded_set_accesses(api, GUARDED_HOLDS);
	connection = sent(NODES);
	guarded_await(api, WAITING, 1);
	https_close(connection);
	guarded_await(api, WAITING, 0);
	guarded_await(api, OPEN, 0);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	guarded_await(api, "tacho_aggregator_reviews_in_flight", 0);
	expect_counts(0, 0);
}

/* Its head went out: the request is counted by its code. */
static void an_answer_that_is_cut_short_does_not_count(void **state)
{
	struct https *connection;

	(void)state;
	start_large(0);
	connection = sent(PODS);
	guarded_await(api, STREAMS, 1);
	https_close(connection);
	guarded_await(api, IN_FLIGHT, 0);
	guarded_await(api, OPEN, 0);
	assert_int_equal(guarded_figure(api, ANSWERED, "code", "200"), 1);
	expect_counts(0, 0);
}

static void who_does_not_read_and_is_cut_does_not_count(void **state)
{
	struct https *connection;

	(void)state;
	start_large(200);
	connection = sent(PODS);
	guarded_await(api, OPEN, 0);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_http_connections_closed_total",
				 "reason", "stalled_client"),
		1);
	expect_counts(0, 0);
	https_close(connection);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_short_answer_counts, tear_down),
		cmocka_unit_test_teardown(a_review_counts, tear_down),
		cmocka_unit_test_teardown(a_long_answer_counts_until_it_is_read, tear_down),
		cmocka_unit_test_teardown(each_request_of_a_connection_counts_alone, tear_down),
		cmocka_unit_test_teardown(who_leaves_before_the_answer_does_not_count, tear_down),
		cmocka_unit_test_teardown(an_answer_that_is_cut_short_does_not_count, tear_down),
		cmocka_unit_test_teardown(who_does_not_read_and_is_cut_does_not_count, tear_down),
	};

	return cmocka_run_group_tests_name("durations", tests, NULL, NULL);
}
