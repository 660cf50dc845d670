/* A server's session tickets (RFC 8446, section 4.6.1): a client that comes back with one needs no
 * certificate and no signature, which is most of a handshake's cost.
 *
 * The keys of tickets are made of the private key and its certificate, so that tickets outlive the
 * server and hold for its replicas: thousands of agents come back when it was started anew, and no
 * other time matters. They change with the certificate. Who has the private key could read tickets,
 * and could stand in for the server without them; what was said on a connection stays hidden from
 * him, for a resumed one, too, agrees on a new secret (psk_dhe_ke; OpenSSL does nothing else unless
 * told to). */
#ifndef BASE_TLS_TICKETS_H
#define BASE_TLS_TICKETS_H

#include <openssl/ssl.h>

/* A ticket is good for so long: the most that RFC 8446 allows (section 4.6.1). */
#define TLS_TICKETS_LIFETIME_S (7 * 24 * 3600)

/* Gives a ticket to each client that has shaken hands in full, and takes them back. For a context
 * with certificate and key, which asks for no client's certificate. 0 or -ENOMEM. */
int tls_tickets_issue(SSL_CTX *ctx);

/* Neither gives tickets nor takes any. */
void tls_tickets_refuse(SSL_CTX *ctx);

#endif
