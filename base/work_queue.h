/* Work for another thread's loop: posted from any thread, run there in the order of posting.
 *
 * What is posted brings its own place in the queue, so that posting can't fail: an answer that was
 * promised to a thread gets there. */
#ifndef BASE_WORK_QUEUE_H
#define BASE_WORK_QUEUE_H

#include "base/error.h"

#include <event2/event.h>

struct work_queue;

/* One piece of work; it is a part of what it is about. From the post until `run` is called it
 * belongs to the queue; `run` may free it, or post it again. */
struct work {
	void (*run)(struct work *work);
	struct work *next; /* the queue's */
};

/* `run` is called in the loop of `base` when there is something to run, or someone woke it; it
 * calls work_queue_run(). NULL: just that is done. NULL and a message when memory or file
 * descriptors are short. */
struct work_queue *work_queue_new(
	struct event_base *base, void (*run)(void *owner), void *owner, struct error *err);

/* What is still waiting is forgotten. No thread may be posting. Before the base. NULL is fine. */
void work_queue_free(struct work_queue *queue);

/* Any thread. */
void work_queue_post(struct work_queue *queue, struct work *work);

/* Lets the loop call `run` soon, though there may be nothing. Any thread. */
void work_queue_wake(struct work_queue *queue);

/* Runs all that was posted before the call. One thread at a time. */
void work_queue_run(struct work_queue *queue);

#endif
