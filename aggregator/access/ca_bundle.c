#include "aggregator/access/ca_bundle.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct ca_bundle {
	X509_STORE *store;
	char *pem;
	uint64_t generation;
};

struct ca_bundle *ca_bundle_new(void)
{
	struct ca_bundle *bundle = calloc(1, sizeof(*bundle));

	if (bundle)
		bundle->generation = 1;
	return bundle;
}

void ca_bundle_free(struct ca_bundle *bundle)
{
	if (!bundle)
		return;
	X509_STORE_free(bundle->store);
	free(bundle->pem);
	free(bundle);
}

struct ca_bundle *ca_bundle_copy(const struct ca_bundle *bundle)
{
	struct ca_bundle *copy = calloc(1, sizeof(*copy));

	if (!copy)
		return NULL;
	/* The store itself is never changed, but replaced. */
	if (bundle->store && X509_STORE_up_ref(bundle->store) != 1) {
		free(copy);
		return NULL;
	}
	copy->store = bundle->store;
	copy->generation = bundle->generation;
	return copy;
}

/* Of the oldest error in OpenSSL's queue, which is emptied. `count` certificates were good. */
static int unreadable(size_t count, struct error *err)
{
	const char *reason = ERR_reason_error_string(ERR_get_error());

	ERR_clear_error();
	return error_set(err, EINVAL, "certificate %zu of the bundle: %s", count + 1,
		reason ? reason : "unknown reason");
}

/* Each one is trusted by itself, as in Go's pools: an intermediate authority need not be there with
 * its root. */
static int read_all(BIO *bio, X509_STORE *store, struct error *err)
{
	size_t count = 0;
	X509 *certificate;

	ERR_clear_error();
	while ((certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		int added = X509_STORE_add_cert(store, certificate);

		X509_free(certificate);
		if (!added)
			return unreadable(count, err);
		if (++count > CA_BUNDLE_MAX_CERTIFICATES)
			return error_set(err, E2BIG, "a CA bundle may have %d certificates at most",
				CA_BUNDLE_MAX_CERTIFICATES);
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return unreadable(count, err);
	ERR_clear_error();
	return count > 0 ? 0 : error_set(err, EINVAL, "no certificate is in the CA bundle");
}

/* OpenSSL would take the first authority of the right name, and a bundle may have two of it: the
 * old and the new. Go tries them all. */
static int has_issued(X509_STORE_CTX *context, X509 *certificate, X509 *issuer)
{
	bool issued;

	(void)context;
	issued = X509_check_issued(issuer, certificate) == X509_V_OK &&
		 X509_verify(certificate, X509_get0_pubkey(issuer)) == 1;
	ERR_clear_error();
	return issued;
}

static int read_store(const char *pem, X509_STORE **ret_store, struct error *err)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509_STORE *store = X509_STORE_new();
	int r;

	if (store)
		X509_STORE_set_check_issued(store, has_issued);
	if (!bio || !store || !X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN))
		r = error_errno(err, ENOMEM, "reading a CA bundle");
	else
		r = read_all(bio, store, err);
	(void)BIO_free(bio);
	if (r < 0) {
		X509_STORE_free(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

int ca_bundle_set(struct ca_bundle *bundle, const char *pem, struct error *err)
{
	X509_STORE *store = NULL;
	char *copy;
	int r = 0;

	pem = pem ? pem : "";
	if (strcmp(pem, bundle->pem ? bundle->pem : "") == 0)
		return 0;
	if (strlen(pem) > CA_BUNDLE_MAX_BYTES)
		return error_set(
			err, E2BIG, "a CA bundle may have %u bytes at most", CA_BUNDLE_MAX_BYTES);
	copy = strdup(pem);
	if (!copy)
		return error_errno(err, ENOMEM, "reading a CA bundle");
	if (*pem)
		r = read_store(pem, &store, err);
	if (r < 0) {
		free(copy);
		return r;
	}
	X509_STORE_free(bundle->store);
	free(bundle->pem);
	bundle->store = store;
	bundle->pem = copy;
	bundle->generation++;
	return 1;
}

X509_STORE *ca_bundle_store(const struct ca_bundle *bundle)
{
	return bundle->store;
}

uint64_t ca_bundle_generation(const struct ca_bundle *bundle)
{
	return bundle->generation;
}
