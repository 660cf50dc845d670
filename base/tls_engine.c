#include "base/tls_engine.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/patience.h"
#include "base/tls_failure.h"
#include "base/tls_session.h"
#include "base/tls_settings.h"
#include "base/tls_transport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/engine.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* NNG's ring of bytes to send holds 16 KiB; a record of so much plain text and its 22 bytes of
 * frame go through it in one piece. */
#define MAX_WRITE 16000U

/* What both sides of NNG's transport say first, in bytes. */
#define GREETING 8U

/* What stands before each message. */
#define LENGTH_PREFIX 8U

#define FAILURE_LOG_INTERVAL_NS (10 * NS_PER_SECOND)

/* NNG calls a connection's operations under the connection's lock. */
struct nng_tls_engine_conn {
	SSL *ssl; /* NULL when NNG gives up a connection that never came about */
	struct nng_tls_engine_config *config;
	bool established;
	int failed;            /* NNG's code, once the handshake has failed */
	size_t sent, received; /* bytes, up to GREETING */
	_Atomic bool finished; /* both are GREETING */
	uint8_t *joined; /* length and body of a message that could not be written yet, or NULL */
	size_t joined_size;

	/* Guarded by the lock of `live`. */
	struct nng_tls_engine_conn *next, **link;
	nng_stream *stream;
	uint64_t opened_ns;
	uint8_t patience;
	bool given_up;
};

/* What this thread hands to NNG just now: see tls_engine_sending(). */
static _Thread_local struct {
	const void *body;
	size_t size;
} sending;

/* Every connection from conn_init() to conn_fini(). There is one engine in a process, as NNG has
 * it, and so there is one list. The lock comes before a connection's own. */
static struct {
	pthread_mutex_t lock;
	struct nng_tls_engine_conn *first;
	size_t count;
} live = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* --- connections ------------------------------------------------------------------------------ */

static void log_failure(struct nng_tls_engine_conn *conn, unsigned long code, bool verify_failed)
{
	struct nng_tls_engine_config *config = conn->config;
	long verdict = SSL_get_verify_result(conn->ssl);
	const char *detail = verify_failed ? X509_verify_cert_error_string(verdict)
					   : ERR_reason_error_string(code);
	uint64_t held_back = 0;
	bool allowed;

	(void)pthread_mutex_lock(&config->lock);
	allowed = log_allowed(&config->failures, FAILURE_LOG_INTERVAL_NS, &held_back);
	(void)pthread_mutex_unlock(&config->lock);
	if (!allowed)
		return;
	log_warn("TLS with %s '%s' failed: %s (%s; %llu more since the last such line)",
		config->client ? "the aggregator" : "an agent",
		config->server_name ? config->server_name : "",
		verify_failed ? tls_failure_of_certificate(verdict)
			      : tls_failure_of_protocol(ERR_GET_REASON(code)),
		detail ? detail : "no detail", (unsigned long long)held_back);
}

/* NNG_EAGAIN when only bytes are missing; otherwise `fatal`. */
static int again_or(const SSL *ssl, int result, int fatal)
{
	switch (SSL_get_error(ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return NNG_EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return NNG_ECLOSED;
	default:
		return fatal;
	}
}

static void tell_session(const struct nng_tls_engine_conn *conn, enum tls_session_end end)
{
	if (conn->config->client)
		tls_session_ended(conn->ssl, end);
}

static int conn_handshake(nng_tls_engine_conn *conn)
{
	int result, rv;
	bool verify_failed;

	if (conn->established || conn->failed)
		return conn->failed;
	ERR_clear_error();
	result = SSL_do_handshake(conn->ssl);
	if (result == 1) {
		conn->established = true;
		tell_session(conn, TLS_SESSION_WORKED);
		return 0;
	}
	rv = again_or(conn->ssl, result, NNG_ECRYPTO);
	if (rv == NNG_EAGAIN)
		return rv;
	/* The last of the queue: a signature that is wrong leaves its own error before it. */
	verify_failed = ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED;
	tell_session(conn, ERR_peek_error() == 0 ? TLS_SESSION_LOST : TLS_SESSION_FAILED);
	log_failure(conn, ERR_peek_error(), verify_failed);
	conn->failed = verify_failed ? NNG_EPEERAUTH : rv;
	return conn->failed;
}

static void count_greeting(nng_tls_engine_conn *conn, size_t *direction, size_t bytes)
{
	if (*direction >= GREETING)
		return;
	*direction += bytes;
	if (conn->sent >= GREETING && conn->received >= GREETING)
		atomic_store(&conn->finished, true);
}

static int conn_receive(nng_tls_engine_conn *conn, uint8_t *data, size_t *size)
{
	size_t length = 0;
	int rv = conn_handshake(conn);

	if (rv != 0)
		return rv;
	ERR_clear_error();
	if (SSL_read_ex(conn->ssl, data, *size, &length) != 1)
		return again_or(conn->ssl, 0, NNG_ECRYPTO);
	*size = length;
	count_greeting(conn, &conn->received, length);
	return 0;
}

static int write_some(
	nng_tls_engine_conn *conn, const uint8_t *data, size_t length, size_t *ret_written)
{
	ERR_clear_error();
	if (SSL_write_ex(conn->ssl, data, length, ret_written) != 1)
		return again_or(conn->ssl, 0, NNG_ECRYPTO);
	count_greeting(conn, &conn->sent, *ret_written);
	return 0;
}

static uint64_t length_of(const uint8_t prefix[LENGTH_PREFIX])
{
	uint64_t length = 0;

	for (size_t i = 0; i < LENGTH_PREFIX; i++)
		length = length << 8 | prefix[i];
	return length;
}

/* Puts the body behind the length that NNG wants to send, when the body is at hand. */
static bool join(nng_tls_engine_conn *conn, const uint8_t *data, size_t size)
{
	if (!sending.body || size != LENGTH_PREFIX || conn->sent < GREETING ||
		sending.size > MAX_WRITE - LENGTH_PREFIX || length_of(data) != sending.size)
		return false;
	conn->joined = malloc(LENGTH_PREFIX + sending.size);
	if (!conn->joined)
		return false;
	conn->joined_size = LENGTH_PREFIX + sending.size;
	memcpy(conn->joined, data, LENGTH_PREFIX);
	memcpy(conn->joined + LENGTH_PREFIX, sending.body, sending.size);
	return true;
}

/* NNG closes its TCP connection as soon as that fails, and goes on to take messages for it, as if
 * they were sent, until a task of its own has told the pipe. A pipe that then learns that its
 * message was sent is freed among those that wait for the next. */
static bool is_broken(const nng_tls_engine_conn *conn)
{
	nng_sockaddr peer;

	return conn->established && nng_stream_get_addr(conn->stream, NNG_OPT_REMADDR, &peer) != 0;
}

/* NNG takes a written size beyond its own as that much of the message: its next step begins behind
 * it. After NNG_EAGAIN it comes with the same bytes again, as SSL_write_ex() wants it. */
static int conn_send(nng_tls_engine_conn *conn, const uint8_t *data, size_t *size)
{
	size_t length = *size < MAX_WRITE ? *size : MAX_WRITE;
	int rv = conn_handshake(conn);

	if (rv != 0)
		return rv;
	if (is_broken(conn))
		return NNG_ECLOSED;
	if (!conn->joined && !join(conn, data, length))
		return write_some(conn, data, length, size);
	rv = write_some(conn, conn->joined, conn->joined_size, size);
	if (rv != NNG_EAGAIN) {
		free(conn->joined);
		conn->joined = NULL;
	}
	return rv;
}

static bool conn_verified(nng_tls_engine_conn *conn)
{
	return conn->established && SSL_get0_peer_certificate(conn->ssl) &&
	       SSL_get_verify_result(conn->ssl) == X509_V_OK;
}

static void conn_close(nng_tls_engine_conn *conn)
{
	if (!conn->established)
		return;
	ERR_clear_error();
	(void)SSL_shutdown(conn->ssl);
}

static void remember(nng_tls_engine_conn *conn, void *stream)
{
	conn->stream = stream; /* what NNG hands to an engine begins with the stream */
	conn->opened_ns = clock_monotonic_ns();
	conn->patience = patience_draw();
	(void)pthread_mutex_lock(&live.lock);
	conn->next = live.first;
	conn->link = &live.first;
	if (conn->next)
		conn->next->link = &conn->next;
	live.first = conn;
	live.count++;
	(void)pthread_mutex_unlock(&live.lock);
}

static void forget(nng_tls_engine_conn *conn)
{
	(void)pthread_mutex_lock(&live.lock);
	if (conn->link) {
		*conn->link = conn->next;
		if (conn->next)
			conn->next->link = conn->link;
		live.count--;
	}
	(void)pthread_mutex_unlock(&live.lock);
}

static void conn_fini(nng_tls_engine_conn *conn)
{
	forget(conn);
	if (conn->ssl && !conn->established && !conn->failed)
		tell_session(conn, TLS_SESSION_LOST);
	free(conn->joined);
	conn->joined = NULL;
	SSL_free(conn->ssl);
	conn->ssl = NULL;
}

/* What the client expects: the name goes to the server too (SNI), an address does not (RFC 6066,
 * section 3). Names in the subject are not looked at (RFC 9525). */
static bool expect_name(SSL *ssl, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	uint8_t ip[16];

	if (inet_pton(AF_INET, name, ip) == 1 || inet_pton(AF_INET6, name, ip) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1;
	X509_VERIFY_PARAM_set_hostflags(
		param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;
}

static int conn_init(nng_tls_engine_conn *conn, void *stream, nng_tls_engine_config *config)
{
	BIO *bio = tls_transport_bio(config->bio, stream);

	conn->config = config;
	conn->ssl = tls_settings_ssl(config);
	if (!bio || !conn->ssl) {
		(void)BIO_free(bio);
		return NNG_ENOMEM;
	}
	remember(conn, stream);
	SSL_set_bio(conn->ssl, bio, bio);
	if (!config->client) {
		SSL_set_accept_state(conn->ssl);
		return 0;
	}
	SSL_set_connect_state(conn->ssl);
	if (config->server_name && !expect_name(conn->ssl, config->server_name))
		return NNG_ENOMEM;
	tls_session_offer(conn->ssl);
	return 0;
}

/* --- the engine ------------------------------------------------------------------------------- */

/* NNG's threads shake hands until the very end of the process, and what OpenSSL frees at exit it
 * frees under them: now and then they crashed there. Nothing is lost by leaving it to the kernel.
 * Only the first call of OpenSSL can say so: hence before main(). */
__attribute__((constructor)) static void keep_openssl_at_exit(void)
{
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
}

int tls_engine_register(struct error *err)
{
	static nng_tls_engine_conn_ops conn_ops = {
		.size = sizeof(struct nng_tls_engine_conn),
		.init = conn_init,
		.fini = conn_fini,
		.close = conn_close,
		.handshake = conn_handshake,
		.recv = conn_receive,
		.send = conn_send,
		.verified = conn_verified,
	};
	static const nng_tls_engine engine = {
		.version = NNG_TLS_ENGINE_V1,
		.config_ops = &tls_settings_ops,
		.conn_ops = &conn_ops,
		.name = "openssl",
		.description = "OpenSSL 3, TLS 1.3",
	};
	int rv;

	(void)nng_tls_engine_name(); /* runs nng_init() */
	rv = nng_tls_engine_register(&engine);
	if (rv != 0)
		return error_set(
			err, ENOTSUP, "registering OpenSSL with NNG: %s", nng_strerror(rv));
	return 0;
}

void tls_engine_sending(const void *body, size_t size)
{
	sending.body = body;
	sending.size = size;
}

/* Again and again until NNG frees it: what NNG starts between two of its own steps after the first
 * close would wait for ever, too. */
size_t tls_engine_close_unfinished(uint64_t patience_ns)
{
	uint64_t now_ns;
	size_t closed = 0;

	(void)pthread_mutex_lock(&live.lock);
	now_ns = clock_monotonic_ns(); /* not before one that was opened meanwhile */
	for (struct nng_tls_engine_conn *conn = live.first; conn; conn = conn->next) {
		if (now_ns < conn->opened_ns + patience_of(patience_ns, conn->patience) ||
			atomic_load(&conn->finished))
			continue;
		closed += !conn->given_up;
		conn->given_up = true;
		nng_stream_close(conn->stream);
	}
	(void)pthread_mutex_unlock(&live.lock);
	return closed;
}

size_t tls_engine_connections(void)
{
	size_t count;

	(void)pthread_mutex_lock(&live.lock);
	count = live.count;
	(void)pthread_mutex_unlock(&live.lock);
	return count;
}
