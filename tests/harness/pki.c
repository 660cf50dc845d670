#include "tests/harness/pki.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_S 3600

struct pki {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;
};

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	assert_non_null(extension);
	assert_int_equal(X509_add_ext(cert, extension, -1), 1);
	X509_EXTENSION_free(extension);
}

static void add_name(X509 *cert, const char *field, const char *value, int size)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), field,
				 MBSTRING_UTF8, (const unsigned char *)value, size, -1, 0),
		1);
}

static X509 *new_cert(EVP_PKEY *key, const char *common_name, long seconds)
{
	X509 *cert = X509_new();
	uint64_t serial;

	assert_non_null(cert);
	assert_int_equal(RAND_bytes((unsigned char *)&serial, sizeof(serial)), 1);
	assert_int_equal(X509_set_version(cert, X509_VERSION_3), 1);
	assert_int_equal(ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -2L * HOUR_S));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), seconds));
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	if (common_name)
		add_name(cert, "CN", common_name, -1);
	return cert;
}

static char *text_of(BIO *bio)
{
	char *data;
	long length = BIO_get_mem_data(bio, &data);
	char *text = strndup(data, (size_t)length);

	assert_non_null(text);
	(void)BIO_free(bio);
	return text;
}

static char *cert_pem(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_X509(bio, cert), 1);
	return text_of(bio);
}

static char *key_pem(EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	assert_int_equal(PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
	return text_of(bio);
}

/* Signed by itself without an issuer. */
static struct pki *new_authority(const struct pki *issuer, const char *name)
{
	struct pki *pki = calloc(1, sizeof(*pki));
	const struct pki *by = issuer ? issuer : pki;

	assert_non_null(pki);
	pki->key = EVP_EC_gen("P-256");
	assert_non_null(pki->key);
	pki->cert = new_cert(pki->key, name, HOUR_S);
	assert_int_equal(X509_set_issuer_name(pki->cert, X509_get_subject_name(by->cert)), 1);
	add_extension(pki->cert, NID_basic_constraints, "critical,CA:TRUE");
	add_extension(pki->cert, NID_key_usage, "critical,keyCertSign,cRLSign");
	assert_true(X509_sign(pki->cert, by->key, EVP_sha256()) > 0);
	pki->pem = cert_pem(pki->cert);
	return pki;
}

struct pki *pki_new(const char *name)
{
	return new_authority(NULL, name);
}

struct pki *pki_new_below(const struct pki *issuer, const char *name)
{
	return new_authority(issuer, name);
}

void pki_free(struct pki *pki)
{
	if (!pki)
		return;
	X509_free(pki->cert);
	EVP_PKEY_free(pki->key);
	free(pki->pem);
	free(pki);
}

const char *pki_ca(const struct pki *pki)
{
	return pki->pem;
}

struct pki_pair pki_issue(const struct pki *pki, const char *names, long seconds)
{
	struct pki_pair pair;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert;

	assert_non_null(key);
	cert = new_cert(key, "tacho test", seconds);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(pki->cert)), 1);
	add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
	add_extension(cert, NID_subject_alt_name, names);
	assert_true(X509_sign(cert, pki->key, EVP_sha256()) > 0);
	pair.cert = cert_pem(cert);
	pair.key = key_pem(key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return pair;
}

struct pki_pair pki_issue_client(const struct pki *pki, const struct pki_client *client)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	struct pki_pair pair;
	X509 *cert;

	assert_non_null(key);
	cert = new_cert(
		key, NULL, client->from_seconds || client->seconds ? client->seconds : HOUR_S);
	if (client->from_seconds)
		assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), client->from_seconds));
	if (client->common_name)
		add_name(cert, "CN", client->common_name,
			client->common_name_size ? (int)client->common_name_size : -1);
	for (size_t i = 0; i < 4 && client->organizations[i]; i++)
		add_name(cert, "O", client->organizations[i], -1);
	assert_int_equal(X509_set_issuer_name(cert, X509_get_subject_name(pki->cert)), 1);
	add_extension(cert, NID_basic_constraints, "critical,CA:FALSE");
	if (client->usage)
		add_extension(cert, NID_ext_key_usage, client->usage);
	assert_true(X509_sign(cert, pki->key, EVP_sha256()) > 0);
	pair.cert = cert_pem(cert);
	pair.key = key_pem(key);
	X509_free(cert);
	EVP_PKEY_free(key);
	return pair;
}

void pki_pair_free(struct pki_pair *pair)
{
	free(pair->cert);
	free(pair->key);
}
