/* aggregator/ingest against peers that mean harm, or are broken: what they send is counted, costs
 * bounded memory, and disturbs nobody else. */
#include "tests/harness/ingest_fixture.h"

#include "base/clock.h"
#include "base/tls_engine.h"
#include "proto/bounds.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <endian.h>
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

static struct wire_client *admitted(struct ingest_fixture *fixture, const char *node)
{
	struct wire_client *client = ingest_fixture_connect(fixture);

	wire_client_send_hello(client, node, INGEST_FIXTURE_SECRET);
	return client;
}

/* The connection is still good for what is right. */
static void expect_service(
	struct ingest_fixture *fixture, struct wire_client *client, uint64_t revision)
{
	wire_client_send_catalog(client, revision, 2);
	wire_client_send_sample(client, revision, 2, revision);
	assert_true(ingest_fixture_serves(fixture, revision));
}

/* --- messages --------------------------------------------------------------------------------- */

static void drops_what_does_not_decode(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *reason;
	} CASES[] = {
		{"", 0, "unknown_kind"},
		{"\x22\x00", 2, "unknown_kind"},              /* kind 4, of a newer agent */
		{"\xff", 1, "malformed"},                     /* half a tag */
		{"\x12\x7f", 2, "malformed"},                 /* a catalog, cut off */
		{"\x1a\x05\x08\x01\x10\x01", 6, "malformed"}, /* a sample, cut off */
		{"\x0a\xff\xff\xff\xff\x0f", 6, "malformed"}, /* a hello of 4 GiB */
		{"\x12\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "malformed"},
		{"\x1a\x02\x0b\x0c", 4, "malformed"},         /* groups are not of proto3 */
		{"\x12\x04\x1a\x02\x1a\x05", 6, "malformed"}, /* a pod's uid beyond the pod */
	};
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;
	uint64_t malformed = 0, unknown = 0;

	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		bool is_malformed = strcmp(CASES[i].reason, "malformed") == 0;

		wire_client_send(client, CASES[i].bytes, CASES[i].size);
		malformed += is_malformed;
		unknown += !is_malformed;
		assert_true(ingest_fixture_dropped(
			fixture, CASES[i].reason, is_malformed ? malformed : unknown));
	}
	expect_service(fixture, client, 5);
	wire_client_free(client);
}

static void drops_every_prefix_of_a_message(void **state)
{
	/* Catalog 1 of one pod with one container; see test_wire_v1.c. */
	static const uint8_t WHOLE[] = {0x12, 0x1a, 0x08, 0x01, 0x12, 0x00, 0x1a, 0x14, 0x0a, 0x04,
		's', 'h', 'o', 'p', 0x12, 0x03, 'w', 'e', 'b', 0x1a, 0x01, 'u', 0x22, 0x04, 0x0a,
		0x02, 'c', '0'};
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	for (size_t size = 1; size < sizeof(WHOLE); size++)
		wire_client_send(client, WHOLE, size);
	assert_true(ingest_fixture_dropped(fixture, "malformed", sizeof(WHOLE) - 1));
	wire_client_send(client, WHOLE, sizeof(WHOLE));
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	wire_client_free(client);
}

static void closes_who_is_malformed_before_hello(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	wire_client_send(client, "\xff", 1);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_dropped(fixture, "malformed", 1));
	assert_true(ingest_fixture_closed(fixture, "before_hello", 1));
	wire_client_free(client);
}

/* WIRE_MAX_MESSAGE is the longest that is read; one more byte ends the connection before it. */
static void bounds_the_size_of_messages(void **state)
{
	struct ingest_fixture *fixture = *state;
	uint8_t *zeros = calloc(1, WIRE_MAX_MESSAGE + 1);
	uint64_t length = htobe64(UINT64_MAX);
	struct wire_client *client;

	assert_non_null(zeros);
	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	wire_client_send(client, zeros, WIRE_MAX_MESSAGE);
	assert_true(ingest_fixture_dropped(fixture, "malformed", 1));
	expect_service(fixture, client, 1);
	length = htobe64(WIRE_MAX_MESSAGE + 1);
	wire_client_send_bytes(client, &length, sizeof(length));
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(fixture, "peer", 1));
	wire_client_free(client);

	client = admitted(fixture, "node-1");
	length = htobe64(UINT64_MAX);
	wire_client_send_bytes(client, &length, sizeof(length));
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(fixture, "peer", 2));
	wire_client_free(client);
	free(zeros);
}

/* A megabyte of two-byte pods would be 60 MB of structs. */
static void bounds_what_a_message_unfolds_to(void **state)
{
	enum { PODS = 500000 };
	struct ingest_fixture *fixture = *state;
	uint8_t *catalog = malloc(8 + 2 * PODS);
	size_t size = 0;
	struct wire_client *client;

	assert_non_null(catalog);
	catalog[size++] = 0x12; /* Catalog of 2 + 2 * PODS bytes */
	for (unsigned rest = 2 + 2 * PODS; rest > 0; rest >>= 7)
		catalog[size++] = (uint8_t)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
	catalog[size++] = 0x08; /* revision 1 */
	catalog[size++] = 0x01;
	for (int i = 0; i < PODS; i++) {
		catalog[size++] = 0x1a; /* an empty pod */
		catalog[size++] = 0x00;
	}
	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	wire_client_send(client, catalog, size);
	assert_true(ingest_fixture_dropped(fixture, "too_complex", 1));
	expect_service(fixture, client, 3);
	wire_client_free(client);
	free(catalog);
}

static void passes_the_store_s_refusals_on(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client, *others[3];

	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	wire_client_send_sample(client, 1, 2, 1); /* of no catalog */
	assert_true(ingest_fixture_dropped(fixture, "unknown_revision", 1));
	expect_service(fixture, client, 8);
	wire_client_send_sample(client, 7, 2, 1); /* of an older one */
	assert_true(ingest_fixture_dropped(fixture, "unknown_revision", 2));
	wire_client_send_sample(client, 8, 1, 1); /* too short a column */
	wire_client_send_sample(client, 8, 3, 1);
	assert_true(ingest_fixture_dropped(fixture, "sample_refused", 2));
	wire_client_send_sample(client, 8, 400000, 1); /* of 400,000 rows */
	assert_true(ingest_fixture_dropped(fixture, "too_complex", 1));
	wire_client_send_catalog(client, 0, 1); /* revision 0 */
	assert_true(ingest_fixture_dropped(fixture, "catalog_refused", 1));
	wire_client_send_catalog(client, 9, STORE_MAX_CONTAINERS_PER_NODE + 1);
	assert_true(ingest_fixture_dropped(fixture, "catalog_refused", 2));
	/* a catalog with two rows of one container, of a pod with the uid "u", both "i" */
	wire_client_send(
		client, "\x12\x11\x08\x09\x1a\x0d\x1a\x01u\x22\x03\x12\x01i\x22\x03\x12\x01i", 19);
	assert_true(ingest_fixture_dropped(fixture, "catalog_refused", 3));
	assert_true(ingest_fixture_serves(fixture, 8)); /* nothing has changed */

	for (size_t i = 0; i < 3; i++) { /* the store of the fixture takes three nodes */
		char node[16];

		(void)snprintf(node, sizeof(node), "other-%zu", i);
		others[i] = admitted(fixture, node);
		wire_client_send_catalog(others[i], 1, 1);
	}
	assert_true(ingest_fixture_dropped(fixture, "too_many_nodes", 1));
	for (size_t i = 0; i < 3; i++)
		wire_client_free(others[i]);
	wire_client_free(client);
}

/* --- connections ------------------------------------------------------------------------------ */

static int connect_silently(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static size_t open_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	size_t count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static bool has_hung_up(int fd)
{
	const struct timeval patience = {.tv_sec = 60};
	char byte;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return recv(fd, &byte, 1, 0) == 0;
}

static void cuts_silent_sockets(void **state)
{
	enum { COUNT = 300 };
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;
	int fds[COUNT];

	/* Long enough to open them all; short for a test. */
	fixture->options.handshake_ns = 5 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	client = admitted(fixture, "node-1");
	for (int i = 0; i < COUNT; i++)
		fds[i] = connect_silently(ingest_port(fixture->ingest, 0));
	for (int i = 0; i < COUNT; i++)
		assert_true(has_hung_up(fds[i]));
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_handshakes_cut_total", NULL, NULL, COUNT));
	for (int i = 0; i < COUNT; i++)
		(void)close(fds[i]);
	expect_service(fixture, client, 2); /* who was there before goes on */
	wire_client_free(client);
}

struct traces {
	size_t fds;
};

static bool are_gone(void *context)
{
	const struct traces *before = context;

	return tls_engine_connections() == 0 && open_fds() <= before->fds;
}

/* Peers that die right after the greeting: NNG 1.5.2 keeps most of their pipes for ever. */
static void leaves_nothing_of_peers_that_die(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct traces before;

	fixture->options.handshake_ns = 3 * NS_PER_SECOND;
	fixture->options.silence_ns = 3 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	wire_client_free(admitted(fixture, "node-1"));
	before.fds = 0;
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 0));
	before.fds = open_fds();
	for (int i = 0; i < 100; i++) {
		struct wire_client *client = ingest_fixture_connect(fixture);

		if (i % 2)
			wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
		wire_client_free(client);
	}
	assert_true(wait_until(are_gone, &before, 60000));
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 0));
}

static void says_who_does_not_speak_tls(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	bool said;
	int fd;

	ingest_fixture_start(fixture);
	fd = connect_silently(ingest_port(fixture->ingest, 0));
	assert_int_equal(write(fd, "GET / HTTP/1.1\r\n\r\n", 18), 18);
	said = log_capture_has(log, "TLS with an agent '' failed: it does not speak TLS", 60000);
	log_capture_stop(log);
	assert_true(said);
	(void)close(fd);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, ingest_fixture_set_up, ingest_fixture_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(leaves_nothing_of_peers_that_die), /* first: it counts what is left */
		TEST(drops_what_does_not_decode),
		TEST(drops_every_prefix_of_a_message),
		TEST(closes_who_is_malformed_before_hello),
		TEST(bounds_the_size_of_messages),
		TEST(bounds_what_a_message_unfolds_to),
		TEST(passes_the_store_s_refusals_on),
		TEST(cuts_silent_sockets),
		TEST(says_who_does_not_speak_tls),
	};

	return cmocka_run_group_tests_name("ingest_hostile", tests, NULL, NULL);
}
