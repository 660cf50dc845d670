/* NNG's TLS by OpenSSL 3: an engine for nng_tls_engine_register() (nng/supplemental/tls/engine.h).
 *
 * TLS 1.3 only. A client verifies the server's certificate against the CA and the server name of
 * its config, which may be an IP address. The functions of an nng_tls_config fail with NNG_ECRYPTO
 * for what is not PEM, NNG_EINVAL for a key that does not belong to the certificate. A handshake
 * that fails is logged with its reason, once in ten seconds and config.
 *
 * A client that comes back resumes its session (tls_session), with a ticket that the server takes
 * also when it was started anew (tls_tickets): that is when thousands come back at once. */
#ifndef BASE_TLS_ENGINE_H
#define BASE_TLS_ENGINE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

/* A program that links this keeps what OpenSSL has allocated when it exits, for NNG's threads still
 * use it.
 *
 * Initialises NNG if nobody has, for nng_init() of 1.5.2 would put its own engine back. 0 or
 * -errno. Idempotent; configs that were made before keep the engine they were made with. */
int tls_engine_register(struct error *err);

/* Says before nng_send_aio() and its like, on the same thread, which message's body it is called
 * with, and afterwards (NULL, 0) that it was.
 *
 * NNG sends the length of a message and its body one after the other, in two steps of its threads.
 * That is two TLS records where one would do. And when the peer hangs up between the two, NNG 1.5.2
 * waits for the second for ever, on its only thread that takes down connections: from then on the
 * process does not notice that any connection broke. With this both go in one step, unless the
 * message has to wait, or has more than 15 KiB. */
void tls_engine_sending(const void *body, size_t size);

/* Closes each connection of the process, ours and accepted ones, that has not carried the first 8
 * bytes in both directions (NNG's own greeting) within `patience_ns` of the TCP connection, or up
 * to half as much more (patience.h).
 *
 * NNG 1.5.2 would wait for ever: for a peer that never finishes the handshake, and for one that
 * dies at certain moments of it. Call it each second or so. Returns how many it closed for the
 * first time. Any thread, but not from a callback of NNG. */
size_t tls_engine_close_unfinished(uint64_t patience_ns);

/* Connections that NNG has not freed. */
size_t tls_engine_connections(void);

#endif
