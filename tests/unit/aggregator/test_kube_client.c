/* aggregator/kube/kube_client: calls and their ends, against an HTTPS server that behaves as each
 * test has it behave. */
#include "aggregator/kube/kube_client.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "tests/harness/kube_caller.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define SPARE_HEADERS 100

struct world {
	struct kube_double *server;
	struct kube_caller *caller;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->caller = kube_caller_new();
	config = kube_double_config(world->server);
	kube_caller_connect(world->caller, &config);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	kube_caller_free(world->caller);
	kube_double_stop(world->server);
	free(world);
	return 0;
}

static bool same(const struct buffer *bytes, const char *text)
{
	return bytes->length == strlen(text) && memcmp(bytes->data, text, bytes->length) == 0;
}

static uint64_t counted(struct world *world, const char *name, const char *label, const char *value)
{
	return kube_caller_counted(world->caller, name, label, value);
}

static uint64_t failures(struct world *world, const char *reason)
{
	return counted(world, "tacho_aggregator_kube_failures_total", "reason", reason);
}

static uint64_t answers(struct world *world, const char *code)
{
	return counted(world, "tacho_aggregator_kube_answers_total", "code", code);
}

/* --- answers ---------------------------------------------------------------------------------- */

static void gets(void **state)
{
	struct world *world = *state;
	struct kube_asked asked =
		kube_asked_prepare(world->caller, "/version?verbose=1&x=%2F..%2f");
	char *text;

	kube_double_answer(
		world->server, "/version", 200, "application/json", "{\"minor\":\"36\"}");
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.failure, "");
	assert_string_equal(asked.content_type, "application/json");
	assert_true(same(&asked.body, "{\"minor\":\"36\"}"));
	assert_int_equal(asked.retry_after_s, 0);
	text = kube_double_request(world->server, "/version", 0);
	assert_non_null(text);
	assert_non_null(strstr(text, "GET /version?verbose=1&x=%2F..%2f HTTP/1.1\r\n"));
	assert_non_null(strstr(text, "Accept: application/json\r\n"));
	assert_non_null(strstr(text, "User-Agent: tacho-aggregator/" TACHO_VERSION "\r\n"));
	assert_null(strstr(text, "Authorization"));
	assert_int_equal(answers(world, "2xx"), 1);
	assert_int_equal(
		counted(world, "tacho_aggregator_kube_received_bytes_total", NULL, NULL), 14);
	free(text);
	kube_asked_forget(&asked);
}

static void posts(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/apis/x");
	char body[] = "{\"kind\":\"TokenReview\"}", *text;

	kube_double_answer(world->server, "/apis/x", 201, "application/json", "{}");
	asked.request.method = "POST";
	asked.request.accept = "a/b, c/d;q=0.5";
	asked.request.content_type = "application/json";
	asked.request.body = body;
	asked.request.size = strlen(body);
	kube_asked_send(&asked);
	memset(body, 'x', sizeof(body) - 1); /* it was copied */
	kube_caller_run_until(world->caller, &asked.done);
	assert_int_equal(asked.status, 201);
	text = kube_double_request(world->server, "/apis/x", 0);
	assert_non_null(strstr(text, "POST /apis/x HTTP/1.1\r\n"));
	assert_non_null(strstr(text, "Accept: a/b, c/d;q=0.5\r\n"));
	assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(text, "\r\n\r\n{\"kind\":\"TokenReview\"}"));
	assert_null(strstr(text, "Expect"));
	free(text);
	kube_asked_forget(&asked);
}

static void large_body_is_posted(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/large");
	size_t size = 3 << 20;
	char *body = malloc(size + 1), *text;

	assert_non_null(body);
	memset(body, 'a', size);
	body[size] = '\0';
	kube_double_answer(world->server, "/large", 200, NULL, "");
	asked.request.method = "POST";
	asked.request.content_type = "text/plain";
	asked.request.body = body;
	asked.request.size = size;
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.content_type, "");
	assert_int_equal(asked.body.length, 0);
	text = kube_double_request(world->server, "/large", 0);
	assert_non_null(strstr(text, body));
	free(text);
	free(body);
	kube_asked_forget(&asked);
}

static void answer_busy(struct kube_exchange *exchange, void *context)
{
	kube_exchange_add_header(exchange, "Retry-After", context);
	(void)kube_exchange_reply_status(exchange, 429, "TooManyRequests", "later");
}

static void tells_retry_after(void **state)
{
	static const struct {
		const char *text;
		uint32_t seconds;
	} CASES[] = {{"7", 7}, {"0", 0}, {"-5", 0}, {"soon", 0}, {"", 0},
		{"4294967296", UINT32_MAX}, {"99999999999999999999", 0}};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/busy");
		char text[32];

		(void)snprintf(text, sizeof(text), "%s", CASES[i].text);
		kube_double_on(world->server, "/busy", answer_busy, text);
		kube_asked_ask(&asked);
		assert_int_equal(asked.status, 429);
		if (asked.retry_after_s != CASES[i].seconds)
			fail_msg("\"%s\" gave %u", text, asked.retry_after_s);
		kube_asked_forget(&asked);
	}
	assert_int_equal(answers(world, "429"), sizeof(CASES) / sizeof(CASES[0]));
}

static void answer_redirect(struct kube_exchange *exchange, void *context)
{
	(void)context;
	kube_exchange_add_header(exchange, "Location", "/version");
	(void)kube_exchange_reply_text(exchange, 302, NULL, "");
}

static void follows_no_redirect(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/moved");

	kube_double_on(world->server, "/moved", answer_redirect, NULL);
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 302);
	assert_int_equal(kube_double_count(world->server, "/version"), 0);
	assert_int_equal(answers(world, "other"), 1);
	kube_asked_forget(&asked);
}

static void answer_with_trailer(struct kube_exchange *exchange, void *context)
{
	static const char TEXT[] = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
				   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
				   "Trailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n";

	(void)context;
	(void)kube_exchange_raw(exchange, TEXT, sizeof(TEXT) - 1);
}

static void takes_what_stands_around_an_answer(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/trailer");

	kube_double_on(world->server, "/trailer", answer_with_trailer, NULL);
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 200);
	assert_true(same(&asked.body, "abc"));
	kube_asked_forget(&asked);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void hands_on_as_it_comes(void **state)
{
	struct world *world = *state;
	struct kube_feed *feed = kube_feed_new("application/json;stream=watch");
	struct kube_asked asked = kube_asked_prepare(world->caller, "/watch");
	uint64_t until = wait_now_ms() + 30000;

	kube_double_on(world->server, "/watch", kube_feed_serve, feed);
	asked.request.on_data = kube_asked_take;
	kube_asked_send(&asked);
	for (unsigned i = 1; i <= 3; i++) {
		kube_feed_push_text(feed, "event\n");
		while (asked.data.length < (size_t)i * 6 && wait_now_ms() < until)
			kube_caller_run_for(world->caller, 10);
		assert_int_equal(asked.data.length, i * 6);
		assert_false(asked.done);
	}
	kube_feed_end(feed);
	kube_caller_run_until(world->caller, &asked.done);
	assert_int_equal(asked.status, 200);
	assert_int_equal(asked.body.length, 0);
	assert_true(same(&asked.data, "event\nevent\nevent\n"));
	assert_string_equal(asked.content_type, "application/json;stream=watch");
	kube_double_stop(world->server);
	world->server = NULL;
	kube_feed_free(feed);
	kube_asked_forget(&asked);
}

static void keeps_errors_of_a_stream(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/gone");

	kube_double_answer(world->server, "/gone", 410, "application/json", "{\"code\":410}");
	asked.request.on_data = kube_asked_take;
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 410);
	assert_int_equal(asked.pieces, 0);
	assert_true(same(&asked.body, "{\"code\":410}"));
	assert_int_equal(answers(world, "410"), 1);
	kube_asked_forget(&asked);
}

static void ends_what_is_not_taken(void **state)
{
	struct world *world = *state;
	struct kube_feed *feed = kube_feed_new("text/plain");
	struct kube_asked asked = kube_asked_prepare(world->caller, "/watch");

	kube_double_on(world->server, "/watch", kube_feed_serve, feed);
	asked.request.on_data = kube_asked_take;
	asked.refuse_after = 0;
	kube_feed_push_text(feed, "odd");
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_non_null(strstr(asked.failure, strerror(EILSEQ)));
	assert_int_equal(asked.pieces, 1);
	assert_int_equal(failures(world, "content"), 1);
	kube_double_stop(world->server);
	world->server = NULL;
	kube_feed_free(feed);
	kube_asked_forget(&asked);
}

/* --- bounds ----------------------------------------------------------------------------------- */

static void bounds_the_body(void **state)
{
	static const struct {
		size_t size, max;
		bool good;
	} CASES[] = {
		{1000, 1000, true},
		{1001, 1000, false},
		{1 << 20, 0, true},
		{(1 << 20) + 1, 0, false},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/body");
		char *body = calloc(1, CASES[i].size + 1);

		assert_non_null(body);
		memset(body, 'b', CASES[i].size);
		kube_double_answer(world->server, "/body", 200, NULL, body);
		asked.request.max_body = CASES[i].max;
		kube_asked_ask(&asked);
		assert_int_equal(asked.status, CASES[i].good ? 200 : 0);
		assert_int_equal(asked.body.length, CASES[i].good ? CASES[i].size : 0);
		if (!CASES[i].good)
			assert_non_null(strstr(asked.failure, "more than"));
		free(body);
		kube_asked_forget(&asked);
	}
	assert_int_equal(failures(world, "too_long"), 2);
}

static void answer_many_headers(struct kube_exchange *exchange, void *context)
{
	char value[1024] = "";

	(void)context;
	memset(value, 'h', sizeof(value) - 1);
	for (int i = 0; i < SPARE_HEADERS; i++)
		kube_exchange_add_header(exchange, "X-Header", value);
	(void)kube_exchange_reply_text(exchange, 200, NULL, "");
}

static void bounds_the_head(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/headers");

	kube_double_on(world->server, "/headers", answer_many_headers, NULL);
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_int_equal(failures(world, "too_long"), 1);
	kube_asked_forget(&asked);
}

struct gzipped {
	unsigned char *data;
	size_t size;
};

/* `size` zeroes. */
static struct gzipped gzip_zeroes(size_t size)
{
	z_stream z = {0};
	struct gzipped out = {malloc(size / 500 + 1024), 0};
	unsigned char *zeroes = calloc(1, size);

	assert_non_null(out.data);
	assert_non_null(zeroes);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = zeroes;
	z.avail_in = (unsigned)size;
	z.next_out = out.data;
	z.avail_out = (unsigned)(size / 500 + 1024);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.size = z.total_out;
	(void)deflateEnd(&z);
	free(zeroes);
	return out;
}

static void answer_gzipped(struct kube_exchange *exchange, void *context)
{
	const struct gzipped *gzipped = context;

	kube_exchange_add_header(exchange, "Content-Encoding", "gzip");
	(void)kube_exchange_reply(exchange, 200, "text/plain", gzipped->data, gzipped->size);
}

static void inflates(void **state)
{
	struct world *world = *state;
	struct gzipped small = gzip_zeroes(100000);
	struct kube_asked kept = kube_asked_prepare(world->caller, "/gzip"),
			  streamed = kube_asked_prepare(world->caller, "/gzip");
	char *text;

	kube_double_on(world->server, "/gzip", answer_gzipped, &small);
	kube_asked_ask(&kept);
	assert_int_equal(kept.status, 200);
	assert_int_equal(kept.body.length, 100000);
	text = kube_double_request(world->server, "/gzip", 0);
	assert_non_null(strstr(text, "Accept-Encoding: gzip\r\n"));
	free(text);
	/* Not asked for, and read all the same. */
	streamed.request.on_data = kube_asked_take;
	kube_asked_ask(&streamed);
	assert_int_equal(streamed.data.length, 100000);
	text = kube_double_request(world->server, "/gzip", 1);
	assert_non_null(strstr(text, "Accept-Encoding: identity\r\n"));
	free(text);
	free(small.data);
	kube_asked_forget(&kept);
	kube_asked_forget(&streamed);
}

static void defuses_a_bomb(void **state)
{
	struct world *world = *state;
	struct gzipped bomb = gzip_zeroes(64 << 20);
	struct kube_asked asked = kube_asked_prepare(world->caller, "/bomb"), broken = asked;

	kube_double_on(world->server, "/bomb", answer_gzipped, &bomb);
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_int_equal(failures(world, "too_long"), 1);
	/* It was not inflated to the end. */
	assert_true(
		counted(world, "tacho_aggregator_kube_received_bytes_total", NULL, NULL) < 2 << 20);
	bomb.data[bomb.size / 2] ^= 0x55;
	bomb.data[2] = 99; /* no method of gzip */
	kube_asked_ask(&broken);
	assert_int_equal(broken.status, 0);
	assert_int_equal(failures(world, "content"), 1);
	free(bomb.data);
	kube_asked_forget(&asked);
	kube_asked_forget(&broken);
}

/* --- failures --------------------------------------------------------------------------------- */

static void cut_now(struct kube_exchange *exchange, void *context)
{
	(void)context;
	kube_exchange_cut(exchange);
}

static void cut_in_chunks(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_begin(exchange, 200, "text/plain");
	(void)kube_exchange_send_text(exchange, "half of ");
	kube_exchange_cut(exchange);
}

static void cut_in_length(struct kube_exchange *exchange, void *context)
{
	static const char HALF[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";

	(void)context;
	(void)kube_exchange_raw(exchange, HALF, sizeof(HALF) - 1);
}

static void cut_in_head(struct kube_exchange *exchange, void *context)
{
	static const char HALF[] = "HTTP/1.1 200 OK\r\nContent-Le";

	(void)context;
	(void)kube_exchange_raw(exchange, HALF, sizeof(HALF) - 1);
}

static void cut_without_length(struct kube_exchange *exchange, void *context)
{
	static const char HALF[] = "HTTP/1.1 200 OK\r\n\r\nhalf";

	(void)context;
	(void)kube_exchange_raw(exchange, HALF, sizeof(HALF) - 1);
}

static void answer_nonsense(struct kube_exchange *exchange, void *context)
{
	static const char TEXT[] = "SSH-2.0-OpenSSH_9.2p1\r\n\r\n";

	(void)context;
	(void)kube_exchange_raw(exchange, TEXT, sizeof(TEXT) - 1);
}

static void notices_a_cut(void **state)
{
	static const kube_handler CUTS[] = {cut_now, cut_in_chunks, cut_in_length, cut_in_head,
		cut_without_length, answer_nonsense};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CUTS) / sizeof(CUTS[0]); i++) {
		for (int streamed = 0; streamed < 2; streamed++) {
			struct kube_asked asked = kube_asked_prepare(world->caller, "/cut");

			kube_double_on(world->server, "/cut", CUTS[i], NULL);
			asked.request.on_data = streamed ? kube_asked_take : NULL;
			kube_asked_ask(&asked);
			if (asked.status != 0 || !*asked.failure)
				fail_msg("cut %zu: status %d, %s", i, asked.status, asked.failure);
			assert_non_null(strstr(asked.failure, kube_double_url(world->server)));
			assert_int_equal(asked.body.length, 0);
			kube_asked_forget(&asked);
		}
	}
	assert_true(failures(world, "cut") >= 6);
}

static void cut_a_refusal(struct kube_exchange *exchange, void *context)
{
	const char *half = context;

	(void)kube_exchange_raw(exchange, half, strlen(half));
}

/* Its status is answer enough; half of its body is none. */
static void takes_half_a_refusal(void **state)
{
	static const struct {
		const char *half;
		int status;
	} CASES[] = {
		{"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n\r\n{\"code\"", 410},
		{"HTTP/1.1 401 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhal", 401},
		{"HTTP/1.1 500 Oh\r\n\r\nhalf", 500},
		{"HTTP/1.1 410 Gone\r\nContent-Length: 100\r\n", 0},
		{"HTTP/1.1 100 Continue\r\n\r\n", 0},
		{"HTTP/1.1 410", 0},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/cut");
		char half[128];

		(void)snprintf(half, sizeof(half), "%s", CASES[i].half);
		kube_double_on(world->server, "/cut", cut_a_refusal, half);
		kube_asked_ask(&asked);
		if (asked.status != CASES[i].status || asked.body.length != 0 ||
			(asked.status == 0) != (*asked.failure != '\0'))
			fail_msg("%zu: %d, %s", i, asked.status, asked.failure);
		kube_asked_forget(&asked);
	}
}

static void says_that_nobody_listens(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/version");

	kube_double_stop(world->server);
	world->server = NULL;
	kube_asked_ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_non_null(strstr(asked.failure, "asking https://127.0.0.1:"));
	assert_int_equal(failures(world, "connect"), 1);
	kube_asked_forget(&asked);
}

static void finds_the_server_again(void **state)
{
	struct world *world = *state;
	struct pki *pki = pki_new("lasting");
	struct kube_double_options options = {.pki = pki};
	struct kube_config config;
	struct kube_asked first, second;

	kube_double_stop(world->server);
	world->server = kube_double_start(&options);
	config = kube_double_config(world->server);
	kube_caller_connect(world->caller, &config);
	kube_double_answer(world->server, "/version", 200, NULL, "1");
	first = kube_asked_prepare(world->caller, "/version");
	kube_asked_ask(&first);
	assert_int_equal(first.status, 200);
	options.port = kube_double_port(world->server);
	kube_double_stop(world->server);
	world->server = kube_double_start(&options);
	kube_double_answer(world->server, "/version", 200, NULL, "2");
	second = kube_asked_prepare(world->caller, "/version");
	kube_asked_ask(&second); /* the kept connection is dead: curl tries a new one */
	assert_int_equal(second.status, 200);
	assert_true(same(&second.body, "2"));
	kube_asked_forget(&first);
	kube_asked_forget(&second);
	pki_free(pki);
}

/* --- many ------------------------------------------------------------------------------------- */

static void answer_slowly(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_wait(exchange, 20);
	(void)kube_exchange_reply_text(exchange, 200, "text/plain", kube_exchange_query(exchange));
}

static void asks_many_at_once(void **state)
{
	enum { COUNT = 200 };
	struct world *world = *state;
	struct kube_asked *asked = calloc(COUNT, sizeof(*asked));
	char(*targets)[32] = calloc(COUNT, sizeof(*targets));

	assert_non_null(asked);
	assert_non_null(targets);
	kube_double_on(world->server, "/many", answer_slowly, NULL);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			(void)snprintf(targets[i], sizeof(targets[i]), "/many?%zu", i);
			asked[i] = kube_asked_prepare(world->caller, targets[i]);
			asked[i].request.timeout_ns = 60 * NS_PER_SECOND;
			kube_asked_send(&asked[i]);
		}
		for (size_t i = 0; i < COUNT; i++) {
			kube_caller_run_until(world->caller, &asked[i].done);
			if (asked[i].status != 200)
				fail_msg("%zu: %s", i, asked[i].failure);
			assert_true(same(&asked[i].body, targets[i] + strlen("/many?")));
			assert_int_equal(asked[i].done_count, 1);
			kube_asked_forget(&asked[i]);
		}
	}
	assert_int_equal(answers(world, "2xx"), 2 * COUNT);
	free(asked);
	free(targets);
}

static void uses_a_connection_again(void **state)
{
	struct world *world = *state;

	kube_double_answer(world->server, "/version", 200, NULL, "1");
	for (int i = 0; i < 20; i++) {
		struct kube_asked asked = kube_asked_prepare(world->caller, "/version");

		kube_asked_ask(&asked);
		assert_int_equal(asked.status, 200);
		kube_asked_forget(&asked);
	}
	assert_int_equal(kube_double_connections(world->server), 1);
	assert_int_equal(
		counted(world, "tacho_aggregator_kube_connections_opened_total", NULL, NULL), 1);
}

struct user_thread {
	pthread_t thread;
	const struct kube_config *config;
	struct telemetry *telemetry;
	unsigned answered;
	bool done;
};

static void count_answer(void *context, const struct kube_response *response)
{
	struct user_thread *user = context;

	user->answered += response->status == 200;
	user->done = true;
}

/* No assertions here: they are the test's thread's alone. */
static void *use_a_client(void *context)
{
	struct user_thread *user = context;
	struct event_base *base = event_base_new();
	struct kube_client_options options = {
		.config = user->config, .base = base, .telemetry = user->telemetry};
	struct kube_client *client = kube_client_new(&options, NULL);

	for (int i = 0; client && i < 20; i++) {
		struct kube_request request = {.method = "GET",
			.target = "/version",
			.timeout_ns = 30 * NS_PER_SECOND,
			.on_done = count_answer,
			.context = user};

		user->done = false;
		if (!kube_client_send(client, &request, NULL))
			break;
		while (!user->done)
			(void)event_base_loop(base, EVLOOP_ONCE);
	}
	kube_client_free(client);
	event_base_free(base);
	return NULL;
}

/* The aggregator has one in each of two threads. */
static void lives_in_threads(void **state)
{
	struct world *world = *state;
	struct kube_config config = kube_double_config(world->server);
	struct user_thread users[4] = {{0}};

	kube_double_answer(world->server, "/version", 200, NULL, "1");
	for (size_t i = 0; i < 4; i++) {
		users[i].config = &config;
		users[i].telemetry = world->caller->telemetry;
		assert_int_equal(
			pthread_create(&users[i].thread, NULL, use_a_client, &users[i]), 0);
	}
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(pthread_join(users[i].thread, NULL), 0);
		assert_int_equal(users[i].answered, 20);
	}
	assert_int_equal(answers(world, "2xx"), 80);
	assert_int_equal(counted(world, "tacho_aggregator_kube_calls", NULL, NULL), 0);
}

static void uses_no_proxy(void **state)
{
	struct world *world = *state;
	struct kube_asked asked = kube_asked_prepare(world->caller, "/version");

	kube_double_answer(world->server, "/version", 200, NULL, "1");
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	kube_asked_ask(&asked);
	(void)unsetenv("https_proxy");
	(void)unsetenv("HTTPS_PROXY");
	(void)unsetenv("ALL_PROXY");
	assert_int_equal(asked.status, 200);
	kube_asked_forget(&asked);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(gets),
		TEST(posts),
		TEST(large_body_is_posted),
		TEST(tells_retry_after),
		TEST(follows_no_redirect),
		TEST(takes_what_stands_around_an_answer),
		TEST(hands_on_as_it_comes),
		TEST(keeps_errors_of_a_stream),
		TEST(ends_what_is_not_taken),
		TEST(bounds_the_body),
		TEST(bounds_the_head),
		TEST(inflates),
		TEST(defuses_a_bomb),
		TEST(notices_a_cut),
		TEST(takes_half_a_refusal),
		TEST(says_that_nobody_listens),
		TEST(finds_the_server_again),
		TEST(asks_many_at_once),
		TEST(uses_a_connection_again),
		TEST(lives_in_threads),
		TEST(uses_no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
