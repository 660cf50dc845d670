/* base/tls_config: files that are renewed under running listeners and dialers; what can't be read.
 *
 * No socket is closed before the process ends: nng_close() of NNG 1.5.2 loses connections that it
 * finds in the handshake. */
#include "base/tls_config.h"

#include "base/address.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"
#include "tests/harness/wire_client.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_S      3600
#define REDIAL_MS   200
#define PATIENCE_MS 60000
#define TICK_MS     50 /* more than one of the file system's clock */

struct world {
	struct pki *old_pki, *new_pki;
	struct pki_pair old_pair, new_pair;
	struct scratch *scratch;
	const char *cert_file, *key_file, *ca_file;
	const char *old_ca, *new_ca; /* for clients of the tests */
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->old_pki = pki_new("old");
	world->new_pki = pki_new("new");
	world->old_pair = pki_issue(world->old_pki, "DNS:aggregator", HOUR_S);
	world->new_pair = pki_issue(world->new_pki, "DNS:aggregator", HOUR_S);
	world->scratch = scratch_new();
	world->cert_file = scratch_write(world->scratch, "cert.pem", world->old_pair.cert);
	world->key_file = scratch_write(world->scratch, "key.pem", world->old_pair.key);
	world->ca_file = scratch_write(world->scratch, "ca.pem", pki_ca(world->old_pki));
	world->old_ca = scratch_write(world->scratch, "old_ca.pem", pki_ca(world->old_pki));
	world->new_ca = scratch_write(world->scratch, "new_ca.pem", pki_ca(world->new_pki));
	wait_ms(TICK_MS);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	pki_pair_free(&world->old_pair);
	pki_pair_free(&world->new_pair);
	pki_free(world->old_pki);
	pki_free(world->new_pki);
	scratch_free(world->scratch);
	free(world);
	return 0;
}

static void renew_pair(struct world *world, const struct pki_pair *pair)
{
	wait_ms(TICK_MS);
	(void)scratch_write(world->scratch, "cert.pem", pair->cert);
	(void)scratch_write(world->scratch, "key.pem", pair->key);
}

static struct tls_config *server_config(const struct world *world)
{
	struct tls_config *config = NULL;

	assert_int_equal(tls_config_server(world->cert_file, world->key_file, &config, NULL), 0);
	return config;
}

static uint16_t listen_with(nng_socket *pull, const struct tls_config *config)
{
	nng_listener listener;
	nng_sockaddr address;

	assert_int_equal(nng_pull0_open(pull), 0);
	assert_int_equal(nng_socket_set_ms(*pull, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	assert_int_equal(nng_listener_create(&listener, *pull, "tls+tcp://127.0.0.1:0"), 0);
	assert_int_equal(
		nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls_config_nng(config)), 0);
	assert_int_equal(nng_listener_start(listener, 0), 0);
	assert_int_equal(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
	return address_of_nng(&address).port;
}

static void expect_message(nng_socket pull, const char *text)
{
	nng_msg *message;

	assert_int_equal(nng_recvmsg(pull, &message, 0), 0);
	assert_int_equal(nng_msg_len(message), strlen(text));
	assert_memory_equal(nng_msg_body(message), text, strlen(text));
	nng_msg_free(message);
}

/* --- a server's pair -------------------------------------------------------------------------- */

static void the_very_next_connection_sees_the_new_certificate(void **state)
{
	struct world *world = *state;
	struct tls_config *config = server_config(world);
	struct wire_client *before, *after;
	struct log_capture *log;
	nng_socket pull;
	uint16_t port = listen_with(&pull, config);

	before = wire_client_tls(port, world->old_ca);
	assert_int_equal(tls_config_refresh(config), 0);
	renew_pair(world, &world->new_pair);
	log = log_capture_start();
	assert_int_equal(tls_config_refresh(config), 1);
	assert_int_equal(tls_config_refresh(config), 0);
	assert_int_equal(log_capture_count(log, "cert.pem has changed: new connections use"), 1);
	log_capture_stop(log);
	after = wire_client_tls(port, world->new_ca); /* fails the test with the old one */
	wire_client_send(before, "old", 3);
	expect_message(pull, "old");
	wire_client_send(after, "new", 3);
	expect_message(pull, "new");
	wire_client_free(before);
	wire_client_free(after);
	tls_config_free(config);
}

static void keeps_what_it_had_while_the_new_pair_is_broken(void **state)
{
	struct world *world = *state;
	struct tls_config *config = server_config(world);
	struct pki_pair half = {world->new_pair.cert, world->old_pair.key};
	struct log_capture *log;
	nng_socket pull;
	uint16_t port = listen_with(&pull, config);
	unsigned said;

	renew_pair(world, &half);
	log = log_capture_start();
	for (int i = 0; i < 5; i++)
		assert_int_equal(tls_config_refresh(config), -EINVAL);
	said = log_capture_count(log, "not the key of certificate");
	log_capture_stop(log);
	assert_int_equal(said, 1);
	wire_client_free(wire_client_tls(port, world->old_ca));

	wait_ms(TICK_MS);
	assert_int_equal(unlink(world->key_file), 0);
	assert_int_equal(tls_config_refresh(config), -ENOENT);
	wire_client_free(wire_client_tls(port, world->old_ca));

	renew_pair(world, &world->new_pair);
	assert_int_equal(tls_config_refresh(config), 1);
	wire_client_free(wire_client_tls(port, world->new_ca));
	tls_config_free(config);
}

/* While nothing but the memory of the first try failed, the files stay as they are. */
static void tries_again_although_the_files_stay(void **state)
{
	struct world *world = *state;
	struct tls_config *config = server_config(world);
	const char *away = scratch_path(world->scratch, "away");

	assert_int_equal(rename(world->key_file, away), 0);
	assert_int_equal(tls_config_refresh(config), -ENOENT);
	assert_int_equal(rename(away, world->key_file), 0);
	assert_int_equal(tls_config_refresh(config), 1);
	assert_int_equal(tls_config_refresh(config), 0);
	tls_config_free(config);
}

static void connects_while_it_is_renewed_again_and_again(void **state)
{
	enum { ROUNDS = 20 };
	struct world *world = *state;
	struct tls_config *config = server_config(world);
	struct wire_client *first;
	nng_socket pull;
	uint16_t port = listen_with(&pull, config);

	first = wire_client_tls(port, world->old_ca);
	for (int i = 0; i < ROUNDS; i++) {
		bool fresh = i % 2 == 0;

		renew_pair(world, fresh ? &world->new_pair : &world->old_pair);
		assert_int_equal(tls_config_refresh(config), 1);
		wire_client_free(wire_client_tls(port, fresh ? world->new_ca : world->old_ca));
		wire_client_send(first, "still here", 10);
		expect_message(pull, "still here");
	}
	wire_client_free(first);
	tls_config_free(config);
}

/* --- a client's CA ---------------------------------------------------------------------------- */

static bool sends(void *context)
{
	static char text[] = "x";
	nng_socket *push = context;

	return nng_send(*push, text, 1, NNG_FLAG_NONBLOCK) == 0;
}

static nng_socket dial_with(uint16_t port, const struct tls_config *config)
{
	nng_dialer dialer;
	nng_socket push;
	char url[64];

	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	assert_int_equal(nng_push0_open(&push), 0);
	assert_int_equal(nng_dialer_create(&dialer, push, url), 0);
	assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, tls_config_nng(config)), 0);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, REDIAL_MS), 0);
	assert_int_equal(nng_dialer_start(dialer, NNG_FLAG_NONBLOCK), 0);
	return push;
}

static void a_dialer_that_goes_on_trying_trusts_the_new_ca(void **state)
{
	struct world *world = *state;
	struct tls_config *server, *client = NULL;
	struct log_capture *log = log_capture_start();
	nng_socket pull, push;
	bool refused;

	renew_pair(world, &world->new_pair);
	server = server_config(world);
	assert_int_equal(tls_config_client(world->ca_file, "aggregator", &client, NULL), 0);
	push = dial_with(listen_with(&pull, server), client);
	refused = log_capture_has(log, "not issued by the given CA", PATIENCE_MS);
	log_capture_stop(log);
	assert_true(refused);
	(void)scratch_write(world->scratch, "ca.pem", "nothing of the kind");
	assert_int_equal(tls_config_refresh(client), -EINVAL);
	wait_ms(TICK_MS);
	(void)scratch_write(world->scratch, "ca.pem", pki_ca(world->new_pki));
	assert_int_equal(tls_config_refresh(client), 1);
	assert_true(wait_until(sends, &push, PATIENCE_MS));
	expect_message(pull, "x");
	tls_config_free(server);
	tls_config_free(client);
}

/* The name is verified as before. */
static void a_new_ca_does_not_change_the_name_that_is_wanted(void **state)
{
	struct world *world = *state;
	struct tls_config *server = server_config(world), *client = NULL;
	struct log_capture *log;
	nng_socket pull;
	bool refused;

	assert_int_equal(tls_config_client(world->ca_file, "another", &client, NULL), 0);
	wait_ms(TICK_MS);
	(void)scratch_write(world->scratch, "ca.pem", pki_ca(world->old_pki));
	assert_int_equal(tls_config_refresh(client), 1);
	log = log_capture_start();
	(void)dial_with(listen_with(&pull, server), client);
	refused = log_capture_has(log, "is made out to another name", PATIENCE_MS);
	log_capture_stop(log);
	assert_true(refused);
	tls_config_free(server);
	tls_config_free(client);
}

/* --- what can't be read ----------------------------------------------------------------------- */

static void says_what_is_wrong_with_the_files(void **state)
{
	struct world *world = *state;
	const char *other_key = scratch_write(world->scratch, "other.pem", world->new_pair.key);
	const struct {
		const char *cert, *key;
		int r;
		const char *message;
	} CASES[] = {
		{NULL, world->key_file, -EINVAL, "TLS needs a certificate file"},
		{world->cert_file, "", -EINVAL, "TLS needs a key file"},
		{"/nowhere/cert.pem", world->key_file, -ENOENT, "reading /nowhere/cert.pem"},
		{world->cert_file, other_key, -EINVAL, "not the key of certificate"},
		{world->cert_file, world->cert_file, -EINVAL, "not a PEM certificate and PEM key"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct tls_config *config = NULL;
		struct error err = {{0}};

		assert_int_equal(
			tls_config_server(CASES[i].cert, CASES[i].key, &config, &err), CASES[i].r);
		assert_non_null(strstr(err.message, CASES[i].message));
		assert_null(config);
	}
	tls_config_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(the_very_next_connection_sees_the_new_certificate),
		T(keeps_what_it_had_while_the_new_pair_is_broken),
		T(tries_again_although_the_files_stay),
		T(connects_while_it_is_renewed_again_and_again),
		T(a_dialer_that_goes_on_trying_trusts_the_new_ca),
		T(a_new_ca_does_not_change_the_name_that_is_wanted),
		T(says_what_is_wrong_with_the_files),
	};

	return cmocka_run_group_tests_name("tls_config", tests, NULL, NULL);
}
