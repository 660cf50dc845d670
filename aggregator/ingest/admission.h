/* Who may speak for a node: what becomes of a Hello, and of an acceptance that ends.
 *
 * Standalone, a Hello with the shared secret is accepted at once. In a cluster its token is
 * reviewed first; the connection waits for that as long as it takes, for a kube-apiserver that is
 * away must not send thousands of agents around in circles. The newest Hello of a node wins, when
 * it is accepted. Belongs to the ingest thread. */
#ifndef INGEST_ADMISSION_H
#define INGEST_ADMISSION_H

#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/proof.h"
#include "aggregator/ingest/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Everything behind a pointer must outlive the admission. */
struct admission_options {
	struct connections *connections;
	const struct tally *tally;
	const void *secret; /* standalone: see hello_check() */
	size_t secret_size;
	const struct proof_rules *rules; /* in a cluster; NULL = standalone */
};

struct admission;

/* NULL when memory is short. */
struct admission *admission_new(const struct admission_options *options);
void admission_free(struct admission *admission);

/* Accepts, hangs up, or has the token reviewed. */
void admission_hello(struct admission *admission, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns);

/* True from a Hello that is reviewed until the connection is accepted or closed. */
bool admission_is_pending(const struct connection *connection);

/* Takes verdicts of reviews until one lets in a connection, and returns that; NULL when there are
 * no more. Call it again and again before the next message is taken. */
struct connection *admission_next(struct admission *admission, uint64_t now_ns);

/* Asks for reviews that are due, and hangs up when an acceptance has ended. Call each second or so;
 * first admission_poll(), then the other for each connection. */
void admission_poll(struct admission *admission, uint64_t now_ns);
void admission_check(struct admission *admission, struct connection *connection, uint64_t now_ns);

#endif
