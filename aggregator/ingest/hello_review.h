/* Asks kube-apiserver who has sent a Hello (TokenReview): so many at a time, the others in order.
 *
 * The ingest thread asks and takes the verdicts; the reviews themselves run on the thread behind
 * the kube_desk. No call blocks for an answer. A review without an answer is made again after a
 * back-off; while kube-apiserver answers nothing at all, one review at a time is tried, and the
 * others wait until one is answered, for as long as it takes. */
#ifndef INGEST_HELLO_REVIEW_H
#define INGEST_HELLO_REVIEW_H

#include "aggregator/ingest/hello_verdict.h"
#include "aggregator/ingest/kube_desk.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hello_reviews_options {
	const struct kube_desk *desk; /* outlives the reviews */
	const char *audience;
	const char *service_account; /* "system:serviceaccount:NAMESPACE:NAME" */
	uint32_t max_under_way;
	uint32_t max_waiting;
	struct telemetry *telemetry;
};

struct hello_reviews;

/* Texts are copied. NULL when memory is short. */
struct hello_reviews *hello_reviews_new(const struct hello_reviews_options *options);

/* Every review must have been freed. Waits until the desk's thread has cancelled what is under way.
 * NULL is fine. */
void hello_reviews_free(struct hello_reviews *reviews);

struct hello_review;

/* Asks; `context` comes back with the verdict. 0, -ENOSPC (too many are waiting) or -ENOMEM. */
int hello_review_ask(struct hello_reviews *reviews, const char *token, void *context,
	struct hello_review **ret_review);

/* Also before the verdict, which is then not wanted any more. NULL is fine. */
void hello_review_free(struct hello_review *review);

/* The first verdict, in the order of the answers, or NULL: the same until it is freed. */
struct hello_review *hello_reviews_next(struct hello_reviews *reviews);
void *hello_review_context(const struct hello_review *review);
const struct hello_verdict *hello_review_verdict(const struct hello_review *review);

/* Makes again what has rested long enough. Call each second or so. */
void hello_reviews_poll(struct hello_reviews *reviews, uint64_t now_ns);

#endif
