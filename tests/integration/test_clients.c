/* Clients of all kinds, over TLS, against the real aggregator: whatever one of them does, it gets a
 * clear answer or is left, and the others are served. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define API          "/apis/metrics.k8s.io/v1beta1"
#define IDLE_CLIENTS 1000

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	return 0;
}

static void assert_others_are_served(void)
{
	struct https_response response = pipeline_get(pipeline, API "/nodes");

	assert_true(process_alive(pipeline->aggregator));
	assert_int_equal(response.status, 200);
	https_response_free(&response);
}

static struct https *open_client(void)
{
	struct https *https = https_open(pipeline->api_port, pipeline->ca_file);

	assert_non_null(https);
	return https;
}

static void answers_by_the_contract(void **state)
{
	static const struct {
		const char *path;
		const char *headers;
		int status;
		const char *words; /* that stand in the body; NULL: any */
	} CASES[] = {
		{"/healthz", "", 200, "ok"},
		{"/livez?verbose", "", 200, "ok"},
		{"/version", "", 200, "gitVersion"},
		{"/metrics", "", 200, "tacho_aggregator_"},
		{"/api", "", 200, "APIVersions"},
		{"/apis", "", 200, "metrics.k8s.io"},
		{"/apis/metrics.k8s.io", "", 200, "v1beta1"},
		{API, "", 200, "APIResourceList"},
		{API "/nodes", "", 200, "\"items\":[]"},
		{API "/pods?pretty=true", "", 200, "\n"},
		{API "/pods?labelSelector=a%3Db,c%20notin%20%28d%29", "", 200, "\"items\":[]"},
		{API "/nodes/absent", "", 404, "NotFound"},
		{API "/namespaces/x/pods/absent", "", 404, "NotFound"},
		{API "/absent", "", 404, NULL},
		{"/apis/absent.example/v1", "", 404, NULL},
		{"/../../etc/passwd", "", 404, NULL},
		{API "/pods?labelSelector=%3D%3D%3D", "", 400, "BadRequest"},
		{API "/pods?labelSelector=a%20in%20%28", "", 400, "BadRequest"},
		{API "/pods?fieldSelector=spec.nodeName%3Dx", "", 400, "BadRequest"},
		{API "/pods", "Accept: application/cbor-nonsense\r\n", 406, "NotAcceptable"},
		{API "/pods", "Accept: */*;q=0.8, ,;;;\r\n", 200, NULL},
		{API "/namespaces/%00/pods/x", "", 400, "NUL"},
		{API "/namespaces/%ff/pods/%fe", "", 404, NULL},
		{API "/namespaces/%c3%28/pods", "", 200, "\"items\":[]"},
	};
	struct https *https = open_client(); /* all on one connection */

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https_response response =
			https_get(https, CASES[i].path, pipeline->token, CASES[i].headers);

		if (response.status != CASES[i].status ||
			(CASES[i].words && !strstr(response.body, CASES[i].words))) {
			print_message("GET %s %s: %d %s\n", CASES[i].path, CASES[i].headers,
				response.status, response.body ? response.body : "");
			fail();
		}
		https_response_free(&response);
	}
	https_close(https);
}

static void only_reading_is_allowed(void **state)
{
	static const char *const METHODS[] = {"POST", "PUT", "PATCH", "DELETE"};

	(void)state;
	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++) {
		struct https *https = open_client();
		struct https_response response;
		char request[1024];

		(void)snprintf(request, sizeof(request),
			"%s " API "/nodes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"
			"Content-Length: 2\r\n\r\n{}",
			METHODS[i], pipeline->token);
		assert_true(https_send(https, request, strlen(request)));
		response = https_receive(https, 60000);
		assert_int_equal(response.status, 405);
		https_response_free(&response);
		https_close(https);
	}
	assert_others_are_served();
}

/* A head that is larger than anybody needs is refused, not kept. */
static void a_large_head_is_refused(void **state)
{
	struct https *https = open_client();
	struct https_response response;
	char *head = malloc(65536 + 128);
	size_t length;

	(void)state;
	assert_non_null(head);
	length = (size_t)sprintf(head, "GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: ");
	memset(head + length, 'a', 65536);
	memcpy(head + length + 65536, "\r\n\r\n", 4);
	(void)https_send(https, head, length + 65536 + 4);
	response = https_receive(https, 60000);
	print_message("answered %d\n", response.status);
	assert_int_not_equal(response.status, 200);
	https_response_free(&response);
	https_close(https);
	free(head);
	assert_others_are_served();
}

/* A head must come whole within a bounded time, however lively its sender is. */
static void a_dripping_head_is_cut_off(void **state)
{
	struct https *https = open_client();
	uint64_t start = wait_now_ms();
	bool open = https_send(https, "GET /healthz HTTP/1.1\r\nX: ", 26);

	(void)state;
	while (open && wait_now_ms() < start + 120000) {
		struct https_response response = https_receive(https, 500);

		open = response.status == 0 && https_send(https, "a", 1);
		https_response_free(&response);
	}
	print_message("cut off after %llu ms\n", (unsigned long long)(wait_now_ms() - start));
	assert_false(open);
	https_close(https);
	assert_others_are_served();
}

static int connect_silently(void)
{
	int fd = https_tcp(pipeline->api_port);

	assert_true(fd >= 0);
	return fd;
}

static void a_thousand_idle_clients_do_no_harm(void **state)
{
	struct rlimit limit;
	int *fds = calloc(IDLE_CLIENTS, sizeof(*fds));

	(void)state;
	assert_non_null(fds);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	for (size_t i = 0; i < IDLE_CLIENTS; i++)
		fds[i] = connect_silently();
	assert_others_are_served();
	for (size_t i = 0; i < IDLE_CLIENTS; i++)
		(void)close(fds[i]);
	free(fds);
	assert_others_are_served();
}

static void what_is_no_tls_is_left(void **state)
{
	static const char PLAIN[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
	char answer[256];
	int fd = connect_silently();
	ssize_t got;

	(void)state;
	assert_int_equal(send(fd, PLAIN, sizeof(PLAIN) - 1, MSG_NOSIGNAL), sizeof(PLAIN) - 1);
	do
		got = recv(fd, answer, sizeof(answer), 0);
	while (got > 0);                              /* an alert, if anything */
	assert_true(got == 0 || errno == ECONNRESET); /* closed, and not just silent */
	(void)close(fd);
	assert_others_are_served();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_by_the_contract, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_reading_is_allowed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_large_head_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dripping_head_is_cut_off, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_thousand_idle_clients_do_no_harm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_tls_is_left, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("clients", tests, NULL, NULL);
}
