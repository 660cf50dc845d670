#include "aggregator/access/inquiry.h"

#include "aggregator/access/attributes_copy.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct inquiry {
	struct question_waiter waiter; /* first; main's */
	struct work trip;              /* there, and then back */
	struct work cancellation;      /* behind it */
	_Atomic int on_their_way;      /* of the two; the last one that arrives frees all */
	_Atomic bool cancelled;        /* main need not bother */

	struct inquiry_way way;
	enum review_kind kind;
	struct review_key key;
	char *token;
	size_t token_length;
	struct attributes_copy attributes;

	bool waiting; /* main's: for kube-apiserver */

	/* The loop's. */
	inquiry_function on_answer; /* NULL: cancelled */
	void *context;

	/* Main's until the trip back, and the loop's from there on. */
	struct inquiry_answer answer; /* points into what follows */
	char *text;                   /* the failure, or the review's reason; may be NULL */
	struct user user;
};

static struct inquiry *inquiry_of(struct work *work, size_t offset)
{
	return (struct inquiry *)(void *)((char *)work - offset);
}

static void arrived(struct inquiry *inquiry)
{
	if (atomic_fetch_sub(&inquiry->on_their_way, 1) > 1)
		return;
	if (inquiry->token)
		OPENSSL_cleanse(inquiry->token, inquiry->token_length);
	free(inquiry->token);
	if (inquiry->kind == REVIEW_ACCESS)
		attributes_copy_free(&inquiry->attributes);
	user_free(&inquiry->user);
	free(inquiry->text);
	free(inquiry);
}

/* --- in main's loop --------------------------------------------------------------------------- */

static void bring_back(struct work *work);

static void turn_back(struct inquiry *inquiry)
{
	inquiry->trip.run = bring_back;
	work_queue_post(inquiry->way.loop, &inquiry->trip);
}

static void fail(struct inquiry *inquiry, int r, const char *failure)
{
	inquiry->text = strdup(failure);
	inquiry->answer = (struct inquiry_answer){
		.failure = inquiry->text ? inquiry->text : "memory is short", .busy = r == -EBUSY};
	turn_back(inquiry);
}

static void take_answer(struct inquiry *inquiry, const struct review_answer *review)
{
	inquiry->text = strdup(review->reason);
	if (!inquiry->text || (review->user && user_copy(review->user, &inquiry->user) < 0)) {
		free(inquiry->text);
		fail(inquiry, -ENOMEM, "memory is short");
		return;
	}
	inquiry->answer.review = (struct review_answer){
		review->yes, inquiry->text, review->user ? &inquiry->user : NULL, review->until_ns};
	turn_back(inquiry);
}

static void on_review(
	struct question_waiter *waiter, const struct review_answer *review, const char *failure)
{
	struct inquiry *inquiry = (struct inquiry *)waiter;

	inquiry->waiting = false;
	if (failure)
		fail(inquiry, 0, failure);
	else
		take_answer(inquiry, review);
}

static void come_to_main(struct work *work)
{
	struct inquiry *inquiry = inquiry_of(work, offsetof(struct inquiry, trip));
	struct reviewer *reviewer = inquiry->way.reviewer;
	struct review_answer review;
	struct error err;
	int r;

	if (atomic_load(&inquiry->cancelled)) {
		arrived(inquiry);
		return;
	}
	/* While it was on its way another one's answer may have come. */
	if (reviewer_know(reviewer, inquiry->kind, &inquiry->key, &review)) {
		take_answer(inquiry, &review);
		return;
	}
	r = reviewer_ask(reviewer, inquiry->kind, &inquiry->key, &inquiry->waiter, &err);
	inquiry->waiting = r == 0;
	if (r < 0)
		fail(inquiry, r, err.message);
}

/* The trip ends here if it was here; else it is back already. */
static void cancel_at_main(struct work *work)
{
	struct inquiry *inquiry = inquiry_of(work, offsetof(struct inquiry, cancellation));

	if (inquiry->waiting) {
		reviewer_leave(inquiry->way.reviewer, inquiry->kind, &inquiry->waiter);
		inquiry->waiting = false;
		arrived(inquiry);
	}
	arrived(inquiry);
}

/* --- in the loop of who asks ------------------------------------------------------------------ */

static void bring_back(struct work *work)
{
	struct inquiry *inquiry = inquiry_of(work, offsetof(struct inquiry, trip));

	if (inquiry->on_answer)
		inquiry->on_answer(inquiry->context, &inquiry->key, &inquiry->answer);
	arrived(inquiry);
}

static struct inquiry *prepare(const struct inquiry_way *way, enum review_kind kind,
	const struct review_key *key, inquiry_function on_answer, void *context)
{
	struct inquiry *inquiry = calloc(1, sizeof(*inquiry));

	if (!inquiry)
		return NULL;
	inquiry->waiter.on_answer = on_review;
	inquiry->trip.run = come_to_main;
	inquiry->cancellation.run = cancel_at_main;
	atomic_init(&inquiry->on_their_way, 1);
	atomic_init(&inquiry->cancelled, false);
	inquiry->way = *way;
	inquiry->kind = kind;
	inquiry->key = *key;
	inquiry->on_answer = on_answer;
	inquiry->context = context;
	return inquiry;
}

struct inquiry *inquiry_about_token(const struct inquiry_way *way, const struct review_key *key,
	const char *token, size_t length, inquiry_function on_answer, void *context)
{
	struct inquiry *inquiry = prepare(way, REVIEW_TOKEN, key, on_answer, context);

	if (!inquiry)
		return NULL;
	inquiry->token = strndup(token, length);
	if (!inquiry->token) {
		free(inquiry);
		return NULL;
	}
	inquiry->token_length = length;
	inquiry->waiter.token = inquiry->token;
	inquiry->waiter.token_length = length;
	work_queue_post(way->main, &inquiry->trip);
	return inquiry;
}

struct inquiry *inquiry_about_access(const struct inquiry_way *way, const struct review_key *key,
	const struct access_attributes *attributes, inquiry_function on_answer, void *context)
{
	struct inquiry *inquiry = prepare(way, REVIEW_ACCESS, key, on_answer, context);

	if (!inquiry)
		return NULL;
	if (attributes_copy_make(&inquiry->attributes, attributes) < 0) {
		free(inquiry);
		return NULL;
	}
	inquiry->waiter.attributes = &inquiry->attributes.is;
	work_queue_post(way->main, &inquiry->trip);
	return inquiry;
}

void inquiry_cancel(struct inquiry *inquiry)
{
	inquiry->on_answer = NULL;
	atomic_store(&inquiry->cancelled, true);
	atomic_fetch_add(&inquiry->on_their_way, 1);
	work_queue_post(inquiry->way.main, &inquiry->cancellation);
}
