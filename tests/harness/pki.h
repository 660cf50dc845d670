/* A certificate authority that lives as long as a test. P-256 keys, valid for an hour. Everything
 * here fails the running cmocka test when OpenSSL does. */
#ifndef TESTS_HARNESS_PKI_H
#define TESTS_HARNESS_PKI_H

#include <stddef.h>

struct pki;

struct pki_pair {
	char *cert, *key; /* PEM */
};

/* Authorities of one name have different keys, as one has that was made anew. */
struct pki *pki_new(const char *name);
void pki_free(struct pki *pki);

/* An authority whose own certificate `issuer` signed. */
struct pki *pki_new_below(const struct pki *issuer, const char *name);

/* The authority's own certificate, PEM. */
const char *pki_ca(const struct pki *pki);

/* A certificate for `names`, as OpenSSL writes a subjectAltName: "DNS:localhost,IP:127.0.0.1". It
 * ends `seconds` from now, which may be in the past. */
struct pki_pair pki_issue(const struct pki *pki, const char *names, long seconds);

/* A client's certificate. NULL leaves out what it stands for. */
struct pki_client {
	const char *common_name; /* common_name_size bytes, or terminated */
	size_t common_name_size;
	const char *organizations[4];
	const char *usage;          /* extendedKeyUsage as OpenSSL writes it: "clientAuth" */
	long from_seconds, seconds; /* when it begins and ends, from now; both 0: valid for an hour
				     */
};
struct pki_pair pki_issue_client(const struct pki *pki, const struct pki_client *client);
void pki_pair_free(struct pki_pair *pair);

#endif
