#include "aggregator/ingest/hello_review.h"

#include "aggregator/ingest/hello_queue.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

struct hello_reviews {
	/* Constant. */
	const struct kube_desk *desk;
	char *audience, *service_account;
	struct hello_queue *queue;
	struct telemetry_series *accepted, *refused, *unanswered;

	/* The desk's thread's own. */
	struct kube_client *client;
	struct log_limit failures;
	bool said_failing;
};

/* --- on the desk's thread --------------------------------------------------------------------- */

static void say(struct hello_reviews *reviews, const char *failure)
{
	uint64_t held_back;

	if (failure && log_allowed(&reviews->failures, LOG_INTERVAL_NS, &held_back)) {
		log_warn("kube-apiserver does not say whose tokens agents have: %s (%llu more "
			 "reviews without an answer); new agents wait",
			failure, (unsigned long long)held_back);
		reviews->said_failing = true;
	} else if (!failure && reviews->said_failing) {
		log_info("kube-apiserver says again whose tokens agents have");
		reviews->said_failing = false;
	}
}

/* `failure` is NULL when review->verdict is there. */
static void finish(struct hello_review *review, const char *failure)
{
	struct hello_reviews *reviews = review->reviews;

	review->sent = NULL;
	hello_queue_finish(review, failure, clock_monotonic_ns());
	say(reviews, failure);
}

static void pump(struct hello_reviews *reviews);

static void on_answer(void *context, const struct token_review_answer *answer)
{
	struct hello_review *review = context;
	struct hello_reviews *reviews = review->reviews;

	if (!answer->failure)
		hello_verdict_of(answer, reviews->service_account, &review->verdict);
	telemetry_add(answer->failure                          ? reviews->unanswered
		      : review->verdict.kind == HELLO_ACCEPTED ? reviews->accepted
							       : reviews->refused,
		1);
	finish(review, answer->failure);
	pump(reviews);
}

static void pump(struct hello_reviews *reviews)
{
	struct hello_review *review;

	while ((review = hello_queue_take(reviews->queue, clock_monotonic_ns()))) {
		struct error err = {{0}};

		review->sent = reviews->desk->send(
			reviews->client, review->token, reviews->audience, on_answer, review, &err);
		if (!review->sent) {
			telemetry_add(reviews->unanswered, 1);
			finish(review, err.message);
		}
	}
}

static void on_pump(void *context, struct kube_client *client)
{
	struct hello_reviews *reviews = context;

	hello_queue_woken(reviews->queue);
	reviews->client = client;
	if (client)
		pump(reviews);
}

static void cancel(struct hello_review *review)
{
	review->reviews->desk->cancel(review->sent);
}

static void on_shut(void *context, struct kube_client *client)
{
	struct hello_reviews *reviews = context;

	(void)client;
	hello_queue_close(reviews->queue, cancel);
}

/* --- the ingest thread's side ----------------------------------------------------------------- */

void hello_reviews_poll(struct hello_reviews *reviews, uint64_t now_ns)
{
	if (hello_queue_wake(reviews->queue, now_ns) &&
		reviews->desk->post(reviews->desk->context, on_pump, reviews) < 0)
		hello_queue_woken(reviews->queue); /* no memory; the next poll tries again */
}

int hello_review_ask(struct hello_reviews *reviews, const char *token, void *context,
	struct hello_review **ret_review)
{
	int r = hello_queue_add(reviews->queue, reviews, token, context, ret_review);

	if (r == 0)
		hello_reviews_poll(reviews, clock_monotonic_ns());
	return r;
}

void hello_review_free(struct hello_review *review)
{
	if (review)
		hello_queue_drop(review);
}

struct hello_review *hello_reviews_next(struct hello_reviews *reviews)
{
	return hello_queue_answered(reviews->queue);
}

void *hello_review_context(const struct hello_review *review)
{
	return review->context;
}

const struct hello_verdict *hello_review_verdict(const struct hello_review *review)
{
	return &review->verdict;
}

/* --- making and freeing ----------------------------------------------------------------------- */

static void register_telemetry(struct hello_reviews *reviews, struct telemetry *telemetry)
{
	static const char NAME[] = "tacho_aggregator_agent_reviews_total",
			  HELP[] = "Reviews of agents' tokens by kube-apiserver";

	reviews->accepted = telemetry_counter(telemetry, NAME, HELP, "result", "accepted");
	reviews->refused = telemetry_counter(telemetry, NAME, HELP, "result", "refused");
	reviews->unanswered = telemetry_counter(telemetry, NAME, HELP, "result", "no_answer");
}

/* Also for one that was not wholly made. */
static void release(struct hello_reviews *reviews)
{
	hello_queue_free(reviews->queue);
	free(reviews->audience);
	free(reviews->service_account);
	free(reviews);
}

struct hello_reviews *hello_reviews_new(const struct hello_reviews_options *options)
{
	struct hello_reviews *reviews = calloc(1, sizeof(*reviews));

	if (!reviews)
		return NULL;
	reviews->desk = options->desk;
	reviews->audience = strdup(options->audience);
	reviews->service_account = strdup(options->service_account);
	register_telemetry(reviews, options->telemetry);
	reviews->queue =
		hello_queue_new(options->max_under_way, options->max_waiting, options->telemetry);
	if (reviews->audience && reviews->service_account && reviews->queue)
		return reviews;
	release(reviews); /* the desk's thread has heard of nothing */
	return NULL;
}

void hello_reviews_free(struct hello_reviews *reviews)
{
	if (!reviews)
		return;
	if (reviews->desk->post(reviews->desk->context, on_shut, reviews) < 0)
		return; /* no memory: rather leaked than answered into freed memory */
	hello_queue_wait_closed(reviews->queue);
	release(reviews);
}
