#include "tests/bench/scale/asker_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <unistd.h>

#define READ_BUFFER (64 * 1024) /* several records by one read(2) */

const char *asker_tls_failure(char *text, size_t size)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = ERR_reason_error_string(code);

	(void)snprintf(text, size, "%s", reason ? reason : "no reason given");
	ERR_clear_error();
	return text;
}

static int failed(struct error *err, const char *flag, const char *file)
{
	char text[200];

	if (access(file, R_OK) < 0)
		return error_errno(err, errno, "--%s %s", flag, file);
	return error_set(
		err, EINVAL, "--%s %s: %s", flag, file, asker_tls_failure(text, sizeof(text)));
}

static int load_files(SSL_CTX *tls, const struct asker_options *options, struct error *err)
{
	if (options->ca && SSL_CTX_load_verify_file(tls, options->ca) != 1)
		return failed(err, "ca", options->ca);
	if (options->cert && SSL_CTX_use_certificate_chain_file(tls, options->cert) != 1)
		return failed(err, "cert", options->cert);
	if (options->key && SSL_CTX_use_PrivateKey_file(tls, options->key, SSL_FILETYPE_PEM) != 1)
		return failed(err, "key", options->key);
	return 0;
}

SSL_CTX *asker_tls_new(const struct asker_options *options, struct error *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());

	if (!tls) {
		(void)error_errno(err, ENOMEM, "TLS");
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION);
	(void)SSL_CTX_set_ciphersuites(
		tls, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256");
	(void)SSL_CTX_set1_groups_list(tls, "X25519:P-256:P-384:P-521");
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(
		tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_read_ahead(tls, 1);
	if (options->mode == ASKER_LIST)
		SSL_CTX_set_default_read_buffer_len(tls, READ_BUFFER);
	SSL_CTX_set_verify(tls, options->ca ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
	if (load_files(tls, options, err) < 0) {
		SSL_CTX_free(tls);
		return NULL;
	}
	return tls;
}
