/* Certificates and keys, as PEM text, into an OpenSSL context. They block on nothing. */
#ifndef BASE_TLS_PEM_H
#define BASE_TLS_PEM_H

#include <openssl/ssl.h>

/* Trusts each certificate in `certs` as a CA. `crl` (may be NULL) holds revocation lists, which are
 * then asked. 0, or -EINVAL when there is none in either. */
int tls_pem_trust(SSL_CTX *ctx, const char *certs, const char *crl);

/* Shows the first certificate in `cert` as our own and hands on the others for the peer to build
 * the chain; `key` is its private key, which `password` (may be NULL) opens. 0; -EINVAL when
 * something is not there or can't be read; -EKEYREJECTED when key and certificate don't belong
 * together. */
int tls_pem_own(SSL_CTX *ctx, const char *cert, const char *key, const char *password);

#endif
