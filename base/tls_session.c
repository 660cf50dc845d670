#include "base/tls_session.h"

#include "base/tls_tickets.h"

#include <errno.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

struct slot {
	pthread_mutex_t lock;
	SSL_SESSION *session; /* nobody's but ours: connections have copies; NULL: none */
	time_t ends;
	unsigned lost; /* seconds with lost handshakes, since one worked; */
	time_t lost_s; /* the last of them */
};

/* Where a context has its slot. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int place = -1;

static void free_slot(
	void *ctx, void *data, CRYPTO_EX_DATA *all, int index, long number, void *pointer)
{
	struct slot *slot = data;

	(void)ctx;
	(void)all;
	(void)index;
	(void)number;
	(void)pointer;
	if (!slot)
		return;
	SSL_SESSION_free(slot->session);
	(void)pthread_mutex_destroy(&slot->lock);
	free(slot);
}

static void find_place(void)
{
	place = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_slot);
}

static struct slot *slot_of(const SSL *ssl)
{
	return place < 0 ? NULL : SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), place);
}

static void put(struct slot *slot, SSL_SESSION *session, time_t ends)
{
	SSL_SESSION *old;

	(void)pthread_mutex_lock(&slot->lock);
	old = slot->session;
	slot->session = session;
	slot->ends = ends;
	slot->lost = 0;
	(void)pthread_mutex_unlock(&slot->lock);
	SSL_SESSION_free(old);
}

/* --- what comes ------------------------------------------------------------------------------- */

/* When the first certificate of the chain ends, a week from now at the latest; 0 unless this very
 * connection verified one. */
static time_t end_of(const SSL *ssl)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(ssl);
	time_t now = time(NULL), ends = now + TLS_TICKETS_LIFETIME_S;
	int days, seconds;

	if (!chain || SSL_session_reused(ssl) || SSL_get_verify_result(ssl) != X509_V_OK)
		return 0;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		const X509 *certificate = sk_X509_value(chain, i);
		time_t its;

		if (ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
			return 0;
		its = now + (time_t)days * 24 * 3600 + seconds;
		if (its < ends)
			ends = its;
	}
	return ends;
}

/* The session stays the connection's own, which changes it as it ends. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct slot *slot = slot_of(ssl);
	time_t ends = end_of(ssl);
	const unsigned char *ticket;
	size_t size = 0;
	SSL_SESSION *copy;

	SSL_SESSION_get0_ticket(session, &ticket, &size);
	if (!slot || ends == 0 || size == 0 || size > TLS_SESSION_MAX_TICKET)
		return 0;
	copy = SSL_SESSION_dup(session);
	if (copy)
		put(slot, copy, ends);
	return 0;
}

int tls_session_keep(SSL_CTX *ctx)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	(void)pthread_once(&once, find_place);
	if (slot)
		(void)pthread_mutex_init(&slot->lock, NULL);
	if (!slot || place < 0 || SSL_CTX_set_ex_data(ctx, place, slot) != 1) {
		free(slot);
		return -ENOMEM;
	}
	(void)SSL_CTX_set_session_cache_mode(
		ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	return 0;
}

/* --- what is used ----------------------------------------------------------------------------- */

void tls_session_offer(SSL *ssl)
{
	struct slot *slot = slot_of(ssl);
	SSL_SESSION *copy = NULL;

	if (!slot)
		return;
	(void)pthread_mutex_lock(&slot->lock);
	if (slot->session && time(NULL) < slot->ends)
		copy = SSL_SESSION_dup(slot->session);
	(void)pthread_mutex_unlock(&slot->lock);
	if (copy)
		(void)SSL_set_session(ssl, copy);
	SSL_SESSION_free(copy);
}

void tls_session_ended(SSL *ssl, enum tls_session_end end)
{
	struct slot *slot = slot_of(ssl);
	time_t now = time(NULL);
	bool drop;

	if (!slot)
		return;
	(void)pthread_mutex_lock(&slot->lock);
	if (end == TLS_SESSION_WORKED)
		slot->lost = 0;
	else if (slot->lost == 0 || slot->lost_s != now)
		slot->lost++;
	slot->lost_s = now;
	drop = end == TLS_SESSION_FAILED || slot->lost >= TLS_SESSION_MAX_LOST;
	(void)pthread_mutex_unlock(&slot->lock);
	if (drop)
		put(slot, NULL, 0);
}
