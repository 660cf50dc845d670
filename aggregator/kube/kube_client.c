#include "aggregator/kube/kube_client.h"

#include "aggregator/kube/curl_loop.h"
#include "aggregator/kube/kube_credentials.h"
#include "aggregator/kube/kube_easy.h"
#include "aggregator/kube/kube_tally.h"
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define DEFAULT_MAX_BODY (1U << 20)
#define MAX_HEADER_BYTES (64U << 10) /* of an answer, all together */

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

/* Why we ended it ourselves. */
enum call_end {
	END_NONE,
	END_TIMEOUT,
	END_SILENCE,
	END_TOO_LONG,
	END_NOT_TAKEN,
	END_MEMORY,
};

struct kube_call {
	struct kube_client *client;
	struct kube_request request; /* its texts and body are copies of ours */
	CURL *easy;
	struct curl_slist *headers;
	struct event *timer;
	enum call_state state;
	enum call_end end;
	uint64_t sent_ns, heard_ns; /* heard: the last byte, or when it began */
	unsigned token_revision;
	bool retried, head_whole;
	size_t header_bytes;
	struct buffer body;
	int not_taken; /* what on_data said */
	char curl_message[CURL_ERROR_SIZE];
	struct kube_call *prev, *next;
};

/* --- one call --------------------------------------------------------------------------------- */

static void wipe(void *data, size_t size)
{
	if (data)
		explicit_bzero(data, size);
	free(data);
}

static char *copy_or_null(const char *text)
{
	return text ? strdup(text) : NULL;
}

static bool copy_request(struct kube_request *copy, const struct kube_request *request)
{
	void *body = request->size ? malloc(request->size) : NULL;

	*copy = *request;
	copy->method = strdup(request->method);
	copy->target = strdup(request->target);
	copy->accept = copy_or_null(request->accept);
	copy->content_type = copy_or_null(request->content_type);
	if (body)
		memcpy(body, request->body, request->size);
	copy->body = body;
	return copy->method && copy->target && !copy->accept == !request->accept &&
	       !copy->content_type == !request->content_type && !body == !request->size;
}

static void free_text(const char *text)
{
	union {
		const char *in;
		char *out;
	} ours = {text};

	free(ours.out);
}

static void free_request(struct kube_request *request)
{
	union {
		const void *in;
		void *out;
	} body = {request->body};

	free_text(request->method);
	free_text(request->target);
	free_text(request->accept);
	free_text(request->content_type);
	wipe(body.out, request->size); /* a token may be in it */
}

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
	free_request(&call->request);
	wipe(call->body.data, call->body.capacity);
	free(call);
}

static void arm(struct kube_call *call)
{
	const struct kube_request *request = &call->request;
	uint64_t now = clock_monotonic_ns(), due = UINT64_MAX, wait_ns;
	struct timeval wait;

	if (request->timeout_ns)
		due = call->sent_ns + request->timeout_ns;
	if (request->silence_ns && call->heard_ns + request->silence_ns < due)
		due = call->heard_ns + request->silence_ns;
	wait_ns = due > now ? due - now + NS_PER_USEC : 0;
	wait = (struct timeval){(time_t)(wait_ns / NS_PER_SECOND),
		(suseconds_t)(wait_ns % NS_PER_SECOND / NS_PER_USEC)};
	(void)event_add(call->timer, &wait);
}

/* --- what curl hands us ----------------------------------------------------------------------- */

static long status_of(const struct kube_call *call)
{
	long status = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
	return status;
}

static size_t on_header(char *data, size_t one, size_t size, void *context)
{
	struct kube_call *call = context;

	(void)one; /* always 1 */
	call->heard_ns = clock_monotonic_ns();
	call->head_whole = size > 0 && (*data == '\r' || *data == '\n');
	call->header_bytes += size;
	if (call->state == CALL_CANCELLED)
		return CURL_WRITEFUNC_ERROR;
	if (call->header_bytes > MAX_HEADER_BYTES) {
		call->end = END_TOO_LONG;
		return CURL_WRITEFUNC_ERROR;
	}
	return size;
}

static bool keep(struct kube_call *call, const char *data, size_t size)
{
	if (size > call->request.max_body - call->body.length) {
		call->end = END_TOO_LONG;
		return false;
	}
	buffer_append(&call->body, data, size);
	if (call->body.failed)
		call->end = END_MEMORY;
	return !call->body.failed;
}

static bool hand_on(struct kube_call *call, const char *data, size_t size)
{
	int r = call->request.on_data(call->request.context, data, size);

	if (r < 0 && call->state == CALL_RUNNING) {
		call->end = END_NOT_TAKEN;
		call->not_taken = r;
	}
	return r >= 0 && call->state == CALL_RUNNING;
}

static size_t on_body(char *data, size_t one, size_t size, void *context)
{
	struct kube_call *call = context;
	bool good;

	(void)one;
	if (call->state == CALL_CANCELLED)
		return CURL_WRITEFUNC_ERROR;
	call->heard_ns = clock_monotonic_ns();
	telemetry_add(call->client->tally.received_bytes, size);
	if (call->request.on_data && status_of(call) / 100 == 2)
		good = hand_on(call, data, size);
	else
		good = keep(call, data, size);
	return good ? size : CURL_WRITEFUNC_ERROR;
}

/* --- how it ends ------------------------------------------------------------------------------ */

static enum kube_failure failure_of_curl(CURLcode result)
{
	switch (result) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return KUBE_FAILURE_CONNECT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
		return KUBE_FAILURE_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return KUBE_FAILURE_TIMEOUT;
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_HTTP2:
	case CURLE_HTTP2_STREAM:
		return KUBE_FAILURE_CUT;
	case CURLE_BAD_CONTENT_ENCODING:
	case CURLE_WEIRD_SERVER_REPLY:
		return KUBE_FAILURE_CONTENT;
	case CURLE_OUT_OF_MEMORY:
		return KUBE_FAILURE_MEMORY;
	default:
		return KUBE_FAILURE_UNKNOWN;
	}
}

/* In words, and counted. */
static void describe_failure(const struct kube_call *call, CURLcode result, struct error *text)
{
	const struct kube_request *request = &call->request;
	const char *server = call->client->route.server;
	/* curl has no message when it took half an answer for a whole one. */
	const char *message = *call->curl_message ? call->curl_message : curl_easy_strerror(result);
	enum kube_failure failure = failure_of_curl(result);

	switch (call->end) {
	case END_NONE:
		(void)error_set(text, EIO, "asking %s: %s", server, message);
		break;
	case END_TIMEOUT:
		failure = KUBE_FAILURE_TIMEOUT;
		(void)error_set(text, ETIMEDOUT, "asking %s: no whole answer within %.1f s", server,
			(double)request->timeout_ns / 1e9);
		break;
	case END_SILENCE:
		failure = KUBE_FAILURE_SILENCE;
		(void)error_set(text, ETIMEDOUT, "asking %s: not a byte came for %.1f s", server,
			(double)request->silence_ns / 1e9);
		break;
	case END_TOO_LONG:
		failure = KUBE_FAILURE_TOO_LONG;
		(void)error_set(text, EFBIG,
			"asking %s: the answer's head has more than %u bytes or its body more than "
			"%zu",
			server, MAX_HEADER_BYTES, request->max_body);
		break;
	case END_NOT_TAKEN:
		failure = KUBE_FAILURE_CONTENT;
		(void)error_errno(text, -call->not_taken, "taking what %s sends", server);
		break;
	case END_MEMORY:
		failure = KUBE_FAILURE_MEMORY;
		(void)error_errno(text, ENOMEM, "asking %s", server);
	}
	telemetry_add(call->client->tally.failed[failure], 1);
}

static uint32_t retry_after_of(const struct kube_call *call)
{
	curl_off_t seconds = 0;

	(void)curl_easy_getinfo(call->easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds < 0 ? 0 : seconds > UINT32_MAX ? UINT32_MAX : (uint32_t)seconds;
}

static void fill_answer(const struct kube_call *call, struct kube_response *response)
{
	long status = status_of(call);
	char *content_type = NULL;

	kube_tally_answer(&call->client->tally, status);
	(void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &content_type);
	response->status = (int)status;
	response->content_type = content_type ? content_type : "";
	response->retry_after_s = retry_after_of(call);
	response->body = call->body.data ? call->body.data : "";
	response->size = call->body.length;
}

/* curl does not have it any more. */
static void finish(struct kube_call *call, CURLcode result)
{
	struct kube_response response = {.content_type = ""};
	struct error text = {{0}};
	long connections = 0;

	call->state = CALL_DONE;
	(void)event_del(call->timer);
	(void)curl_easy_getinfo(call->easy, CURLINFO_NUM_CONNECTS, &connections);
	telemetry_add(call->client->tally.connections, (uint64_t)connections);
	if (result == CURLE_OK && call->end == END_NONE) {
		fill_answer(call, &response);
	} else {
		describe_failure(call, result, &text);
		response.failure = text.message;
	}
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
		call->end = END_TIMEOUT;
		since = call->sent_ns;
	} else if (request->silence_ns && now >= call->heard_ns + request->silence_ns) {
		call->end = END_SILENCE;
		since = call->heard_ns;
	}
	if (call->end == END_NONE) {
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

static void set_callbacks(struct kube_call *call)
{
	CURL *easy = call->easy;

	(void)curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	(void)curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->curl_message);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
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
	call->end = END_MEMORY;
	event_active(call->timer, EV_TIMEOUT, 0);
}

/* Once, with the token that the file has now. Nothing of the answer was shown to anyone. */
static bool try_again(struct kube_call *call)
{
	struct kube_client *client = call->client;

	if (call->retried || !kube_credentials_refused(client->credentials, call->token_revision,
				     clock_monotonic_ns()))
		return false;
	kube_tally_answer(&client->tally, 401);
	call->retried = true;
	call->header_bytes = 0;
	call->head_whole = false;
	buffer_clear(&call->body);
	call->state = CALL_NEW;
	if (set_options(call) < 0 || hand_over(call) < 0)
		fail_later(call);
	return true;
}

/* curl takes a head that breaks off for a whole one, and a body that only the connection's end ends
 * for whole even without TLS' goodbye: both may be a cut. */
static bool is_whole(const struct kube_call *call)
{
	struct curl_header *header;
	curl_off_t length = -1;
	long version = 0;

	if (!call->head_whole)
		return false;
	(void)curl_easy_getinfo(call->easy, CURLINFO_HTTP_VERSION, &version);
	(void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	return version >= CURL_HTTP_VERSION_2_0 || length >= 0 || status_of(call) == 204 ||
	       curl_easy_header(call->easy, "Transfer-Encoding", 0, CURLH_HEADER, -1, &header) ==
		       CURLHE_OK;
}

/* A no whose body was cut off is still a no. (kube-apiserver closes a connection after a 401, and
 * curl may lose the bodies of others then that came before: seen with 7.88 and HTTP/2.) */
static bool is_refusal(const struct kube_call *call, CURLcode result)
{
	return call->end == END_NONE && call->head_whole && status_of(call) >= 300 &&
	       failure_of_curl(result) == KUBE_FAILURE_CUT;
}

static void on_ended(void *context, CURL *easy, CURLcode result)
{
	struct kube_call *call = NULL;

	(void)context;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
	if (result == CURLE_OK && !is_whole(call))
		result = CURLE_PARTIAL_FILE;
	if (result != CURLE_OK && is_refusal(call, result)) {
		buffer_clear(&call->body);
		result = CURLE_OK;
	}
	if (result == CURLE_OK && status_of(call) == 401 && try_again(call))
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
	if (!copy_request(&call->request, request))
		return call; /* kube_client_send() sees that there is no easy */
	if (call->request.max_body == 0)
		call->request.max_body = DEFAULT_MAX_BODY;
	call->sent_ns = call->heard_ns = clock_monotonic_ns();
	call->timer = event_new(client->base, -1, 0, on_timer, call);
	call->easy = call->timer ? curl_easy_init() : NULL;
	return call;
}

struct kube_call *kube_client_send(
	struct kube_client *client, const struct kube_request *request, struct error *err)
{
	struct kube_call *call = new_call(client, request);

	if (!call)
		goto fail;
	kube_credentials_refresh(client->credentials, call->sent_ns);
	if (!call->easy || set_options(call) < 0)
		goto fail;
	set_callbacks(call);
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
		client->unsettled = true;
		return;
	}
	if (call->state == CALL_RUNNING)
		curl_loop_remove(client->loop, call->easy);
	free_call(call);
}

/* --- the client ------------------------------------------------------------------------------- */

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
