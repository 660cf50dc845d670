#include "aggregator/access/questions.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

/* A failed add leaves hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define LOG_NS (10 * NS_PER_SECOND) /* one line for as long, however many fail */

TAILQ_HEAD(waiter_list, question_waiter);

struct question {
	struct questions *questions;
	struct review_key key;
	struct review *review; /* NULL while it stands in line */
	struct waiter_list waiters;
	bool answered; /* and nowhere any more: only its waiters have it */
	uint64_t since_ns;
	TAILQ_ENTRY(question) entry; /* in line, or asked */
	UT_hash_handle hh;
};

TAILQ_HEAD(question_list, question);

struct questions {
	struct questions_options options;
	struct question *by_key;
	struct question_list line, asked;
	size_t asked_count, waiting_count;
	struct log_limit failures;
	struct telemetry_series *now_asked, *now_waiting, *refused, *sent, *failed;
};

static void register_series(struct questions *questions, struct telemetry *telemetry)
{
	static const char *const KINDS[REVIEW_KINDS] = {"access", "token"};
	const char *kind = KINDS[questions->options.kind];

	questions->now_asked = telemetry_gauge(telemetry, "tacho_aggregator_reviews_in_flight",
		"Reviews that kube-apiserver was asked for and has not answered.", NULL, NULL);
	questions->now_waiting = telemetry_gauge(telemetry, "tacho_aggregator_reviews_waiting",
		"Requests that wait for a review.", NULL, NULL);
	questions->refused = telemetry_counter(telemetry, "tacho_aggregator_reviews_refused_total",
		"Requests that could not wait for a review, for too many did.", NULL, NULL);
	questions->sent = telemetry_counter(telemetry, "tacho_aggregator_reviews_total",
		"Reviews that kube-apiserver was asked for, by kind.", "kind", kind);
	questions->failed = telemetry_counter(telemetry, "tacho_aggregator_review_failures_total",
		"Reviews that kube-apiserver gave no answer to, by kind.", "kind", kind);
}

struct questions *questions_new(const struct questions_options *options)
{
	struct questions *questions = calloc(1, sizeof(*questions));

	if (!questions)
		return NULL;
	questions->options = *options;
	TAILQ_INIT(&questions->line);
	TAILQ_INIT(&questions->asked);
	register_series(questions, options->telemetry);
	return questions;
}

/* Takes it out of everything; who waits for it does not wait any more. */
static void forget(struct question *question)
{
	struct questions *questions = question->questions;

	HASH_DELETE(hh, questions->by_key, question);
	if (question->review) {
		TAILQ_REMOVE(&questions->asked, question, entry);
		questions->asked_count--;
		telemetry_subtract(questions->now_asked, 1);
	} else {
		TAILQ_REMOVE(&questions->line, question, entry);
	}
}

void questions_free(struct questions *questions)
{
	struct question *question, *next;

	if (!questions)
		return;
	for (question = questions->by_key; question; question = next) {
		next = question->hh.next;
		if (question->review)
			review_cancel(question->review);
		forget(question);
		free(question);
	}
	free(questions);
}

static void count_waiter(struct questions *questions, int change)
{
	questions->waiting_count += (size_t)change;
	telemetry_add(questions->now_waiting, (uint64_t)change);
}

static struct question_waiter *pop_waiter(struct question *question)
{
	struct questions *questions = question->questions;
	struct question_waiter *waiter = TAILQ_FIRST(&question->waiters);

	if (!waiter)
		return NULL;
	TAILQ_REMOVE(&question->waiters, waiter, entry);
	waiter->question = NULL;
	count_waiter(questions, -1);
	return waiter;
}

static void log_failure(struct questions *questions, const char *failure)
{
	const char *what = questions->options.kind == REVIEW_TOKEN ? "a token" : "an access";
	uint64_t held_back;

	if (log_allowed(&questions->failures, LOG_NS, &held_back))
		log_warn("asking kube-apiserver to review %s: %s (%llu more failed since the last "
			 "line)",
			what, failure, (unsigned long long)held_back);
}

/* Ends the question. One of `answer` and `failure` is NULL. */
static void answer_all(struct question *question, struct review_answer *answer, const char *failure)
{
	struct questions *questions = question->questions;
	struct question_waiter *waiter;

	/* first: a waiter that is called may ask the same again */
	forget(question);
	question->answered = true;
	if (answer)
		questions->options.on_answer(questions->options.context, &question->key, answer);
	if (failure) {
		telemetry_add(questions->failed, 1);
		log_failure(questions, failure);
	}
	while ((waiter = pop_waiter(question)))
		waiter->on_answer(waiter, answer, failure);
	free(question);
}

static void ask_next(struct questions *questions);

static void on_token(void *context, const struct token_review_answer *review)
{
	struct question *question = context;
	struct questions *questions = question->questions;
	struct review_answer answer = {
		review->authenticated, review->reason ? review->reason : "", review->user, 0};

	answer_all(question, review->failure ? NULL : &answer, review->failure);
	ask_next(questions);
}

static void on_access(void *context, const struct access_review_answer *review)
{
	struct question *question = context;
	struct questions *questions = question->questions;
	struct review_answer answer = {
		review->allowed, review->reason ? review->reason : "", NULL, 0};

	answer_all(question, review->failure ? NULL : &answer, review->failure);
	ask_next(questions);
}

static struct review *send_token(
	struct question *question, const struct question_waiter *waiter, struct error *err)
{
	char *token = strndup(waiter->token, waiter->token_length);
	struct review *review;

	if (!token) {
		(void)error_errno(err, ENOMEM, "asking kube-apiserver");
		return NULL;
	}
	review = token_review_send(
		question->questions->options.client, token, NULL, on_token, question, err);
	OPENSSL_cleanse(token, waiter->token_length);
	free(token);
	return review;
}

/* Of one that stands in line and that someone waits for. */
static int send_question(struct question *question, struct error *err)
{
	struct questions *questions = question->questions;
	const struct question_waiter *waiter = TAILQ_FIRST(&question->waiters);
	struct review *review = questions->options.kind == REVIEW_TOKEN
					? send_token(question, waiter, err)
					: access_review_send(questions->options.client,
						  waiter->attributes, on_access, question, err);

	if (!review)
		return -ENOMEM;
	TAILQ_REMOVE(&questions->line, question, entry);
	TAILQ_INSERT_TAIL(&questions->asked, question, entry);
	question->review = review;
	questions->asked_count++;
	telemetry_add(questions->now_asked, 1);
	telemetry_add(questions->sent, 1);
	return 0;
}

/* Those who stood in line longer than an answer may take have waited long enough. They are looked
 * at whenever an answer comes, and while there is a line answers come or time out. */
static void ask_next(struct questions *questions)
{
	struct question *question;
	struct error err;

	while (questions->asked_count < questions->options.max_asked &&
		(question = TAILQ_FIRST(&questions->line))) {
		if (clock_monotonic_ns() - question->since_ns > REVIEWS_TIMEOUT_NS)
			answer_all(question, NULL, "too many other questions stood before it");
		else if (send_question(question, &err) < 0)
			answer_all(question, NULL, err.message);
	}
}

static struct question *new_question(struct questions *questions, const struct review_key *key)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	question->questions = questions;
	question->key = *key;
	question->since_ns = clock_monotonic_ns();
	TAILQ_INIT(&question->waiters);
	HASH_ADD(hh, questions->by_key, key, sizeof(question->key), question);
	if (!question->hh.tbl) {
		free(question);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&questions->line, question, entry);
	return question;
}

static void wait_for(struct question *question, struct question_waiter *waiter)
{
	TAILQ_INSERT_TAIL(&question->waiters, waiter, entry);
	waiter->question = question;
	count_waiter(question->questions, 1);
}

int questions_ask(struct questions *questions, const struct review_key *key,
	struct question_waiter *waiter, struct error *err)
{
	struct question *question;
	int r = 0;

	if (questions->waiting_count >= questions->options.max_waiting) {
		telemetry_add(questions->refused, 1);
		return error_set(err, EBUSY, "too many wait for kube-apiserver's answers");
	}
	HASH_FIND(hh, questions->by_key, key, sizeof(*key), question);
	if (question) {
		wait_for(question, waiter);
		return 0;
	}
	question = new_question(questions, key);
	if (!question)
		return error_errno(err, ENOMEM, "asking kube-apiserver");
	wait_for(question, waiter);
	if (questions->asked_count < questions->options.max_asked)
		r = send_question(question, err);
	if (r < 0) {
		(void)pop_waiter(question);
		forget(question);
		free(question);
	}
	return r;
}

void questions_leave(struct questions *questions, struct question_waiter *waiter)
{
	struct question *question = waiter->question;

	TAILQ_REMOVE(&question->waiters, waiter, entry);
	waiter->question = NULL;
	count_waiter(questions, -1);
	/* one that was not asked yet has nothing to ask any more */
	if (!question->answered && !question->review && TAILQ_EMPTY(&question->waiters)) {
		forget(question);
		free(question);
	}
}
