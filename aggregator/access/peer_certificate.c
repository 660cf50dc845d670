#include "aggregator/access/peer_certificate.h"

#include <errno.h>
#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH \
	10 /* of intermediate certificates; what a client may send is bounded by OpenSSL */

/* OpenSSL's 1: 1024 bits of RSA and no SHA-1, which is what Go's verification takes. */
#define SECURITY_LEVEL 1

#define CREDENTIAL_ID "authentication.kubernetes.io/credential-id" /* k8s.io/apiserver's */

X509 *peer_certificate(SSL *tls)
{
	return SSL_get0_peer_certificate(tls);
}

/* Go's rule, which OpenSSL's purposes do not have: "any" is for clients, too. */
static bool is_for_clients(X509 *certificate)
{
	uint32_t usage = X509_get_extended_key_usage(certificate);

	return usage == UINT32_MAX || usage & (XKU_SSL_CLIENT | XKU_ANYEKU);
}

/* The first moment at which one of the chain is not valid any more. */
static time_t chain_end(STACK_OF(X509) * chain)
{
	time_t end = (time_t)LONG_MAX;

	for (int i = 0; i < sk_X509_num(chain); i++) {
		const ASN1_TIME *not_after = X509_get0_notAfter(sk_X509_value(chain, i));
		struct tm tm;
		time_t own = ASN1_TIME_to_tm(not_after, &tm) == 1 ? timegm(&tm) : 0;

		end = own < end ? own : end;
	}
	return end;
}

/* NULL, and *ret_end when it ends; or why not. */
static const char *judge(X509_STORE_CTX *context, time_t *ret_end)
{
	STACK_OF(X509) * chain;

	if (X509_verify_cert(context) != 1)
		return X509_verify_cert_error_string(X509_STORE_CTX_get_error(context));
	chain = X509_STORE_CTX_get0_chain(context);
	for (int i = 0; i < sk_X509_num(chain); i++)
		if (!is_for_clients(sk_X509_value(chain, i)))
			return "its extended key usage is not for clients";
	*ret_end = chain_end(chain);
	return NULL;
}

static const char *verify(SSL *tls, X509_STORE *store, time_t now, time_t *ret_end)
{
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	const char *fault = "memory is short";

	if (context && X509_STORE_CTX_init(context, store, SSL_get0_peer_certificate(tls),
			       SSL_get_peer_cert_chain(tls)) == 1) {
		X509_VERIFY_PARAM *parameters = X509_STORE_CTX_get0_param(context);

		X509_VERIFY_PARAM_set_time(parameters, now);
		X509_VERIFY_PARAM_set_depth(parameters, MAX_DEPTH);
		X509_VERIFY_PARAM_set_auth_level(parameters, SECURITY_LEVEL);
		fault = judge(context, ret_end);
	}
	X509_STORE_CTX_free(context);
	return fault;
}

const char *peer_certificate_verify(
	SSL *tls, const struct ca_bundle *bundle, struct peer_verdict *verdict, time_t now)
{
	time_t end = now + PEER_CERTIFICATE_RETRY_S;
	const char *fault;

	/* `from`: a clock that is set back can make a certificate invalid again. */
	if (verdict->generation == ca_bundle_generation(bundle) && now >= verdict->from &&
		now < verdict->until)
		return verdict->fault;
	fault = verify(tls, ca_bundle_store(bundle), now, &end);
	*verdict = (struct peer_verdict){ca_bundle_generation(bundle), now, end, fault};
	return fault;
}

/* --- whose it is ------------------------------------------------------------------------------ */

/* NULL for what is no text, has a NUL in it, or when memory is short. */
static char *text_of(const X509_NAME_ENTRY *entry)
{
	unsigned char *utf8 = NULL;
	int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
	char *text = NULL;

	if (length >= 0 && !memchr(utf8, '\0', (size_t)length))
		text = strndup((const char *)utf8, (size_t)length);
	OPENSSL_free(utf8);
	return text;
}

char *peer_certificate_name(const X509 *certificate)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int last = -1, next;

	while ((next = X509_NAME_get_index_by_NID(subject, NID_commonName, last)) >= 0)
		last = next;
	return last < 0 ? strdup("") : text_of(X509_NAME_get_entry(subject, last));
}

static int add_organizations(const X509 *certificate, struct user *user)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = -1, r = 0;

	while (r == 0 &&
		(at = X509_NAME_get_index_by_NID(subject, NID_organizationName, at)) >= 0) {
		char *group = text_of(X509_NAME_get_entry(subject, at));

		r = group ? user_add_group(user, group) : -EINVAL;
		free(group);
	}
	return r;
}

/* Tells this certificate from the next one of the same user, in kube-apiserver's audit log. */
static int add_fingerprint(X509 *certificate, struct user *user)
{
	static const char START[] = "X509SHA256=";
	unsigned char digest[SHA256_DIGEST_LENGTH];
	char text[sizeof(START) + 2 * (size_t)SHA256_DIGEST_LENGTH];
	char *to = stpcpy(text, START);

	if (X509_digest(certificate, EVP_sha256(), digest, NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < sizeof(digest); i++, to += 2)
		(void)snprintf(to, 3, "%02x", digest[i]);
	return user_add_extra(user, CREDENTIAL_ID, text);
}

int peer_certificate_user(X509 *certificate, struct user *ret_user, struct error *err)
{
	struct user user = {0};
	char *name = peer_certificate_name(certificate);
	int r;

	if (!name)
		return error_set(err, EINVAL, "the certificate's common name can't be read");
	r = *name ? user_set_name(&user, name) : -ENOENT;
	free(name);
	if (r == 0)
		r = add_organizations(certificate, &user);
	if (r == 0)
		r = add_fingerprint(certificate, &user);
	if (r < 0) {
		user_free(&user);
		return error_errno(err, -r, "reading the certificate's subject");
	}
	*ret_user = user;
	return 0;
}
