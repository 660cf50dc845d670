/* base/tls_engine: who comes back resumes his session, over real sockets on loopback.
 *
 * No socket is closed before the process ends: nng_close() of NNG 1.5.2 loses connections that it
 * finds in the handshake. */
#include "base/tls_engine.h"

#include "base/address.h"
#include "base/tls_pem.h"
#include "base/tls_session.h"
#include "tests/harness/pki.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/tls/tls.h>
#include <nng/transport/tls/tls.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_S      3600
#define REDIAL_MS   200
#define PATIENCE_MS 60000

struct fixture {
	struct pki *pki;
	struct pki_pair server, other;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->pki = pki_new("authority");
	fixture->server = pki_issue(fixture->pki, "DNS:localhost", HOUR_S);
	fixture->other = pki_issue(fixture->pki, "DNS:localhost", HOUR_S);
	*state = fixture;
	return tls_engine_register(NULL);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	pki_pair_free(&fixture->server);
	pki_pair_free(&fixture->other);
	pki_free(fixture->pki);
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

static const uint8_t GREETING[8] = {0, 'S', 'P', 0, 0, 0x51, 0, 0}; /* of a PULL socket */

static SSL_SESSION *ticket;

static int keep_ticket(SSL *ssl, SSL_SESSION *session)
{
	(void)ssl;
	SSL_SESSION_free(ticket);
	ticket = SSL_SESSION_dup(session);
	return 0;
}

/* Shakes hands with the last ticket, if there is one, and reads until the greeting. */
static bool is_resumed(SSL_CTX *ctx, uint16_t port)
{
	SSL_SESSION *copy = ticket ? SSL_SESSION_dup(ticket) : NULL;
	SSL *ssl = SSL_new(ctx);
	int fd = connect_to(port);
	char greeting[8];
	bool resumed;

	if (copy)
		assert_int_equal(SSL_set_session(ssl, copy), 1);
	(void)SSL_set_fd(ssl, fd);
	assert_int_equal(SSL_connect(ssl), 1);
	assert_int_equal(SSL_read(ssl, greeting, sizeof(greeting)), sizeof(greeting));
	resumed = SSL_session_reused(ssl);
	SSL_SESSION_free(copy);
	SSL_free(ssl);
	(void)close(fd);
	return resumed;
}

/* As after a restart: each listener has a config of its own. */
static void resumes_who_was_here_before(void **state)
{
	const struct fixture *fixture = *state;
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	nng_tls_config *strict =
		new_config(NNG_TLS_MODE_SERVER, pki_ca(fixture->pki), &fixture->server);
	const struct {
		nng_tls_config *config;
		bool resumed;
	} LISTENERS[] = {
		{new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server), false},
		{new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server), true},
		{strict, false}, /* would have liked to see a certificate */
		{new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->server), true},
		{new_config(NNG_TLS_MODE_SERVER, NULL, &fixture->other), false},
	};

	assert_int_equal(nng_tls_config_auth_mode(strict, NNG_TLS_AUTH_MODE_OPTIONAL), 0);
	(void)SSL_CTX_set_session_cache_mode(
		ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, keep_ticket);
	for (size_t i = 0; i < sizeof(LISTENERS) / sizeof(LISTENERS[0]); i++) {
		nng_socket pull;

		assert_int_equal(nng_pull0_open(&pull), 0);
		if (is_resumed(ctx, listen_with(pull, LISTENERS[i].config)) != LISTENERS[i].resumed)
			fail_msg("listener %zu", i);
	}
	SSL_SESSION_free(ticket);
	ticket = NULL;
	SSL_CTX_free(ctx);
}

static int listen_plainly(uint16_t *ret_port)
{
	struct sockaddr_storage address = {.ss_family = AF_INET};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	socklen_t size = sizeof(*v4);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = address_of_socket(&address).port;
	return fd;
}

static const char NONSENSE[] = "HTTP/1.1 503 Service Unavailable\r\n\r\n";

enum manners {
	POLITE, /* as an aggregator that ends as soon as it has the agent */
	RUDE,   /* hangs up in the midst of the handshake */
	MAD,    /* answers something else */
};

static _Atomic int connections; /* of the dialer: both greetings have come */

static void on_connected(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	(void)pipe;
	(void)event;
	(void)context;
	(void)atomic_fetch_add(&connections, 1);
}

static bool are_more(void *before)
{
	return atomic_load(&connections) > *(const int *)before;
}

/* The next connection of the dialer. True when it resumes a session. NNG 1.5.2 does not notice it
 * when somebody hangs up right after the greeting. */
static bool takes_up(SSL_CTX *ctx, int listener, enum manners manners)
{
	uint8_t greeting[sizeof(GREETING)];
	int before = atomic_load(&connections);
	int fd = accept(listener, NULL, NULL);
	SSL *ssl = SSL_new(ctx);
	bool resumed = false;

	assert_true(fd >= 0);
	(void)SSL_set_fd(ssl, fd);
	if (manners == POLITE) {
		assert_int_equal(SSL_accept(ssl), 1);
		resumed = SSL_session_reused(ssl);
		assert_int_equal(SSL_read(ssl, greeting, sizeof(greeting)), sizeof(greeting));
		assert_int_equal(SSL_write(ssl, GREETING, sizeof(GREETING)), sizeof(GREETING));
		assert_true(wait_until(are_more, &before, PATIENCE_MS));
	} else {
		assert_int_equal(read(fd, greeting, 1), 1);
		if (manners == MAD)
			assert_int_equal(write(fd, NONSENSE, strlen(NONSENSE)), strlen(NONSENSE));
		(void)shutdown(fd, SHUT_WR); /* no RST that overtakes it */
		while (read(fd, greeting, sizeof(greeting)) > 0)
			;
	}
	SSL_free(ssl);
	(void)close(fd);
	return resumed;
}

static SSL_CTX *plain_server(const struct pki_pair *pair)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	assert_int_equal(tls_pem_own(ctx, pair->cert, pair->key, NULL), 0);
	return ctx;
}

/* Dials again and again, as an agent does. */
static void dial_with(nng_tls_config *config, uint16_t port)
{
	nng_dialer dialer;
	nng_socket push;
	char url[64];

	assert_int_equal(nng_push0_open(&push), 0);
	assert_int_equal(nng_pipe_notify(push, NNG_PIPE_EV_ADD_POST, on_connected, NULL), 0);
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	assert_int_equal(nng_dialer_create(&dialer, push, url), 0);
	assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
	nng_tls_config_free(config);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
}

static void a_client_resumes_until_that_fails(void **state)
{
	const struct fixture *fixture = *state;
	SSL_CTX *ctx = plain_server(&fixture->server), *anew = plain_server(&fixture->server);
	nng_tls_config *client = new_config(NNG_TLS_MODE_CLIENT, pki_ca(fixture->pki), NULL);
	uint16_t port;
	int listener = listen_plainly(&port);

	assert_int_equal(nng_tls_config_server_name(client, "localhost"), 0);
	dial_with(client, port);
	assert_false(takes_up(ctx, listener, POLITE));
	assert_true(takes_up(ctx, listener, POLITE));
	assert_true(takes_up(ctx, listener, POLITE));
	(void)takes_up(ctx, listener, RUDE);
	assert_true(takes_up(ctx, listener, POLITE));
	for (int i = 0; i < TLS_SESSION_MAX_LOST; i++) {
		wait_ms(1100); /* each in another second */
		(void)takes_up(ctx, listener, RUDE);
	}
	assert_false(takes_up(ctx, listener, POLITE));
	assert_true(takes_up(ctx, listener, POLITE));
	(void)takes_up(ctx, listener, MAD);
	assert_false(takes_up(ctx, listener, POLITE));
	assert_true(takes_up(ctx, listener, POLITE));
	assert_false(takes_up(anew, listener, POLITE)); /* can't read the ticket */
	assert_true(takes_up(anew, listener, POLITE));
	(void)close(listener);
	SSL_CTX_free(ctx);
	SSL_CTX_free(anew);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resumes_who_was_here_before),
		cmocka_unit_test(a_client_resumes_until_that_fails),
	};

	return cmocka_run_group_tests_name("tls_engine_resumes", tests, set_up, tear_down);
}
