/* base/tls_tickets: who is resumed by a server, and who has to shake hands in full. */
#include "base/tls_tickets.h"

#include "tests/harness/pki.h"
#include "tests/harness/tls_memory.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_S 3600
#define DAY_S  (24 * HOUR_S)
#define NAME   "aggregator"

/* A client that keeps the session of its last ticket, whatever it is worth. */
struct client {
	SSL_CTX *ctx;
	SSL_SESSION *session;
	int tickets;
};

struct fixture {
	struct pki *pki;
	struct pki_pair pair, other;
	struct client client;
};

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *client = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

	SSL_SESSION_free(client->session);
	client->session = SSL_SESSION_dup(session);
	client->tickets++;
	return 0;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->pki = pki_new("authority");
	fixture->pair = pki_issue(fixture->pki, "DNS:" NAME, 30L * DAY_S);
	fixture->other = pki_issue(fixture->pki, "DNS:" NAME, 30L * DAY_S);
	fixture->client.ctx = tls_memory_client(pki_ca(fixture->pki));
	(void)SSL_CTX_set_app_data(fixture->client.ctx, &fixture->client);
	(void)SSL_CTX_set_session_cache_mode(
		fixture->client.ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(fixture->client.ctx, on_session);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tls_memory_travel(0);
	SSL_SESSION_free(fixture->client.session);
	SSL_CTX_free(fixture->client.ctx);
	pki_pair_free(&fixture->pair);
	pki_pair_free(&fixture->other);
	pki_free(fixture->pki);
	free(fixture);
	return 0;
}

static SSL_CTX *server_of(const struct pki_pair *pair)
{
	SSL_CTX *ctx = tls_memory_server(pair);

	assert_int_equal(tls_tickets_issue(ctx), 0);
	return ctx;
}

enum outcome { FAILED, IN_FULL, RESUMED };

static enum outcome connect_to(struct client *client, SSL_CTX *server)
{
	struct tls_memory ends = tls_memory_new(client->ctx, server, NAME);
	SSL_SESSION *copy = client->session ? SSL_SESSION_dup(client->session) : NULL;
	enum outcome outcome = FAILED;
	EVP_PKEY *share = NULL;

	if (copy)
		assert_int_equal(SSL_set_session(ends.client, copy), 1);
	client->tickets = 0;
	if (tls_memory_shake(&ends)) {
		outcome = SSL_session_reused(ends.client) ? RESUMED : IN_FULL;
		/* the secret is new in any case */
		assert_int_equal(SSL_get_peer_tmp_key(ends.client, &share), 1);
		EVP_PKEY_free(share);
	}
	SSL_SESSION_free(copy);
	tls_memory_free(&ends);
	return outcome;
}

static void who_comes_back_is_resumed(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *server = server_of(&fixture->pair);

	assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	assert_int_equal(fixture->client.tickets, 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(connect_to(&fixture->client, server), RESUMED);
		assert_int_equal(fixture->client.tickets, 0);
	}
	SSL_CTX_free(server);
}

static void a_server_that_was_started_anew_takes_its_tickets(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *before = server_of(&fixture->pair), *after = server_of(&fixture->pair);

	assert_int_equal(connect_to(&fixture->client, before), IN_FULL);
	SSL_CTX_free(before);
	assert_int_equal(connect_to(&fixture->client, after), RESUMED);
	SSL_CTX_free(after);
}

static void another_key_takes_none(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *before = server_of(&fixture->pair), *after = server_of(&fixture->other);

	assert_int_equal(connect_to(&fixture->client, before), IN_FULL);
	assert_int_equal(connect_to(&fixture->client, after), IN_FULL);
	assert_int_equal(fixture->client.tickets, 1); /* a new one */
	assert_int_equal(connect_to(&fixture->client, after), RESUMED);
	SSL_CTX_free(before);
	SSL_CTX_free(after);
}

/* The client would go on without a look at it. */
static void another_certificate_of_the_same_key_takes_none(void **state)
{
	struct fixture *fixture = *state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct pki_pair pairs[] = {
		tls_memory_pair(key, 1, HOUR_S), tls_memory_pair(key, 2, HOUR_S)};
	SSL_CTX *before = server_of(&pairs[0]), *after = server_of(&pairs[1]);

	SSL_CTX_set_verify(fixture->client.ctx, SSL_VERIFY_NONE, NULL);
	assert_int_equal(connect_to(&fixture->client, before), IN_FULL);
	assert_int_equal(connect_to(&fixture->client, before), RESUMED);
	assert_int_equal(connect_to(&fixture->client, after), IN_FULL);
	SSL_CTX_free(before);
	SSL_CTX_free(after);
	pki_pair_free(&pairs[0]);
	pki_pair_free(&pairs[1]);
	EVP_PKEY_free(key);
}

static void a_ticket_is_good_for_a_week(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *server = server_of(&fixture->pair);

	SSL_CTX_set_verify(fixture->client.ctx, SSL_VERIFY_NONE, NULL); /* that ends before */
	assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	tls_memory_travel(TLS_TICKETS_LIFETIME_S - 60);
	assert_int_equal(connect_to(&fixture->client, server), RESUMED);
	tls_memory_travel(TLS_TICKETS_LIFETIME_S + 60);
	/* OpenSSL's client would not show it any more */
	(void)SSL_SESSION_set_time(fixture->client.session, (long)time(NULL));
	assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	SSL_CTX_free(server);
}

static void a_server_that_asks_for_certificates_takes_none(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *server = server_of(&fixture->pair), *strict = server_of(&fixture->pair);

	tls_tickets_refuse(strict);
	assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	assert_int_equal(connect_to(&fixture->client, strict), IN_FULL);
	assert_int_equal(fixture->client.tickets, 0);
	assert_int_equal(connect_to(&fixture->client, server), RESUMED);
	SSL_CTX_free(server);
	SSL_CTX_free(strict);
}

/* --- hostile ---------------------------------------------------------------------------------- */

/* Replaces the session by one whose ticket's byte differs. */
static void forge(struct client *client, size_t byte)
{
	const unsigned char *ticket, *from;
	unsigned char *form = NULL, *there;
	size_t ticket_size;
	int size = i2d_SSL_SESSION(client->session, &form);

	assert_true(size > 0);
	SSL_SESSION_get0_ticket(client->session, &ticket, &ticket_size);
	there = memmem(form, (size_t)size, ticket, ticket_size);
	assert_non_null(there);
	there[byte % ticket_size] ^= (unsigned char)(1 + byte % 255);
	SSL_SESSION_free(client->session);
	from = form;
	client->session = d2i_SSL_SESSION(NULL, &from, size);
	assert_non_null(client->session);
	OPENSSL_free(form);
}

static void a_forged_ticket_is_worth_nothing(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *server = server_of(&fixture->pair);

	for (size_t byte = 0; byte < 400; byte += 7) {
		SSL_SESSION_free(fixture->client.session);
		fixture->client.session = NULL;
		assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
		forge(&fixture->client, byte);
		assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	}
	SSL_CTX_free(server);
}

/* Who has seen it go by has not its secret. */
static void a_stolen_ticket_is_worth_nothing(void **state)
{
	struct fixture *fixture = *state;
	SSL_CTX *server = server_of(&fixture->pair);
	unsigned char secret[SSL_MAX_MASTER_KEY_LENGTH];
	size_t size;

	assert_int_equal(connect_to(&fixture->client, server), IN_FULL);
	size = SSL_SESSION_get_master_key(fixture->client.session, secret, sizeof(secret));
	assert_true(size >= 32);
	assert_int_equal(RAND_bytes(secret, (int)size), 1);
	assert_int_equal(SSL_SESSION_set1_master_key(fixture->client.session, secret, size), 1);
	assert_int_equal(connect_to(&fixture->client, server), FAILED);
	SSL_CTX_free(server);
}

static void a_context_without_a_key_is_refused(void **state)
{
	const struct fixture *fixture = *state;

	assert_true(tls_tickets_issue(fixture->client.ctx) < 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_comes_back_is_resumed),
		TEST(a_server_that_was_started_anew_takes_its_tickets),
		TEST(another_key_takes_none),
		TEST(another_certificate_of_the_same_key_takes_none),
		TEST(a_ticket_is_good_for_a_week),
		TEST(a_server_that_asks_for_certificates_takes_none),
		TEST(a_forged_ticket_is_worth_nothing),
		TEST(a_stolen_ticket_is_worth_nothing),
		TEST(a_context_without_a_key_is_refused),
	};

	return cmocka_run_group_tests_name("tls_tickets", tests, NULL, NULL);
}
