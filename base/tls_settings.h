/* What an nng_tls_config is to our engine: what its next connections are made with.
 *
 * Certificates and CAs can be renewed while connections are being made and used: a connection keeps
 * what it was made with. */
#ifndef BASE_TLS_SETTINGS_H
#define BASE_TLS_SETTINGS_H

#include "base/error.h"
#include "base/log.h"

#include <nng/nng.h>
#include <nng/supplemental/tls/engine.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdbool.h>

/* NNG has the name. Its memory is NNG's; it lives as long as its nng_tls_config. */
struct nng_tls_engine_config {
	/* Constant once a connection was made. */
	char *server_name; /* NULL = none to verify */
	bool client;
	BIO_METHOD *bio; /* of its connections */

	pthread_mutex_t lock; /* guards what follows */
	SSL_CTX *ctx;
	struct log_limit failures; /* of handshakes */
};

/* NNG's operations on configs, for the engine: a constant, which NNG's interface does not say. NNG
 * calls them under its own lock, before the first connection only. */
extern nng_tls_engine_config_ops tls_settings_ops;

/* As nng_tls_config_alloc(), and tells which settings the config has. The engine must be
 * registered. 0 or -errno. */
int tls_settings_new(nng_tls_mode mode, nng_tls_config **ret_config,
	struct nng_tls_engine_config **ret_settings, struct error *err);

/* The next connection's; NULL when memory is short. Any thread. */
SSL *tls_settings_ssl(struct nng_tls_engine_config *settings);

/* From the next connection on: shows another certificate (a chain, PEM) with its key; trusts the
 * CAs in `certs` (PEM) and no others. Whom it trusted, or whether it asks for a certificate, stays
 * with the first; the second is for clients without a certificate. 0, -EINVAL (not PEM),
 * -EKEYREJECTED (not its key) or -ENOMEM: then nothing has changed. Any thread. */
int tls_settings_renew_pair(
	struct nng_tls_engine_config *settings, const char *cert, const char *key);
int tls_settings_renew_trust(struct nng_tls_engine_config *settings, const char *certs);

#endif
