/* base/tls_engine: who is trusted and who is not, over real NNG sockets on loopback.
 *
 * No socket is closed before the process ends: nng_close() of NNG 1.5.2 loses connections that it
 * finds in the handshake. */
#include "base/tls_engine.h"

#include "base/address.h"
#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_S       3600
#define REDIAL_MS    1000
#define HANDSHAKE_NS (5 * NS_PER_SECOND) /* then it is dialled again */
#define PATIENCE_MS  60000

struct fixture {
	struct pki *pki, *stranger, *namesake;
	struct pki_pair server, client, other, expired;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->pki = pki_new("authority");
	fixture->stranger = pki_new("stranger");
	fixture->namesake = pki_new("authority");
	fixture->server =
		pki_issue(fixture->pki, "DNS:localhost,DNS:*.tacho.test,IP:127.0.0.1", HOUR_S);
	fixture->client = pki_issue(fixture->pki, "DNS:agent", HOUR_S);
	fixture->other = pki_issue(fixture->stranger, "DNS:localhost,IP:127.0.0.1", HOUR_S);
	fixture->expired = pki_issue(fixture->pki, "DNS:localhost", -60);
	*state = fixture;
	return tls_engine_register(NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	pki_pair_free(&fixture->server);
	pki_pair_free(&fixture->client);
	pki_pair_free(&fixture->other);
	pki_pair_free(&fixture->expired);
	pki_free(fixture->pki);
	pki_free(fixture->stranger);
	pki_free(fixture->namesake);
	free(fixture);
	return 0;
}

static nng_tls_config *new_config(nng_tls_mode mode, const char *ca, const struct pki_pair *pair)
{
	nng_tls_config *config;

	assert_int_equal(nng_tls_config_alloc(&config, mode), 0);
	if (ca)
		assert_int_equal(nng_tls_config_ca_chain(config, ca, NULL), 0);
	if (pair)
		assert_int_equal(nng_tls_config_own_cert(config, pair->cert, pair->key, NULL), 0);
	return config;
}

/* Listens on a free port of loopback; the config is the listener's then. */
static uint16_t listen_with(nng_socket pull, nng_tls_config *config)
{
	nng_listener listener;
	nng_sockaddr address;

	assert_int_equal(nng_listener_create(&listener, pull, "tls+tcp://127.0.0.1:0"), 0);
	assert_int_equal(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config), 0);
	nng_tls_config_free(config);
	assert_int_equal(nng_listener_start(listener, 0), 0);
	assert_int_equal(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
	return address_of_nng(&address).port;
}

static void on_connected(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	atomic_bool *connected = context;

	(void)pipe;
	(void)event;
	atomic_store(connected, true);
}

/* Dials until it succeeds, as an agent does: NNG 1.5.2 can lose a connection on its way; whoever
 * waits has to close those, as an agent does too. `connected` becomes true when NNG's greetings
 * were exchanged, too. */
static nng_dialer dial_with(
	nng_socket push, uint16_t port, nng_tls_config *config, atomic_bool *connected)
{
	nng_dialer dialer;
	char url[64];

	atomic_store(connected, false);
	assert_int_equal(nng_pipe_notify(push, NNG_PIPE_EV_ADD_POST, on_connected, connected), 0);
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	assert_int_equal(nng_dialer_create(&dialer, push, url), 0);
	assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
	nng_tls_config_free(config);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
	return dialer;
}

static bool is_set(void *context)
{
	(void)tls_engine_close_unfinished(HANDSHAKE_NS);
	return atomic_load((atomic_bool *)context);
}

struct wish {
	struct log_capture *log;
	const char *text;
};

static bool is_said(void *context)
{
	struct wish *wish = context;

	(void)tls_engine_close_unfinished(HANDSHAKE_NS);
	return log_capture_count(wish->log, wish->text) > 0;
}

static void open_sockets(nng_socket *pull, nng_socket *push)
{
	assert_int_equal(nng_pull0_open(pull), 0);
	assert_int_equal(nng_push0_open(push), 0);
	assert_int_equal(nng_socket_set_ms(*pull, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_socket_set_ms(*push, NNG_OPT_SENDTIMEO, PATIENCE_MS), 0);
}

static void survives_the_next_socket(void **state)
{
	nng_socket socket;

	(void)state;
	assert_int_equal(tls_engine_register(NULL), 0);
	assert_int_equal(nng_pull0_open(&socket), 0);
	assert_string_equal(nng_tls_engine_name(), "openssl");
}

/* Connects when `log` is NULL; otherwise fails, and one of the two sides says so. */
static void expect_connection(nng_tls_config *server, nng_tls_config *client, const char *log)
{
	static atomic_bool each[32], *next = each; /* NNG may still set that of a case before */
	atomic_bool *connected = next++;
	struct wish wish = {log_capture_start(), log};
	nng_dialer dialer;
	nng_socket pull, push;
	char *said;
	bool good;

	assert_true(connected < each + sizeof(each) / sizeof(each[0]));
	open_sockets(&pull, &push);
	dialer = dial_with(push, listen_with(pull, server), client, connected);
	good = log ? wait_until(is_said, &wish, PATIENCE_MS)
		   : wait_until(is_set, connected, PATIENCE_MS);
	said = log_capture_end(wish.log);
	(void)nng_dialer_close(dialer);
	if (!good)
		print_error("no %s, but: %s\n", log ? log : "connection", said);
	free(said);
	assert_true(good);
	if (log)
		assert_false(atomic_load(connected));
}

static void verifies_the_server(void **state)
{
	const struct fixture *fixture = *state;
	const char *ca = pki_ca(fixture->pki);
	const struct {
		const char *ca, *name;
		const struct pki_pair *server;
		const char *log; /* NULL = connects */
	} CASES[] = {
		{ca, "localhost", &fixture->server, NULL},
		{ca, "a.tacho.test", &fixture->server, NULL},
		{ca, "127.0.0.1", &fixture->server, NULL},
		{ca, "a.b.tacho.test", &fixture->server,
			"'a.b.tacho.test' failed: its certificate is made out to another name"},
		{ca, "127.0.0.2", &fixture->server,
			"'127.0.0.2' failed: its certificate is made out to another name"},
		{ca, "::1", &fixture->server,
			"'::1' failed: its certificate is made out to another name"},
		/* the subject's common name does not count */
		{ca, "tacho test", &fixture->server, "its certificate is made out to another name"},
		{pki_ca(fixture->stranger), "localhost", &fixture->server,
			"'localhost' failed: its certificate was not issued by the given CA"},
		{pki_ca(fixture->namesake), "localhost", &fixture->server,
			"'localhost' failed: its certificate was not issued by the given CA"},
		{ca, "localhost", &fixture->other,
			"its certificate was not issued by the given CA"},
		{ca, "localhost", &fixture->expired, "its certificate has expired"},
		{NULL, "localhost", &fixture->server,
			"its certificate was not issued by the given CA"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		nng_tls_config *client = new_config(NNG_TLS_MODE_CLIENT, CASES[i].ca, NULL);

		assert_int_equal(nng_tls_config_server_name(client, CASES[i].name), 0);
		expect_connection(new_config(NNG_TLS_MODE_SERVER, NULL, CASES[i].server), client,
			CASES[i].log);
	}
}

static void verifies_the_client_when_told(void **state)
{
	const struct fixture *fixture = *state;
	const char *ca = pki_ca(fixture->pki);
	const struct {
		nng_tls_auth_mode mode;
		const struct pki_pair *client;
		const char *log; /* the server's; NULL = connects */
	} CASES[] = {
		{NNG_TLS_AUTH_MODE_NONE, NULL, NULL},
		{NNG_TLS_AUTH_MODE_OPTIONAL, NULL, NULL},
		{NNG_TLS_AUTH_MODE_OPTIONAL, &fixture->client, NULL},
		{NNG_TLS_AUTH_MODE_OPTIONAL, &fixture->other,
			"its certificate was not issued by the given CA"},
		{NNG_TLS_AUTH_MODE_REQUIRED, &fixture->client, NULL},
		{NNG_TLS_AUTH_MODE_REQUIRED, NULL, "it has no certificate"},
		{NNG_TLS_AUTH_MODE_REQUIRED, &fixture->other,
			"its certificate was not issued by the given CA"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		nng_tls_config *server = new_config(NNG_TLS_MODE_SERVER, ca, &fixture->server);
		nng_tls_config *client = new_config(NNG_TLS_MODE_CLIENT, ca, CASES[i].client);

		assert_int_equal(nng_tls_config_auth_mode(server, CASES[i].mode), 0);
		assert_int_equal(nng_tls_config_server_name(client, "localhost"), 0);
		expect_connection(server, client, CASES[i].log);
	}
}

/* A record holds 16 KiB and so does NNG's buffer: messages around and far beyond both. */
static void carries_messages_of_every_size(void **state)
{
	static const size_t SIZES[] = {0, 1, 8, 15990, 16000, 16001, 16384, 16385, 65536, 1 << 20};
	const struct fixture *fixture = *state;
	nng_tls_config *client = new_config(NNG_TLS_MODE_CLIENT, pki_ca(fixture->pki), NULL);
	static atomic_bool connected;
	nng_socket pull, push;

	assert_int_equal(nng_tls_config_server_name(client, "localhost"), 0);
	open_sockets(&pull, &push);
	(void)dial_with(push,
		listen_with(pull, new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server)), client,
		&connected);
	assert_true(wait_until(is_set, &connected, PATIENCE_MS));
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		nng_msg *sent, *received;
		uint8_t *bytes;

		assert_int_equal(nng_msg_alloc(&sent, SIZES[i]), 0);
		bytes = nng_msg_body(sent);
		for (size_t b = 0; b < SIZES[i]; b++)
			bytes[b] = (uint8_t)(b * 7 + b / 256);
		assert_int_equal(nng_sendmsg(push, sent, 0), 0);
		assert_int_equal(nng_recvmsg(pull, &received, 0), 0);
		assert_int_equal(nng_msg_len(received), SIZES[i]);
		bytes = nng_msg_body(received);
		for (size_t b = 0; b < SIZES[i]; b++)
			if (bytes[b] != (uint8_t)(b * 7 + b / 256))
				fail_msg("byte %zu of %zu differs", b, SIZES[i]);
		nng_msg_free(received);
	}
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* By a client that waits until its alert was read; NNG's may close the socket before. */
static void says_why_a_client_broke_off(void **state)
{
	const struct fixture *fixture = *state;
	const struct {
		const char *name;
		const struct pki *trusted;
		const struct pki_pair *server;
		const char *log;
	} CASES[] = {
		{"elsewhere", fixture->pki, &fixture->server, "it refuses our certificate; it may"},
		{"localhost", fixture->stranger, &fixture->server,
			"it does not trust the CA of our certificate"},
		{"localhost", fixture->namesake, &fixture->server,
			"it has another CA under the name of ours"},
		{"localhost", fixture->pki, &fixture->expired,
			"it takes our certificate for expired"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_capture *log = log_capture_start();
		SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
		BIO *ca = BIO_new_mem_buf(pki_ca(CASES[i].trusted), -1);
		X509 *cert = PEM_read_bio_X509(ca, NULL, NULL, NULL);
		SSL *ssl = SSL_new(ctx);
		nng_socket pull, push;
		bool said;
		int fd;

		open_sockets(&pull, &push);
		fd = connect_to(
			listen_with(pull, new_config(NNG_TLS_MODE_SERVER, NULL, CASES[i].server)));
		assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert), 1);
		SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
		assert_int_equal(SSL_set1_host(ssl, CASES[i].name), 1);
		(void)SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), -1);
		said = log_capture_has(log, CASES[i].log, PATIENCE_MS);
		log_capture_stop(log);
		assert_true(said);
		SSL_free(ssl);
		X509_free(cert);
		(void)BIO_free(ca);
		SSL_CTX_free(ctx);
		(void)close(fd);
	}
}

static void speaks_nothing_older_than_tls_1_3(void **state)
{
	const struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	nng_socket pull, push;
	uint16_t port;
	bool said;

	open_sockets(&pull, &push);
	port = listen_with(pull, new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server));
	for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
		SSL *ssl = SSL_new(ctx);
		int fd = connect_to(port);

		(void)SSL_set_max_proto_version(ssl, version);
		(void)SSL_set_fd(ssl, fd);
		assert_int_equal(SSL_connect(ssl), version == TLS1_3_VERSION ? 1 : -1);
		SSL_free(ssl);
		(void)close(fd);
	}
	said = log_capture_has(log, "an agent '' failed: it does not speak TLS 1.3", PATIENCE_MS);
	log_capture_stop(log);
	assert_true(said);
	SSL_CTX_free(ctx);
}

static void names_plain_text_in_the_log(void **state)
{
	static const char REQUEST[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
	const struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	nng_socket pull, push;
	uint16_t port;
	bool said;
	char answer[64];
	int fd;

	open_sockets(&pull, &push);
	port = listen_with(pull, new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server));
	for (int i = 0; i < 20; i++) {
		fd = connect_to(port);
		assert_int_equal(write(fd, REQUEST, strlen(REQUEST)), strlen(REQUEST));
		while (read(fd, answer, sizeof(answer)) > 0)
			; /* an alert, then the end */
		(void)close(fd);
	}
	said = log_capture_has(log, "it does not speak TLS (", PATIENCE_MS);
	assert_int_equal(log_capture_count(log, "failed"), 1); /* one line for all of them */
	log_capture_stop(log);
	assert_true(said);
}

static bool are_so_many(void *number)
{
	return tls_engine_connections() >= *(const size_t *)number;
}

static bool all_are_closed(void *closed)
{
	*(size_t *)closed += tls_engine_close_unfinished(1000000);
	return tls_engine_connections() == 0;
}

/* What a client does that connects and goes no further than one of these steps. */
enum step {
	STEP_CONNECT,
	STEP_HALF_A_HELLO,
	STEP_HANDSHAKE,
	STEP_HALF_A_GREETING,
	STEP_COUNT,
};

struct silent {
	int fd;
	SSL *ssl;
};

static struct silent go_to(enum step step, uint16_t port, SSL_CTX *ctx)
{
	struct silent silent = {connect_to(port), SSL_new(ctx)};

	(void)SSL_set_fd(silent.ssl, silent.fd);
	if (step == STEP_HALF_A_HELLO)
		assert_int_equal(write(silent.fd, "\x16\x03\x01\x02\x00\x01", 6), 6);
	if (step >= STEP_HANDSHAKE)
		assert_int_equal(SSL_connect(silent.ssl), 1);
	if (step >= STEP_HALF_A_GREETING)
		assert_int_equal(SSL_write(silent.ssl, "\0SP\0", 4), 4);
	return silent;
}

static void hang_up(struct silent *silent)
{
	SSL_free(silent->ssl);
	(void)close(silent->fd);
}

/* NNG accepts one after the other: when the last one, who stays, has shaken hands it has all. */
static void expect_closed(const struct fixture *fixture, enum step step, bool stay)
{
	enum { COUNT = 40 };
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct silent clients[COUNT], last;
	size_t wanted = stay ? COUNT + 1 : 1, closed = 0;
	nng_socket pull, push;
	uint16_t port;

	open_sockets(&pull, &push);
	port = listen_with(pull, new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server));
	for (int i = 0; i < COUNT; i++) {
		clients[i] = go_to(step, port, ctx);
		if (!stay)
			hang_up(&clients[i]);
	}
	last = go_to(STEP_HANDSHAKE, port, ctx);
	assert_true(wait_until(are_so_many, &wanted, PATIENCE_MS));
	assert_int_equal(tls_engine_close_unfinished(3600 * NS_PER_SECOND), 0);
	assert_true(wait_until(all_are_closed, &closed, PATIENCE_MS));
	if (stay)
		assert_int_equal(closed, COUNT + 1);
	for (int i = 0; stay && i < COUNT; i++)
		hang_up(&clients[i]);
	hang_up(&last);
	SSL_CTX_free(ctx);
}

/* The first test: there are no connections but its own. */
static void closes_what_never_gets_going(void **state)
{
	for (enum step step = STEP_CONNECT; step < STEP_COUNT; step++) {
		expect_closed(*state, step, true);
		expect_closed(*state, step, false);
	}
}

static void refuses_bad_configs(void **state)
{
	const struct fixture *fixture = *state;
	static const char GARBAGE[] =
		"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	nng_tls_config *config;

	assert_int_equal(nng_tls_config_alloc(&config, NNG_TLS_MODE_SERVER), 0);
	assert_int_equal(nng_tls_config_ca_chain(config, "", NULL), NNG_ECRYPTO);
	assert_int_equal(nng_tls_config_ca_chain(config, GARBAGE, NULL), NNG_ECRYPTO);
	assert_int_equal(
		nng_tls_config_ca_chain(config, pki_ca(fixture->pki), GARBAGE), NNG_ECRYPTO);
	assert_int_equal(
		nng_tls_config_own_cert(config, GARBAGE, fixture->server.key, NULL), NNG_ECRYPTO);
	assert_int_equal(
		nng_tls_config_own_cert(config, fixture->server.cert, "", NULL), NNG_ECRYPTO);
	assert_int_equal(
		nng_tls_config_own_cert(config, fixture->server.cert, fixture->client.key, NULL),
		NNG_EINVAL);
	assert_int_equal(nng_tls_config_version(config, NNG_TLS_1_0, NNG_TLS_1_2), NNG_ENOTSUP);
	assert_int_equal(nng_tls_config_version(config, NNG_TLS_1_2, NNG_TLS_1_3), 0);
	nng_tls_config_free(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closes_what_never_gets_going),
		cmocka_unit_test(survives_the_next_socket),
		cmocka_unit_test(verifies_the_server),
		cmocka_unit_test(verifies_the_client_when_told),
		cmocka_unit_test(carries_messages_of_every_size),
		cmocka_unit_test(says_why_a_client_broke_off),
		cmocka_unit_test(speaks_nothing_older_than_tls_1_3),
		cmocka_unit_test(names_plain_text_in_the_log),
		cmocka_unit_test(refuses_bad_configs),
	};

	return cmocka_run_group_tests_name("tls_engine", tests, set_up, tear_down);
}
