#include "aggregator/kube/curl_loop.h"

#include "base/clock.h"

#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

/* Calls beyond what these carry wait. Over HTTP/2 one is enough, usually: kube-apiserver allows 100
 * streams on each; without the bound, each call beyond that would open a connection of its own. */
#define MAX_CONNECTIONS 16

/* One socket of curl's, for as long as a transfer waits for it. */
struct watch {
	struct curl_loop *loop;
	struct event *event;
	curl_socket_t fd;
	uint64_t read_ns; /* when there was something to read for the last time */
	struct watch *prev, *next;
};

struct curl_loop {
	struct event_base *base;
	struct curl_loop_handler handler;
	CURLM *multi;
	struct event *timer;
	struct watch *watches;
	bool inside;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void report_ended(struct curl_loop *loop)
{
	CURLMsg *message;
	int rest;

	while ((message = curl_multi_info_read(loop->multi, &rest)) != NULL) {
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_multi_remove_handle(loop->multi, easy);
		loop->handler.ended(loop->handler.context, easy, result);
	}
}

static void act(struct curl_loop *loop, curl_socket_t fd, int events)
{
	int running;

	loop->inside = true;
	(void)curl_multi_socket_action(loop->multi, fd, events, &running);
	loop->inside = false;
	loop->handler.left(loop->handler.context);
	report_ended(loop);
}

static void on_socket(evutil_socket_t fd, short events, void *context)
{
	struct watch *watch = context;
	struct curl_loop *loop = watch->loop;

	if (events & EV_READ)
		watch->read_ns = clock_monotonic_ns();
	/* The watch may be gone when this returns. */
	act(loop, fd,
		(events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	act(context, CURL_SOCKET_TIMEOUT, 0);
}

static void forget(struct curl_loop *loop, struct watch *watch)
{
	DL_DELETE(loop->watches, watch);
	if (watch->event)
		event_free(watch->event);
	free(watch);
}

static struct watch *new_watch(struct curl_loop *loop, curl_socket_t fd)
{
	struct watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->fd = fd;
	DL_APPEND(loop->watches, watch);
	return watch;
}

static int watch_for(struct curl_loop *loop, struct watch *watch, int what)
{
	short events = EV_PERSIST;

	if (what & CURL_POLL_IN)
		events = (short)(events | EV_READ);
	if (what & CURL_POLL_OUT)
		events = (short)(events | EV_WRITE);
	if (!watch->event) {
		watch->event = event_new(loop->base, watch->fd, events, on_socket, watch);
		return watch->event ? event_add(watch->event, NULL) : -1;
	}
	(void)event_del(watch->event);
	if (event_assign(watch->event, loop->base, watch->fd, events, on_socket, watch) < 0)
		return -1;
	return event_add(watch->event, NULL);
}

/* What curl wants to know of a socket. A result of -1 makes it fail its transfers. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *context, void *of_socket)
{
	struct curl_loop *loop = context;
	struct watch *watch = of_socket;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (watch)
			forget(loop, watch);
		(void)curl_multi_assign(loop->multi, fd, NULL);
		return 0;
	}
	if (!watch) {
		watch = new_watch(loop, fd);
		if (!watch)
			return -1;
		(void)curl_multi_assign(loop->multi, fd, watch);
	}
	return watch_for(loop, watch, what) < 0 ? -1 : 0;
}

static int timer_wanted(CURLM *multi, long ms, void *context)
{
	struct curl_loop *loop = context;
	struct timeval wait = {ms / 1000, ms % 1000 * 1000};

	(void)multi;
	return (ms < 0 ? event_del(loop->timer) : event_add(loop->timer, &wait)) < 0 ? -1 : 0;
}

struct curl_loop *curl_loop_new(
	struct event_base *base, const struct curl_loop_handler *handler, struct error *err)
{
	struct curl_loop *loop = calloc(1, sizeof(*loop));

	(void)pthread_once(&curl_once, init_curl);
	if (!loop)
		goto fail;
	loop->base = base;
	loop->handler = *handler;
	loop->timer = event_new(base, -1, 0, on_timer, loop);
	loop->multi = curl_multi_init();
	if (!loop->timer || !loop->multi)
		goto fail;
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_SOCKETDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_TIMERDATA, loop);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)MAX_CONNECTIONS);
	(void)curl_multi_setopt(loop->multi, CURLMOPT_MAXCONNECTS, (long)MAX_CONNECTIONS);
	return loop;
fail:
	(void)error_errno(err, ENOMEM, "preparing libcurl");
	curl_loop_free(loop);
	return NULL;
}

void curl_loop_free(struct curl_loop *loop)
{
	if (!loop)
		return;
	if (loop->multi)
		(void)curl_multi_cleanup(loop->multi);
	while (loop->watches)
		forget(loop, loop->watches);
	if (loop->timer)
		event_free(loop->timer);
	free(loop);
}

int curl_loop_add(struct curl_loop *loop, CURL *easy)
{
	return curl_multi_add_handle(loop->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void curl_loop_remove(struct curl_loop *loop, CURL *easy)
{
	(void)curl_multi_remove_handle(loop->multi, easy);
}

bool curl_loop_inside(const struct curl_loop *loop)
{
	return loop->inside;
}

/* 0 when it is not known. */
static long port_of(curl_socket_t fd)
{
	struct sockaddr_storage address = {0};
	socklen_t size = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
		return 0;
	if (address.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
	return address.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&address)->sin_port) : 0;
}

/* curl tells the socket of a transfer only when it is over, but our port of it always. */
bool curl_loop_drop_if_dead(struct curl_loop *loop, CURL *easy, uint64_t since_ns)
{
	struct watch *watch;
	long port = 0;

	if (curl_easy_getinfo(easy, CURLINFO_LOCAL_PORT, &port) != CURLE_OK || port <= 0)
		return false;
	DL_FOREACH (loop->watches, watch) {
		if (port_of(watch->fd) == port && watch->read_ns < since_ns)
			return shutdown(watch->fd, SHUT_RDWR) == 0;
	}
	return false;
}
