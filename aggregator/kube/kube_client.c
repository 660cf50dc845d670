#include "aggregator/kube/kube_client.h"

#include "aggregator/kube/curl_loop.h"
#include "aggregator/kube/kube_answer.h"
#include "aggregator/kube/kube_credentials.h"
#include "aggregator/kube/kube_easy.h"
#include "aggregator/kube/kube_tally.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <utlist.h>

#define DEFAULT_MAX_BODY (1U << 20)

struct kube_client {
	struct event_base *base;
	struct curl_loop *loop;
	struct kube_credentials *credentials;
	struct kube_route route;
	struct kube_tally tally;
	struct kube_call *calls;
	bool unsettled; /* calls wait until curl is left */
};

enum call_state {
	CALL_NEW, /* curl does not have it yet */
	CALL_RUNNING,
	CALL_CANCELLED, /* from within curl; goes when curl is left */
	CALL_DONE,      /* calls back */
};

struct kube_call {
	struct kube_client *client;
	struct kube_request request; /* its texts and body are copies of ours */
	CURL *easy;
	struct curl_slist *headers;
	struct event *timer;
	enum call_state state;
	struct kube_answer answer;
	uint64_t sent_ns;
	unsigned token_revision;
	bool retried;
	struct kube_call *prev, *next;
};

/* --- one call --------------------------------------------------------------------------------- */

/* curl must not have it any more. */
static void free_call(struct kube_call *call)
{
	struct kube_client *client = call->client;

	DL_DELETE(client->calls, call);
	telemetry_add(client->tally.under_way, (uint64_t)-1);
	if (call->easy)
		curl_easy_cleanup(call->easy);
	kube_easy_free_headers(call->headers);
	if (call->timer)
		event_free(call->timer);
	kube_request_free(&call->request);
	kube_answer_free(&call->answer);
	free(call);
}

static void arm(struct kube_call *call)
{
	const struct kube_request *request = &call->request;
	uint64_t now = clock_monotonic_ns(), due = UINT64_MAX, wait_ns;
	struct timeval wait;

	if (request->timeout_ns)
		due = call->sent_ns + request->timeout_ns;
	if (request->silence_ns && call->answer.heard_ns + request->silence_ns < due)
		due = call->answer.heard_ns + request->silence_ns;
	wait_ns = due > now ? due - now + NS_PER_USEC : 0;
	wait = (struct timeval){(time_t)(wait_ns / NS_PER_SECOND),
		(suseconds_t)(wait_ns % NS_PER_SECOND / NS_PER_USEC)};
	(void)event_add(call->timer, &wait);
}

/* --- how it ends ------------------------------------------------------------------------------ */

/* curl does not have it any more. */
static void finish(struct kube_call *call, CURLcode result)
{
	struct kube_response response;
	struct error text = {{0}};
	long connections = 0;

	call->state = CALL_DONE;
	(void)event_del(call->timer);
	(void)curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
	telemetry_add(call->client->tally.connections, (uint64_t)connections);
	kube_answer_tell(&call->answer, result, call->client->route.server, &response, &text);
	call->request.on_done(call->request.context, &response);
	free_call(call);
}

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	struct kube_call *call = context;
	const struct kube_request *request = &call->request;
	uint64_t now = clock_monotonic_ns(), since = 0;

	(void)fd;
	(void)events;
	if (request->timeout_ns && now >= call->sent_ns + request->timeout_ns) {
		call->answer.end = KUBE_END_TIMEOUT;
		since = call->sent_ns;
	} else if (request->silence_ns && now >= call->answer.heard_ns + request->silence_ns) {
		call->answer.end = KUBE_END_SILENCE;
		since = call->answer.heard_ns;
	}
	if (call->answer.end == KUBE_END_NONE) {
		arm(call);
		return;
	}
	if (call->state == CALL_RUNNING) {
		/* Nothing for half of the wait, nor for anyone else there. */
		(void)curl_loop_drop_if_dead(
			call->client->loop, call->easy, since + (now - since) / 2);
		curl_loop_remove(call->client->loop, call->easy);
	}
	finish(call, CURLE_OPERATION_TIMEDOUT);
}

/* --- how it begins ---------------------------------------------------------------------------- */

static int set_options(struct kube_call *call)
{
	const struct kube_request *request = &call->request;
	const struct kube_client *client = call->client;
	struct kube_easy wanted = {
		.method = request->method,
		.target = request->target,
		.accept = request->accept,
		.content_type = request->content_type,
		.body = request->body,
		.size = request->size,
		.streamed = request->on_data != NULL,
	};
	struct curl_slist *headers = NULL;
	int r = kube_easy_set(call->easy, &client->route, client->credentials, &wanted, &headers,
		&call->token_revision);

	if (r < 0)
		return r;
	kube_easy_free_headers(call->headers);
	call->headers = headers;
	return 0;
}

/* To curl, or later when we are inside it. */
static int hand_over(struct kube_call *call)
{
	struct kube_client *client = call->client;

	if (curl_loop_inside(client->loop)) {
		client->unsettled = true;
		return 0;
	}
	if (curl_loop_add(client->loop, call->easy) < 0)
		return -ENOMEM;
	call->state = CALL_RUNNING;
	return 0;
}

/* Tells of it from the loop. */
static void fail_later(struct kube_call *call)
{
	call->answer.end = KUBE_END_MEMORY;
	event_active(call->timer, EV_TIMEOUT, 0);
}

/* Once, with the token that the file has now. Nothing of the answer was shown to anyone. */
static bool try_again(struct kube_call *call)
{
	struct kube_client *client = call->client;
	uint64_t before = clock_monotonic_ns();

	if (call->retried ||
		!kube_credentials_refused(client->credentials, call->token_revision, before))
		return false;
	call->sent_ns += clock_monotonic_ns() - before; /* a program was run, perhaps for long */
	kube_tally_answer(&client->tally, 401);
	call->retried = true;
	kube_answer_restart(&call->answer);
	call->answer.heard_ns = clock_monotonic_ns();
	arm(call);
	call->state = CALL_NEW;
	if (set_options(call) < 0 || hand_over(call) < 0)
		fail_later(call);
	return true;
}

static void on_ended(void *context, CURL *easy, CURLcode result)
{
	struct kube_call *call = NULL;

	(void)context;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	result = kube_answer_result(&call->answer, result);
	if (result == CURLE_OK && kube_answer_status(&call->answer) == 401 && try_again(call))
		return;
	finish(call, result);
}

/* What had to wait because curl can't be entered twice. */
static void on_left(void *context)
{
	struct kube_client *client = context;
	struct kube_call *call, *next;

	if (!client->unsettled)
		return;
	client->unsettled = false;
	DL_FOREACH_SAFE(client->calls, call, next)
	{
		if (call->state == CALL_CANCELLED) {
			curl_loop_remove(client->loop, call->easy);
			free_call(call);
		} else if (call->state == CALL_NEW && hand_over(call) < 0) {
			fail_later(call);
		}
	}
}

static struct kube_call *new_call(struct kube_client *client, const struct kube_request *request)
{
	struct kube_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->client = client;
	DL_APPEND(client->calls, call);
	telemetry_add(client->tally.under_way, 1);
	if (!kube_request_copy(&call->request, request))
		return call; /* kube_client_send() sees that there is no easy */
	if (call->request.max_body == 0)
		call->request.max_body = DEFAULT_MAX_BODY;
	call->sent_ns = clock_monotonic_ns();
	call->timer = event_new(client->base, -1, 0, on_timer, call);
	call->easy = call->timer ? curl_easy_init() : NULL;
	call->answer = (struct kube_answer){.easy = call->easy,
		.request = &call->request,
		.tally = &client->tally,
		.heard_ns = call->sent_ns};
	return call;
}

struct kube_call *kube_client_send(
	struct kube_client *client, const struct kube_request *request, struct error *err)
{
	struct kube_call *call;

	kube_credentials_refresh(client->credentials, clock_monotonic_ns());
	call = new_call(client, request); /* its time begins */
	if (!call)
		goto fail;
	if (!call->easy || set_options(call) < 0)
		goto fail;
	(void)curl_easy_setopt(call->easy, CURLOPT_PRIVATE, call);
	kube_answer_attach(&call->answer);
	if (hand_over(call) < 0)
		goto fail;
	telemetry_add(client->tally.sent_bytes, request->size);
	arm(call);
	return call;
fail:
	(void)error_errno(err, ENOMEM, "asking %s", client->route.server);
	if (call)
		free_call(call);
	return NULL;
}

void kube_call_cancel(struct kube_call *call)
{
	struct kube_client *client = call->client;

	if (call->state == CALL_DONE || call->state == CALL_CANCELLED)
		return;
	telemetry_add(client->tally.cancelled, 1);
	if (call->state == CALL_RUNNING && curl_loop_inside(client->loop)) {
		call->state = CALL_CANCELLED;
		call->answer.unwanted = true;
		client->unsettled = true;
		return;
	}
	if (call->state == CALL_RUNNING)
		curl_loop_remove(client->loop, call->easy);
	free_call(call);
}

/* --- the client ------------------------------------------------------------------------------- */

const char *kube_client_credentials_failure(const struct kube_client *client)
{
	return kube_credentials_failure(client->credentials);
}

struct kube_client *kube_client_new(const struct kube_client_options *options, struct error *err)
{
	struct kube_client *client = calloc(1, sizeof(*client));
	struct curl_loop_handler handler = {on_ended, on_left, client};

	if (!client) {
		(void)error_errno(err, ENOMEM, "preparing the client of kube-apiserver");
		return NULL;
	}
	client->base = options->base;
	kube_tally_register(&client->tally, options->telemetry);
	client->loop = curl_loop_new(options->base, &handler, err);
	if (!client->loop || kube_route_init(&client->route, options->config, err) < 0)
		goto fail;
	client->route.program = options->program ? options->program : "tacho-aggregator";
	client->credentials = kube_credentials_new(options->config, options->telemetry, err);
	if (!client->credentials)
		goto fail;
	return client;
fail:
	kube_client_free(client);
	return NULL;
}

void kube_client_free(struct kube_client *client)
{
	if (!client)
		return;
	while (client->calls)
		kube_call_cancel(client->calls);
	curl_loop_free(client->loop);
	kube_credentials_free(client->credentials);
	kube_route_free(&client->route);
	free(client);
}
