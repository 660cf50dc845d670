#include "aggregator/api/tls_context.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>

/* What OpenSSL says of its oldest error, which is the cause. Empties its queue. */
static int tls_error(struct error *err, const char *what, const char *file)
{
	unsigned long code = ERR_get_error();
	const char *reason = ERR_reason_error_string(code);

	ERR_clear_error();
	if (ERR_SYSTEM_ERROR(code))
		return error_errno(err, ERR_GET_REASON(code), "%s %s", what, file);
	return error_set(err, EINVAL, "%s %s: %s", what, file, reason ? reason : "unknown reason");
}

static int load(SSL_CTX *tls, const char *cert_file, const char *key_file, struct error *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, cert_file) != 1)
		return tls_error(err, "reading the certificate", cert_file);
	if (SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1)
		return tls_error(err, "reading the key", key_file);
	if (SSL_CTX_check_private_key(tls) != 1)
		return tls_error(err, "matching the certificate's key with", key_file);
	return 0;
}

/* A handshake never fails for the client's certificate: someone with a token may have one that says
 * nothing to us, and everyone else gets a Status. */
static int accept_certificate(X509_STORE_CTX *chain, void *unused)
{
	(void)unused;
	X509_STORE_CTX_set_error(chain, X509_V_OK);
	return 1;
}

/* A session that is resumed by a ticket has the client's certificate in it but not what it sent to
 * prove it by (OpenSSL keeps the chain in memory only), and would be nobody's. Nobody resumes: Go's
 * clients do not unless told to, kube-aggregator neither. */
static void ask_for_certificate(SSL_CTX *tls)
{
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_cert_verify_callback(tls, accept_certificate, NULL);
	SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
	(void)SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_num_tickets(tls, 0);
}

SSL_CTX *tls_context_new(
	const char *cert_file, const char *key_file, int min_version, struct error *err)
{
	static const unsigned char SESSION_CONTEXT[] = "tacho-aggregator";
	SSL_CTX *tls;

	ERR_clear_error();
	tls = SSL_CTX_new(TLS_server_method());
	if (!tls) {
		(void)error_errno(err, ENOMEM, "preparing TLS");
		return NULL;
	}
	(void)SSL_CTX_set_min_proto_version(tls, min_version);
	SSL_CTX_set_options(tls,
		SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_NO_COMPRESSION);
	/* 1000 idle connections without their 34 KiB of buffers. */
	(void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE);
	/* Without it a client that tries to resume is refused where certificates are asked for. */
	(void)SSL_CTX_set_session_id_context(tls, SESSION_CONTEXT, sizeof(SESSION_CONTEXT) - 1);
	ask_for_certificate(tls);
	if (load(tls, cert_file, key_file, err) < 0) {
		SSL_CTX_free(tls);
		return NULL;
	}
	return tls;
}
