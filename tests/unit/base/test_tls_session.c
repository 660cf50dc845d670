/* base/tls_session: what a client resumes, and when it does not. */
#include "base/tls_session.h"

#include "base/tls_tickets.h"
#include "tests/harness/pki.h"
#include "tests/harness/tls_memory.h"

#include <openssl/evp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOUR_S 3600L
#define DAY_S  (24 * HOUR_S)
#define NAME   "aggregator"

struct fixture {
	struct pki *pki;
	struct pki_pair pair;    /* below it */
	struct pki_pair lasting; /* self-signed, for no name */
	SSL_CTX *client, *server;
};

static SSL_CTX *client_of(const char *ca)
{
	SSL_CTX *ctx = tls_memory_client(ca);

	assert_int_equal(tls_session_keep(ctx), 0);
	return ctx;
}

static SSL_CTX *server_of(const struct pki_pair *pair)
{
	SSL_CTX *ctx = tls_memory_server(pair);

	assert_int_equal(tls_tickets_issue(ctx), 0);
	return ctx;
}

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	EVP_PKEY *key = EVP_EC_gen("P-256");

	assert_non_null(fixture);
	fixture->pki = pki_new("authority"); /* for an hour */
	fixture->pair = pki_issue(fixture->pki, "DNS:" NAME, 30 * DAY_S);
	fixture->lasting = tls_memory_pair(key, 1, 30 * DAY_S);
	fixture->client = client_of(pki_ca(fixture->pki));
	fixture->server = server_of(&fixture->pair);
	EVP_PKEY_free(key);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	tls_memory_travel(0);
	SSL_CTX_free(fixture->client);
	SSL_CTX_free(fixture->server);
	pki_pair_free(&fixture->pair);
	pki_pair_free(&fixture->lasting);
	pki_free(fixture->pki);
	free(fixture);
	return 0;
}

enum outcome { FAILED, IN_FULL, RESUMED };

static enum outcome meet(SSL_CTX *client, SSL_CTX *server, const char *name)
{
	struct tls_memory ends = tls_memory_new(client, server, name);
	enum outcome outcome = FAILED;

	tls_session_offer(ends.client);
	if (!tls_memory_shake(&ends)) {
		tls_session_ended(ends.client, TLS_SESSION_FAILED);
	} else {
		tls_session_ended(ends.client, TLS_SESSION_WORKED);
		outcome = SSL_session_reused(ends.client) ? RESUMED : IN_FULL;
		assert_int_equal(SSL_session_reused(ends.server), outcome == RESUMED);
		/* what the engine tells NNG by */
		assert_non_null(SSL_get0_peer_certificate(ends.client));
		assert_true(SSL_get_verify_mode(ends.client) == SSL_VERIFY_NONE ||
			    SSL_get_verify_result(ends.client) == X509_V_OK);
	}
	tls_memory_free(&ends);
	return outcome;
}

static void the_next_connection_resumes(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	for (int i = 0; i < 5; i++)
		assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
}

static void several_at_a_time_resume_one_session(void **state)
{
	const struct fixture *fixture = *state;
	struct tls_memory ends[4];

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	for (size_t i = 0; i < 4; i++) {
		ends[i] = tls_memory_new(fixture->client, fixture->server, NAME);
		tls_session_offer(ends[i].client);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_true(tls_memory_shake(&ends[i]));
		assert_int_equal(SSL_session_reused(ends[i].client), 1);
	}
	for (size_t i = 0; i < 4; i++)
		tls_memory_free(&ends[i]);
}

static void a_context_with_other_authorities_begins_anew(void **state)
{
	const struct fixture *fixture = *state;
	struct pki *stranger = pki_new("stranger");
	SSL_CTX *same = client_of(pki_ca(fixture->pki)), *other = client_of(pki_ca(stranger));

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(same, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(other, fixture->server, NAME), FAILED);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
	SSL_CTX_free(same);
	SSL_CTX_free(other);
	pki_free(stranger);
}

/* The connection outlives the context that it was made with. */
static void a_late_ticket_goes_nowhere_else(void **state)
{
	const struct fixture *fixture = *state;
	SSL_CTX *old = client_of(pki_ca(fixture->pki)), *new = client_of(pki_ca(fixture->pki));
	struct tls_memory ends = tls_memory_new(old, fixture->server, NAME);

	SSL_CTX_free(old);
	assert_true(tls_memory_shake(&ends));
	assert_int_equal(meet(new, fixture->server, NAME), IN_FULL);
	tls_memory_free(&ends);
	SSL_CTX_free(new);
}

static void a_session_ends_with_the_first_certificate_of_the_chain(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	tls_memory_travel(HOUR_S - 60);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
	tls_memory_travel(HOUR_S + 60);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), FAILED);
}

static void resuming_does_not_prolong_a_session(void **state)
{
	const struct fixture *fixture = *state;
	SSL_CTX *client = client_of(fixture->lasting.cert), *server = server_of(&fixture->lasting);

	assert_int_equal(meet(client, server, NULL), IN_FULL);
	for (long day = 2; day <= 6; day += 2) {
		tls_memory_travel(day * DAY_S);
		assert_int_equal(meet(client, server, NULL), RESUMED);
	}
	tls_memory_travel(TLS_TICKETS_LIFETIME_S + 1);
	assert_int_equal(meet(client, server, NULL), IN_FULL);
	assert_int_equal(meet(client, server, NULL), RESUMED);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
}

/* A server of another make, which gives tickets to those who come with one. */
static int give_another(SSL *ssl, void *context)
{
	(void)ssl;
	(void)context;
	return 1;
}

static SSL_TICKET_RETURN take_and_renew(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
	size_t name_size, SSL_TICKET_STATUS status, void *context)
{
	(void)ssl;
	(void)session;
	(void)name;
	(void)name_size;
	(void)context;
	return status == SSL_TICKET_SUCCESS || status == SSL_TICKET_SUCCESS_RENEW
		       ? SSL_TICKET_RETURN_USE_RENEW
		       : SSL_TICKET_RETURN_IGNORE_RENEW;
}

static void tickets_of_resumed_connections_do_not_either(void **state)
{
	const struct fixture *fixture = *state;
	SSL_CTX *client = client_of(fixture->lasting.cert), *server = server_of(&fixture->lasting);

	(void)SSL_CTX_set_session_ticket_cb(server, give_another, take_and_renew, NULL);
	assert_int_equal(meet(client, server, NULL), IN_FULL);
	tls_memory_travel(6 * DAY_S);
	assert_int_equal(meet(client, server, NULL), RESUMED);
	tls_memory_travel(8 * DAY_S);
	assert_int_equal(meet(client, server, NULL), IN_FULL);
	SSL_CTX_free(client);
	SSL_CTX_free(server);
}

/* One that nobody answers. */
static void break_off(SSL_CTX *client, SSL_CTX *server, enum tls_session_end end)
{
	struct tls_memory ends = tls_memory_new(client, server, NAME);

	tls_session_offer(ends.client);
	assert_true(SSL_do_handshake(ends.client) < 0);
	tls_session_ended(ends.client, end);
	tls_memory_free(&ends);
}

static void a_failed_handshake_takes_the_session_away(void **state)
{
	const struct fixture *fixture = *state;

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	break_off(fixture->client, fixture->server, TLS_SESSION_FAILED);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
}

static void so_do_some_seconds_of_lost_connections(void **state)
{
	const struct fixture *fixture = *state;
	long now = 0;

	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i < TLS_SESSION_MAX_LOST; i++) {
			for (int j = 0; j < 10; j++)
				break_off(fixture->client, fixture->server, TLS_SESSION_LOST);
			tls_memory_travel(++now * 10);
		}
		assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
	}
	for (int i = 0; i < TLS_SESSION_MAX_LOST; i++) {
		break_off(fixture->client, fixture->server, TLS_SESSION_LOST);
		tls_memory_travel(++now * 10);
	}
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
}

static void nobody_resumes_with_a_server_that_gives_no_tickets(void **state)
{
	const struct fixture *fixture = *state;

	(void)SSL_CTX_set_num_tickets(fixture->server, 0);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
}

static void who_verifies_nothing_keeps_nothing_unverified(void **state)
{
	const struct fixture *fixture = *state;
	struct pki *stranger = pki_new("stranger");
	SSL_CTX *client = client_of(pki_ca(stranger));

	SSL_CTX_set_verify(client, SSL_VERIFY_NONE, NULL);
	assert_int_equal(meet(client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(client, fixture->server, NAME), IN_FULL);
	SSL_CTX_free(client);
	pki_free(stranger);
}

/* --- hostile ---------------------------------------------------------------------------------- */

static size_t padding;

static int pad(SSL *ssl, void *context)
{
	static const char zeros[2 * TLS_SESSION_MAX_TICKET];

	(void)context;
	return SSL_SESSION_set1_ticket_appdata(SSL_get_session(ssl), zeros, padding);
}

static void a_large_ticket_is_not_kept(void **state)
{
	const struct fixture *fixture = *state;

	(void)SSL_CTX_set_session_ticket_cb(fixture->server, pad, NULL, NULL);
	padding = TLS_SESSION_MAX_TICKET;
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	padding = TLS_SESSION_MAX_TICKET - 512;
	assert_int_equal(meet(fixture->client, fixture->server, NAME), IN_FULL);
	assert_int_equal(meet(fixture->client, fixture->server, NAME), RESUMED);
}

static void many_tickets_are_one_session(void **state)
{
	const struct fixture *fixture = *state;

	(void)SSL_CTX_set_num_tickets(fixture->server, 100);
	for (int i = 0; i < 3; i++)
		assert_int_equal(
			meet(fixture->client, fixture->server, NAME), i == 0 ? IN_FULL : RESUMED);
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *meet_often(void *context)
{
	const struct fixture *fixture = context;
	intptr_t bad = 0;

	for (int i = 0; i < 20; i++) {
		struct tls_memory ends = tls_memory_new(fixture->client, fixture->server, NAME);

		tls_session_offer(ends.client);
		bad += !tls_memory_shake(&ends);
		if (i % 5 == 4)
			tls_session_ended(ends.client, TLS_SESSION_FAILED);
		tls_memory_free(&ends);
	}
	return (void *)bad;
}

static void threads_share_a_context(void **state)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, meet_often, *state), 0);
	for (size_t i = 0; i < 4; i++) {
		void *bad;

		assert_int_equal(pthread_join(threads[i], &bad), 0);
		assert_null(bad);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(the_next_connection_resumes),
		TEST(several_at_a_time_resume_one_session),
		TEST(a_context_with_other_authorities_begins_anew),
		TEST(a_late_ticket_goes_nowhere_else),
		TEST(a_session_ends_with_the_first_certificate_of_the_chain),
		TEST(resuming_does_not_prolong_a_session),
		TEST(tickets_of_resumed_connections_do_not_either),
		TEST(a_failed_handshake_takes_the_session_away),
		TEST(so_do_some_seconds_of_lost_connections),
		TEST(nobody_resumes_with_a_server_that_gives_no_tickets),
		TEST(who_verifies_nothing_keeps_nothing_unverified),
		TEST(a_large_ticket_is_not_kept),
		TEST(many_tickets_are_one_session),
		TEST(threads_share_a_context),
	};

	return cmocka_run_group_tests_name("tls_session", tests, NULL, NULL);
}
