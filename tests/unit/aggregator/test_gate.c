/* aggregator/api/gate and access behind it: answers of kube-apiserver that are kept, waited for,
 * and that do not come; how many may be under way; clients that leave meanwhile. */
#include "aggregator/api/gate.h"

#include "base/clock.h"
#include "tests/harness/cluster.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/wait.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V1    "/apis/metrics.k8s.io/v1"
#define NODES V1 "/nodes"
#define PODS  V1 "/pods"
#define ALICE "X-Remote-User: alice\r\n"
#define ROOT  "X-Remote-User: root\r\nX-Remote-Group: system:masters\r\n"
#define TOM   "Authorization: Bearer " GUARDED_TOKEN "\r\n"
#define WRONG "Authorization: Bearer wrong\r\n"

#define WAITING   "tacho_aggregator_reviews_waiting"
#define IN_FLIGHT "tacho_aggregator_http_requests_in_flight"
#define STREAMS   "tacho_aggregator_http_streams"
#define OPEN      "tacho_aggregator_http_connections"

#define KEPT_MS 3000 /* long enough for a few requests on a slow machine */

static struct guarded_api *api;
static const struct pki_pair *proxy;
static struct telemetry *telemetry; /* of a store of the test's own */

static void start(const struct guarded_options *options)
{
	api = guarded_start(options);
	proxy = guarded_front_proxy(api);
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

static struct https *sent(const struct pki_pair *pair, const char *target, const char *headers)
{
	struct https *connection = guarded_connect(api, pair);
	char text[500];
	int length = snprintf(
		text, sizeof(text), "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n", target, headers);

	assert_true(https_send(connection, text, (size_t)length));
	return connection;
}

static bool a_token_is_reviewed(void *unused)
{
	(void)unused;
	return guarded_token_reviews(api) > 0;
}

/* Exactly one review, however long it takes to arrive. */
static void assert_one_token_review(void)
{
	assert_true(wait_until(a_token_is_reviewed, NULL, 20000));
	assert_int_equal(guarded_token_reviews(api), 1);
}

static int code_of(struct https *connection)
{
	struct https_response answer = https_receive(connection, 30000);
	int code = answer.status;

	https_response_free(&answer);
	https_close(connection);
	return code;
}

/* --- what is kept ----------------------------------------------------------------------------- */

static void answers_about_tokens_are_kept_for_a_while(void **state)
{
	static const struct {
		const char *headers;
		int code;
	} CASES[] = {{TOM, 200}, {WRONG, 401}};
	const struct guarded_options options = {.access = {.token_ttl_ns = KEPT_MS * NS_PER_MS}};

	(void)state;
	start(&options);
	for (unsigned i = 0; i < 2; i++) {
		unsigned before = guarded_token_reviews(api);
		uint64_t begun_ms = wait_now_ms();

		for (int j = 0; j < 3; j++)
			assert_int_equal(guarded_code(api, NULL, "/healthz", CASES[i].headers),
				CASES[i].code);
		if (wait_now_ms() - begun_ms < KEPT_MS)
			assert_int_equal(guarded_token_reviews(api), before + 1);
		wait_ms(KEPT_MS + 100);
		before = guarded_token_reviews(api);
		assert_int_equal(
			guarded_code(api, NULL, "/healthz", CASES[i].headers), CASES[i].code);
		assert_int_equal(guarded_token_reviews(api), before + 1);
	}
	assert_true(guarded_figure(
			    api, "tacho_aggregator_review_cache_hits_total", "kind", "token") >= 4);
}

static void decisions_are_kept_for_a_while(void **state)
{
	const struct guarded_options options = {.access = {.allow_ttl_ns = KEPT_MS * NS_PER_MS,
							.deny_ttl_ns = KEPT_MS * NS_PER_MS}};

	(void)state;
	start(&options);
	for (int allow = 0; allow <= 1; allow++) {
		int code = allow ? 200 : 403, kept;
		unsigned before = guarded_access_reviews(api);
		uint64_t begun_ms = wait_now_ms();

		guarded_allow(api, allow);
		assert_int_equal(guarded_code(api, proxy, NODES, ALICE), code);
		guarded_allow(api, !allow);
		kept = guarded_code(api, proxy, NODES, ALICE);
		if (wait_now_ms() - begun_ms < KEPT_MS) {
			assert_int_equal(kept, code);
			assert_int_equal(guarded_access_reviews(api), before + 1);
		}
		/* another question: not from memory */
		assert_int_equal(guarded_code(api, proxy, NODES "/n", ALICE), allow ? 403 : 404);
		assert_int_equal(guarded_code(api, proxy, NODES, "X-Remote-User: bob\r\n"),
			allow ? 403 : 200);
		wait_ms(KEPT_MS + 100);
		assert_int_equal(guarded_code(api, proxy, NODES, ALICE), allow ? 403 : 200);
		wait_ms(KEPT_MS + 100);
	}
}

static void failures_are_not_kept(void **state)
{
	(void)state;
	start(NULL);
	guarded_set_tokens(api, GUARDED_ERRS);
	guarded_set_accesses(api, GUARDED_ERRS);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 401);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 401);
	assert_int_equal(guarded_token_reviews(api), 2);
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 500);
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 500);
	assert_int_equal(guarded_access_reviews(api), 2);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 200);
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 403);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_review_failures_total", "kind", "token"), 2);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_review_failures_total", "kind", "access"), 2);
}

/* What was allowed stays so until it expires; then nobody gets in. */
static void without_kube_apiserver_nobody_new_gets_in(void **state)
{
	const struct guarded_options options = {.access = {.token_ttl_ns = KEPT_MS * NS_PER_MS,
							.allow_ttl_ns = KEPT_MS * NS_PER_MS,
							.deny_ttl_ns = KEPT_MS * NS_PER_MS}};
	struct https_response answer;
	uint64_t begun_ms;
	int tom, alice;

	(void)state;
	start(&options);
	guarded_allow(api, true);
	begun_ms = wait_now_ms();
	assert_int_equal(guarded_code(api, NULL, NODES, TOM), 200);
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 200);
	guarded_stop_kube(api);
	tom = guarded_code(api, NULL, NODES, TOM);
	alice = guarded_code(api, proxy, NODES, ALICE);
	if (wait_now_ms() - begun_ms < KEPT_MS) {
		assert_int_equal(tom, 200);
		assert_int_equal(alice, 200);
	}
	assert_int_equal(guarded_code(api, proxy, NODES, "X-Remote-User: bob\r\n"), 500);
	assert_int_equal(guarded_code(api, NULL, NODES, WRONG), 401);
	wait_ms(KEPT_MS + 100);
	assert_int_equal(guarded_code(api, NULL, NODES, TOM), 401);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 401);
	answer = guarded_ask(api, proxy, "GET", NODES, ALICE);
	assert_int_equal(answer.status, 500);
	assert_non_null(strstr(answer.body, "\"message\":\"Internal error occurred: POST /apis/"));
	https_response_free(&answer);
	/* and these need it not */
	assert_int_equal(guarded_code(api, NULL, "/healthz", ""), 200);
	assert_int_equal(guarded_code(api, proxy, NODES, ROOT), 200);
}

/* --- who waits -------------------------------------------------------------------------------- */

#define MANY 100

static void one_question_for_all_who_ask_it(void **state)
{
	struct https *connections[MANY];

	(void)state;
	start(NULL);
	guarded_set_tokens(api, GUARDED_HOLDS);
	guarded_set_accesses(api, GUARDED_HOLDS);
	guarded_allow(api, true);
	for (int i = 0; i < MANY; i++)
		connections[i] = sent(NULL, NODES, TOM);
	guarded_await(api, WAITING, MANY);
	assert_one_token_review();
	guarded_set_tokens(api, GUARDED_ANSWERS);
	guarded_await(api, IN_FLIGHT, MANY);
	guarded_await(api, WAITING, MANY);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	for (int i = 0; i < MANY; i++)
		assert_int_equal(code_of(connections[i]), 200);
	assert_int_equal(guarded_token_reviews(api), 1);
	assert_int_equal(guarded_access_reviews(api), 1);
	guarded_await(api, WAITING, 0);
	guarded_await(api, IN_FLIGHT, 0);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_reviews_total", "kind", "token"), 1);
}

static void a_failure_is_for_all_who_wait(void **state)
{
	struct https *connections[10];

	(void)state;
	start(NULL);
	guarded_set_accesses(api, GUARDED_HOLDS);
	for (int i = 0; i < 10; i++)
		connections[i] = sent(proxy, NODES, ALICE);
	guarded_await(api, WAITING, 10);
	guarded_set_accesses(api, GUARDED_ERRS);
	for (int i = 0; i < 10; i++)
		assert_int_equal(code_of(connections[i]), 500);
	assert_int_equal(guarded_access_reviews(api), 1);
}

static void too_many_who_wait_are_told_to_come_back(void **state)
{
	const struct guarded_options options = {.access = {.max_reviews = 1, .max_waiting = 2}};
	struct https *first, *second;
	struct https_response answer;
	char value[20];

	(void)state;
	start(&options);
	guarded_set_tokens(api, GUARDED_HOLDS);
	first = sent(NULL, "/healthz", TOM);
	guarded_await(api, WAITING, 1);
	second = sent(NULL, "/healthz", WRONG);
	guarded_await(api, WAITING, 2);
	assert_one_token_review(); /* the other one stands in line */
	answer = guarded_ask(api, NULL, "GET", "/healthz", "Authorization: Bearer third\r\n");
	assert_int_equal(answer.status, 429);
	assert_true(https_header(&answer, "Retry-After", value, sizeof(value)));
	assert_string_equal(value, "1");
	https_response_free(&answer);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 429);
	/* tokens hold up tokens alone */
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 403);
	assert_int_equal(guarded_code(api, NULL, "/healthz", ""), 200);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(first), 200);
	assert_int_equal(code_of(second), 401);
	assert_int_equal(guarded_token_reviews(api), 2);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_reviews_refused_total", NULL, NULL), 2);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_http_requests_rejected_total", NULL, NULL),
		2);
	guarded_await(api, IN_FLIGHT, 0);
}

static void requests_in_flight_are_bounded(void **state)
{
	const struct guarded_options options = {.api = {.max_requests_in_flight = 2}};
	struct https *first, *second;
	struct https_response answer;
	char value[20];

	(void)state;
	start(&options);
	guarded_set_accesses(api, GUARDED_HOLDS);
	first = sent(proxy, NODES, ALICE);
	guarded_await(api, IN_FLIGHT, 1);
	second = sent(proxy, NODES, "X-Remote-User: bob\r\n");
	guarded_await(api, IN_FLIGHT, 2);
	answer = guarded_ask(api, proxy, "GET", NODES, "X-Remote-User: carol\r\n");
	assert_int_equal(answer.status, 429);
	assert_true(https_header(&answer, "Retry-After", value, sizeof(value)));
	assert_string_equal(value, "1");
	assert_string_equal(answer.body,
		"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
		"\"message\":\"Too many requests, please try again later.\",\"reason\":"
		"\"TooManyRequests\",\"details\":{\"retryAfterSeconds\":1},\"code\":429}\n");
	https_response_free(&answer);
	/* it stands before authorization and routing, and behind authentication */
	assert_int_equal(guarded_code(api, NULL, "/nothing", ""), 429);
	assert_int_equal(guarded_code(api, NULL, "/readyz/ping", ""), 429);
	/* a probe would otherwise take it for dead, and kube-aggregator for unavailable */
	assert_int_equal(guarded_code(api, NULL, "/livez", ""), 200);
	assert_int_equal(guarded_code(api, proxy, NODES, ROOT), 200);
	assert_int_equal(guarded_code(api, NULL, "/healthz", WRONG), 401);
	guarded_allow(api, true);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(first), 200);
	assert_int_equal(code_of(second), 200);
	guarded_await(api, IN_FLIGHT, 0);
	assert_int_equal(guarded_code(api, proxy, NODES, "X-Remote-User: carol\r\n"), 200);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_http_requests_rejected_total", NULL, NULL),
		3);
}

/* Longer than what sockets take of it. */
static struct store *large_store(void)
{
	const struct cluster_shape shape = {
		.nodes = 600, .pods = 30, .containers = 2, .namespaces = 3, .seed = 1};
	struct store *large = cluster_store(telemetry);

	cluster_fill(large, &shape);
	return large;
}

static void who_does_not_read_leaves_room_for_others(void **state)
{
	struct guarded_options options = {.api = {.max_requests_in_flight = 4}};
	struct https *first, *second, *master;

	(void)state;
	telemetry = telemetry_new();
	options.store = large_store();
	start(&options);
	guarded_allow(api, true);
	first = sent(proxy, PODS, ALICE);
	second = sent(proxy, PODS, ALICE);
	guarded_await(api, STREAMS, 2);
	assert_int_equal(guarded_code(api, proxy, PODS, ALICE), 429);
	assert_int_equal(guarded_code(api, proxy, PODS, "X-Remote-User: bob\r\n"), 429);
	/* found to be long on the way */
	assert_int_equal(guarded_code(api, proxy, V1 "/namespaces/namespace-000/pods", ALICE), 429);
	for (int i = 0; i < 5; i++)
		assert_int_equal(guarded_code(api, proxy, NODES "/node-00007", ALICE), 200);
	master = sent(proxy, PODS, ROOT);
	guarded_await(api, STREAMS, 3);
	assert_int_equal(guarded_code(api, proxy, NODES "/node-00007", ALICE), 200);
	https_close(first);
	https_close(master);
	guarded_await(api, STREAMS, 1);
	assert_int_equal(guarded_code(api, proxy, PODS, ALICE), 200);
	assert_int_equal(code_of(second), 200);
	guarded_await(api, STREAMS, 0);
	guarded_await(api, IN_FLIGHT, 0);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_http_requests_rejected_total", NULL, NULL),
		3);
}

/* --- who leaves ------------------------------------------------------------------------------- */

static void a_client_may_leave_while_it_is_asked_about(void **state)
{
	struct https *leaver, *stayer;

	(void)state;
	start(NULL);
	guarded_allow(api, true);
	guarded_set_tokens(api, GUARDED_HOLDS);
	leaver = sent(NULL, NODES, TOM);
	guarded_await(api, WAITING, 1);
	stayer = sent(NULL, NODES, TOM);
	guarded_await(api, WAITING, 2);
	https_close(leaver);
	guarded_await(api, WAITING, 1);
	guarded_await(api, OPEN, 1);
	/* while it may be asked */
	guarded_set_accesses(api, GUARDED_HOLDS);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	guarded_await(api, IN_FLIGHT, 1);
	leaver = sent(proxy, NODES, ALICE);
	guarded_await(api, IN_FLIGHT, 2);
	guarded_await(api, WAITING, 2);
	https_close(leaver);
	guarded_await(api, WAITING, 1);
	guarded_await(api, IN_FLIGHT, 1);
	guarded_set_accesses(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(stayer), 200);
	/* the answers that nobody waited for are kept */
	guarded_await(api, "tacho_aggregator_reviews_in_flight", 0);
	assert_int_equal(guarded_access_reviews(api), 2);
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 200);
	assert_int_equal(guarded_access_reviews(api), 2);
	guarded_await(api, OPEN, 0);
	guarded_await(api, IN_FLIGHT, 0);
}

static void a_question_in_line_goes_with_who_asked_it(void **state)
{
	const struct guarded_options options = {.access = {.max_reviews = 1}};
	struct https *first, *leaver;

	(void)state;
	start(&options);
	guarded_set_tokens(api, GUARDED_HOLDS);
	first = sent(NULL, "/healthz", TOM);
	guarded_await(api, WAITING, 1);
	leaver = sent(NULL, "/healthz", WRONG);
	guarded_await(api, WAITING, 2);
	https_close(leaver);
	guarded_await(api, WAITING, 1);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(first), 200);
	guarded_await(api, "tacho_aggregator_reviews_in_flight", 0);
	assert_int_equal(guarded_token_reviews(api), 1);
}

/* A wait is not the client's fault: it is not cut for it. */
static void a_wait_may_be_longer_than_a_stall(void **state)
{
	const struct guarded_options options = {.api = {.stall_ms = 200}};
	struct https *connection;

	(void)state;
	start(&options);
	guarded_set_tokens(api, GUARDED_HOLDS);
	connection = sent(NULL, "/healthz", TOM);
	guarded_await(api, WAITING, 1);
	wait_ms(1000);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	assert_int_equal(code_of(connection), 200);
}

static void what_is_pipelined_behind_a_wait_is_answered_after_it(void **state)
{
	static const char REQUESTS[] = "GET /healthz?verbose HTTP/1.1\r\nHost: x\r\n" TOM "\r\n"
				       "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	struct https *connection;
	struct https_response answer;

	(void)state;
	start(NULL);
	guarded_set_tokens(api, GUARDED_HOLDS);
	connection = guarded_connect(api, NULL);
	assert_true(https_send(connection, REQUESTS, sizeof(REQUESTS) - 1));
	guarded_await(api, WAITING, 1);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	answer = https_receive(connection, 30000);
	assert_int_equal(answer.status, 200);
	assert_non_null(strstr(answer.body, "healthz check passed"));
	https_response_free(&answer);
	answer = https_receive(connection, 30000);
	assert_string_equal(answer.body, "ok");
	https_response_free(&answer);
	https_close(connection);
}

static void stopping_while_all_wait_is_clean(void **state)
{
	const struct guarded_options options = {.access = {.max_reviews = 1}};
	struct https *connections[4];

	(void)state;
	start(&options);
	guarded_set_tokens(api, GUARDED_HOLDS);
	guarded_set_accesses(api, GUARDED_HOLDS);
	connections[0] = sent(NULL, "/healthz", TOM);
	connections[1] = sent(NULL, "/healthz", TOM);
	connections[2] = sent(NULL, "/healthz", WRONG);
	connections[3] = sent(proxy, NODES, ALICE);
	guarded_await(api, WAITING, 4);
	guarded_stop(api);
	api = NULL;
	for (int i = 0; i < 4; i++)
		https_close(connections[i]);
}

/* --- what is published ------------------------------------------------------------------------ */

/* data of the ConfigMap: all that the API server's flags have by default, and one allowed name */
static char *data_of(const char *client_ca, const char *proxy_ca, const char *allowed)
{
	json_t *data = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "client-ca-file", client_ca,
		"requestheader-client-ca-file", proxy_ca, "requestheader-username-headers",
		"[\"X-Remote-User\"]", "requestheader-group-headers", "[\"X-Remote-Group\"]",
		"requestheader-uid-headers", "[\"X-Remote-Uid\"]",
		"requestheader-extra-headers-prefix", "[\"X-Remote-Extra-\"]",
		"requestheader-allowed-names", allowed);
	char *text = json_dumps(data, JSON_COMPACT);

	json_decref(data);
	assert_non_null(text);
	return text;
}

static void publish(const struct pki *client, const struct pki *front_proxy, const char *allowed)
{
	char *data = data_of(pki_ca(client), pki_ca(front_proxy), allowed);

	guarded_publish(api, data);
	free(data);
}

static bool is_let_in(void *connection)
{
	struct https_response answer = guarded_ask_on(connection, "GET", NODES, ALICE);
	int code = answer.status;

	https_response_free(&answer);
	return code == 200;
}

static bool is_refused(void *connection)
{
	struct https_response answer = guarded_ask_on(connection, "GET", NODES, ALICE);
	int code = answer.status;

	https_response_free(&answer);
	return code == 401;
}

static void what_is_published_is_believed(void **state)
{
	const struct guarded_options options = {.config_map = true};
	struct https *connection;

	(void)state;
	start(&options);
	guarded_allow(api, true);
	connection = guarded_connect(api, proxy);
	/* nobody knows yet whose certificates to believe; a token does not need that */
	assert_true(is_refused(connection));
	assert_int_equal(guarded_code(api, proxy, "/healthz", ""), 401);
	assert_int_equal(guarded_code(api, NULL, "/healthz", ""), 200);
	assert_int_equal(guarded_code(api, NULL, NODES, TOM), 200);
	publish(guarded_client_ca(api), guarded_proxy_ca(api), "[\"front-proxy-client\"]");
	assert_true(wait_until(is_let_in, connection, 40000));
	/* another name, on the living connection */
	publish(guarded_client_ca(api), guarded_proxy_ca(api), "[\"another\"]");
	assert_true(wait_until(is_refused, connection, 40000));
	publish(guarded_client_ca(api), guarded_proxy_ca(api), "[]");
	assert_true(wait_until(is_let_in, connection, 40000));
	/* another CA */
	publish(guarded_client_ca(api), guarded_other_ca(api), "[]");
	assert_true(wait_until(is_refused, connection, 40000));
	publish(guarded_client_ca(api), guarded_proxy_ca(api), "[]");
	assert_true(wait_until(is_let_in, connection, 40000));
	/* what can't be used changes nothing */
	guarded_publish(api, "{\"requestheader-client-ca-file\":\"nonsense\"}");
	wait_ms(1000);
	assert_true(is_let_in(connection));
	https_close(connection);
}

/* With a CA of the flags' what is published about front proxies is another front proxy's. */
static void a_file_wins_over_what_is_published(void **state)
{
	const struct guarded_options options = {.config_map = true, .own_proxy_ca = true};
	const struct pki_client someone = {.common_name = "carol"};
	struct pki_pair client, published;
	struct https *connection;

	(void)state;
	start(&options);
	guarded_allow(api, true);
	client = pki_issue_client(guarded_client_ca(api), &someone);
	published = pki_issue_client(guarded_other_ca(api), &someone);
	connection = guarded_connect(api, &client);
	assert_true(is_refused(connection));
	publish(guarded_client_ca(api), guarded_other_ca(api), "[\"carol\"]");
	assert_true(wait_until(is_let_in, connection, 40000));
	assert_int_equal(guarded_code(api, proxy, NODES, ALICE), 200);
	assert_int_equal(guarded_code(api, &published, NODES, ALICE), 401);
	https_close(connection);
	pki_pair_free(&client);
	pki_pair_free(&published);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(answers_about_tokens_are_kept_for_a_while, tear_down),
		cmocka_unit_test_teardown(decisions_are_kept_for_a_while, tear_down),
		cmocka_unit_test_teardown(failures_are_not_kept, tear_down),
		cmocka_unit_test_teardown(without_kube_apiserver_nobody_new_gets_in, tear_down),
		cmocka_unit_test_teardown(one_question_for_all_who_ask_it, tear_down),
		cmocka_unit_test_teardown(a_failure_is_for_all_who_wait, tear_down),
		cmocka_unit_test_teardown(too_many_who_wait_are_told_to_come_back, tear_down),
		cmocka_unit_test_teardown(requests_in_flight_are_bounded, tear_down),
		cmocka_unit_test_teardown(who_does_not_read_leaves_room_for_others, tear_down),
		cmocka_unit_test_teardown(a_client_may_leave_while_it_is_asked_about, tear_down),
		cmocka_unit_test_teardown(a_question_in_line_goes_with_who_asked_it, tear_down),
		cmocka_unit_test_teardown(a_wait_may_be_longer_than_a_stall, tear_down),
		cmocka_unit_test_teardown(
			what_is_pipelined_behind_a_wait_is_answered_after_it, tear_down),
		cmocka_unit_test_teardown(stopping_while_all_wait_is_clean, tear_down),
		cmocka_unit_test_teardown(what_is_published_is_believed, tear_down),
		cmocka_unit_test_teardown(a_file_wins_over_what_is_published, tear_down),
	};

	return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
