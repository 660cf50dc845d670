#include "agent/export_tls.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/file_watch.h"
#include "base/log.h"
#include "base/tls_pem.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdlib.h>

#define MAX_FILE ((size_t)1024 * 1024) /* as for the wire's certificates */

struct export_tls {
	struct export_flags flags;
	struct file_watch *watch;
	SSL_CTX *context;
	bool unread; /* they have changed, and could not be used yet */
	struct telemetry_series *reloads, *failures, *stale;
};

static void forget(struct buffer *text)
{
	if (text->data)
		OPENSSL_cleanse(text->data, text->capacity);
	buffer_free(text);
}

static int read_text(const char *path, struct buffer *text, struct error *err)
{
	int r = file_read(path, MAX_FILE, text, err);

	if (r == 0 && !buffer_terminate(text))
		r = error_errno(err, ENOMEM, "reading %s", path);
	return r;
}

static int load_pair(SSL_CTX *context, const struct export_flags *flags, struct error *err)
{
	struct buffer cert = {0}, key = {0};
	int r = read_text(flags->cert_file, &cert, err);

	if (r == 0)
		r = read_text(flags->key_file, &key, err);
	if (r == 0) {
		r = tls_pem_own(context, cert.data, key.data, NULL);
		if (r == -EKEYREJECTED)
			(void)error_set(err, EINVAL, "the key in %s is not that of %s",
				flags->key_file, flags->cert_file);
		else if (r < 0)
			(void)error_set(err, EINVAL,
				"no certificate with its key, as PEM, is in %s and %s",
				flags->cert_file, flags->key_file);
	}
	forget(&cert);
	forget(&key);
	return r;
}

static int load_trust(SSL_CTX *context, const struct export_flags *flags, struct error *err)
{
	struct buffer certs = {0};
	int r = read_text(flags->client_ca_file, &certs, err);

	if (r == 0) {
		r = tls_pem_trust(context, certs.data, NULL);
		if (r < 0)
			(void)error_set(err, EINVAL, "no certificate, as PEM, is in %s",
				flags->client_ca_file);
	}
	forget(&certs);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return r;
}

/* Nobody resumes: who asks each 15 s keeps the connection. */
static void set_up(SSL_CTX *context)
{
	(void)SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE |
					     SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	(void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(context, 0);
}

static SSL_CTX *load(const struct export_flags *flags, struct error *err)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int r;

	if (!context) {
		(void)error_errno(err, ENOMEM, "preparing TLS of /metrics");
		return NULL;
	}
	set_up(context);
	r = load_pair(context, flags, err);
	if (r == 0 && *flags->client_ca_file)
		r = load_trust(context, flags, err);
	ERR_clear_error();
	if (r < 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

struct export_tls *export_tls_new(
	const struct export_flags *flags, struct telemetry *telemetry, struct error *err)
{
	const char *files[] = {flags->cert_file, flags->key_file, flags->client_ca_file};
	struct export_tls *tls = calloc(1, sizeof(*tls));

	if (!tls) {
		(void)error_errno(err, ENOMEM, "preparing TLS of /metrics");
		return NULL;
	}
	tls->flags = *flags;
	tls->reloads = telemetry_counter(telemetry, "tacho_agent_metrics_certificate_reloads_total",
		"Times that the certificates of /metrics were read anew", "result", "ok");
	tls->failures = telemetry_counter(telemetry,
		"tacho_agent_metrics_certificate_reloads_total",
		"Times that the certificates of /metrics were read anew", "result", "failed");
	tls->stale = telemetry_gauge(telemetry, "tacho_agent_metrics_certificate_stale",
		"1 while the certificate files of /metrics have changed and can't be used", NULL,
		NULL);
	/* before the files are read, or a change between would be missed */
	tls->watch = file_watch_new(files, 3);
	tls->context = tls->watch ? load(flags, err) : NULL;
	if (!tls->watch)
		(void)error_errno(err, ENOMEM, "preparing TLS of /metrics");
	if (!tls->context) {
		export_tls_free(tls);
		return NULL;
	}
	return tls;
}

void export_tls_free(struct export_tls *tls)
{
	if (!tls)
		return;
	file_watch_free(tls->watch);
	SSL_CTX_free(tls->context);
	free(tls);
}

void export_tls_refresh(struct export_tls *tls)
{
	bool changed = file_watch_changed(tls->watch);
	struct error err;
	SSL_CTX *context;

	tls->unread |= changed;
	if (!tls->unread)
		return;
	context = load(&tls->flags, &err);
	telemetry_set(tls->stale, !context);
	if (!context) {
		if (changed) {
			telemetry_add(tls->failures, 1);
			log_warn("/metrics goes on with the certificates that there were: %s",
				err.message);
		}
		return;
	}
	tls->unread = false;
	SSL_CTX_free(tls->context); /* connections hold it themselves */
	tls->context = context;
	telemetry_add(tls->reloads, 1);
	log_info("/metrics is served with the new certificate of %s", tls->flags.cert_file);
}

SSL_CTX *export_tls_context(const struct export_tls *tls)
{
	return tls->context;
}
