/* OpenSSL's bytes over a stream of NNG's. */
#ifndef BASE_TLS_TRANSPORT_H
#define BASE_TLS_TRANSPORT_H

#include <openssl/bio.h>

/* Must outlive its BIOs; BIO_meth_free() it. NULL when memory is short. */
BIO_METHOD *tls_transport_method(void);

/* `stream` is what NNG gives an engine for a connection. A byte that can't be moved yet is a retry.
 * NULL when memory is short. */
BIO *tls_transport_bio(const BIO_METHOD *method, void *stream);

#endif
