#include "base/tls_config.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/tls_engine.h"
#include "base/tls_settings.h"

#include <errno.h>
#include <nng/nng.h>
#include <openssl/crypto.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PEM (1U << 20) /* bytes: a whole system's bundle of CAs is a fifth of it */

struct tls_config {
	nng_tls_config *nng;
	struct nng_tls_engine_config *settings; /* of `nng` */
	char *ca_file;                          /* a client's */
	char *cert_file, *key_file;             /* a server's */
	struct file_watch *watch;
	bool stale; /* the files have changed and were not read since */
};

/* --- from files ------------------------------------------------------------------------------- */

/* Private keys go through these bytes. */
static void wipe(struct buffer *pem)
{
	if (pem->data)
		OPENSSL_cleanse(pem->data, pem->length);
	buffer_free(pem);
}

static int read_pem(const char *what, const char *path, struct buffer *pem, struct error *err)
{
	int r;

	if (!path || !path[0])
		return error_set(err, EINVAL, "TLS needs %s", what);
	r = file_read(path, MAX_PEM, pem, err);
	if (r < 0)
		return error_context(err, r, "%s", what);
	if (!buffer_terminate(pem))
		return error_errno(err, ENOMEM, "reading %s", path);
	return 0;
}

static int load_trust(struct tls_config *config, struct error *err)
{
	struct buffer ca = {0};
	int r = read_pem("a CA file", config->ca_file, &ca, err);

	if (r == 0) {
		r = tls_settings_renew_trust(config->settings, ca.data);
		if (r == -ENOMEM)
			(void)error_errno(err, ENOMEM, "reading %s", config->ca_file);
		else if (r < 0)
			(void)error_set(
				err, -r, "CA file %s: no PEM certificate in it", config->ca_file);
	}
	buffer_free(&ca);
	return r;
}

static int use_pair(struct tls_config *config, const char *cert, const char *key, struct error *err)
{
	int r = tls_settings_renew_pair(config->settings, cert, key);

	switch (r) {
	case 0:
		return 0;
	case -ENOMEM:
		return error_errno(err, ENOMEM, "reading %s", config->cert_file);
	case -EKEYREJECTED:
		return error_set(err, EINVAL, "key file %s: not the key of certificate %s",
			config->key_file, config->cert_file);
	default:
		return error_set(err, EINVAL,
			"certificate %s with key %s: not a PEM certificate and PEM key "
			"without password",
			config->cert_file, config->key_file);
	}
}

static int load_pair(struct tls_config *config, struct error *err)
{
	struct buffer cert = {0}, key = {0};
	int r = read_pem("a certificate file", config->cert_file, &cert, err);

	if (r == 0)
		r = read_pem("a key file", config->key_file, &key, err);
	if (r == 0)
		r = use_pair(config, cert.data, key.data, err);
	wipe(&cert);
	wipe(&key);
	return r;
}

static int load(struct tls_config *config, struct error *err)
{
	return config->settings->client ? load_trust(config, err) : load_pair(config, err);
}

int tls_config_refresh(struct tls_config *config)
{
	struct error err;
	bool changed = file_watch_changed(config->watch);
	int r;

	config->stale |= changed;
	if (!config->stale)
		return 0;
	r = load(config, &err);
	if (r == 0) {
		config->stale = false;
		log_info("%s has changed: new connections use what is in it now",
			config->settings->client ? config->ca_file : config->cert_file);
		return 1;
	}
	if (changed)
		log_warn("%s; new connections go on with what was there before", err.message);
	return r;
}

/* --- making and freeing ----------------------------------------------------------------------- */

static char *copy_of(const char *path)
{
	return strdup(path ? path : "");
}

static int fill(
	struct tls_config *config, nng_tls_mode mode, const char *server_name, struct error *err)
{
	const char *const paths[] = {config->ca_file, config->cert_file, config->key_file};
	int r;

	if (mode == NNG_TLS_MODE_CLIENT ? !config->ca_file
					: !config->cert_file || !config->key_file)
		return error_errno(err, ENOMEM, "making a TLS config");
	config->watch = file_watch_new(paths, sizeof(paths) / sizeof(paths[0]));
	if (!config->watch)
		return error_errno(err, ENOMEM, "making a TLS config");
	r = tls_engine_register(err);
	if (r == 0)
		r = tls_settings_new(mode, &config->nng, &config->settings, err);
	if (r == 0 && server_name && nng_tls_config_server_name(config->nng, server_name) != 0)
		r = error_errno(err, ENOMEM, "making a TLS config");
	return r == 0 ? load(config, err) : r;
}

static int make(struct tls_config *config, nng_tls_mode mode, const char *server_name,
	struct tls_config **ret_config, struct error *err)
{
	int r = fill(config, mode, server_name, err);

	if (r == 0)
		*ret_config = config;
	else
		tls_config_free(config);
	return r;
}

int tls_config_client(const char *ca_file, const char *server_name, struct tls_config **ret_config,
	struct error *err)
{
	struct tls_config *config = calloc(1, sizeof(*config));

	if (!config)
		return error_errno(err, ENOMEM, "making a TLS config");
	config->ca_file = copy_of(ca_file);
	return make(config, NNG_TLS_MODE_CLIENT, server_name, ret_config, err);
}

int tls_config_server(const char *cert_file, const char *key_file, struct tls_config **ret_config,
	struct error *err)
{
	struct tls_config *config = calloc(1, sizeof(*config));

	if (!config)
		return error_errno(err, ENOMEM, "making a TLS config");
	config->cert_file = copy_of(cert_file);
	config->key_file = copy_of(key_file);
	return make(config, NNG_TLS_MODE_SERVER, NULL, ret_config, err);
}

void tls_config_free(struct tls_config *config)
{
	if (!config)
		return;
	if (config->nng)
		nng_tls_config_free(config->nng);
	file_watch_free(config->watch);
	free(config->ca_file);
	free(config->cert_file);
	free(config->key_file);
	free(config);
}

nng_tls_config *tls_config_nng(const struct tls_config *config)
{
	return config->nng;
}
