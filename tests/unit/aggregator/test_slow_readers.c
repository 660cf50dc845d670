/* aggregator/api: what clients hold that ask for a long list and don't read it. */
#include "tests/harness/cluster.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define READERS 40

/* A page of 64 KiB as the writer made it and as it waits for the socket, with room to grow; the
 * 128 KiB at the beginning of a list in protobuf; zlib's 256 KiB for gzip; TLS and evhttp. */
#define HELD_MOST (768U * 1024)

#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static size_t heap_bytes(void)
{
#ifdef __SANITIZE_ADDRESS__
	return __sanitizer_get_current_allocated_bytes();
#else
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
#endif
}

/* The list is several times longer than what a reader may hold and its socket takes. */
static void hold_a_page(const char *headers)
{
	static struct https *readers[READERS];
	const struct cluster_shape shape = {
		.nodes = 1500, .pods = 30, .containers = 2, .namespaces = 3, .seed = 1};
	struct telemetry *telemetry = telemetry_new();
	struct store *store = cluster_store(telemetry);
	struct https_server *server;
	char request[512];
	size_t before, after;
	int length;

	cluster_fill(store, &shape);
	server = https_server_start(store, telemetry, NULL);
	length = snprintf(request, sizeof(request),
		"GET /apis/metrics.k8s.io/v1/pods HTTP/1.1\r\nHost: x\r\n"
		"Authorization: Bearer " HTTPS_SERVER_TOKEN "\r\n%s\r\n",
		headers);
	for (int i = 0; i < READERS; i++) {
		readers[i] = https_open(https_server_port(server), https_server_ca(server));
		assert_non_null(readers[i]);
	}
	before = heap_bytes();
	for (int i = 0; i < READERS; i++)
		assert_true(https_send(readers[i], request, (size_t)length));
	sleep(2); /* until every socket is full */
	after = heap_bytes();
	print_message("%zu bytes a reader\n", after > before ? (after - before) / READERS : 0);
	assert_true(after < before + (size_t)READERS * HELD_MOST);
	for (int i = 0; i < READERS; i++)
		https_close(readers[i]);
	https_server_stop(server);
	store_free(store);
	telemetry_free(telemetry);
}

static void of_json(void **state)
{
	(void)state;
	hold_a_page("");
}

static void of_protobuf(void **state)
{
	(void)state;
	hold_a_page("Accept: application/vnd.kubernetes.protobuf\r\n");
}

static void of_gzip(void **state)
{
	(void)state;
	hold_a_page("Accept-Encoding: gzip\r\n");
}

static void of_indented_json(void **state)
{
	(void)state;
	hold_a_page("User-Agent: curl/8\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_json),
		cmocka_unit_test(of_protobuf),
		cmocka_unit_test(of_gzip),
		cmocka_unit_test(of_indented_json),
	};

	return cmocka_run_group_tests_name("slow_readers", tests, NULL, NULL);
}
