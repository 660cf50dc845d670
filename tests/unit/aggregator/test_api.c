/* aggregator/api/api: the whole HTTP side, spoken to over TLS with bytes that are not always those
 * of a good client. */
#include "aggregator/api/api.h"

#include "aggregator/api/server.h"
#include "tests/harness/cluster.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

#define TOKEN "Authorization: Bearer " HTTPS_SERVER_TOKEN "\r\n"
#define V1    "/apis/metrics.k8s.io/v1"
#define V2    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

static struct telemetry *telemetry;
static struct store *store;
static struct https_server *server;

static void start(const struct api_options *options, uint32_t nodes)
{
	const struct cluster_shape shape = {
		.nodes = nodes, .pods = 30, .containers = 2, .namespaces = 3, .seed = 1};

	telemetry = telemetry_new();
	store = cluster_store(telemetry);
	cluster_fill(store, &shape);
	server = https_server_start(store, telemetry, options);
}

static void stop(void)
{
	https_server_stop(server);
	store_free(store);
	telemetry_free(telemetry);
	server = NULL;
}

static int tear_down(void **state)
{
	(void)state;
	if (server)
		stop();
	return 0;
}

static struct https *connected(void)
{
	struct https *client = https_open(https_server_port(server), https_server_ca(server));

	assert_non_null(client);
	return client;
}

static void send_text(struct https *client, const char *text)
{
	assert_true(https_send(client, text, strlen(text)));
}

static struct https_response receive(struct https *client, bool to_head)
{
	return to_head ? https_receive_head(client, PATIENCE_MS)
		       : https_receive(client, PATIENCE_MS);
}

/* One request over a connection of its own. `headers` end in "\r\n" each. */
static struct https_response ask(const char *method, const char *target, const char *headers)
{
	struct https *client = connected();
	struct https_response answer;
	char text[4096];

	(void)snprintf(
		text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, headers);
	send_text(client, text);
	answer = receive(client, strcmp(method, "HEAD") == 0);
	https_close(client);
	return answer;
}

static uint64_t closed_by(const char *reason)
{
	return telemetry_get(telemetry_counter(
		telemetry, "tacho_aggregator_http_connections_closed_total", "", "reason", reason));
}

static uint64_t open_connections(void)
{
	return telemetry_get(
		telemetry_gauge(telemetry, "tacho_aggregator_http_connections", "", NULL, NULL));
}

static void pause_ms(long ms)
{
	const struct timespec span = {ms / 1000, ms % 1000 * 1000000};

	(void)nanosleep(&span, NULL);
}

/* Waits for what another thread does, at most a minute. */
static bool becomes(uint64_t (*figure)(const char *), const char *argument, uint64_t value)
{
	for (int i = 0; i < 6000; i++) {
		if (figure(argument) == value)
			return true;
		pause_ms(10);
	}
	return false;
}

static uint64_t open_now(const char *unused)
{
	(void)unused;
	return open_connections();
}

static size_t items_in(const char *body)
{
	json_error_t error;
	json_t *json = json_loads(body, 0, &error);
	size_t count;

	if (!json)
		fail_msg("line %d: %s", error.line, error.text);
	count = json_array_size(json_object_get(json, "items"));
	json_decref(json);
	return count;
}

static void answers_every_route(void **state)
{
	static const struct {
		const char *method, *target, *headers;
		int code;
		const char *type, *text; /* a part of the body */
	} CASES[] = {
		{"GET", "/", TOKEN, 200, "application/json", "\"/apis/metrics.k8s.io/v1beta1\""},
		{"GET", "//", TOKEN, 404, "application/json", "\"paths\": ["},
		{"GET", "/nothing", TOKEN, 404, "application/json", "\"paths\": ["},
		{"POST", "/nothing", TOKEN, 404, "application/json", "\"paths\": ["},
		{"GET", "/apis", TOKEN, 200, "application/json", "APIGroupList"},
		{"GET", "/apis/", TOKEN, 200, "application/json", "APIGroupList"},
		{"GET", "/apis", TOKEN "Accept: " V2 "\r\n", 200, V2, "APIGroupDiscoveryList"},
		{"GET", "/api", TOKEN "Accept: " V2 "\r\n", 200, V2, "\"Namespace\""},
		{"GET", "/apis", TOKEN "Accept: text/html\r\n", 406, "application/json",
			"only the following"},
		{"GET", "/apis/metrics.k8s.io/", TOKEN, 200, "application/json", "\"APIGroup\""},
		{"GET", V1 "/", TOKEN, 200, "application/json", "APIResourceList"},
		{"GET", "/apis/metrics.k8s.io/v2", TOKEN, 404, "application/json",
			"could not find the requested resource"},
		{"GET", "/apis/metrics.k8s.io//v1", TOKEN, 404, "application/json",
			"could not find the requested resource"},
		{"GET", "/apis/other.k8s.io/v1", TOKEN, 404, "application/json", "\"paths\": ["},
		{"GET", "/healthz", "", 200, "text/plain; charset=utf-8", "ok"},
		{"POST", "/healthz", "", 405, "application/json", "does not allow this method"},
		{"GET", "/livez?verbose", "", 200, "text/plain; charset=utf-8",
			"[+]ping ok\nlivez check passed\n"},
		{"GET", "/readyz", "", 200, "text/plain; charset=utf-8", "ok"},
		{"GET", "/readyz/first-node", TOKEN, 200, "text/plain; charset=utf-8", "ok"},
		{"GET", "/readyz/first-node", "", 401, "application/json", "Unauthorized"},
		{"GET", "/readyz/nothing", TOKEN, 404, "application/json", "NotFound"},
		{"GET", "/readyz/", TOKEN, 404, "application/json", "\"paths\": ["},
		{"GET", "/version", TOKEN, 200, "application/json", "\"gitVersion\": \"v"},
		{"GET", "/version/", TOKEN, 200, "application/json", "\"gitVersion\""},
		{"GET", "/version", "", 401, "application/json", "Unauthorized"},
		{"GET", "/metrics", TOKEN, 200, "text/plain; version=0.0.4; charset=utf-8",
			"tacho_aggregator_http_connections 1\n"},
		{"GET", "/metrics/", TOKEN, 404, "application/json", "\"paths\": ["},
		{"GET", V1 "/nodes", TOKEN, 200, "application/json", "NodeMetricsList"},
		{"GET", V1 "/nodes/", TOKEN, 200, "application/json", "NodeMetricsList"},
		{"GET", "/apis/metrics.k8s.io/v1beta1/nodes", TOKEN, 200, "application/json",
			"\"apiVersion\":\"metrics.k8s.io/v1beta1\""},
		{"GET", V1 "/nodes/node-00000/", TOKEN, 200, "application/json", "\"NodeMetrics\""},
		{"GET", V1 "/nodes/x", TOKEN, 404, "application/json",
			"nodemetrics.metrics.k8s.io \\\"x\\\" not found"},
		{"GET", V1 "/namespaces/ns/pods/p", TOKEN, 404, "application/json",
			"podmetrics.metrics.k8s.io \\\"ns/p\\\" not found"},
		{"GET", V1 "/namespaces/none/pods", TOKEN, 200, "application/json", "\"items\":[]"},
		{"GET", V1 "/namespaces", TOKEN, 404, "application/json", "could not find"},
		{"GET", V1 "/watch/nodes", TOKEN, 404, "application/json", "could not find"},
		{"GET", V1 "/nodes?watch=true", TOKEN, 405, "application/json", "watch is not"},
		{"GET", V1 "/nodes?labelSelector=(", TOKEN, 400, "application/json",
			"found '(', expected: !, identifier, or 'end of string'"},
		{"GET", V1 "/nodes?fieldSelector=spec.x=1", TOKEN, 400, "application/json",
			"is not a known field selector"},
		{"GET", V1 "/nodes?fieldSelector=metadata.name%3Dnode-00001", TOKEN, 200,
			"application/json", "node-00001"},
		{"GET", V1 "/nodes?timeout=x", "", 400, "application/json", "invalid duration"},
		{"GET", V1 "/nodes?timeout=x", "Authorization: Bearer x\r\n", 400,
			"application/json", "invalid duration"},
		{"GET", V1 "/nodes?watch=1&timeout=x", TOKEN, 405, "application/json", "watch"},
		{"GET", V1 "/nodes?sendInitialEvents=true", TOKEN, 422, "application/json",
			"sendInitialEvents is forbidden for list"},
		{"GET", V1 "/nodes", TOKEN "Accept: text/html;q=x,;;,/\r\n", 406,
			"application/json", "406: Not Acceptable"},
		{"GET", V1 "/nodes", TOKEN "Accept: application/json;as=Foo\r\n", 406,
			"application/json", "only the following media types"},
		{"GET", V1 "/nodes?includeObject=x",
			TOKEN "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n", 400,
			"application/json", "must be 'Metadata', 'Object', 'None', or empty"},
		{"GET", V1 "/nodes?includeObject=None",
			TOKEN "Accept: application/json;as=Table;v=v1;g=meta.k8s.io\r\n", 200,
			"application/json", "\"object\":null"},
		{"GET", V1 "/nodes", TOKEN "User-Agent: curl/8\r\n", 200, "application/json",
			"{\n  \"kind\": \"NodeMetricsList\""},
		{"GET", V1 "/nodes/x?pretty=1", TOKEN, 404, "application/json",
			"{\n  \"kind\": \"Status\""},
		{"GET", V1 "/nodes", TOKEN "Accept: application/vnd.kubernetes.protobuf, */*\r\n",
			200, "application/vnd.kubernetes.protobuf", "k8s"},
		{"GET", V1 "/nodes/x", TOKEN "Accept: application/vnd.kubernetes.protobuf, */*\r\n",
			404, "application/vnd.kubernetes.protobuf", "k8s"},
		{"HEAD", V1 "/nodes", TOKEN, 405, "application/json", NULL},
		{"HEAD", "/healthz", "", 200, "text/plain; charset=utf-8", NULL},
		{"OPTIONS", V1 "/nodes", TOKEN, 405, "application/json", "does not allow"},
		{"PUT", V1 "/nodes/x", TOKEN, 405, "application/json", "does not allow"},
		{"BREW", V1 "/nodes", TOKEN, 405, "application/json", "does not allow"},
		{"OPTIONS", "*", TOKEN, 400, "application/json", "has no path"},
		{"GET", V1 "/nodes/%00", TOKEN, 400, "application/json", "must not contain a NUL"},
		{"GET", V1 "/nodes/node-00000%00x", TOKEN, 400, "application/json",
			"must not contain a NUL"},
		{"GET", V1 "/nodes?labelSelector=a%00b", TOKEN, 400, "application/json",
			"must not contain a NUL"},
		{"GET", V1 "/nodes/%ff%fe", TOKEN, 404, "application/json",
			"\\\"\\\\xff\\\\xfe\\\""},
		{"GET", V1 "/nodes/\xff\xfe", TOKEN, 404, "application/json",
			"\\\"\\\\xff\\\\xfe\\\""},
		{"GET", V1 "/nodes/%zz", TOKEN, 400, "application/json", "invalid escape"},
		{"GET", V1 "/nodes/%2e%2e/pods", TOKEN, 404, "application/json", "could not find"},
		{"GET", "/api/v1", TOKEN, 200, "application/json", "\"groupVersion\":\"v1\""},
		{"GET", "/api/v1/nodes", TOKEN, 200, "application/json", "\"NodeList\""},
		{"GET", "/api/v1/nodes/node-00000", TOKEN, 200, "application/json", "\"Node\""},
		{"GET", "/api/v1/nodes/x", TOKEN, 404, "application/json",
			"nodes \\\"x\\\" not found"},
		{"GET", "/api/v1/nodes", TOKEN "Accept: application/vnd.kubernetes.protobuf\r\n",
			406, "application/vnd.kubernetes.protobuf", "k8s"},
		{"GET", "/api/v1/namespaces", TOKEN, 200, "application/json",
			"\"name\":\"namespace-002\""},
		{"GET", "/api/v1/namespaces/namespace-001", TOKEN, 200, "application/json",
			"\"Namespace\""},
		{"GET", "/api/v1/namespaces/x", TOKEN, 404, "application/json",
			"namespaces \\\"x\\\" not found"},
		{"GET", "/api/v1/namespaces/namespace-001/pods", TOKEN, 200, "application/json",
			"\"PodList\""},
		{"GET", "/api/v1/pods?watch=1", TOKEN, 405, "application/json",
			"kind \\\"pods\\\""},
		{"GET", "/api/v1/services", TOKEN, 404, "application/json", "could not find"},
		{"GET", V1 "/nodes", "", 401, "application/json", "Unauthorized"},
		{"GET", V1 "/nodes", "Authorization: Bearer wrong\r\n", 401, "application/json",
			"Unauthorized"},
		{"GET", "/nothing", "", 401, "application/json", "Unauthorized"},
		{"GET", "/healthz", "Authorization: Bearer wrong\r\n", 200,
			"text/plain; charset=utf-8", "ok"},
	};

	(void)state;
	start(NULL, 2);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https_response answer =
			ask(CASES[i].method, CASES[i].target, CASES[i].headers);
		char type[100] = "";

		if (answer.status != CASES[i].code)
			fail_msg("%s %s: %d %s", CASES[i].method, CASES[i].target, answer.status,
				answer.body);
		(void)https_header(&answer, "Content-Type", type, sizeof(type));
		assert_string_equal(type, CASES[i].type);
		if (CASES[i].text && !strstr(answer.body, CASES[i].text))
			fail_msg("%s %s: %s", CASES[i].method, CASES[i].target, answer.body);
		if (!CASES[i].text)
			assert_int_equal(answer.length, 0);
		assert_true(https_header(&answer, "Audit-Id", type, sizeof(type)));
		assert_true(https_header(&answer, "Cache-Control", type, sizeof(type)));
		assert_string_equal(type, "no-cache, private");
		assert_false(https_header(&answer, "Location", type, sizeof(type)));
		https_response_free(&answer);
	}
	assert_true(telemetry_get(telemetry_counter(telemetry,
			    "tacho_aggregator_http_requests_total", "", "code", "401")) >= 5);
}

static void without_core_api_it_is_not_there(void **state)
{
	const struct api_options options = {.core_api = false};
	struct https_response answer;

	(void)state;
	start(&options, 1);
	answer = ask("GET", "/api/v1/nodes", TOKEN);
	assert_int_equal(answer.status, 404);
	assert_null(strstr(answer.body, "\"/api\""));
	https_response_free(&answer);
}

static uint64_t code_of(const char *target)
{
	struct https_response answer = ask("GET", target, "");
	uint64_t code = (uint64_t)answer.status;

	https_response_free(&answer);
	return code;
}

static void waits_for_the_first_node(void **state)
{
	const struct api_options patient = {.ready_ms = 3600000}, hasty = {.ready_ms = 400};
	struct https_response answer;

	(void)state;
	start(&patient, 0);
	answer = ask("GET", "/readyz", "");
	assert_int_equal(answer.status, 500);
	assert_string_equal(answer.body,
		"[+]ping ok\n[-]first-node failed: reason withheld\n[+]shutdown ok\n"
		"readyz check failed\n");
	https_response_free(&answer);
	answer = ask("GET", "/readyz/first-node", TOKEN);
	assert_int_equal(answer.status, 500);
	assert_string_equal(answer.body, "internal server error: no node has reported yet\n");
	https_response_free(&answer);
	answer = ask("GET", "/livez", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	stop();
	start(&hasty, 0);
	assert_true(becomes(code_of, "/readyz", 200));
}

static const char *check_flag(void *context)
{
	return *(const bool *)context ? NULL : "it is not so yet";
}

static void conditions_are_checks_of_readyz(void **state)
{
	static bool so = true, not_so;
	const struct api_condition conditions[] = {
		{"good", check_flag, &so}, {"bad", check_flag, &not_so}};
	const struct api_options options = {.conditions = conditions, .condition_count = 2};
	struct https_response answer;

	(void)state;
	not_so = false;
	start(&options, 1);
	answer = ask("GET", "/readyz", "");
	assert_int_equal(answer.status, 500);
	assert_string_equal(answer.body,
		"[+]ping ok\n[+]first-node ok\n[+]good ok\n[-]bad failed: reason withheld\n"
		"[+]shutdown ok\n"
		"readyz check failed\n");
	https_response_free(&answer);
	answer = ask("GET", "/readyz?exclude=bad", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	answer = ask("GET", "/readyz/good", TOKEN);
	assert_string_equal(answer.body, "ok");
	https_response_free(&answer);
	answer = ask("GET", "/readyz/bad", TOKEN);
	assert_int_equal(answer.status, 500);
	assert_string_equal(answer.body, "internal server error: it is not so yet\n");
	https_response_free(&answer);
	answer = ask("GET", "/livez/bad", TOKEN);
	assert_int_equal(answer.status, 404);
	https_response_free(&answer);
	answer = ask("GET", "/livez?verbose", "");
	assert_string_equal(answer.body, "[+]ping ok\nlivez check passed\n");
	https_response_free(&answer);
	not_so = true;
	answer = ask("GET", "/readyz", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

static void audit_ids_are_echoed_or_made(void **state)
{
	char id[100], other[100], header[200], received[66];
	struct https_response answer;

	(void)state;
	start(NULL, 1);
	answer = ask("GET", "/healthz", "Audit-Id: my-id\r\n");
	assert_true(https_header(&answer, "Audit-Id", id, sizeof(id)));
	assert_string_equal(id, "my-id");
	https_response_free(&answer);
	answer = ask("GET", "/healthz", "");
	assert_true(https_header(&answer, "Audit-Id", id, sizeof(id)));
	assert_int_equal(strlen(id), 36);
	https_response_free(&answer);
	answer = ask("GET", "/healthz", "");
	assert_true(https_header(&answer, "Audit-Id", other, sizeof(other)));
	assert_string_not_equal(id, other);
	https_response_free(&answer);
	for (size_t length = 64; length <= 65; length++) {
		memset(received, 'x', length);
		received[length] = '\0';
		(void)snprintf(header, sizeof(header), "Audit-Id: %s\r\n", received);
		answer = ask("GET", "/healthz", header);
		assert_true(https_header(&answer, "Audit-Id", id, sizeof(id)));
		assert_int_equal(strcmp(id, received) == 0, length == 64);
		https_response_free(&answer);
	}
}

static void discovery_is_cached_by_its_tag(void **state)
{
	struct https_response answer;
	char tag[100], header[300];

	(void)state;
	start(NULL, 1);
	answer = ask("GET", "/apis", TOKEN "Accept: " V2 "\r\n");
	assert_true(https_header(&answer, "ETag", tag, sizeof(tag)));
	https_response_free(&answer);
	(void)snprintf(
		header, sizeof(header), TOKEN "Accept: " V2 "\r\nIf-None-Match: %s\r\n", tag);
	answer = ask("GET", "/apis", header);
	assert_int_equal(answer.status, 304);
	assert_false(https_header(&answer, "Content-Length", tag, sizeof(tag)));
	https_response_free(&answer);
	/* the legacy fallback of kube-aggregator still carries the tag */
	(void)snprintf(header, sizeof(header), TOKEN "If-None-Match: %s\r\n", tag);
	answer = ask("GET", "/apis", header);
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

/* 20 nodes of 30 pods: far more than goes out in one piece. */
#define MANY      20
#define MANY_PODS (MANY * 30)

static void long_lists_are_streamed_and_packed(void **state)
{
	static const char *const PATHS[] = {V1 "/pods", "/api/v1/pods", "/api/v1/pods?pretty=1"};
	char value[100];

	(void)state;
	start(NULL, MANY);
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
		struct https_response answer = ask("GET", PATHS[i], TOKEN);

		assert_int_equal(answer.status, 200);
		assert_true(answer.chunked);
		assert_int_equal(items_in(answer.body), MANY_PODS);
		https_response_free(&answer);

		answer = ask("GET", PATHS[i], TOKEN "Accept-Encoding: gzip\r\n");
		assert_int_equal(answer.status, 200);
		assert_true(https_header(&answer, "Content-Encoding", value, sizeof(value)));
		assert_string_equal(value, "gzip");
		assert_true(https_header(&answer, "Vary", value, sizeof(value)));
		assert_string_equal(value, "Accept-Encoding");
		assert_true(answer.gzipped);
		assert_true(answer.wire_length < answer.length);
		assert_int_equal(items_in(answer.body), MANY_PODS);
		https_response_free(&answer);
	}
	/* what is short goes out whole and as it is */
	struct https_response answer = ask("GET", V1 "/nodes", TOKEN "Accept-Encoding: gzip\r\n");

	assert_false(answer.chunked);
	assert_false(https_header(&answer, "Content-Encoding", value, sizeof(value)));
	assert_int_equal(items_in(answer.body), MANY);
	https_response_free(&answer);
}

static void http_1_0_gets_its_answers(void **state)
{
	static const char *const CONNECTION[] = {"", "Connection: keep-alive\r\n"};

	(void)state;
	start(NULL, MANY);
	for (size_t i = 0; i < 2; i++) {
		struct https *client = connected();
		struct https_response answer;
		char text[300];

		(void)snprintf(text, sizeof(text), "GET " V1 "/nodes HTTP/1.0\r\n%s" TOKEN "\r\n",
			CONNECTION[i]);
		send_text(client, text);
		answer = receive(client, false);
		assert_int_equal(answer.status, 200);
		assert_int_equal(items_in(answer.body), MANY);
		https_response_free(&answer);
		if (i == 0) {
			https_close(client);
			client = connected();
		}
		/* streamed, and ended by the connection's end */
		(void)snprintf(text, sizeof(text), "GET " V1 "/pods HTTP/1.0\r\n%s" TOKEN "\r\n",
			CONNECTION[i]);
		send_text(client, text);
		answer = receive(client, false);
		assert_int_equal(answer.status, 200);
		assert_false(answer.chunked);
		assert_int_equal(items_in(answer.body), MANY_PODS);
		https_response_free(&answer);
		https_close(client);
	}
}

static void requests_may_be_pipelined(void **state)
{
	static const char REQUESTS[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
				       "GET " V1 "/pods HTTP/1.1\r\nHost: x\r\n" TOKEN "\r\n"
				       "HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n"
				       "GET " V1 "/nodes HTTP/1.1\r\nHost: x\r\n" TOKEN "\r\n";
	struct https *client;
	struct https_response answer;

	(void)state;
	start(NULL, MANY);
	client = connected();
	send_text(client, REQUESTS);
	answer = receive(client, false);
	assert_string_equal(answer.body, "ok");
	https_response_free(&answer);
	answer = receive(client, false);
	assert_int_equal(items_in(answer.body), MANY_PODS);
	https_response_free(&answer);
	answer = receive(client, true);
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	answer = receive(client, false);
	assert_int_equal(items_in(answer.body), MANY);
	https_response_free(&answer);
	https_close(client);
}

/* Else a body, which the proxy hands on, could be a request in another user's name. */
static void a_body_is_never_taken_for_a_request(void **state)
{
	static const char *const HEADS[] = {
		"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
		"HEAD /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n",
		"HEAD /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, "
		"chunked\r\n\r\n28\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n28\r\n",
		"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n"
		"\r\n",
	};
	static const char BODY[] = "GET /readyz HTTP/1.1\r\nHost: example\r\n\r\n\r\n0\r\n\r\n";

	(void)state;
	start(NULL, 1);
	for (size_t i = 0; i < sizeof(HEADS) / sizeof(HEADS[0]); i++) {
		struct https *client = connected();
		struct https_response answer;
		char text[400], value[20];

		(void)snprintf(text, sizeof(text), "%s%s", HEADS[i], BODY);
		send_text(client, text);
		answer = receive(client, HEADS[i][0] == 'H');
		assert_int_equal(answer.status, 200);
		assert_true(https_header(&answer, "Connection", value, sizeof(value)));
		assert_string_equal(value, "close");
		https_response_free(&answer);
		assert_int_equal(https_drain(client, PATIENCE_MS), 0);
		https_close(client);
	}
}

static void send_long_header(struct https *client, size_t bytes)
{
	static const char START[] = "GET /healthz HTTP/1.1\r\nX: ";
	char *text = malloc(bytes + sizeof(START) + 8);
	size_t length = sizeof(START) - 1;

	assert_non_null(text);
	memcpy(text, START, length);
	memset(text + length, 'x', bytes);
	memcpy(text + length + bytes, "\r\n\r\n", 4);
	(void)https_send(client, text, length + bytes + 4);
	free(text);
}

static void headers_are_bounded(void **state)
{
	static const struct {
		size_t bytes;
		int code;
	} CASES[] = {
		/* evhttp counts the lines without their ends: here 21 and 3 bytes beside */
		{SERVER_MAX_HEADER_BYTES - 24, 200},
		{SERVER_MAX_HEADER_BYTES - 23, 431},
		{2 * SERVER_MAX_HEADER_BYTES - 24, 431},
		{2 * SERVER_MAX_HEADER_BYTES - 23, 400},
	};

	(void)state;
	start(NULL, 1);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https *client = connected();
		struct https_response answer;

		send_long_header(client, CASES[i].bytes);
		answer = receive(client, false);
		if (answer.status != CASES[i].code)
			fail_msg("%zu bytes: %d", CASES[i].bytes, answer.status);
		if (answer.status == 431)
			assert_non_null(strstr(answer.body, "header is longer than 65536 bytes"));
		https_response_free(&answer);
		https_close(client);
	}
}

static void nonsense_gets_400_and_harms_no_one(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
	} CASES[] = {
#define BYTES(text) {text, sizeof(text) - 1}
		BYTES("nonsense\r\n\r\n"),
		BYTES("GET /healthz\0x HTTP/1.1\r\n\r\n"),
		BYTES("GET\0 /healthz HTTP/1.1\r\n\r\n"),
		BYTES("GET /healthz HTTP/9.9.9\r\n\r\n"),
		BYTES("GET /healthz HTTP/1.1\r\nno colon\r\n\r\n"),
		BYTES("POST /healthz HTTP/1.1\r\nContent-Length: -5\r\n\r\n"),
		BYTES("POST /healthz HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
		BYTES("\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xf7\xf6\xf5\xf4\xf3\xf2\xf1\r\n\r\n"),
#undef BYTES
	};

	(void)state;
	start(NULL, 1);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https *client = connected();
		struct https_response answer;

		assert_true(https_send(client, CASES[i].bytes, CASES[i].size));
		answer = receive(client, false);
		if (answer.status != 400)
			fail_msg("case %zu: %d", i, answer.status);
		https_response_free(&answer);
		https_close(client);
	}
	struct https_response answer = ask("GET", "/healthz", "");

	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

static void a_body_that_is_too_long_is_refused(void **state)
{
	struct https *client;
	struct https_response answer;

	(void)state;
	start(NULL, 1);
	client = connected();
	send_text(client, "POST /healthz HTTP/1.1\r\nContent-Length: 65537\r\n\r\nx");
	answer = receive(client, false);
	assert_int_equal(answer.status, 413);
	https_response_free(&answer);
	https_close(client);
}

static void a_client_that_never_says_a_word_of_tls_is_cut(void **state)
{
	const struct api_options options = {.handshake_ms = 200};
	char byte;
	int fd;

	(void)state;
	start(&options, 1);
	fd = https_tcp(https_server_port(server));
	assert_true(fd >= 0);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	(void)close(fd);
	assert_true(becomes(closed_by, "handshake_timeout", 1));
	assert_true(becomes(open_now, NULL, 0));
}

/* A few at a time, without anyone left over, and others are answered meanwhile. */
static void many_are_cut_at_once(void **state)
{
	const struct api_options options = {.handshake_ms = 2000};
	int fds[300];
	size_t count = sizeof(fds) / sizeof(fds[0]);
	struct https_response answer;

	(void)state;
	start(&options, 1);
	for (size_t i = 0; i < count; i++) {
		fds[i] = https_tcp(https_server_port(server));
		assert_true(fds[i] >= 0);
	}
	answer = ask("GET", "/healthz", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	assert_true(becomes(closed_by, "handshake_timeout", count));
	assert_true(becomes(open_now, NULL, 0));
	for (size_t i = 0; i < count; i++)
		(void)close(fds[i]);
}

static void a_client_whose_header_drips_is_cut(void **state)
{
	const struct api_options options = {.receive_ms = 200};
	struct https *client;

	(void)state;
	start(&options, 1);
	client = connected();
	send_text(client, "GET /healthz HTTP/1.1\r\nX: ");
	while (closed_by("receive_timeout") == 0 && https_send(client, "x", 1))
		pause_ms(20);
	assert_int_equal(https_drain(client, PATIENCE_MS), 0);
	https_close(client);
	assert_true(becomes(closed_by, "receive_timeout", 1));
	assert_true(becomes(open_now, NULL, 0));
}

/* After an answer, and from the start. */
static void an_idle_client_is_cut(void **state)
{
	const struct api_options options = {.idle_ms = 3000};
	struct https *client, *idle;

	(void)state;
	start(&options, 1);
	client = connected();
	send_text(client, "GET /healthz HTTP/1.1\r\n\r\n");
	idle = connected();
	assert_true(https_drain(client, PATIENCE_MS) > 0);
	assert_int_equal(https_drain(idle, PATIENCE_MS), 0);
	https_close(client);
	https_close(idle);
	assert_true(becomes(closed_by, "idle_timeout", 2));
	assert_true(becomes(open_now, NULL, 0));
}

/* Enough that no kernel buffer takes it all. */
#define MORE_THAN_BUFFERS 600

static void a_client_that_stops_reading_is_cut(void **state)
{
	static const char MORE[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	const struct api_options options = {.stall_ms = 300};
	struct https *stalled;
	struct https_response answer;

	(void)state;
	start(&options, MORE_THAN_BUFFERS);
	stalled = connected();
	send_text(stalled, "GET " V1 "/pods HTTP/1.1\r\nHost: x\r\n" TOKEN "\r\n");
	/* what it sends meanwhile is not read without bound */
	for (int i = 0; i < 20; i++)
		(void)https_send(stalled, MORE, strlen(MORE)); /* unless it is cut already */
	answer = ask("GET", V1 "/nodes/node-00000", TOKEN);    /* others are served */
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	assert_true(becomes(closed_by, "stalled_client", 1));
	answer = receive(stalled, false);
	assert_int_equal(answer.status, 0); /* and it can't take what it has for the whole */
	https_response_free(&answer);
	https_close(stalled);
	assert_true(becomes(open_now, NULL, 0));
}

static void a_client_that_leaves_takes_nothing_along(void **state)
{
	(void)state;
	start(NULL, MORE_THAN_BUFFERS);
	for (int i = 0; i < 5; i++) {
		struct https *client = connected();

		send_text(client, "GET " V1 "/pods HTTP/1.1\r\nHost: x\r\n" TOKEN
				  "Accept-Encoding: gzip\r\n\r\n");
		if (i & 1)
			pause_ms(20);
		https_close(client);
	}
	assert_true(becomes(open_now, NULL, 0));
}

static void stopping_in_the_middle_of_answers_is_clean(void **state)
{
	struct https *streaming, *idle, *half;
	int silent;

	(void)state;
	start(NULL, MORE_THAN_BUFFERS);
	streaming = connected();
	idle = connected();
	half = connected();
	silent = https_tcp(https_server_port(server));
	send_text(streaming, "GET " V1 "/pods HTTP/1.1\r\nHost: x\r\n" TOKEN "\r\n");
	send_text(half, "GET /heal");
	pause_ms(50);
	stop();
	https_close(streaming);
	https_close(idle);
	https_close(half);
	(void)close(silent);
}

#define IDLE 1000

static void a_thousand_idle_connections_are_fine(void **state)
{
	const struct api_options options = {.max_connections = IDLE + 1, .idle_ms = 3600000};
	struct rlimit limit, old;
	struct https **clients = calloc(IDLE, sizeof(struct https *)), *one_more;
	struct https_response answer;

	(void)state;
	assert_non_null(clients);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	limit = (struct rlimit){2 * IDLE + 200, old.rlim_max};
	if (old.rlim_max < limit.rlim_cur)
		limit.rlim_max = limit.rlim_cur;
	if (old.rlim_cur < limit.rlim_cur && setrlimit(RLIMIT_NOFILE, &limit) != 0) {
		print_message("skipped: RLIMIT_NOFILE can't be raised to %d\n", 2 * IDLE + 200);
		free(clients);
		skip();
	}
	start(&options, 1);
	for (int i = 0; i < IDLE; i++)
		clients[i] = connected();
	assert_int_equal(open_connections(), IDLE);
	answer = ask("GET", "/healthz", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	assert_true(becomes(open_now, NULL, IDLE));

	one_more = connected();
	assert_true(becomes(open_now, NULL, IDLE + 1));
	send_text(clients[IDLE - 1], "GET /healthz HTTP/1.1\r\n\r\n");
	answer = receive(clients[IDLE - 1], false);
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	https_close(one_more);
	for (int i = 0; i < IDLE; i++)
		https_close(clients[i]);
	free(clients);
	assert_true(becomes(open_now, NULL, 0));
	(void)setrlimit(RLIMIT_NOFILE, &old);
}

static void expect_answer(struct https *client)
{
	struct https_response answer;

	send_text(client, "GET /healthz HTTP/1.1\r\n\r\n");
	answer = receive(client, false);
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

/* At the bound: the longest idle one goes, and who is in the middle of something never. */
static void idle_connections_make_room(void **state)
{
	const struct api_options options = {.max_connections = 3, .idle_ms = 3600000};
	struct https *client[5];

	(void)state;
	start(&options, 1);
	for (int i = 0; i < 3; i++) {
		client[i] = connected();
		expect_answer(client[i]);
	}
	expect_answer(client[0]);
	client[3] = connected();
	assert_int_equal(https_drain(client[1], 10000), 0);
	assert_true(becomes(closed_by, "made_room", 1));
	expect_answer(client[3]);
	expect_answer(client[0]);
	expect_answer(client[2]);
	client[4] = connected();
	assert_int_equal(https_drain(client[3], 10000), 0);
	expect_answer(client[4]);
	assert_true(becomes(open_now, NULL, 3));

	send_text(client[0], "GET /heal");
	send_text(client[2], "GET /heal");
	send_text(client[4], "GET /heal");
	pause_ms(500);
	assert_null(https_open(https_server_port(server), https_server_ca(server)));
	assert_true(becomes(closed_by, "too_many", 1));
	assert_true(becomes(closed_by, "made_room", 2));
	send_text(client[0], "thz HTTP/1.1\r\n\r\n");
	assert_true(becomes(open_now, NULL, 3));
	for (int i = 0; i < 5; i++)
		https_close(client[i]);
}

static void outlives_a_lack_of_file_descriptors(void **state)
{
	const struct api_options options = {
		.idle_ms = 500}; /* so that it tries again after 50 ms */
	struct https_response answer;
	struct rlimit limit, old;
	int next, fd;

	(void)state;
	start(&options, 1);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	next = dup(0); /* the lowest that is free: the client's, and none is left for the server */
	assert_true(next >= 0);
	(void)close(next);
	limit = (struct rlimit){(rlim_t)next + 1, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	fd = https_tcp(https_server_port(server));
	pause_ms(200);
	assert_int_equal(open_connections(), 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_true(fd >= 0);
	assert_true(becomes(open_now, NULL, 1));
	answer = ask("GET", "/healthz", "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	(void)close(fd);
}

static void says_why_it_does_not_start(void **state)
{
	struct api_options options = {.bind_address = "127.0.0.1"};
	struct scratch *scratch = scratch_new();
	struct pki *pki = pki_new("authority");
	struct pki_pair pair = pki_issue(pki, "IP:127.0.0.1", 3600);
	struct pki_pair other = pki_issue(pki, "IP:127.0.0.1", 3600);
	char expected[300];
	struct event_base *base = event_base_new();
	struct error err;

	(void)state;
	start(NULL, 1);
	options.store = store;
	options.telemetry = telemetry;
	options.cert_file = scratch_write(scratch, "cert", pair.cert);
	options.key_file = scratch_write(scratch, "key", pair.key);

	options.port = https_server_port(server);
	assert_null(api_start(&options, base, &err));
	(void)snprintf(expected, sizeof(expected),
		"listening on 127.0.0.1 port %u: Address already in use", options.port);
	assert_string_equal(err.message, expected);

	options.port = 0;
	options.bind_address = "localhost";
	assert_null(api_start(&options, base, &err));
	assert_string_equal(err.message, "listening on localhost: not an IP address");

	options.bind_address = "127.0.0.1";
	options.cert_file = "/nonexistent/cert";
	assert_null(api_start(&options, base, &err));
	assert_string_equal(err.message,
		"reading the certificate /nonexistent/cert: No such file or directory");

	options.cert_file = scratch_write(scratch, "empty", "");
	assert_null(api_start(&options, base, &err));
	(void)snprintf(expected, sizeof(expected), "reading the certificate %s: no start line",
		options.cert_file);
	assert_string_equal(err.message, expected);

	options.cert_file = scratch_path(scratch, "cert");
	options.key_file = scratch_write(scratch, "other", other.key);
	assert_null(api_start(&options, base, &err));
	(void)snprintf(expected, sizeof(expected), "reading the key %s: key values mismatch",
		options.key_file);
	assert_string_equal(err.message, expected);
	event_base_free(base);
	pki_pair_free(&other);
	pki_pair_free(&pair);
	pki_free(pki);
	scratch_free(scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(answers_every_route, tear_down),
		cmocka_unit_test_teardown(without_core_api_it_is_not_there, tear_down),
		cmocka_unit_test_teardown(waits_for_the_first_node, tear_down),
		cmocka_unit_test_teardown(conditions_are_checks_of_readyz, tear_down),
		cmocka_unit_test_teardown(audit_ids_are_echoed_or_made, tear_down),
		cmocka_unit_test_teardown(discovery_is_cached_by_its_tag, tear_down),
		cmocka_unit_test_teardown(long_lists_are_streamed_and_packed, tear_down),
		cmocka_unit_test_teardown(http_1_0_gets_its_answers, tear_down),
		cmocka_unit_test_teardown(requests_may_be_pipelined, tear_down),
		cmocka_unit_test_teardown(a_body_is_never_taken_for_a_request, tear_down),
		cmocka_unit_test_teardown(headers_are_bounded, tear_down),
		cmocka_unit_test_teardown(nonsense_gets_400_and_harms_no_one, tear_down),
		cmocka_unit_test_teardown(a_body_that_is_too_long_is_refused, tear_down),
		cmocka_unit_test_teardown(a_client_that_never_says_a_word_of_tls_is_cut, tear_down),
		cmocka_unit_test_teardown(many_are_cut_at_once, tear_down),
		cmocka_unit_test_teardown(a_client_whose_header_drips_is_cut, tear_down),
		cmocka_unit_test_teardown(an_idle_client_is_cut, tear_down),
		cmocka_unit_test_teardown(a_client_that_stops_reading_is_cut, tear_down),
		cmocka_unit_test_teardown(a_client_that_leaves_takes_nothing_along, tear_down),
		cmocka_unit_test_teardown(stopping_in_the_middle_of_answers_is_clean, tear_down),
		cmocka_unit_test_teardown(a_thousand_idle_connections_are_fine, tear_down),
		cmocka_unit_test_teardown(idle_connections_make_room, tear_down),
		cmocka_unit_test_teardown(outlives_a_lack_of_file_descriptors, tear_down),
		cmocka_unit_test_teardown(says_why_it_does_not_start, tear_down),
	};

	return cmocka_run_group_tests_name("api", tests, NULL, NULL);
}
