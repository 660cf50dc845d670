#include "base/work_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct work_queue {
	int fd; /* eventfd: readable when someone posted or woke */
	struct event *event;
	void (*run)(void *owner);
	void *owner;
	pthread_mutex_t lock;
	struct work *first, **end; /* under the lock */
};

static void on_wake(evutil_socket_t fd, short what, void *context)
{
	struct work_queue *queue = context;
	uint64_t count;

	(void)what;
	/* Nothing to read is fine: whoever woke us was served before. */
	if (read(fd, &count, sizeof(count)) != (ssize_t)sizeof(count) && errno != EAGAIN)
		return;
	if (queue->run)
		queue->run(queue->owner);
	else
		work_queue_run(queue);
}

struct work_queue *work_queue_new(
	struct event_base *base, void (*run)(void *owner), void *owner, struct error *err)
{
	struct work_queue *queue = calloc(1, sizeof(*queue));

	if (!queue) {
		(void)error_errno(err, ENOMEM, "making a queue");
		return NULL;
	}
	(void)pthread_mutex_init(&queue->lock, NULL);
	queue->end = &queue->first;
	queue->run = run;
	queue->owner = owner;
	queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (queue->fd < 0) {
		(void)error_errno(err, errno, "making a queue");
		work_queue_free(queue);
		return NULL;
	}
	queue->event = event_new(base, queue->fd, EV_READ | EV_PERSIST, on_wake, queue);
	if (!queue->event || event_add(queue->event, NULL) < 0) {
		(void)error_errno(err, ENOMEM, "making a queue");
		work_queue_free(queue);
		return NULL;
	}
	return queue;
}

void work_queue_free(struct work_queue *queue)
{
	if (!queue)
		return;
	if (queue->event)
		event_free(queue->event);
	if (queue->fd >= 0)
		(void)close(queue->fd);
	(void)pthread_mutex_destroy(&queue->lock);
	free(queue);
}

void work_queue_wake(struct work_queue *queue)
{
	const uint64_t one = 1;

	/* Only a count of 2^64 wakings that nobody saw could make it fail. */
	while (write(queue->fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

void work_queue_post(struct work_queue *queue, struct work *work)
{
	bool was_empty;

	work->next = NULL;
	(void)pthread_mutex_lock(&queue->lock);
	was_empty = !queue->first;
	*queue->end = work;
	queue->end = &work->next;
	(void)pthread_mutex_unlock(&queue->lock);
	/* Whoever posted what stands before it has woken the loop, which has not taken it yet. */
	if (was_empty)
		work_queue_wake(queue);
}

static struct work *take_all(struct work_queue *queue)
{
	struct work *all;

	(void)pthread_mutex_lock(&queue->lock);
	all = queue->first;
	queue->first = NULL;
	queue->end = &queue->first;
	(void)pthread_mutex_unlock(&queue->lock);
	return all;
}

void work_queue_run(struct work_queue *queue)
{
	struct work *work = take_all(queue);

	while (work) {
		struct work *next = work->next;

		work->run(work);
		work = next;
	}
}
