#include "tests/harness/review_desk.h"

#include "tests/harness/wait.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

struct review {
	struct review *prev, *next;
	char *token;
	uint64_t due_ms;
	bool fails, revoked;
	void (*on_answer)(void *context, const struct token_review_answer *answer);
	void *context;
};

struct job {
	struct job *prev, *next;
	void (*work)(void *context, struct kube_client *client);
	void *context;
};

struct review_desk {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job *jobs;
	struct review *reviews;
	unsigned delay_ms;
	bool away, holding, synced, stopping;
	const char *poison, *revoked;
	struct review_desk_counts counts;
};

/* The interface has no context for it: one desk at a time. */
static struct review_desk *current;

/* --- the thread ------------------------------------------------------------------------------- */

static void add_extra(struct user *user, const char *key, const char *value)
{
	if (value[0] && user_add_extra(user, key, value) < 0)
		abort();
}

static void answer(struct review *review)
{
	struct token_review_answer reply = {.failure = review->fails ? "nobody answers" : NULL,
		.reason = "[invalid bearer token, its signature is wrong]"};
	const char *worth = strrchr(review->token, '.');
	char account[64] = "", node[300] = "", pod[100] = "", name[128];
	struct user user = {0};

	(void)sscanf(worth ? worth + 1 : "", "%63[^/]/%299[^/]/%99[^/]", account, node, pod);
	(void)snprintf(name, sizeof(name), "system:serviceaccount:tacho:%s", account);
	if (!review->fails && !review->revoked && strcmp(account, "bad") != 0) {
		reply.authenticated = true;
		reply.user = &user;
		if (user_set_name(&user, name) < 0)
			abort();
		add_extra(&user, "authentication.kubernetes.io/node-name",
			strcmp(node, "-") == 0 ? "" : node);
		add_extra(&user, "authentication.kubernetes.io/pod-uid", pod);
	}
	review->on_answer(review->context, &reply);
	user_free(&user);
	free(review->token);
	free(review);
}

/* The first whose time has come, taken off the list; under the lock. */
static struct review *take_due(struct review_desk *desk)
{
	struct review *review = desk->reviews;

	if (!review || desk->holding || review->due_ms > wait_now_ms())
		return NULL;
	DL_DELETE(desk->reviews, review);
	desk->counts.under_way--;
	return review;
}

static void wait_a_little(struct review_desk *desk)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	(void)pthread_cond_timedwait(&desk->changed, &desk->lock, &until);
}

static void *run(void *context)
{
	static char client; /* nobody looks into it, but NULL would be the end */
	struct review_desk *desk = context;

	(void)pthread_mutex_lock(&desk->lock);
	while (!desk->stopping || desk->jobs) {
		struct job *job = desk->jobs;
		struct review *review = job ? NULL : take_due(desk);

		if (job)
			DL_DELETE(desk->jobs, job);
		if (!job && !review) {
			wait_a_little(desk);
			continue;
		}
		(void)pthread_mutex_unlock(&desk->lock);
		if (job)
			job->work(job->context, (struct kube_client *)&client);
		else
			answer(review);
		free(job);
		(void)pthread_mutex_lock(&desk->lock);
	}
	(void)pthread_mutex_unlock(&desk->lock);
	return NULL;
}

/* --- what ingest calls ------------------------------------------------------------------------ */

static int post(
	void *context, void (*work)(void *context, struct kube_client *client), void *work_context)
{
	struct review_desk *desk = context;
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		abort();
	job->work = work;
	job->context = work_context;
	(void)pthread_mutex_lock(&desk->lock);
	DL_APPEND(desk->jobs, job);
	(void)pthread_cond_signal(&desk->changed);
	(void)pthread_mutex_unlock(&desk->lock);
	return 0;
}

static bool pods_synced(void *context)
{
	struct review_desk *desk = context;
	bool synced;

	(void)pthread_mutex_lock(&desk->lock);
	synced = desk->synced;
	(void)pthread_mutex_unlock(&desk->lock);
	return synced;
}

static bool is_worth(const char *token, const char *worth)
{
	const char *last = strrchr(token, '.');

	return worth && last && strcmp(last + 1, worth) == 0;
}

static struct review *send_review(struct kube_client *client, const char *token,
	const char *audience,
	void (*on_answer)(void *context, const struct token_review_answer *answer), void *context,
	struct error *err)
{
	struct review_desk *desk = current;
	struct review *review = calloc(1, sizeof(*review));

	(void)client;
	(void)err;
	if (!review || strcmp(audience, REVIEW_DESK_AUDIENCE) != 0)
		abort();
	review->token = strdup(token);
	review->on_answer = on_answer;
	review->context = context;
	(void)pthread_mutex_lock(&desk->lock);
	review->fails = desk->away || is_worth(token, desk->poison);
	review->revoked = is_worth(token, desk->revoked);
	review->due_ms = wait_now_ms() + desk->delay_ms;
	DL_APPEND(desk->reviews, review);
	desk->counts.asked++;
	if (++desk->counts.under_way > desk->counts.most_under_way)
		desk->counts.most_under_way = desk->counts.under_way;
	(void)pthread_mutex_unlock(&desk->lock);
	return review;
}

static void cancel(struct review *review)
{
	struct review_desk *desk = current;

	(void)pthread_mutex_lock(&desk->lock);
	DL_DELETE(desk->reviews, review);
	desk->counts.under_way--;
	desk->counts.cancelled++;
	(void)pthread_mutex_unlock(&desk->lock);
	free(review->token);
	free(review);
}

struct kube_desk review_desk_of(struct review_desk *desk)
{
	return (struct kube_desk){.post = post,
		.pods_synced = pods_synced,
		.send = send_review,
		.cancel = cancel,
		.context = desk};
}

/* --- what tests call -------------------------------------------------------------------------- */

struct review_desk *review_desk_new(void)
{
	struct review_desk *desk = calloc(1, sizeof(*desk));

	assert_non_null(desk);
	assert_null(current);
	current = desk;
	(void)pthread_mutex_init(&desk->lock, NULL);
	(void)pthread_cond_init(&desk->changed, NULL);
	assert_int_equal(pthread_create(&desk->thread, NULL, run, desk), 0);
	return desk;
}

void review_desk_free(struct review_desk *desk)
{
	(void)pthread_mutex_lock(&desk->lock);
	desk->stopping = true;
	(void)pthread_cond_signal(&desk->changed);
	(void)pthread_mutex_unlock(&desk->lock);
	(void)pthread_join(desk->thread, NULL);
	assert_null(desk->reviews);
	(void)pthread_cond_destroy(&desk->changed);
	(void)pthread_mutex_destroy(&desk->lock);
	current = NULL;
	free(desk);
}

#define SETTER(name, type, field)                          \
	void name(struct review_desk *desk, type value)    \
	{                                                  \
		(void)pthread_mutex_lock(&desk->lock);     \
		desk->field = value;                       \
		(void)pthread_cond_signal(&desk->changed); \
		(void)pthread_mutex_unlock(&desk->lock);   \
	}
SETTER(review_desk_set_delay, unsigned, delay_ms)
SETTER(review_desk_set_away, bool, away)
SETTER(review_desk_set_holding, bool, holding)
SETTER(review_desk_set_synced, bool, synced)
SETTER(review_desk_set_poison, const char *, poison)
SETTER(review_desk_set_revoked, const char *, revoked)

struct review_desk_counts review_desk_counts(struct review_desk *desk)
{
	struct review_desk_counts counts;

	(void)pthread_mutex_lock(&desk->lock);
	counts = desk->counts;
	(void)pthread_mutex_unlock(&desk->lock);
	return counts;
}

struct asked {
	struct review_desk *desk;
	size_t wanted;
};

static bool were_asked(void *context)
{
	struct asked *asked = context;

	return review_desk_counts(asked->desk).asked >= asked->wanted;
}

bool review_desk_asked(struct review_desk *desk, size_t wanted)
{
	struct asked asked = {desk, wanted};

	return wait_until(were_asked, &asked, PATIENCE_MS);
}

static void encode(const char *text, char *out)
{
	static const char DIGITS[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	unsigned count = 0;

	for (; *text; text++) {
		bits = bits << 8 | (uint8_t)*text;
		for (count += 8; count >= 6; count -= 6)
			*out++ = DIGITS[bits >> (count - 6) & 63];
	}
	if (count > 0)
		*out++ = DIGITS[bits << (6 - count) & 63];
	*out = '\0';
}

const char *review_desk_token(char *buffer, const char *worth, uint64_t ends_s)
{
	char claims[64], encoded[128];

	(void)snprintf(claims, sizeof(claims), ends_s ? "{\"exp\":%llu}" : "{}",
		(unsigned long long)ends_s);
	encode(claims, encoded);
	(void)snprintf(buffer, REVIEW_DESK_TOKEN, "e30.%s.%s", encoded, worth);
	return buffer;
}
