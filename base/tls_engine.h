/* NNG's TLS by OpenSSL 3: an engine for nng_tls_engine_register() (nng/supplemental/tls/engine.h).
 *
 * TLS 1.3 only. A client verifies the server's certificate against the CA and the server name of
 * its config, which may be an IP address. The functions of an nng_tls_config fail with NNG_ECRYPTO
 * for what is not PEM, NNG_EINVAL for a key that does not belong to the certificate. A handshake
 * that fails is logged with its reason, once in ten seconds and config.
 *
 * No session resumption: the keys of tickets die with the aggregator, and its restart is the only
 * time when many agents connect at once. */
#ifndef BASE_TLS_ENGINE_H
#define BASE_TLS_ENGINE_H

#include "base/error.h"

/* Initialises NNG if nobody has, for nng_init() of 1.5.2 would put its own engine back. 0 or
 * -errno. Idempotent; configs that were made before keep the engine they were made with. */
int tls_engine_register(struct error *err);

#endif
