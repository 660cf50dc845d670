/* NNG's TLS by OpenSSL 3: an engine for nng_tls_engine_register() (nng/supplemental/tls/engine.h).
 *
 * TLS 1.3 only. Register after the process opened its first NNG socket, for nng_init() overwrites
 * the engine in 1.5.2. */
#ifndef BASE_TLS_ENGINE_H
#define BASE_TLS_ENGINE_H

#include "base/error.h"

/* 0 or -errno. Idempotent. */
int tls_engine_register(struct error *err);

#endif
