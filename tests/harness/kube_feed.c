/* The stream of kube_double.h that the test's thread drives. */
#include "tests/harness/kube_double.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include <cmocka.h>

#define LOOK_MS 5

enum step_kind {
	STEP_DATA,
	STEP_END,
	STEP_CUT,
};

struct step {
	enum step_kind kind;
	char *data;
	size_t size;
	struct step *prev, *next;
};

struct kube_feed {
	pthread_mutex_t lock; /* guards the rest */
	char *content_type;
	struct step *steps;
	unsigned readers;
};

struct kube_feed *kube_feed_new(const char *content_type)
{
	struct kube_feed *feed = calloc(1, sizeof(*feed));

	assert_non_null(feed);
	feed->content_type = strdup(content_type);
	assert_non_null(feed->content_type);
	assert_int_equal(pthread_mutex_init(&feed->lock, NULL), 0);
	return feed;
}

static void free_step(struct step *step)
{
	free(step->data);
	free(step);
}

void kube_feed_free(struct kube_feed *feed)
{
	struct step *step, *next;

	if (!feed)
		return;
	DL_FOREACH_SAFE(feed->steps, step, next)
	{
		free_step(step);
	}
	(void)pthread_mutex_destroy(&feed->lock);
	free(feed->content_type);
	free(feed);
}

static void add(struct kube_feed *feed, enum step_kind kind, const void *data, size_t size)
{
	struct step *step = calloc(1, sizeof(*step));

	assert_non_null(step);
	step->kind = kind;
	step->size = size;
	if (size > 0) {
		step->data = malloc(size);
		assert_non_null(step->data);
		memcpy(step->data, data, size);
	}
	(void)pthread_mutex_lock(&feed->lock);
	DL_APPEND(feed->steps, step);
	(void)pthread_mutex_unlock(&feed->lock);
}

void kube_feed_push(struct kube_feed *feed, const void *data, size_t size)
{
	add(feed, STEP_DATA, data, size);
}

void kube_feed_push_text(struct kube_feed *feed, const char *text)
{
	add(feed, STEP_DATA, text, strlen(text));
}

void kube_feed_end(struct kube_feed *feed)
{
	add(feed, STEP_END, NULL, 0);
}

void kube_feed_cut(struct kube_feed *feed)
{
	add(feed, STEP_CUT, NULL, 0);
}

static struct step *next_step(struct kube_feed *feed)
{
	struct step *step;

	(void)pthread_mutex_lock(&feed->lock);
	step = feed->steps;
	if (step)
		DL_DELETE(feed->steps, step);
	(void)pthread_mutex_unlock(&feed->lock);
	return step;
}

/* False when the answer is over. */
static bool take(struct kube_exchange *exchange, const struct step *step)
{
	if (step->kind == STEP_DATA)
		return kube_exchange_send(exchange, step->data, step->size);
	if (step->kind == STEP_END)
		(void)kube_exchange_end(exchange);
	else
		kube_exchange_cut(exchange);
	return false;
}

static void count(struct kube_feed *feed, int change)
{
	(void)pthread_mutex_lock(&feed->lock);
	feed->readers += (unsigned)change;
	(void)pthread_mutex_unlock(&feed->lock);
}

void kube_feed_serve(struct kube_exchange *exchange, void *context)
{
	struct kube_feed *feed = context;
	bool more = kube_exchange_begin(exchange, 200, feed->content_type);
	struct step *step;

	count(feed, 1);
	while (more) {
		if (!kube_exchange_wait(exchange, LOOK_MS))
			break;
		while (more && (step = next_step(feed)) != NULL) {
			more = take(exchange, step);
			free_step(step);
		}
	}
	count(feed, -1);
}

unsigned kube_feed_readers(struct kube_feed *feed)
{
	unsigned readers;

	(void)pthread_mutex_lock(&feed->lock);
	readers = feed->readers;
	(void)pthread_mutex_unlock(&feed->lock);
	return readers;
}
