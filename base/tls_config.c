#include "base/tls_config.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/tls_engine.h"

#include <errno.h>
#include <nng/nng.h>
#include <openssl/crypto.h>
#include <string.h>

#define MAX_PEM (1U << 20) /* bytes: a whole system's bundle of CAs is a fifth of it */

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

static int new_config(nng_tls_mode mode, nng_tls_config **ret_config, struct error *err)
{
	int r = tls_engine_register(err), rv;

	if (r < 0)
		return r;
	rv = nng_tls_config_alloc(ret_config, mode);
	if (rv != 0)
		return error_set(err, ENOMEM, "making a TLS config: %s", nng_strerror(rv));
	return 0;
}

int tls_config_client(const char *ca_file, const char *server_name, nng_tls_config **ret_config,
	struct error *err)
{
	struct buffer ca = {0};
	nng_tls_config *config = NULL;
	int r = read_pem("a CA file", ca_file, &ca, err);

	if (r == 0)
		r = new_config(NNG_TLS_MODE_CLIENT, &config, err);
	if (r == 0 && nng_tls_config_ca_chain(config, ca.data, NULL) != 0)
		r = error_set(err, EINVAL, "CA file %s: no PEM certificate in it", ca_file);
	if (r == 0 && nng_tls_config_server_name(config, server_name) != 0)
		r = error_errno(err, ENOMEM, "making a TLS config");
	buffer_free(&ca);
	if (r == 0)
		*ret_config = config;
	else if (config)
		nng_tls_config_free(config);
	return r;
}

int tls_config_server(
	const char *cert_file, const char *key_file, nng_tls_config **ret_config, struct error *err)
{
	struct buffer cert = {0}, key = {0};
	nng_tls_config *config = NULL;
	int r = read_pem("a certificate file", cert_file, &cert, err), rv;

	if (r == 0)
		r = read_pem("a key file", key_file, &key, err);
	if (r == 0)
		r = new_config(NNG_TLS_MODE_SERVER, &config, err);
	if (r == 0) {
		rv = nng_tls_config_own_cert(config, cert.data, key.data, NULL);
		if (rv == NNG_EINVAL)
			r = error_set(err, EINVAL, "key file %s: not the key of certificate %s",
				key_file, cert_file);
		else if (rv != 0)
			r = error_set(err, EINVAL,
				"certificate %s with key %s: not a PEM certificate and PEM key "
				"without password",
				cert_file, key_file);
	}
	wipe(&cert);
	wipe(&key);
	if (r == 0)
		*ret_config = config;
	else if (config)
		nng_tls_config_free(config);
	return r;
}
