/* aggregator/api: answers that go out in one piece, past libevent: byte by byte as those that do
 * not, however requests are cut into TLS records, and to clients that do not read yet. */
#include "base/buffer.h"
#include "tests/harness/cluster.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

#define NODES "/apis/metrics.k8s.io/v1/nodes"
#define AUDIT "Audit-Id: 2f5b6f4e-3c1d-4c8a-9a66-0d3f0c6f3f01\r\n"
#define TOKEN "Authorization: Bearer " HTTPS_SERVER_TOKEN "\r\n"

static struct telemetry *telemetry;
static struct store *store;
static struct https_server *server;
static struct https *client;

static int set_up(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 20, .pods = 2, .containers = 2, .namespaces = 1, .seed = 1};
	const struct api_options options = {.serving_threads = 1};

	(void)state;
	telemetry = telemetry_new();
	store = cluster_store(telemetry);
	cluster_fill(store, &shape);
	server = https_server_start(store, telemetry, &options);
	client = https_open(https_server_port(server), https_server_ca(server));
	assert_non_null(client);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	https_close(client);
	https_server_stop(server);
	store_free(store);
	telemetry_free(telemetry);
	return 0;
}

static struct https_response ask(const char *method, const char *target, const char *headers)
{
	char text[1000];
	int length = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: x\r\n%s%s%s\r\n", method,
		target, TOKEN, AUDIT, headers);

	assert_true(https_send(client, text, (size_t)length));
	return strcmp(method, "HEAD") == 0 ? https_receive_head(client, PATIENCE_MS)
					   : https_receive(client, PATIENCE_MS);
}

/* Without the one line that tells them apart. */
static void remove_line(char *headers, const char *line)
{
	char *at = strstr(headers, line);

	assert_non_null(at);
	memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
}

static void mask_date(char *headers)
{
	char *at = strstr(headers, "Date: ");

	assert_non_null(at);
	memset(at + 6, 'x', strcspn(at + 6, "\r"));
}

/* evhttp writes the head when the connection is to be closed. */
static void its_head_is_as_evhttp_writes_it(void **state)
{
	static const struct {
		const char *method, *target, *headers;
		int status;
	} CASES[] = {
		{"GET", "/healthz", "", 200},
		{"GET", NODES, "", 200},
		{"HEAD", "/healthz", "", 200},
		{"GET", NODES, "Accept: application/vnd.kubernetes.protobuf\r\n", 200},
		{"GET", "/apis/metrics.k8s.io/v1/nodes/nobody", "", 404},
		{"HEAD", NODES, "", 405}, /* a header of its own */
		{"GET", NODES, "Accept: text/html\r\n", 406},
		{"GET", NODES "?labelSelector=%3D", "", 400},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https_response kept, closed;
		char headers[200];

		kept = ask(CASES[i].method, CASES[i].target, CASES[i].headers);
		(void)snprintf(
			headers, sizeof(headers), "%sConnection: close\r\n", CASES[i].headers);
		closed = ask(CASES[i].method, CASES[i].target, headers);
		assert_int_equal(kept.status, CASES[i].status);
		assert_int_equal(closed.status, CASES[i].status);
		remove_line(closed.headers, "Connection: close\r\n");
		mask_date(kept.headers);
		mask_date(closed.headers);
		assert_string_equal(kept.headers, closed.headers);
		assert_int_equal(kept.length, closed.length);
		if (kept.length > 0)
			assert_memory_equal(kept.body, closed.body, kept.length);
		https_response_free(&kept);
		https_response_free(&closed);
		assert_int_equal(https_drain(client, PATIENCE_MS), 0);
		https_close(client);
		client = https_open(https_server_port(server), https_server_ca(server));
		assert_non_null(client);
	}
}

/* An Audit-Id with a bare CR in it is a header of its own to some. */
static void no_header_is_smuggled_into_it(void **state)
{
	struct https_response answer;
	static const char TEXT[] =
		"GET /healthz HTTP/1.1\r\nHost: x\r\nAudit-Id: a\rX-Own: b\r\n\r\n";

	(void)state;
	assert_true(https_send(client, TEXT, sizeof(TEXT) - 1));
	answer = https_receive(client, PATIENCE_MS);
	assert_true(answer.status == 200 || answer.status == 400 || answer.status == 0);
	if (answer.headers)
		assert_null(strstr(answer.headers, "X-Own"));
	https_response_free(&answer);
}

static void expect_answers(unsigned count, const char *id)
{
	char expected[40], found[40];

	for (unsigned i = 0; i < count; i++) {
		struct https_response answer = https_receive(client, PATIENCE_MS);

		assert_int_equal(answer.status, 200);
		assert_true(https_header(&answer, "Audit-Id", found, sizeof(found)));
		(void)snprintf(expected, sizeof(expected), "%s-%u", id, i);
		assert_string_equal(found, expected);
		https_response_free(&answer);
	}
}

static void add_requests(struct buffer *text, unsigned count, const char *target, const char *id)
{
	for (unsigned i = 0; i < count; i++)
		buffer_printf(text,
			"GET %s HTTP/1.1\r\nHost: x\r\n" TOKEN "Audit-Id: %s-%u\r\n\r\n", target,
			id, i);
}

/* OpenSSL takes several records from the socket at once: none must be forgotten in it. */
static void requests_may_lie_in_records_in_any_way(void **state)
{
	static const size_t SIZES[] = {1, 7, 50, 300, 1000, 4095, 4096, 4097, 16384, 100000};

	(void)state;
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		struct buffer text = {0};
		unsigned count = SIZES[i] < 50 ? 5 : 60;

		/* the connection reads ahead from its first answer on */
		add_requests(&text, count, "/healthz", "in-records");
		for (size_t at = 0; at < text.length; at += SIZES[i]) {
			size_t left = text.length - at;

			assert_true(https_send(
				client, text.data + at, left < SIZES[i] ? left : SIZES[i]));
		}
		expect_answers(count, "in-records");
		buffer_free(&text);
	}
}

/* The next request's first records come while one is answered that takes a while. */
static void records_may_come_while_it_is_answered(void **state)
{
	struct buffer text = {0};

	(void)state;
	for (int round = 0; round < 20; round++) {
		buffer_clear(&text);
		add_requests(&text, 1, NODES, "first");
		add_requests(&text, 1, NODES, "first");
		assert_true(https_send(client, text.data, text.length / 2 + 10));
		expect_answers(1, "first");
		for (size_t at = text.length / 2 + 10; at < text.length; at += 20)
			assert_true(https_send(client, text.data + at,
				text.length - at < 20 ? text.length - at : 20));
		expect_answers(1, "first");
	}
	buffer_free(&text);
}

/* Answers of 3 MB together: the socket takes a part, then nothing, and goes on when they are read.
 */
static void what_the_socket_does_not_take_is_sent_later(void **state)
{
	struct buffer text = {0};
	const unsigned count = 700;

	(void)state;
	add_requests(&text, count, NODES, "not-read");
	assert_true(https_send(client, text.data, text.length));
	buffer_free(&text);
	expect_answers(count, "not-read");
}

/* Nobody else waits for it, and it leaves with answers that were begun. */
static void who_does_not_read_holds_up_nobody(void **state)
{
	struct https *other = https_open(https_server_port(server), https_server_ca(server));
	struct buffer text = {0};

	(void)state;
	assert_non_null(other);
	add_requests(&text, 700, NODES, "not-read");
	assert_true(https_send(client, text.data, text.length));
	buffer_free(&text);
	for (int i = 0; i < 50; i++) {
		struct https_response answer = https_get(other, "/healthz", NULL, "");

		assert_int_equal(answer.status, 200);
		https_response_free(&answer);
	}
	https_close(client);
	client = other;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(its_head_is_as_evhttp_writes_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_header_is_smuggled_into_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			requests_may_lie_in_records_in_any_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			records_may_come_while_it_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_the_socket_does_not_take_is_sent_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			who_does_not_read_holds_up_nobody, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
