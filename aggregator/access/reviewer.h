/* What kube-apiserver says of tokens and accesses: from memory while that is good, else asked. */
#ifndef ACCESS_REVIEWER_H
#define ACCESS_REVIEWER_H

#include "aggregator/access/questions.h"
#include "aggregator/access/review_cache.h"
#include "aggregator/access/review_key.h"
#include "aggregator/kube/kube_client.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stddef.h>
#include <stdint.h>

struct reviewer_options {
	struct kube_client *client;
	uint64_t token_ttl_ns, allow_ttl_ns, deny_ttl_ns;
	size_t max_cached; /* of each kind */
	size_t max_asked, max_waiting;
	struct telemetry *telemetry;
};

struct reviewer;

/* The client and the telemetry must outlive it. NULL when memory is short. */
struct reviewer *reviewer_new(const struct reviewer_options *options);

/* Those who wait are forgotten. NULL is fine. */
void reviewer_free(struct reviewer *reviewer);

/* 1: *ret_answer is known; it lives until the next call. 0: it has to be asked for, by *ret_key.
 * -ENOMEM. */
int reviewer_know_token(struct reviewer *reviewer, const char *token, size_t length,
	struct review_key *ret_key, struct review_answer *ret_answer);
int reviewer_know_access(struct reviewer *reviewer, const struct access_attributes *attributes,
	struct review_key *ret_key, struct review_answer *ret_answer);

/* As questions_ask() and questions_leave(). */
int reviewer_ask(struct reviewer *reviewer, const struct review_key *key,
	struct question_waiter *waiter, struct error *err);
void reviewer_leave(struct reviewer *reviewer, struct question_waiter *waiter);

#endif
