/* NNG's notifications of a socket's pipes, with an end.
 *
 * nng_pipe_notify() of 1.5.2 calls without a lock: a call can be under way, on a thread of NNG's,
 * when notification has long been turned off. Here it can't. */
#ifndef BASE_PIPE_WATCH_H
#define BASE_PIPE_WATCH_H

#include <nng/nng.h>

struct pipe_watch;

/* Runs on NNG's threads, one call of a watch at a time. It may close pipes; it must not stop a
 * watch. */
typedef void (*pipe_watch_fn)(nng_pipe pipe, nng_pipe_ev event, void *context);

/* Calls `fn` for every event of every pipe of `socket`. NULL when memory is short. */
struct pipe_watch *pipe_watch_start(nng_socket socket, pipe_watch_fn fn, void *context);

/* When this returns, no call is under way and none will come. NULL is fine. */
void pipe_watch_stop(struct pipe_watch *watch);

#endif
