/* The TLS side of the HTTPS server: TLS 1.2 or later, one certificate. */
#ifndef API_TLS_CONTEXT_H
#define API_TLS_CONTEXT_H

#include "base/error.h"

#include <openssl/types.h>

/* Reads the certificate (with its chain) and its key, PEM both. NULL and a message when one can't
 * be read or they don't belong together. SSL_CTX_free() it; connections keep theirs, so a newly
 * read one can take its place at any time. Blocks on the disk. */
SSL_CTX *tls_context_new(const char *cert_file, const char *key_file, struct error *err);

#endif
