#include "base/pipe_watch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

/* Running out of memory is an answer, not an exit: uthash then leaves `hh.tbl` NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct pipe_watch {
	uintptr_t number; /* what NNG is given: it may come back after the watch was freed */
	pipe_watch_fn fn;
	void *context;
	pthread_mutex_t lock; /* held during calls */
	unsigned calls;       /* under way or waiting */
	UT_hash_handle hh;    /* by number */
};

/* As many as there are sockets. The lock is held for a moment only, so that a call may wait for
 * what NNG's threads do for others; it guards `calls`, too. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t ended; /* a watch's last call */
	struct pipe_watch *by_number;
	uintptr_t last_number;
} watches = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

static void on_event(nng_pipe pipe, nng_pipe_ev event, void *number)
{
	struct pipe_watch *watch;

	(void)pthread_mutex_lock(&watches.lock);
	HASH_FIND(hh, watches.by_number, &number, sizeof(number), watch);
	if (watch)
		watch->calls++;
	(void)pthread_mutex_unlock(&watches.lock);
	if (!watch)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	watch->fn(pipe, event, watch->context);
	(void)pthread_mutex_unlock(&watch->lock);
	(void)pthread_mutex_lock(&watches.lock);
	if (--watch->calls == 0)
		(void)pthread_cond_broadcast(&watches.ended);
	(void)pthread_mutex_unlock(&watches.lock);
}

struct pipe_watch *pipe_watch_start(nng_socket socket, pipe_watch_fn fn, void *context)
{
	struct pipe_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fn = fn;
	watch->context = context;
	(void)pthread_mutex_init(&watch->lock, NULL);
	(void)pthread_mutex_lock(&watches.lock);
	watch->number = ++watches.last_number;
	HASH_ADD(hh, watches.by_number, number, sizeof(watch->number), watch);
	(void)pthread_mutex_unlock(&watches.lock);
	if (!watch->hh.tbl) {
		free(watch);
		return NULL;
	}
	for (int event = NNG_PIPE_EV_ADD_PRE; event < NNG_PIPE_EV_NUM; event++)
		(void)nng_pipe_notify(socket, (nng_pipe_ev)event, on_event, (void *)watch->number);
	return watch;
}

void pipe_watch_stop(struct pipe_watch *watch)
{
	if (!watch)
		return;
	(void)pthread_mutex_lock(&watches.lock);
	HASH_DEL(watches.by_number, watch);
	while (watch->calls > 0)
		(void)pthread_cond_wait(&watches.ended, &watches.lock);
	(void)pthread_mutex_unlock(&watches.lock);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
}
