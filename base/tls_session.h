/* What a client resumes: the last session that a server gave it a ticket for.
 *
 * It belongs to an SSL_CTX, and is gone with it: a context with other CAs begins without. It ends
 * when a certificate of the chain ends by which the server was verified, after a week at the
 * latest; a ticket that comes on a resumed connection does not prolong that. Handshakes that fail
 * take it away, so that the next one is a full one: it may be what they fail for. */
#ifndef BASE_TLS_SESSION_H
#define BASE_TLS_SESSION_H

#include <openssl/ssl.h>

/* Bytes of a ticket; ours have some 200. A larger one is not kept. */
#define TLS_SESSION_MAX_TICKET 4096

/* Makes the context keep sessions: its connections may use them from different threads. 0 or
 * -ENOMEM. Once for each context. */
int tls_session_keep(SSL_CTX *ctx);

/* Resumes the session with this connection, if there is one. Before its handshake; the server's
 * name must have been set. */
void tls_session_offer(SSL *ssl);

/* Handshakes in a row whose connection was lost, until the session is taken away. An aggregator
 * that is being ended takes connections with it whose handshake has just begun. */
#define TLS_SESSION_MAX_LOST 3

enum tls_session_end {
	TLS_SESSION_WORKED,
	TLS_SESSION_LOST,   /* the connection ended before the handshake did */
	TLS_SESSION_FAILED, /* one of the two did not like what the other said: the session goes */
};

/* How a connection's handshake ended, resumed or not. */
void tls_session_ended(SSL *ssl, enum tls_session_end end);

#endif
