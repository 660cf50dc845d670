/* TLS handshakes without a network, with the time of day that a test wants.
 *
 * Whoever links this has its time(2), for OpenSSL and for us: it stands still. Everything here
 * fails the running cmocka test when OpenSSL does what it must not fail at. */
#ifndef TESTS_HARNESS_TLS_MEMORY_H
#define TESTS_HARNESS_TLS_MEMORY_H

#include "tests/harness/pki.h"

#include <openssl/ssl.h>
#include <stdbool.h>

/* From now on time(2) is so many seconds later than at first. */
void tls_memory_travel(long seconds);

/* A self-signed certificate for no name, with this serial number, which ends so many seconds from
 * now; pki_pair_free() it. */
struct pki_pair tls_memory_pair(EVP_PKEY *key, long serial, long seconds);

/* TLS 1.3 only, without tickets and sessions so far. A client that verifies by `ca` (PEM). */
SSL_CTX *tls_memory_server(const struct pki_pair *pair);
SSL_CTX *tls_memory_client(const char *ca);

struct tls_memory {
	SSL *client, *server;
};

/* `name`: what the client wants to see in the certificate, and tells the server; NULL: anything. */
struct tls_memory tls_memory_new(SSL_CTX *client, SSL_CTX *server, const char *name);
void tls_memory_free(struct tls_memory *ends);

/* Shakes hands and carries a byte each way, so that tickets arrive. False when it fails. */
bool tls_memory_shake(struct tls_memory *ends);

#endif
