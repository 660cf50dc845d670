#include "base/tls_pem.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool add_crls(X509_STORE *store, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_CRL *crl;
	size_t count = 0;

	while (bio && (crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL))) {
		count += X509_STORE_add_crl(store, crl) == 1;
		X509_CRL_free(crl);
	}
	(void)BIO_free(bio);
	return count > 0 && X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) == 1;
}

int tls_pem_trust(SSL_CTX *ctx, const char *certs, const char *crl)
{
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	BIO *bio = BIO_new_mem_buf(certs, -1);
	X509 *cert;
	size_t count = 0;

	while (bio && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		count += X509_STORE_add_cert(store, cert) == 1;
		X509_free(cert);
	}
	(void)BIO_free(bio);
	ERR_clear_error(); /* the end of the text is one */
	return count == 0 || (crl && !add_crls(store, crl)) ? -EINVAL : 0;
}

/* The first certificate is ours, the others go along for the peer to build the chain. */
static bool use_chain(SSL_CTX *ctx, const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = bio ? PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL) : NULL;
	bool good = cert && SSL_CTX_use_certificate(ctx, cert) == 1;

	X509_free(cert);
	while (good && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		good = SSL_CTX_add1_chain_cert(ctx, cert) == 1;
		X509_free(cert);
	}
	(void)BIO_free(bio);
	return good;
}

static int give_password(char *buffer, int size, int writing, void *password)
{
	size_t length = password ? strlen(password) : 0;

	(void)writing;
	if (length > (size_t)size)
		return -1;
	if (length > 0)
		memcpy(buffer, password, length);
	return (int)length;
}

int tls_pem_own(SSL_CTX *ctx, const char *cert, const char *key, const char *password)
{
	BIO *bio = BIO_new_mem_buf(key, -1);
	char *secret = password ? strdup(password) : NULL;
	EVP_PKEY *pkey = bio ? PEM_read_bio_PrivateKey(bio, NULL, give_password, secret) : NULL;
	int r = -EINVAL;

	if (pkey && use_chain(ctx, cert))
		r = SSL_CTX_use_PrivateKey(ctx, pkey) == 1 ? 0 : -EKEYREJECTED;
	EVP_PKEY_free(pkey);
	(void)BIO_free(bio);
	if (secret)
		OPENSSL_cleanse(secret, strlen(secret));
	free(secret);
	ERR_clear_error();
	return r;
}
