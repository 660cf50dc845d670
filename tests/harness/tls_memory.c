#include "tests/harness/tls_memory.h"

#include "base/tls_pem.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Of each direction: more than any flight of a handshake. */
#define PIPE_SIZE 65536

static pthread_once_t once = PTHREAD_ONCE_INIT;
static time_t start;
static _Atomic long ahead_s;

static void look_at_the_clock(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	start = now.tv_sec;
}

time_t time(time_t *ret_time)
{
	time_t seconds;

	(void)pthread_once(&once, look_at_the_clock);
	seconds = start + atomic_load(&ahead_s);
	if (ret_time)
		*ret_time = seconds;
	return seconds;
}

void tls_memory_travel(long seconds)
{
	atomic_store(&ahead_s, seconds);
}

struct pki_pair tls_memory_pair(EVP_PKEY *key, long serial, long seconds)
{
	struct pki_pair pair;
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	assert_true(cert && bio);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -3600));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	assert_int_equal(BIO_write(bio, "", 1), 1);
	(void)BIO_get_mem_data(bio, &text);
	pair.cert = strdup(text);
	(void)BIO_reset(bio);
	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(BIO_write(bio, "", 1), 1);
	(void)BIO_get_mem_data(bio, &text);
	pair.key = strdup(text);
	(void)BIO_free(bio);
	X509_free(cert);
	return pair;
}

static SSL_CTX *new_context(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	assert_non_null(ctx);
	assert_int_equal(SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION), 1);
	assert_int_equal(SSL_CTX_set_num_tickets(ctx, 0), 1);
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	return ctx;
}

SSL_CTX *tls_memory_server(const struct pki_pair *pair)
{
	SSL_CTX *ctx = new_context();

	assert_int_equal(tls_pem_own(ctx, pair->cert, pair->key, NULL), 0);
	return ctx;
}

SSL_CTX *tls_memory_client(const char *ca)
{
	SSL_CTX *ctx = new_context();

	assert_int_equal(tls_pem_trust(ctx, ca, NULL), 0);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
	return ctx;
}

struct tls_memory tls_memory_new(SSL_CTX *client, SSL_CTX *server, const char *name)
{
	struct tls_memory ends = {SSL_new(client), SSL_new(server)};
	BIO *one, *other;

	assert_true(ends.client && ends.server);
	assert_int_equal(BIO_new_bio_pair(&one, PIPE_SIZE, &other, PIPE_SIZE), 1);
	SSL_set_bio(ends.client, one, one);
	SSL_set_bio(ends.server, other, other);
	SSL_set_connect_state(ends.client);
	SSL_set_accept_state(ends.server);
	if (name) {
		assert_int_equal(SSL_set1_host(ends.client, name), 1);
		assert_int_equal(SSL_set_tlsext_host_name(ends.client, name), 1);
	}
	return ends;
}

void tls_memory_free(struct tls_memory *ends)
{
	SSL_free(ends->client);
	SSL_free(ends->server);
	*ends = (struct tls_memory){0};
}

static bool goes_on(const SSL *ssl, int result)
{
	int error = SSL_get_error(ssl, result);

	return error == SSL_ERROR_NONE || error == SSL_ERROR_WANT_READ ||
	       error == SSL_ERROR_WANT_WRITE;
}

static bool carry(SSL *from, SSL *to)
{
	char byte = 'x';

	return SSL_write(from, &byte, 1) == 1 && SSL_read(to, &byte, 1) == 1;
}

bool tls_memory_shake(struct tls_memory *ends)
{
	int client, server;

	do {
		ERR_clear_error();
		client = SSL_do_handshake(ends->client);
		if (!goes_on(ends->client, client))
			return false;
		ERR_clear_error();
		server = SSL_do_handshake(ends->server);
		if (!goes_on(ends->server, server))
			return false;
	} while (client != 1 || server != 1);
	return carry(ends->server, ends->client) && carry(ends->client, ends->server);
}
