/* libcurl's multi interface driven by libevent: sockets and the one timer.
 *
 * curl forbids adding and removing transfers from within its own callbacks: curl_loop_inside() says
 * whether we are in one, and `left` is called each time that curl has been left again. */
#ifndef KUBE_CURL_LOOP_H
#define KUBE_CURL_LOOP_H

#include "base/error.h"

#include <curl/curl.h>
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct curl_loop;

struct curl_loop_handler {
	/* A transfer has ended by itself; it was removed already. Not within curl. */
	void (*ended)(void *context, CURL *easy, CURLcode result);
	void (*left)(void *context);
	void *context;
};

/* NULL and a message when memory is short. Initialises libcurl, once in a process. */
struct curl_loop *curl_loop_new(
	struct event_base *base, const struct curl_loop_handler *handler, struct error *err);

/* Closes all connections. There must be no transfers left. */
void curl_loop_free(struct curl_loop *loop);

/* Neither may be called while inside. `ended` is never called from within. 0 or -ENOMEM. */
int curl_loop_add(struct curl_loop *loop, CURL *easy);
void curl_loop_remove(struct curl_loop *loop, CURL *easy);

bool curl_loop_inside(const struct curl_loop *loop);

/* Shuts the connection of a transfer when nothing has come over it since `since_ns`
 * (clock_monotonic_ns()): HTTP/2 would go on to send new requests down a dead connection. True when
 * it did. Its other transfers fail as if the server had closed. Before curl_loop_remove(). */
bool curl_loop_drop_if_dead(struct curl_loop *loop, CURL *easy, uint64_t since_ns);

#endif
