#include "base/tls_tickets.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* What SSL_CTX_set_tlsext_ticket_keys() takes: a name, a key for HMAC, one for AES. */
#define KEYS_SIZE 80

/* --- keys ------------------------------------------------------------------------------------- */

/* HKDF (RFC 5869) of `secret`, for this purpose and certificate alone. */
static bool derive(uint8_t *secret, size_t size, uint8_t *certificate, size_t certificate_size,
	uint8_t keys[KEYS_SIZE])
{
	static char DIGEST[] = "SHA256", PURPOSE[] = "tacho session tickets 1";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, DIGEST, 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, secret, size),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, certificate, certificate_size),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, PURPOSE, sizeof(PURPOSE) - 1),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *hkdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *context = hkdf ? EVP_KDF_CTX_new(hkdf) : NULL;
	bool good = context && EVP_KDF_derive(context, keys, KEYS_SIZE, params) == 1;

	EVP_KDF_CTX_free(context);
	EVP_KDF_free(hkdf);
	return good;
}

static bool make_keys(const SSL_CTX *ctx, uint8_t keys[KEYS_SIZE])
{
	const X509 *certificate = SSL_CTX_get0_certificate(ctx);
	const EVP_PKEY *key = SSL_CTX_get0_privatekey(ctx);
	uint8_t *secret = NULL, digest[EVP_MAX_MD_SIZE];
	unsigned digest_size = 0;
	int size = key ? i2d_PrivateKey(key, &secret) : -1;
	bool good = size > 0 && certificate &&
		    X509_digest(certificate, EVP_sha256(), digest, &digest_size) == 1 &&
		    derive(secret, (size_t)size, digest, digest_size, keys);

	OPENSSL_clear_free(secret, size > 0 ? (size_t)size : 0);
	return good;
}

/* --- tickets ---------------------------------------------------------------------------------- */

static bool is_young(const SSL_SESSION *session)
{
	time_t age_s = time(NULL) - SSL_SESSION_get_time(session);

	return age_s < TLS_TICKETS_LIFETIME_S; /* whatever it says itself */
}

/* A client that comes with a good ticket keeps it: a new one would be work for both sides, and let
 * it go for ever without looking at our certificate again. */
static SSL_TICKET_RETURN on_ticket(SSL *ssl, SSL_SESSION *session, const unsigned char *name,
	size_t name_size, SSL_TICKET_STATUS status, void *context)
{
	(void)name;
	(void)name_size;
	(void)context;
	if (status == SSL_TICKET_FATAL_ERR_MALLOC || status == SSL_TICKET_FATAL_ERR_OTHER)
		return SSL_TICKET_RETURN_ABORT;
	if ((status != SSL_TICKET_SUCCESS && status != SSL_TICKET_SUCCESS_RENEW) ||
		!is_young(session))
		return SSL_TICKET_RETURN_IGNORE_RENEW;
	(void)SSL_set_num_tickets(ssl, 0);
	return SSL_TICKET_RETURN_USE;
}

int tls_tickets_issue(SSL_CTX *ctx)
{
	uint8_t keys[KEYS_SIZE];
	bool good = make_keys(ctx, keys) &&
		    SSL_CTX_set_tlsext_ticket_keys(ctx, keys, sizeof(keys)) == 1 &&
		    SSL_CTX_set_session_ticket_cb(ctx, NULL, on_ticket, NULL) == 1 &&
		    SSL_CTX_set_num_tickets(ctx, 1) == 1;

	OPENSSL_cleanse(keys, sizeof(keys));
	ERR_clear_error();
	(void)SSL_CTX_set_timeout(ctx, TLS_TICKETS_LIFETIME_S);
	return good ? 0 : -ENOMEM;
}

void tls_tickets_refuse(SSL_CTX *ctx)
{
	(void)SSL_CTX_set_num_tickets(ctx, 0);
	(void)SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
}
