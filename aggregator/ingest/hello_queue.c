#include "aggregator/ingest/hello_queue.h"

#include "base/clock.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct hello_queue {
	/* Constant. */
	uint32_t max_under_way, max_waiting;
	struct telemetry_series *now_waiting, *now_under_way;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t shut;
	struct hello_review *lists[HELLO_STATE_COUNT];
	uint32_t counts[HELLO_STATE_COUNT];
	uint64_t answers;
	bool woken;  /* the sending thread was told that something is due */
	bool closed; /* nothing is under way, and nothing will be */
	/* Since the last answer. */
	bool failing;
	struct backoff backoff;
	uint64_t quiet_until_ns;
};

/* --- the lists, under the lock ---------------------------------------------------------------- */

static void tell_counts(const struct hello_queue *queue)
{
	telemetry_set(queue->now_waiting, queue->counts[HELLO_WAITING]);
	telemetry_set(queue->now_under_way, queue->counts[HELLO_UNDER_WAY]);
}

static void unlink_review(struct hello_queue *queue, struct hello_review *review)
{
	DL_DELETE(queue->lists[review->state], review);
	queue->counts[review->state]--;
	tell_counts(queue);
}

static void link_review(
	struct hello_queue *queue, struct hello_review *review, enum hello_state state)
{
	review->state = state;
	DL_APPEND(queue->lists[state], review);
	queue->counts[state]++;
	tell_counts(queue);
}

static void release(struct hello_review *review)
{
	OPENSSL_cleanse(review->token, strlen(review->token));
	free(review->token);
	free(review);
}

/* The next to be sent now, or NULL. */
static struct hello_review *due(const struct hello_queue *queue, uint64_t now_ns)
{
	uint32_t most = queue->failing ? 1 : queue->max_under_way;
	struct hello_review *review;

	if (queue->closed || queue->counts[HELLO_UNDER_WAY] >= most ||
		now_ns < queue->quiet_until_ns)
		return NULL;
	DL_FOREACH (queue->lists[HELLO_WAITING], review)
		if (review->due_ns <= now_ns)
			return review;
	return NULL;
}

/* --- the asking thread's side ----------------------------------------------------------------- */

int hello_queue_add(struct hello_queue *queue, struct hello_reviews *reviews, const char *token,
	void *context, struct hello_review **ret_review)
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
	review->queue = queue;
	review->context = context;
	(void)pthread_mutex_lock(&queue->lock);
	review->answers_then = queue->answers;
	room = queue->counts[HELLO_WAITING] < queue->max_waiting;
	if (room)
		link_review(queue, review, HELLO_WAITING);
	(void)pthread_mutex_unlock(&queue->lock);
	if (!room) {
		release(review);
		return -ENOSPC;
	}
	*ret_review = review;
	return 0;
}

void hello_queue_drop(struct hello_review *review)
{
	struct hello_queue *queue = review->queue;

	(void)pthread_mutex_lock(&queue->lock);
	review->abandoned = review->state == HELLO_UNDER_WAY;
	if (review->abandoned)
		review = NULL; /* its answer frees it */
	else
		unlink_review(queue, review);
	(void)pthread_mutex_unlock(&queue->lock);
	if (review)
		release(review);
}

struct hello_review *hello_queue_answered(struct hello_queue *queue)
{
	struct hello_review *review;

	(void)pthread_mutex_lock(&queue->lock);
	review = queue->lists[HELLO_ANSWERED];
	(void)pthread_mutex_unlock(&queue->lock);
	return review;
}

bool hello_queue_wake(struct hello_queue *queue, uint64_t now_ns)
{
	bool wake;

	(void)pthread_mutex_lock(&queue->lock);
	wake = !queue->woken && due(queue, now_ns);
	queue->woken |= wake;
	(void)pthread_mutex_unlock(&queue->lock);
	return wake;
}

void hello_queue_woken(struct hello_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	queue->woken = false;
	(void)pthread_mutex_unlock(&queue->lock);
}

void hello_queue_wait_closed(struct hello_queue *queue)
{
	(void)pthread_mutex_lock(&queue->lock);
	while (!queue->closed)
		(void)pthread_cond_wait(&queue->shut, &queue->lock);
	(void)pthread_mutex_unlock(&queue->lock);
}

/* --- the sending thread's side ---------------------------------------------------------------- */

struct hello_review *hello_queue_take(struct hello_queue *queue, uint64_t now_ns)
{
	struct hello_review *review;

	(void)pthread_mutex_lock(&queue->lock);
	review = due(queue, now_ns);
	if (review) {
		unlink_review(queue, review);
		link_review(queue, review, HELLO_UNDER_WAY);
	}
	(void)pthread_mutex_unlock(&queue->lock);
	return review;
}

/* Under the lock, as the next two. */
static void note_answer(struct hello_queue *queue)
{
	queue->answers++;
	queue->failing = false;
	queue->quiet_until_ns = 0;
	backoff_reset(&queue->backoff);
}

static void note_failure(struct hello_queue *queue, uint64_t now_ns)
{
	queue->failing = true;
	if (now_ns >= queue->quiet_until_ns) /* else one of many that were under way together */
		queue->quiet_until_ns = now_ns + backoff_next_ms(&queue->backoff, 0) * NS_PER_MS;
}

/* It is on no list. */
static void put_back(struct hello_queue *queue, struct hello_review *review, uint64_t now_ns,
	const char *failure)
{
	review->strikes += queue->answers != review->answers_then;
	review->answers_then = queue->answers;
	review->due_ns = now_ns + backoff_next_ms(&review->backoff, 0) * NS_PER_MS;
	if (review->strikes < HELLO_REVIEW_TRIES) {
		link_review(queue, review, HELLO_WAITING);
		return;
	}
	review->verdict = (struct hello_verdict){.kind = HELLO_NO_ANSWER};
	(void)error_set(&review->verdict.reason, ETIMEDOUT,
		"kube-apiserver does not say whose token it is: %.200s", failure);
	link_review(queue, review, HELLO_ANSWERED);
}

void hello_queue_finish(struct hello_review *review, const char *failure, uint64_t now_ns)
{
	struct hello_queue *queue = review->queue;
	bool unwanted;

	(void)pthread_mutex_lock(&queue->lock);
	unlink_review(queue, review);
	if (failure)
		note_failure(queue, now_ns);
	else
		note_answer(queue);
	unwanted = review->abandoned;
	if (unwanted)
		; /* released below */
	else if (failure)
		put_back(queue, review, now_ns, failure);
	else
		link_review(queue, review, HELLO_ANSWERED);
	(void)pthread_mutex_unlock(&queue->lock);
	if (unwanted)
		release(review);
}

void hello_queue_close(struct hello_queue *queue, void (*cancel)(struct hello_review *review))
{
	struct hello_review *review, *next;

	(void)pthread_mutex_lock(&queue->lock);
	DL_FOREACH_SAFE(queue->lists[HELLO_UNDER_WAY], review, next)
	{
		cancel(review);
		unlink_review(queue, review);
		release(review);
	}
	queue->closed = true;
	(void)pthread_cond_signal(&queue->shut);
	(void)pthread_mutex_unlock(&queue->lock);
}

/* --- making and freeing ----------------------------------------------------------------------- */

struct hello_queue *hello_queue_new(
	uint32_t max_under_way, uint32_t max_waiting, struct telemetry *telemetry)
{
	struct hello_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->max_under_way = max_under_way;
	queue->max_waiting = max_waiting;
	(void)pthread_mutex_init(&queue->lock, NULL);
	(void)pthread_cond_init(&queue->shut, NULL);
	queue->now_under_way =
		telemetry_gauge(telemetry, "tacho_aggregator_agent_reviews_in_flight",
			"Reviews of agents' tokens that are under way", NULL, NULL);
	queue->now_waiting = telemetry_gauge(telemetry, "tacho_aggregator_agent_reviews_waiting",
		"Agents' tokens that wait for their review", NULL, NULL);
	return queue;
}

void hello_queue_free(struct hello_queue *queue)
{
	if (!queue)
		return;
	(void)pthread_cond_destroy(&queue->shut);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
}
