/* A certificate authority that lives as long as a test. P-256 keys, valid for an hour. Everything
 * here fails the running cmocka test when OpenSSL does. */
#ifndef TESTS_HARNESS_PKI_H
#define TESTS_HARNESS_PKI_H

struct pki;

struct pki_pair {
	char *cert, *key; /* PEM */
};

/* Authorities of one name have different keys, as one has that was made anew. */
struct pki *pki_new(const char *name);
void pki_free(struct pki *pki);

/* The authority's own certificate, PEM. */
const char *pki_ca(const struct pki *pki);

/* A certificate for `names`, as OpenSSL writes a subjectAltName: "DNS:localhost,IP:127.0.0.1". It
 * ends `seconds` from now, which may be in the past. */
struct pki_pair pki_issue(const struct pki *pki, const char *names, long seconds);
void pki_pair_free(struct pki_pair *pair);

#endif
