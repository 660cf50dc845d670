/* aggregator/ingest: who may say what, over real NNG with TLS into the real store. */
#include "tests/harness/ingest_fixture.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

/* --- starting --------------------------------------------------------------------------------- */

static void refuses_bad_options(void **state)
{
	struct ingest_fixture *fixture = *state;
	const struct ingest_options good = fixture->options;
	const char *plain_file = scratch_write(fixture->scratch, "file", "keep me");
	struct pki_pair other = pki_issue(fixture->pki, "DNS:x", 60);
	const char *other_key = scratch_write(fixture->scratch, "other.pem", other.key);
	char ipc[128];
	const struct {
		const char *url, *cert, *key, *secret;
		const char *message;
	} CASES[] = {
		{"udp://1.2.3.4:5", good.cert_file, good.key_file, "s", "want tls+tcp://host:port"},
		{"tls+tcp://127.0.0.1", good.cert_file, good.key_file, "s", "want host:port"},
		{"tcp://127.0.0.1:0", good.cert_file, good.key_file, "s",
			"refusing to use tcp:// without TLS"},
		{"tls+tcp://127.0.0.1:0", good.cert_file, good.key_file, "",
			"refusing to listen on tls+tcp://127.0.0.1:0 without a secret"},
		{"tls+tcp://127.0.0.1:0", "/no/such", good.key_file, "s",
			"/no/such: No such file or directory"},
		{"tls+tcp://127.0.0.1:0", plain_file, good.key_file, "s",
			"not a PEM certificate and PEM key"},
		{"tls+tcp://127.0.0.1:0", good.cert_file, other_key, "s",
			"not the key of certificate"},
		{"tls+tcp://192.0.2.1:0", good.cert_file, good.key_file, "s",
			"no such address on this machine"},
		{ipc, NULL, NULL, "", "is there and is not a socket"},
		{"ipc:///no/such/folder/socket", NULL, NULL, "", "is the folder there?"},
	};

	(void)snprintf(ipc, sizeof(ipc), "ipc://%s", plain_file);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct ingest_options options = good;
		struct error err = {{0}};
		char *text;

		options.urls = &CASES[i].url;
		options.cert_file = CASES[i].cert;
		options.key_file = CASES[i].key;
		options.secret = CASES[i].secret;
		options.secret_size = strlen(CASES[i].secret);
		assert_null(ingest_start(&options, &err));
		if (!strstr(err.message, CASES[i].message))
			fail_msg("'%s' lacks '%s'", err.message, CASES[i].message);
		text = scratch_read(plain_file);
		assert_string_equal(text, "keep me");
		free(text);
	}
	pki_pair_free(&other);
}

static void says_when_the_port_is_taken(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct ingest_options options = fixture->options;
	const char *url = fixture->url;
	struct error err = {{0}};

	ingest_fixture_start(fixture);
	options.urls = &url;
	assert_null(ingest_start(&options, &err));
	assert_non_null(strstr(err.message, "another program is listening there"));
	assert_non_null(strstr(err.message, url));
}

static void replaces_a_stale_socket_file(void **state)
{
	struct ingest_fixture *fixture = *state;
	const char *path = scratch_path(fixture->scratch, "socket");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct wire_client *client;
	struct stat info;

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	(void)close(fd); /* leaves the file */

	fixture->options.urls = &fixture->urls[1];
	fixture->options.secret_size = 0; /* the file's mode stands in */
	ingest_fixture_start(fixture);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 07777, 0600);
	assert_int_equal(ingest_port(fixture->ingest, 0), 0);

	client = wire_client_local(path);
	wire_client_send_hello(client, "node-1", "");
	wire_client_send_catalog(client, 1, 1);
	wire_client_send_sample(client, 1, 1, 42);
	assert_true(ingest_fixture_serves(fixture, 42));
	wire_client_free(client);
}

/* --- speaking --------------------------------------------------------------------------------- */

static void takes_hello_catalog_and_sample(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client, *local;
	struct log_capture *log;
	bool said;

	fixture->options.url_count = 2; /* TLS and ipc at once */
	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	log = log_capture_start();
	wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
	said = log_capture_has(log, "node node-1: agent  connected from 127.0.0.1:", PATIENCE_MS);
	log_capture_stop(log);
	assert_true(said);
	wire_client_send_catalog(client, 7, 2);
	wire_client_send_sample(client, 7, 2, 1000);
	assert_true(ingest_fixture_serves(fixture, 1000));
	wire_client_send_sample(client, 7, 2, 2000);
	assert_true(ingest_fixture_serves(fixture, 2000));
	assert_true(ingest_fixture_took(fixture, "hello", 1));
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	assert_true(ingest_fixture_took(fixture, "sample", 2));

	local = wire_client_local(scratch_path(fixture->scratch, "socket"));
	wire_client_send_hello(local, "node-2", INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", 2));
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 2));
	wire_client_free(client);
	wire_client_free(local);
	assert_true(ingest_fixture_closed(fixture, "peer", 2));
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 0));
}

static void stops_listening_when_it_is_stopped(void **state)
{
	struct ingest_fixture *fixture = *state;
	const char *path = scratch_path(fixture->scratch, "socket");
	struct wire_client *client;

	fixture->options.url_count = 2;
	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	assert_int_equal(access(path, F_OK), 0);
	ingest_stop(fixture->ingest);
	fixture->ingest = NULL;
	assert_int_not_equal(access(path, F_OK), 0);
	wire_client_free(client);
}

static void refuses_a_bad_hello(void **state)
{
	static const struct {
		const char *node, *secret, *log;
	} CASES[] = {
		{"node-1", "another secret", "the secret of node 'node-1' is wrong"},
		{"node-1", "", "the secret of node 'node-1' is wrong"},
		{"node-1", INGEST_FIXTURE_SECRET "x", "the secret of node 'node-1' is wrong"},
		{"Node 1\n", INGEST_FIXTURE_SECRET, "'Node 1\\x0a' is not a node name"},
		{"", INGEST_FIXTURE_SECRET, "'' is not a node name"},
	};
	struct ingest_fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_capture *log;
		struct wire_client *client;
		bool said;

		ingest_fixture_start(fixture); /* anew: the log is rate-limited */
		client = ingest_fixture_connect(fixture);
		log = log_capture_start();
		wire_client_send_hello(client, CASES[i].node, CASES[i].secret);
		said = log_capture_has(log, CASES[i].log, PATIENCE_MS);
		log_capture_stop(log);
		assert_true(said);
		assert_true(wire_client_hung_up(client));
		assert_true(ingest_fixture_dropped(fixture, "hello_refused", i + 1));
		assert_true(ingest_fixture_closed(fixture, "hello_refused", i + 1));
		wire_client_free(client);
		ingest_stop(fixture->ingest);
		fixture->ingest = NULL;
	}
	assert_true(ingest_fixture_took(fixture, "hello", 0));
}

static void applies_nothing_before_hello(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	wire_client_send_catalog(client, 1, 1);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_dropped(fixture, "before_hello", 1));
	assert_true(ingest_fixture_closed(fixture, "before_hello", 1));
	assert_true(ingest_fixture_took(fixture, "catalog", 0));
	assert_int_equal(store_served_nodes(fixture->store), 0);
	wire_client_free(client);
}

static void closes_who_says_no_hello(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	fixture->options.handshake_ns = 4 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(fixture, "no_hello", 1));
	wire_client_free(client);
}

static void a_connection_speaks_for_one_node(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
	wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", 2));
	wire_client_send_hello(client, "node-2", INGEST_FIXTURE_SECRET);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_dropped(fixture, "node_changed", 1));
	assert_true(ingest_fixture_closed(fixture, "node_changed", 1));
	wire_client_free(client);
}

static void the_newest_hello_of_a_node_wins(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *older, *newer;

	ingest_fixture_start(fixture);
	older = ingest_fixture_connect(fixture);
	wire_client_send_hello(older, "node-1", INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", 1));
	newer = ingest_fixture_connect(fixture);
	wire_client_send_hello(newer, "node-1", INGEST_FIXTURE_SECRET);
	assert_true(wire_client_hung_up(older));
	assert_true(ingest_fixture_closed(fixture, "replaced", 1));
	wire_client_send_catalog(newer, 1, 1);
	wire_client_send_sample(newer, 1, 1, 5);
	assert_true(ingest_fixture_serves(fixture, 5));
	wire_client_free(older);
	wire_client_free(newer);
}

static void closes_who_falls_silent(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;
	struct log_capture *log;
	bool said;

	fixture->options.silence_ns = 3 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	log = log_capture_start();
	client = ingest_fixture_connect(fixture);
	wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
	said = log_capture_has(log, "node node-1: nothing from 127.0.0.1:", PATIENCE_MS);
	log_capture_stop(log);
	assert_true(said);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(fixture, "silent", 1));
	wire_client_free(client);
}

/* As after the store forgot the node: only a new Hello brings a Catalog. */
static void closes_who_is_stale_for_long(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *client;

	fixture->options.silence_ns = 3 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	client = ingest_fixture_connect(fixture);
	wire_client_send_hello(client, "node-1", INGEST_FIXTURE_SECRET);
	for (int i = 0; i < 300; i++) {
		wire_client_send_sample(client, 9, 1, 1);
		wait_ms(100);
		if (telemetry_get(telemetry_counter(fixture->telemetry,
			    "tacho_aggregator_connections_closed_total", "", "reason",
			    "unknown_revision")) > 0)
			break;
	}
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(fixture, "unknown_revision", 1));
	wire_client_free(client);
}

static void holds_no_more_connections_than_allowed(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct wire_client *clients[3];

	fixture->options.max_connections = 3;
	fixture->options.handshake_ns = 600 * NS_PER_SECOND; /* they say no Hello */
	ingest_fixture_start(fixture);
	for (size_t i = 0; i < 3; i++)
		clients[i] = ingest_fixture_connect(fixture);
	assert_true(wire_client_is_refused(ingest_port(fixture->ingest, 0), fixture->ca_file));
	assert_true(ingest_fixture_closed(fixture, "too_many_connections", 1));
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 3));
	wire_client_free(clients[0]);
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 2));
	clients[0] = ingest_fixture_connect(fixture);
	wire_client_send_hello(clients[0], "node-1", INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", 1));
	for (size_t i = 0; i < 3; i++)
		wire_client_free(clients[i]);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, ingest_fixture_set_up, ingest_fixture_tear_down)

/* --- certificates ----------------------------------------------------------------------------- */

static void renews_its_certificate_without_losing_a_connection(void **state)
{
	struct ingest_fixture *fixture = *state;
	struct pki *pki = pki_new("another authority");
	struct pki_pair pair = pki_issue(pki, "DNS:aggregator", 3600);
	const char *ca_file = scratch_write(fixture->scratch, "new_ca.pem", pki_ca(pki));
	struct wire_client *old, *new;

	ingest_fixture_start(fixture);
	old = ingest_fixture_connect(fixture);
	wire_client_send_hello(old, "node-1", INGEST_FIXTURE_SECRET);
	wire_client_send_catalog(old, 1, 1);
	wire_client_send_sample(old, 1, 1, 1);
	assert_true(ingest_fixture_serves(fixture, 1));

	(void)scratch_write(fixture->scratch, "cert.pem", pair.cert);
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_agent_certificate_stale", NULL, NULL, 1));
	wire_client_free(ingest_fixture_connect(fixture)); /* with the old pair */
	(void)scratch_write(fixture->scratch, "key.pem", pair.key);
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_agent_certificate_reloads_total", NULL, NULL, 1));
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_agent_certificate_stale", NULL, NULL, 0));
	new = wire_client_tls(ingest_port(fixture->ingest, 0), ca_file);
	wire_client_send_hello(new, "node-2", INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", 2));
	wire_client_send_sample(old, 1, 1, 2);
	assert_true(ingest_fixture_serves(fixture, 2));
	assert_true(ingest_fixture_closed(fixture, "replaced", 0));
	wire_client_free(old);
	wire_client_free(new);
	pki_pair_free(&pair);
	pki_free(pki);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_options),
		TEST(says_when_the_port_is_taken),
		TEST(replaces_a_stale_socket_file),
		TEST(takes_hello_catalog_and_sample),
		TEST(stops_listening_when_it_is_stopped),
		TEST(refuses_a_bad_hello),
		TEST(applies_nothing_before_hello),
		TEST(closes_who_says_no_hello),
		TEST(a_connection_speaks_for_one_node),
		TEST(the_newest_hello_of_a_node_wins),
		TEST(closes_who_falls_silent),
		TEST(closes_who_is_stale_for_long),
		TEST(holds_no_more_connections_than_allowed),
		TEST(renews_its_certificate_without_losing_a_connection),
	};

	return cmocka_run_group_tests_name("ingest", tests, NULL, NULL);
}
