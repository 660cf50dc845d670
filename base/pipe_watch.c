#include "base/pipe_watch.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>

struct pipe_watch {
	uintptr_t number; /* what NNG is given: it may come back after the watch was freed */
	pipe_watch_fn fn;
	void *context;
	struct pipe_watch *next;
};

/* As many as there are sockets. The lock is held during calls. */
static struct {
	pthread_mutex_t lock;
	struct pipe_watch *first;
	uintptr_t last_number;
} watches = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void on_event(nng_pipe pipe, nng_pipe_ev event, void *number)
{
	(void)pthread_mutex_lock(&watches.lock);
	for (const struct pipe_watch *watch = watches.first; watch; watch = watch->next)
		if (watch->number == (uintptr_t)number)
			watch->fn(pipe, event, watch->context);
	(void)pthread_mutex_unlock(&watches.lock);
}

struct pipe_watch *pipe_watch_start(nng_socket socket, pipe_watch_fn fn, void *context)
{
	struct pipe_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->fn = fn;
	watch->context = context;
	(void)pthread_mutex_lock(&watches.lock);
	watch->number = ++watches.last_number;
	watch->next = watches.first;
	watches.first = watch;
	(void)pthread_mutex_unlock(&watches.lock);
	for (int event = NNG_PIPE_EV_ADD_PRE; event < NNG_PIPE_EV_NUM; event++)
		(void)nng_pipe_notify(socket, (nng_pipe_ev)event, on_event, (void *)watch->number);
	return watch;
}

void pipe_watch_stop(struct pipe_watch *watch)
{
	if (!watch)
		return;
	(void)pthread_mutex_lock(&watches.lock);
	for (struct pipe_watch **link = &watches.first; *link; link = &(*link)->next)
		if (*link == watch) {
			*link = watch->next;
			break;
		}
	(void)pthread_mutex_unlock(&watches.lock);
	free(watch);
}
