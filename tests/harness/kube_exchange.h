/* One request to a kube_double and what it answers: what handlers work with.
 *
 * A handler runs in the thread of its connection and may block. No cmocka assertion may fail in it:
 * that is the test's thread's alone. Everything that sends returns false once the client is gone or
 * the double stops, and then it is time to return. A handler that returns without an answer closes
 * the connection. */
#ifndef HARNESS_KUBE_EXCHANGE_H
#define HARNESS_KUBE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>

struct kube_exchange;

typedef void (*kube_handler)(struct kube_exchange *exchange, void *context);

/* --- the request ------------------------------------------------------------------------------ */

const char *kube_exchange_method(const struct kube_exchange *exchange);
const char *kube_exchange_target(const struct kube_exchange *exchange); /* path and query */
const char *kube_exchange_path(const struct kube_exchange *exchange);
const char *kube_exchange_query(const struct kube_exchange *exchange); /* as it came, or "" */
/* "key=value" is in the query as it came. */
bool kube_exchange_asks(const struct kube_exchange *exchange, const char *pair);
/* Of the first header of that name, in any case; NULL when there is none. */
const char *kube_exchange_header(const struct kube_exchange *exchange, const char *name);
const char *kube_exchange_body(const struct kube_exchange *exchange, size_t *ret_size);
/* The common name of the client's certificate; NULL when it showed none. */
const char *kube_exchange_client(const struct kube_exchange *exchange);
/* The name that it asked for by SNI; NULL when it named none. */
const char *kube_exchange_server_name(const struct kube_exchange *exchange);
/* How many requests for this path came before, of all connections. */
unsigned kube_exchange_number(const struct kube_exchange *exchange);
/* The connection, counted from 0. */
unsigned kube_exchange_connection(const struct kube_exchange *exchange);

/* --- the answer ------------------------------------------------------------------------------- */

/* Adds a header line to the answer, which must not have begun. */
void kube_exchange_add_header(struct kube_exchange *exchange, const char *name, const char *value);

/* A whole answer with Content-Length. `content_type` may be NULL. */
bool kube_exchange_reply(struct kube_exchange *exchange, int status, const char *content_type,
	const void *body, size_t size);
bool kube_exchange_reply_text(
	struct kube_exchange *exchange, int status, const char *content_type, const char *body);
/* A Status object, as kube-apiserver writes its errors. */
bool kube_exchange_reply_status(
	struct kube_exchange *exchange, int status, const char *reason, const char *message);

/* An answer in chunks: begin, as many pieces as you like, end. */
bool kube_exchange_begin(struct kube_exchange *exchange, int status, const char *content_type);
bool kube_exchange_send(struct kube_exchange *exchange, const void *data, size_t size);
bool kube_exchange_send_text(struct kube_exchange *exchange, const char *text);
bool kube_exchange_end(struct kube_exchange *exchange);

/* Any bytes, for answers that are none. The connection closes when the handler returns. */
bool kube_exchange_raw(struct kube_exchange *exchange, const void *data, size_t size);

/* Closes the connection, whatever was sent: without a goodbye of TLS. What was sent before does
 * arrive. */
void kube_exchange_cut(struct kube_exchange *exchange);

/* Sleeps. False when the client has gone meanwhile, or the double stops. */
bool kube_exchange_wait(struct kube_exchange *exchange, unsigned ms);

/* --- for kube_double -------------------------------------------------------------------------- */

struct kube_exchange_of {
	void *ssl; /* SSL */
	int fd, stop_fd;
	unsigned connection;
};

/* Reads one request. NULL when the client has gone or sent something odd. */
struct kube_exchange *kube_exchange_read(const struct kube_exchange_of *of);
void kube_exchange_set_number(struct kube_exchange *exchange, unsigned number);
/* Head and body as they came. */
const char *kube_exchange_text(const struct kube_exchange *exchange);
/* False when the connection is of no more use. */
bool kube_exchange_finish(struct kube_exchange *exchange);

#endif
