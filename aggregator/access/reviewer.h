/* What kube-apiserver says of tokens and accesses: from memory while that is good, else asked. Each
 * kind has a line of its own before kube-apiserver: tokens that nobody knows, which anyone can
 * send, hold up tokens alone. One thread, the client's. */
#ifndef ACCESS_REVIEWER_H
#define ACCESS_REVIEWER_H

#include "aggregator/access/questions.h"
#include "aggregator/access/review_cache.h"
#include "aggregator/access/review_key.h"
#include "aggregator/kube/kube_client.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct reviewer_options {
	struct kube_client *client;
	uint64_t token_ttl_ns, allow_ttl_ns, deny_ttl_ns;
	/* Of each kind. */
	size_t max_cached, max_cached_bytes;
	size_t max_asked, max_waiting;
	struct telemetry *telemetry;
};

struct reviewer;

/* The client and the telemetry must outlive it. NULL when memory is short. */
struct reviewer *reviewer_new(const struct reviewer_options *options);

/* Those who wait are forgotten. NULL is fine. */
void reviewer_free(struct reviewer *reviewer);

/* True when *ret_answer is known; it lives until the next call. */
bool reviewer_know(struct reviewer *reviewer, enum review_kind kind, const struct review_key *key,
	struct review_answer *ret_answer);

/* As questions_ask() and questions_leave(). */
int reviewer_ask(struct reviewer *reviewer, enum review_kind kind, const struct review_key *key,
	struct question_waiter *waiter, struct error *err);
void reviewer_leave(
	struct reviewer *reviewer, enum review_kind kind, struct question_waiter *waiter);

#endif
