/* Questions of one kind to kube-apiserver that are under way: each is asked once at a time, however
 * many wait for its answer; a bounded number of them at kube-apiserver, the others in line. Errors
 * are answers to those who wait now, and to nobody after. One thread, the client's. */
#ifndef ACCESS_QUESTIONS_H
#define ACCESS_QUESTIONS_H

#include "aggregator/access/review_cache.h"
#include "aggregator/access/review_key.h"
#include "aggregator/kube/kube_client.h"
#include "aggregator/kube/reviews.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stddef.h>
#include <sys/queue.h>

struct question;

/* Someone who waits. */
struct question_waiter {
	/* What is asked, by the kind: a token (not terminated) or attributes. Must live as long as
	 * it waits. */
	const char *token;
	size_t token_length;
	const struct access_attributes *attributes;

	/* Called once; the waiter is the caller's again. `failure` is NULL, or why there is no
	 * answer. */
	void (*on_answer)(struct question_waiter *waiter, const struct review_answer *answer,
		const char *failure);

	TAILQ_ENTRY(question_waiter) entry;
	struct question *question;
};

struct questions_options {
	enum review_kind kind;
	struct kube_client *client;
	size_t max_asked;   /* at kube-apiserver at a time */
	size_t max_waiting; /* waiters, whether it was asked or not */
	struct telemetry *telemetry;

	/* Each answer, before those who wait get it: it says until when it is good. */
	void (*on_answer)(
		void *context, const struct review_key *key, struct review_answer *answer);
	void *context;
};

struct questions;

/* Copies the options, whose client and telemetry must outlive it. NULL when memory is short. */
struct questions *questions_new(const struct questions_options *options);

/* Forgets them all; nobody is called. */
void questions_free(struct questions *questions);

/* Waits for the answer, and asks if nobody has. Never calls back from within. 0; -EBUSY: too many
 * wait (counted); -ENOMEM; with a message. */
int questions_ask(struct questions *questions, const struct review_key *key,
	struct question_waiter *waiter, struct error *err);

/* Waits no longer. What was asked stays asked: its answer is worth keeping. */
void questions_leave(struct questions *questions, struct question_waiter *waiter);

#endif
