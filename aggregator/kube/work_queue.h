/* Work for another thread's loop: posted from any thread, run there in the order of posting. */
#ifndef KUBE_WORK_QUEUE_H
#define KUBE_WORK_QUEUE_H

#include "base/error.h"

#include <event2/event.h>

struct kube_client;
struct work_queue;

/* `client` is what work_queue_run() was given. */
typedef void (*work_function)(void *context, struct kube_client *client);

/* `run` is called in the loop of `base` when there is something to run; it calls
 * work_queue_run(). NULL and a message when memory or file descriptors are short. */
struct work_queue *work_queue_new(
	struct event_base *base, void (*run)(void *owner), void *owner, struct error *err);

/* What is still waiting is forgotten. No thread may be posting. Before the base. NULL is fine. */
void work_queue_free(struct work_queue *queue);

/* Any thread. 0 or -ENOMEM. */
int work_queue_post(struct work_queue *queue, work_function work, void *context);

/* Lets the loop call `run` soon, though there may be nothing. Any thread. */
void work_queue_wake(struct work_queue *queue);

/* Runs all that was posted before the call. One thread at a time. */
void work_queue_run(struct work_queue *queue, struct kube_client *client);

#endif
