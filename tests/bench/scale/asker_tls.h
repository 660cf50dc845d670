/* What asker's TLS connections are made with: TLS 1.2 or 1.3, the ciphers and groups in the order
 * in which Go's client (kube-apiserver) offers them, no resumption, as that of a front proxy. */
#ifndef SCALE_ASKER_TLS_H
#define SCALE_ASKER_TLS_H

#include "base/error.h"
#include "tests/bench/scale/asker_options.h"

#include <openssl/types.h>

/* NULL and a message: a file that can't be read, or does not fit. SSL_CTX_free() it. */
SSL_CTX *asker_tls_new(const struct asker_options *options, struct error *err);

/* What OpenSSL says of the last failure, in words; empties its queue. */
const char *asker_tls_failure(char *text, size_t size);

#endif
