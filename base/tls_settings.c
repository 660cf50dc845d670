#include "base/tls_settings.h"

#include "base/tls_pem.h"
#include "base/tls_session.h"
#include "base/tls_tickets.h"
#include "base/tls_transport.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

/* What both of our ends have, and little else: each further group is work for both in each
 * handshake. 128 bits are what these groups have, too; OpenSSL's first choice, AES-256, comes with
 * SHA-384, which costs several times as much as SHA-256. */
#define GROUPS  "X25519:P-256"
#define CIPHERS "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

/* The last that this thread made: how tls_settings_new() learns what NNG has allocated. */
static _Thread_local struct nng_tls_engine_config *newest;

/* --- contexts --------------------------------------------------------------------------------- */

static SSL_CTX *new_context(bool client, int verify_mode)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	if (!ctx)
		return NULL;
	(void)SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set1_groups_list(ctx, GROUPS); /* an OpenSSL without one has its own choice */
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set_ciphersuites(ctx, CIPHERS) != 1 ||
		SSL_CTX_set_num_tickets(ctx, 0) != 1 || (client && tls_session_keep(ctx) < 0)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	/* Without buffers while idle a pipe is 32 KiB lighter; NNG comes back with another pointer
	 * to the same bytes after NNG_EAGAIN. */
	(void)SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
					    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_verify(ctx, verify_mode, NULL);
	return ctx;
}

/* Whose clients show no certificate: a ticket would stand for that, too. */
static int load_pair(
	SSL_CTX *ctx, bool client, const char *cert, const char *key, const char *password)
{
	int r = tls_pem_own(ctx, cert, key, password);

	if (r < 0 || client || SSL_CTX_get_verify_mode(ctx) != SSL_VERIFY_NONE)
		return r;
	return tls_tickets_issue(ctx);
}

static SSL_CTX *hold_context(struct nng_tls_engine_config *settings)
{
	SSL_CTX *ctx;

	(void)pthread_mutex_lock(&settings->lock);
	ctx = settings->ctx;
	(void)SSL_CTX_up_ref(ctx);
	(void)pthread_mutex_unlock(&settings->lock);
	return ctx;
}

static void put_context(struct nng_tls_engine_config *settings, SSL_CTX *ctx)
{
	SSL_CTX *old;

	(void)pthread_mutex_lock(&settings->lock);
	old = settings->ctx;
	settings->ctx = ctx;
	(void)pthread_mutex_unlock(&settings->lock);
	SSL_CTX_free(old); /* its connections hold it */
}

SSL *tls_settings_ssl(struct nng_tls_engine_config *settings)
{
	SSL_CTX *ctx = hold_context(settings);
	SSL *ssl = SSL_new(ctx);

	SSL_CTX_free(ctx);
	return ssl;
}

/* --- renewal ---------------------------------------------------------------------------------- */

static SSL_CTX *new_context_like(const struct nng_tls_engine_config *settings, const SSL_CTX *old)
{
	SSL_CTX *ctx = new_context(settings->client, SSL_CTX_get_verify_mode(old));

	ERR_clear_error();
	return ctx;
}

int tls_settings_renew_pair(
	struct nng_tls_engine_config *settings, const char *cert, const char *key)
{
	SSL_CTX *old = hold_context(settings), *ctx = new_context_like(settings, old);
	int r = ctx ? load_pair(ctx, settings->client, cert, key, NULL) : -ENOMEM;

	if (r == 0) {
		SSL_CTX_set1_cert_store(ctx, SSL_CTX_get_cert_store(old));
		put_context(settings, ctx);
	} else {
		SSL_CTX_free(ctx);
	}
	SSL_CTX_free(old);
	return r;
}

int tls_settings_renew_trust(struct nng_tls_engine_config *settings, const char *certs)
{
	SSL_CTX *old = hold_context(settings), *ctx = new_context_like(settings, old);
	int r = ctx ? tls_pem_trust(ctx, certs, NULL) : -ENOMEM;

	SSL_CTX_free(old);
	if (r == 0)
		put_context(settings, ctx);
	else
		SSL_CTX_free(ctx);
	return r;
}

/* --- NNG's operations ------------------------------------------------------------------------- */

static int config_auth(nng_tls_engine_config *config, nng_tls_auth_mode mode)
{
	if (mode != NNG_TLS_AUTH_MODE_NONE && !config->client)
		tls_tickets_refuse(config->ctx);
	switch (mode) {
	case NNG_TLS_AUTH_MODE_NONE:
		SSL_CTX_set_verify(config->ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	case NNG_TLS_AUTH_MODE_OPTIONAL:
		SSL_CTX_set_verify(config->ctx, SSL_VERIFY_PEER, NULL);
		return 0;
	case NNG_TLS_AUTH_MODE_REQUIRED:
		SSL_CTX_set_verify(
			config->ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		return 0;
	default:
		return NNG_EINVAL;
	}
}

static void config_fini(nng_tls_engine_config *config)
{
	SSL_CTX_free(config->ctx);
	BIO_meth_free(config->bio);
	free(config->server_name);
	(void)pthread_mutex_destroy(&config->lock);
}

static int config_init(nng_tls_engine_config *config, nng_tls_mode mode)
{
	config->client = mode == NNG_TLS_MODE_CLIENT;
	(void)pthread_mutex_init(&config->lock, NULL);
	config->bio = tls_transport_method();
	config->ctx =
		new_context(config->client, config->client ? SSL_VERIFY_PEER : SSL_VERIFY_NONE);
	if (!config->ctx || !config->bio) {
		config_fini(config);
		return NNG_ENOMEM;
	}
	newest = config;
	return 0;
}

static int config_server(nng_tls_engine_config *config, const char *name)
{
	char *copy = name && name[0] ? strdup(name) : NULL;

	if (name && name[0] && !copy)
		return NNG_ENOMEM;
	free(config->server_name);
	config->server_name = copy;
	return 0;
}

static int config_ca_chain(nng_tls_engine_config *config, const char *certs, const char *crl)
{
	return tls_pem_trust(config->ctx, certs, crl) < 0 ? NNG_ECRYPTO : 0;
}

static int config_own_cert(
	nng_tls_engine_config *config, const char *cert, const char *key, const char *password)
{
	int r = load_pair(config->ctx, config->client, cert, key ? key : cert, password);

	if (r == -EKEYREJECTED)
		return NNG_EINVAL;
	if (r == -ENOMEM)
		return NNG_ENOMEM;
	return r < 0 ? NNG_ECRYPTO : 0;
}

static int config_version(
	nng_tls_engine_config *config, nng_tls_version lowest, nng_tls_version highest)
{
	(void)config;
	return lowest <= NNG_TLS_1_3 && highest >= NNG_TLS_1_3 ? 0 : NNG_ENOTSUP;
}

nng_tls_engine_config_ops tls_settings_ops = {
	.size = sizeof(struct nng_tls_engine_config),
	.init = config_init,
	.fini = config_fini,
	.server = config_server,
	.auth = config_auth,
	.ca_chain = config_ca_chain,
	.own_cert = config_own_cert,
	.version = config_version,
};

int tls_settings_new(nng_tls_mode mode, nng_tls_config **ret_config,
	struct nng_tls_engine_config **ret_settings, struct error *err)
{
	nng_tls_config *config;
	int rv;

	newest = NULL;
	rv = nng_tls_config_alloc(&config, mode);
	if (rv != 0)
		return error_set(err, ENOMEM, "making a TLS config: %s", nng_strerror(rv));
	if (!newest) {
		nng_tls_config_free(config);
		return error_set(err, ENOTSUP, "making a TLS config: NNG has another engine");
	}
	*ret_config = config;
	*ret_settings = newest;
	newest = NULL;
	return 0;
}
