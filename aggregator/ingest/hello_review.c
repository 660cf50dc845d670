#include "aggregator/ingest/hello_review.h"

#include "aggregator/kube/backoff.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define LOG_INTERVAL_NS (30 * NS_PER_SECOND)

enum state { WAITING, UNDER_WAY, ANSWERED, STATE_COUNT };

struct hello_review {
	struct hello_reviews *reviews; /* constant, as the next two */
	char *token;
	void *context;

	/* Guarded by the lock. */
	struct hello_review *prev, *next; /* in the list of its state */
	enum state state;
	bool abandoned; /* nobody wants the verdict; under way only */
	struct backoff backoff;
	uint64_t due_ns;       /* waiting: not before */
	uint64_t answers_then; /* how many answers there were at its last failure */
	unsigned strikes;      /* failures while others were answered */
	struct hello_verdict verdict;

	struct review *sent; /* the desk's thread's own */
};

struct hello_reviews {
	/* Constant. */
	const struct kube_desk *desk;
	char *audience, *service_account;
	uint32_t max_under_way, max_waiting;
	struct telemetry_series *accepted, *refused, *unanswered, *now_waiting, *now_under_way;

	/* The desk's thread's own. */
	struct kube_client *client;
	struct log_limit failures;
	bool said_failing;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t shut;
	struct hello_review *lists[STATE_COUNT];
	uint32_t counts[STATE_COUNT];
	uint64_t answers;
	bool posted; /* pump() is on its way to the desk's thread */
	bool closed; /* nothing is under way, and nothing will be */
	/* Since kube-apiserver last answered. */
	bool failing;
	struct backoff backoff;
	uint64_t quiet_until_ns;
};

/* --- the lists, under the lock ---------------------------------------------------------------- */

static void tell_counts(const struct hello_reviews *reviews)
{
	telemetry_set(reviews->now_waiting, reviews->counts[WAITING]);
	telemetry_set(reviews->now_under_way, reviews->counts[UNDER_WAY]);
}

static void unlink_review(struct hello_reviews *reviews, struct hello_review *review)
{
	DL_DELETE(reviews->lists[review->state], review);
	reviews->counts[review->state]--;
	tell_counts(reviews);
}

static void link_review(
	struct hello_reviews *reviews, struct hello_review *review, enum state state)
{
	review->state = state;
	DL_APPEND(reviews->lists[state], review);
	reviews->counts[state]++;
	tell_counts(reviews);
}

static void release(struct hello_review *review)
{
	OPENSSL_cleanse(review->token, strlen(review->token));
	free(review->token);
	free(review);
}

/* The next to be sent now, or NULL. */
static struct hello_review *due(const struct hello_reviews *reviews, uint64_t now_ns)
{
	uint32_t most = reviews->failing ? 1 : reviews->max_under_way;
	struct hello_review *review;

	if (reviews->closed || reviews->counts[UNDER_WAY] >= most ||
		now_ns < reviews->quiet_until_ns)
		return NULL;
	DL_FOREACH (reviews->lists[WAITING], review)
		if (review->due_ns <= now_ns)
			return review;
	return NULL;
}

/* --- answers, on the desk's thread ------------------------------------------------------------ */

/* Under the lock. */
static void note_answer(struct hello_reviews *reviews)
{
	reviews->answers++;
	reviews->failing = false;
	reviews->quiet_until_ns = 0;
	backoff_reset(&reviews->backoff);
}

static void note_failure(struct hello_reviews *reviews, uint64_t now_ns)
{
	reviews->failing = true;
	if (now_ns >= reviews->quiet_until_ns) /* else one of many that were under way together */
		reviews->quiet_until_ns =
			now_ns + backoff_next_ms(&reviews->backoff, 0) * NS_PER_MS;
}

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

/* Under the lock: it is on no list. */
static void put_back(struct hello_reviews *reviews, struct hello_review *review, uint64_t now_ns,
	const char *failure)
{
	review->strikes += reviews->answers != review->answers_then;
	review->answers_then = reviews->answers;
	review->due_ns = now_ns + backoff_next_ms(&review->backoff, 0) * NS_PER_MS;
	if (review->strikes < HELLO_REVIEW_TRIES) {
		link_review(reviews, review, WAITING);
		return;
	}
	review->verdict = (struct hello_verdict){.kind = HELLO_NO_ANSWER};
	(void)error_set(&review->verdict.reason, ETIMEDOUT,
		"kube-apiserver does not say whose token it is: %.200s", failure);
	link_review(reviews, review, ANSWERED);
}

/* Takes it off the list of those under way; `failure` is NULL when review->verdict is there. */
static void finish(struct hello_review *review, const char *failure)
{
	struct hello_reviews *reviews = review->reviews;
	uint64_t now_ns = clock_monotonic_ns();
	bool unwanted;

	review->sent = NULL;
	(void)pthread_mutex_lock(&reviews->lock);
	unlink_review(reviews, review);
	if (failure)
		note_failure(reviews, now_ns);
	else
		note_answer(reviews);
	unwanted = review->abandoned;
	if (unwanted)
		; /* released below */
	else if (failure)
		put_back(reviews, review, now_ns, failure);
	else
		link_review(reviews, review, ANSWERED);
	(void)pthread_mutex_unlock(&reviews->lock);
	if (unwanted)
		release(review);
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

/* --- sending, on the desk's thread ------------------------------------------------------------ */

static struct hello_review *take_due(struct hello_reviews *reviews)
{
	struct hello_review *review;

	(void)pthread_mutex_lock(&reviews->lock);
	review = due(reviews, clock_monotonic_ns());
	if (review) {
		unlink_review(reviews, review);
		link_review(reviews, review, UNDER_WAY);
	}
	(void)pthread_mutex_unlock(&reviews->lock);
	return review;
}

static void pump(struct hello_reviews *reviews)
{
	struct hello_review *review;

	while ((review = take_due(reviews))) {
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

	(void)pthread_mutex_lock(&reviews->lock);
	reviews->posted = false;
	(void)pthread_mutex_unlock(&reviews->lock);
	reviews->client = client;
	if (client)
		pump(reviews);
}

static void on_shut(void *context, struct kube_client *client)
{
	struct hello_reviews *reviews = context;
	struct hello_review *review, *next;

	(void)client;
	(void)pthread_mutex_lock(&reviews->lock);
	DL_FOREACH_SAFE(reviews->lists[UNDER_WAY], review, next)
	{
		reviews->desk->cancel(review->sent);
		unlink_review(reviews, review);
		release(review);
	}
	reviews->closed = true;
	(void)pthread_cond_signal(&reviews->shut);
	(void)pthread_mutex_unlock(&reviews->lock);
}

/* --- the ingest thread's side ----------------------------------------------------------------- */

void hello_reviews_poll(struct hello_reviews *reviews, uint64_t now_ns)
{
	bool post;

	(void)pthread_mutex_lock(&reviews->lock);
	post = !reviews->posted && due(reviews, now_ns);
	reviews->posted |= post;
	(void)pthread_mutex_unlock(&reviews->lock);
	if (!post || reviews->desk->post(reviews->desk->context, on_pump, reviews) == 0)
		return;
	(void)pthread_mutex_lock(&reviews->lock);
	reviews->posted = false; /* no memory; the next poll tries again */
	(void)pthread_mutex_unlock(&reviews->lock);
}

int hello_review_ask(struct hello_reviews *reviews, const char *token, void *context,
	struct hello_review **ret_review)
{
	struct hello_review *review = calloc(1, sizeof(*review));
	bool room;

	if (review)
		review->token = strdup(token);
	if (!review || !review->token) {
		free(review);
		return -ENOMEM;
	}
	review->reviews = reviews;
	review->context = context;
	(void)pthread_mutex_lock(&reviews->lock);
	review->answers_then = reviews->answers;
	room = reviews->counts[WAITING] < reviews->max_waiting;
	if (room)
		link_review(reviews, review, WAITING);
	(void)pthread_mutex_unlock(&reviews->lock);
	if (!room) {
		release(review);
		return -ENOSPC;
	}
	*ret_review = review;
	hello_reviews_poll(reviews, clock_monotonic_ns());
	return 0;
}

void hello_review_free(struct hello_review *review)
{
	struct hello_reviews *reviews;

	if (!review)
		return;
	reviews = review->reviews;
	(void)pthread_mutex_lock(&reviews->lock);
	review->abandoned = review->state == UNDER_WAY;
	if (review->abandoned)
		review = NULL; /* its answer frees it */
	else
		unlink_review(reviews, review);
	(void)pthread_mutex_unlock(&reviews->lock);
	if (review)
		release(review);
}

struct hello_review *hello_reviews_next(struct hello_reviews *reviews)
{
	struct hello_review *review;

	(void)pthread_mutex_lock(&reviews->lock);
	review = reviews->lists[ANSWERED];
	(void)pthread_mutex_unlock(&reviews->lock);
	return review;
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
	reviews->now_under_way =
		telemetry_gauge(telemetry, "tacho_aggregator_agent_reviews_in_flight",
			"Reviews of agents' tokens that are under way", NULL, NULL);
	reviews->now_waiting = telemetry_gauge(telemetry, "tacho_aggregator_agent_reviews_waiting",
		"Agents' tokens that wait for their review", NULL, NULL);
}

struct hello_reviews *hello_reviews_new(const struct hello_reviews_options *options)
{
	struct hello_reviews *reviews = calloc(1, sizeof(*reviews));

	if (!reviews)
		return NULL;
	reviews->desk = options->desk;
	reviews->audience = strdup(options->audience);
	reviews->service_account = strdup(options->service_account);
	reviews->max_under_way = options->max_under_way;
	reviews->max_waiting = options->max_waiting;
	(void)pthread_mutex_init(&reviews->lock, NULL);
	(void)pthread_cond_init(&reviews->shut, NULL);
	register_telemetry(reviews, options->telemetry);
	if (reviews->audience && reviews->service_account)
		return reviews;
	reviews->closed = true; /* the desk's thread has heard of nothing */
	hello_reviews_free(reviews);
	return NULL;
}

/* False when the desk's thread could not be told for want of memory. */
static bool shut(struct hello_reviews *reviews)
{
	if (reviews->desk->post(reviews->desk->context, on_shut, reviews) < 0)
		return false;
	(void)pthread_mutex_lock(&reviews->lock);
	while (!reviews->closed)
		(void)pthread_cond_wait(&reviews->shut, &reviews->lock);
	(void)pthread_mutex_unlock(&reviews->lock);
	return true;
}

void hello_reviews_free(struct hello_reviews *reviews)
{
	if (!reviews || (!reviews->closed && !shut(reviews)))
		return; /* rather leaked than answered into freed memory */
	(void)pthread_cond_destroy(&reviews->shut);
	(void)pthread_mutex_destroy(&reviews->lock);
	free(reviews->audience);
	free(reviews->service_account);
	free(reviews);
}
