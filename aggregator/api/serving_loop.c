#include "aggregator/api/serving_loop.h"

#include "aggregator/api/gate.h"
#include "aggregator/api/reply.h"
#include "base/work_queue.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct serving_loop {
	struct serving_loop_options options;
	struct event_base *base;
	struct work_queue *queue;
	struct access_desk *desk;
	struct gate *gate;
	struct page_line *pages;
	struct server *server;
	struct work turn, end; /* what other threads tell it */
	pthread_t thread;
	bool running;
};

/* --- the way of a request: parse, then the gate, which routes it ------------------------------ */

static enum request_method method_of(const struct evhttp_request *http)
{
	static const struct {
		enum evhttp_cmd_type evhttp;
		enum request_method ours;
	} METHODS[] = {
		{EVHTTP_REQ_GET, REQUEST_GET},
		{EVHTTP_REQ_HEAD, REQUEST_HEAD},
		{EVHTTP_REQ_POST, REQUEST_POST},
		{EVHTTP_REQ_PUT, REQUEST_PUT},
		{EVHTTP_REQ_PATCH, REQUEST_PATCH},
		{EVHTTP_REQ_DELETE, REQUEST_DELETE},
		{EVHTTP_REQ_OPTIONS, REQUEST_OPTIONS},
		{EVHTTP_REQ_TRACE, REQUEST_TRACE},
		{EVHTTP_REQ_CONNECT, REQUEST_CONNECT},
	};

	for (size_t i = 0; i < sizeof(METHODS) / sizeof(METHODS[0]); i++)
		if (METHODS[i].evhttp == evhttp_request_get_command(http))
			return METHODS[i].ours;
	return REQUEST_OTHER;
}

/* Before anyone knows who asks. False: *ret_status says what is wrong. */
static bool parse(struct exchange *exchange, struct status *ret_status)
{
	struct request *request = &exchange->request;
	struct error err;
	int r;

	if (server_header_too_large(exchange->http)) {
		*ret_status = status_header_too_large(SERVER_MAX_HEADER_BYTES);
		return false;
	}
	r = request_parse(request, request->method, evhttp_request_get_uri(exchange->http),
		request->headers, &err);
	/* A watch is refused anyway, and its timeout is not looked at. */
	if (r == 0 && !request_query_bool(request, "watch"))
		r = request_check_timeout(request, &err);
	if (r < 0)
		*ret_status = r == -ENOMEM ? status_internal(err.message)
					   : status_bad_request(err.message);
	return r == 0;
}

static void handle(void *context, struct evhttp_request *http)
{
	struct serving_loop *loop = context;
	struct exchange *exchange = exchange_new(http, loop->options.tally, loop->pages);
	struct status status;

	if (!exchange) {
		evhttp_send_error(http, 500, NULL);
		return;
	}
	if (atomic_load(loop->options.draining))
		reply_header(exchange, "Connection", "close");
	exchange->request.method = method_of(http);
	if (parse(exchange, &status))
		gate_enter(loop->gate, exchange);
	else
		reply_status(exchange, &status);
}

/* --- whose turn it is to accept --------------------------------------------------------------- */

/* One connection a turn, also where the next one is this loop's again: a thousand that come at once
 * and shake hands must not keep from their answers those who are there. */
static void accepted(void *context)
{
	struct serving_loop *loop = context, *next;
	size_t least = serving_load_least(loop->options.load, loop->options.index);

	server_set_accepting(loop->server, false);
	next = loop->options.loops[least];
	work_queue_post(next->queue, &next->turn);
}

static void take_turn(struct work *work)
{
	struct serving_loop *loop =
		(struct serving_loop *)(void *)((char *)work - offsetof(struct serving_loop, turn));

	if (loop->server) /* it may be the end */
		server_set_accepting(loop->server, true);
}

/* --- the thread ------------------------------------------------------------------------------- */

static void end(struct work *work)
{
	struct serving_loop *loop =
		(struct serving_loop *)(void *)((char *)work - offsetof(struct serving_loop, end));

	(void)event_base_loopbreak(loop->base);
}

static void *run(void *context)
{
	struct serving_loop *loop = context;

	(void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

/* Signals are main's. */
int serving_loop_start(struct serving_loop *loop, struct error *err)
{
	sigset_t all, before;
	char name[16]; /* pthread_setname_np()'s bound */
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&loop->thread, NULL, run, loop);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r != 0)
		return error_errno(err, r, "starting a thread that serves the API");
	loop->running = true;
	(void)snprintf(name, sizeof(name), "serve-%u", (unsigned)loop->options.index);
	(void)pthread_setname_np(loop->thread, name);
	return 0;
}

static int make_server(struct serving_loop *loop, struct error *err)
{
	const struct serving_loop_options *options = &loop->options;
	const struct server_options server = {
		.socket = options->socket,
		.accepting = options->index == 0,
		.accepted = accepted,
		.certificate = options->certificate,
		.load = options->load,
		.loop = options->index,
		.deadlines = options->deadlines,
		.handle = handle,
		.context = loop,
		.telemetry = options->telemetry,
	};

	loop->server = server_start(&server, loop->base, err);
	return loop->server ? 0 : -EINVAL;
}

static int make_parts(struct serving_loop *loop, struct error *err)
{
	const struct serving_loop_options *options = &loop->options;
	struct gate_options gate = {
		.router = options->router,
		.load = options->load,
		.telemetry = options->telemetry,
	};

	loop->base = event_base_new();
	if (!loop->base)
		return error_errno(err, ENOMEM, "starting the API");
	loop->queue = work_queue_new(loop->base, NULL, NULL, err);
	if (!loop->queue)
		return -ENOMEM;
	loop->desk = access_open_desk(options->access, loop->queue, (uint32_t)options->count);
	gate.desk = loop->desk;
	loop->gate = gate_new(&gate);
	loop->pages = page_line_new(loop->base);
	if (!loop->desk || !loop->gate || !loop->pages)
		return error_errno(err, ENOMEM, "starting the API");
	return make_server(loop, err);
}

struct serving_loop *serving_loop_new(const struct serving_loop_options *options, struct error *err)
{
	struct serving_loop *loop = calloc(1, sizeof(*loop));

	if (!loop) {
		(void)error_errno(err, ENOMEM, "starting the API");
		return NULL;
	}
	loop->options = *options;
	loop->turn.run = take_turn;
	loop->end.run = end;
	if (make_parts(loop, err) < 0) {
		serving_loop_free(loop);
		return NULL;
	}
	return loop;
}

void serving_loop_stop(struct serving_loop *loop)
{
	if (loop->running)
		work_queue_post(loop->queue, &loop->end);
}

void serving_loop_join(struct serving_loop *loop)
{
	if (loop->running)
		(void)pthread_join(loop->thread, NULL);
	loop->running = false;
}

void serving_loop_free(struct serving_loop *loop)
{
	if (!loop)
		return;
	server_stop(loop->server); /* first: its connections end in what is freed next */
	loop->server = NULL;
	/* libevent frees a connection from the loop, if a callback of it was still to come. */
	if (loop->base)
		(void)event_base_loop(loop->base, EVLOOP_NONBLOCK);
	access_desk_free(loop->desk);
	gate_free(loop->gate);
	page_line_free(loop->pages);
	work_queue_free(loop->queue);
	if (loop->base)
		event_base_free(loop->base);
	free(loop);
}
