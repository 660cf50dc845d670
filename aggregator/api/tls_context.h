/* The TLS side of the HTTPS server: one certificate of ours, and whatever the client has. */
#ifndef API_TLS_CONTEXT_H
#define API_TLS_CONTEXT_H

#include "base/error.h"

#include <openssl/types.h>

/* Reads the certificate (with its chain) and its key, PEM both. `min_version` is TLS1_2_VERSION or
 * TLS1_3_VERSION. A client is asked for a certificate, and may have none or one of any kind: what
 * it is worth is found out later (access/). NULL and a message when a file can't be read or they
 * don't belong together. SSL_CTX_free() it; connections keep theirs, so a newly read one can take
 * its place at any time. Blocks on the disk. */
SSL_CTX *tls_context_new(
	const char *cert_file, const char *key_file, int min_version, struct error *err);

#endif
