/* aggregator/kube/kube_client: calls and their ends, against an HTTPS server that behaves as each
 * test has it behave. */
#include "aggregator/kube/kube_client.h"

#include "base/buffer.h"
#include "base/clock.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

#define PATIENCE_NS   (30 * NS_PER_SECOND)
#define SPARE_HEADERS 100

struct world {
	struct kube_double *server;
	struct event_base *base;
	struct telemetry *telemetry;
	struct kube_client *client;
};

/* One call and what became of it. */
struct asked {
	struct world *world;
	struct kube_request request;
	struct kube_call *call;
	bool done, called_inside;
	unsigned done_count;
	int status;
	char failure[512], content_type[128];
	uint32_t retry_after_s;
	struct buffer body, data;
	int refuse_after; /* pieces; -1: none */
	unsigned pieces;
};

static void make_client(struct world *world, const struct kube_config *config)
{
	struct kube_client_options options = {config, world->base, world->telemetry};
	struct error err;

	world->client = kube_client_new(&options, &err);
	if (!world->client)
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->base = event_base_new();
	world->telemetry = telemetry_new();
	config = kube_double_config(world->server);
	make_client(world, &config);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	kube_client_free(world->client);
	event_base_free(world->base);
	telemetry_free(world->telemetry);
	kube_double_stop(world->server);
	free(world);
	return 0;
}

static void on_done(void *context, const struct kube_response *response)
{
	struct asked *asked = context;

	asked->done = true;
	asked->done_count++;
	asked->status = response->status;
	(void)snprintf(asked->failure, sizeof(asked->failure), "%s",
		response->failure ? response->failure : "");
	(void)snprintf(
		asked->content_type, sizeof(asked->content_type), "%s", response->content_type);
	asked->retry_after_s = response->retry_after_s;
	if (response->size > 0)
		buffer_append(&asked->body, response->body, response->size);
}

static int on_data(void *context, const void *data, size_t size)
{
	struct asked *asked = context;

	asked->pieces++;
	buffer_append(&asked->data, data, size);
	if (asked->refuse_after >= 0 && (unsigned)asked->refuse_after < asked->pieces)
		return -EILSEQ;
	return 0;
}

static struct asked prepare(struct world *world, const char *target)
{
	return (struct asked){
		.world = world,
		.request = {.method = "GET", .target = target, .timeout_ns = PATIENCE_NS},
		.refuse_after = -1,
	};
}

static void send_it(struct asked *asked)
{
	struct error err;

	asked->request.on_done = on_done;
	asked->request.context = asked;
	asked->call = kube_client_send(asked->world->client, &asked->request, &err);
	if (!asked->call)
		fail_msg("%s", err.message);
	assert_false(asked->done);
}

/* Runs the loop until *flag, for 60 s at most. */
static void run_until(struct world *world, const bool *flag)
{
	uint64_t until = wait_now_ms() + 60000;
	const struct timeval step = {.tv_usec = 10000};

	while (!*flag) {
		assert_true(wait_now_ms() < until);
		(void)event_base_loopexit(world->base, &step);
		(void)event_base_dispatch(world->base);
	}
}

static void run_for(struct world *world, unsigned ms)
{
	struct timeval step = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};

	(void)event_base_loopexit(world->base, &step);
	(void)event_base_dispatch(world->base);
}

static void ask(struct asked *asked)
{
	send_it(asked);
	run_until(asked->world, &asked->done);
}

static void forget(struct asked *asked)
{
	buffer_free(&asked->body);
	buffer_free(&asked->data);
}

static bool same(const struct buffer *bytes, const char *text)
{
	return bytes->length == strlen(text) && memcmp(bytes->data, text, bytes->length) == 0;
}

static uint64_t counted(struct world *world, const char *name, const char *label, const char *value)
{
	return telemetry_get(telemetry_counter(world->telemetry, name, "", label, value));
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
	struct asked asked = prepare(world, "/version?verbose=1&x=%2F..%2f");
	char *text;

	kube_double_answer(
		world->server, "/version", 200, "application/json", "{\"minor\":\"36\"}");
	ask(&asked);
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
	forget(&asked);
}

static void posts(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/apis/x");
	char body[] = "{\"kind\":\"TokenReview\"}", *text;

	kube_double_answer(world->server, "/apis/x", 201, "application/json", "{}");
	asked.request.method = "POST";
	asked.request.accept = "a/b, c/d;q=0.5";
	asked.request.content_type = "application/json";
	asked.request.body = body;
	asked.request.size = strlen(body);
	send_it(&asked);
	memset(body, 'x', sizeof(body) - 1); /* it was copied */
	run_until(world, &asked.done);
	assert_int_equal(asked.status, 201);
	text = kube_double_request(world->server, "/apis/x", 0);
	assert_non_null(strstr(text, "POST /apis/x HTTP/1.1\r\n"));
	assert_non_null(strstr(text, "Accept: a/b, c/d;q=0.5\r\n"));
	assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
	assert_non_null(strstr(text, "\r\n\r\n{\"kind\":\"TokenReview\"}"));
	assert_null(strstr(text, "Expect"));
	free(text);
	forget(&asked);
}

static void large_body_is_posted(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/large");
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
	ask(&asked);
	assert_int_equal(asked.status, 200);
	assert_string_equal(asked.content_type, "");
	assert_int_equal(asked.body.length, 0);
	text = kube_double_request(world->server, "/large", 0);
	assert_non_null(strstr(text, body));
	free(text);
	free(body);
	forget(&asked);
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
		struct asked asked = prepare(world, "/busy");
		char text[32];

		(void)snprintf(text, sizeof(text), "%s", CASES[i].text);
		kube_double_on(world->server, "/busy", answer_busy, text);
		ask(&asked);
		assert_int_equal(asked.status, 429);
		if (asked.retry_after_s != CASES[i].seconds)
			fail_msg("\"%s\" gave %u", text, asked.retry_after_s);
		forget(&asked);
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
	struct asked asked = prepare(world, "/moved");

	kube_double_on(world->server, "/moved", answer_redirect, NULL);
	ask(&asked);
	assert_int_equal(asked.status, 302);
	assert_int_equal(kube_double_count(world->server, "/version"), 0);
	assert_int_equal(answers(world, "other"), 1);
	forget(&asked);
}

/* --- streams ---------------------------------------------------------------------------------- */

static void hands_on_as_it_comes(void **state)
{
	struct world *world = *state;
	struct kube_feed *feed = kube_feed_new("application/json;stream=watch");
	struct asked asked = prepare(world, "/watch");
	uint64_t until = wait_now_ms() + 30000;

	kube_double_on(world->server, "/watch", kube_feed_serve, feed);
	asked.request.on_data = on_data;
	send_it(&asked);
	for (unsigned i = 1; i <= 3; i++) {
		kube_feed_push_text(feed, "event\n");
		while (asked.data.length < (size_t)i * 6 && wait_now_ms() < until)
			run_for(world, 10);
		assert_int_equal(asked.data.length, i * 6);
		assert_false(asked.done);
	}
	kube_feed_end(feed);
	run_until(world, &asked.done);
	assert_int_equal(asked.status, 200);
	assert_int_equal(asked.body.length, 0);
	assert_true(same(&asked.data, "event\nevent\nevent\n"));
	assert_string_equal(asked.content_type, "application/json;stream=watch");
	kube_double_stop(world->server);
	world->server = NULL;
	kube_feed_free(feed);
	forget(&asked);
}

static void keeps_errors_of_a_stream(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/gone");

	kube_double_answer(world->server, "/gone", 410, "application/json", "{\"code\":410}");
	asked.request.on_data = on_data;
	ask(&asked);
	assert_int_equal(asked.status, 410);
	assert_int_equal(asked.pieces, 0);
	assert_true(same(&asked.body, "{\"code\":410}"));
	assert_int_equal(answers(world, "410"), 1);
	forget(&asked);
}

static void ends_what_is_not_taken(void **state)
{
	struct world *world = *state;
	struct kube_feed *feed = kube_feed_new("text/plain");
	struct asked asked = prepare(world, "/watch");

	kube_double_on(world->server, "/watch", kube_feed_serve, feed);
	asked.request.on_data = on_data;
	asked.refuse_after = 0;
	kube_feed_push_text(feed, "odd");
	ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_non_null(strstr(asked.failure, strerror(EILSEQ)));
	assert_int_equal(asked.pieces, 1);
	assert_int_equal(failures(world, "content"), 1);
	kube_double_stop(world->server);
	world->server = NULL;
	kube_feed_free(feed);
	forget(&asked);
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
		struct asked asked = prepare(world, "/body");
		char *body = calloc(1, CASES[i].size + 1);

		assert_non_null(body);
		memset(body, 'b', CASES[i].size);
		kube_double_answer(world->server, "/body", 200, NULL, body);
		asked.request.max_body = CASES[i].max;
		ask(&asked);
		assert_int_equal(asked.status, CASES[i].good ? 200 : 0);
		assert_int_equal(asked.body.length, CASES[i].good ? CASES[i].size : 0);
		if (!CASES[i].good)
			assert_non_null(strstr(asked.failure, "more than"));
		free(body);
		forget(&asked);
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
	struct asked asked = prepare(world, "/headers");

	kube_double_on(world->server, "/headers", answer_many_headers, NULL);
	ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_int_equal(failures(world, "too_long"), 1);
	forget(&asked);
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
	struct asked kept = prepare(world, "/gzip"), streamed = prepare(world, "/gzip");
	char *text;

	kube_double_on(world->server, "/gzip", answer_gzipped, &small);
	ask(&kept);
	assert_int_equal(kept.status, 200);
	assert_int_equal(kept.body.length, 100000);
	text = kube_double_request(world->server, "/gzip", 0);
	assert_non_null(strstr(text, "Accept-Encoding: gzip\r\n"));
	free(text);
	/* Not asked for, and read all the same. */
	streamed.request.on_data = on_data;
	ask(&streamed);
	assert_int_equal(streamed.data.length, 100000);
	text = kube_double_request(world->server, "/gzip", 1);
	assert_non_null(strstr(text, "Accept-Encoding: identity\r\n"));
	free(text);
	free(small.data);
	forget(&kept);
	forget(&streamed);
}

static void defuses_a_bomb(void **state)
{
	struct world *world = *state;
	struct gzipped bomb = gzip_zeroes(64 << 20);
	struct asked asked = prepare(world, "/bomb"), broken = asked;

	kube_double_on(world->server, "/bomb", answer_gzipped, &bomb);
	ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_int_equal(failures(world, "too_long"), 1);
	/* It was not inflated to the end. */
	assert_true(
		counted(world, "tacho_aggregator_kube_received_bytes_total", NULL, NULL) < 2 << 20);
	bomb.data[bomb.size / 2] ^= 0x55;
	bomb.data[2] = 99; /* no method of gzip */
	ask(&broken);
	assert_int_equal(broken.status, 0);
	assert_int_equal(failures(world, "content"), 1);
	free(bomb.data);
	forget(&asked);
	forget(&broken);
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
			struct asked asked = prepare(world, "/cut");

			kube_double_on(world->server, "/cut", CUTS[i], NULL);
			asked.request.on_data = streamed ? on_data : NULL;
			ask(&asked);
			if (asked.status != 0 || !*asked.failure)
				fail_msg("cut %zu: status %d, %s", i, asked.status, asked.failure);
			assert_non_null(strstr(asked.failure, kube_double_url(world->server)));
			assert_int_equal(asked.body.length, 0);
			forget(&asked);
		}
	}
	assert_true(failures(world, "cut") >= 6);
}

static void says_that_nobody_listens(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/version");

	kube_double_stop(world->server);
	world->server = NULL;
	ask(&asked);
	assert_int_equal(asked.status, 0);
	assert_non_null(strstr(asked.failure, "asking https://127.0.0.1:"));
	assert_int_equal(failures(world, "connect"), 1);
	forget(&asked);
}

static void finds_the_server_again(void **state)
{
	struct world *world = *state;
	const struct pki *pki = pki_new("lasting");
	struct kube_double_options options = {.pki = pki};
	struct kube_config config;
	struct asked first, second;

	teardown(state);
	setup(state);
	world = *state;
	kube_client_free(world->client);
	kube_double_stop(world->server);
	world->server = kube_double_start(&options);
	config = kube_double_config(world->server);
	make_client(world, &config);
	kube_double_answer(world->server, "/version", 200, NULL, "1");
	first = prepare(world, "/version");
	ask(&first);
	assert_int_equal(first.status, 200);
	options.port = kube_double_port(world->server);
	kube_double_stop(world->server);
	world->server = kube_double_start(&options);
	kube_double_answer(world->server, "/version", 200, NULL, "2");
	second = prepare(world, "/version");
	ask(&second); /* the kept connection is dead: curl tries a new one */
	assert_int_equal(second.status, 200);
	assert_true(same(&second.body, "2"));
	forget(&first);
	forget(&second);
	pki_free((struct pki *)(uintptr_t)pki);
}

/* --- time ------------------------------------------------------------------------------------- */

static void hang(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_wait(exchange, 120000);
}

static void trickle(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_begin(exchange, 200, "text/plain");
	while (kube_exchange_wait(exchange, 50))
		(void)kube_exchange_send_text(exchange, ".");
}

static void speak_then_hang(struct kube_exchange *exchange, void *context)
{
	(void)context;
	(void)kube_exchange_begin(exchange, 200, "text/plain");
	for (int i = 0; i < 8 && kube_exchange_wait(exchange, 100); i++)
		(void)kube_exchange_send_text(exchange, ".");
	hang(exchange, NULL);
}

static void gives_up_in_time(void **state)
{
	static const struct {
		const char *what;
		kube_handler handler;
		uint64_t timeout_ms, silence_ms, at_least_ms;
		const char *reason;
	} CASES[] = {
		{"no answer, time-out", hang, 300, 0, 300, "timeout"},
		{"no answer, silence", hang, 0, 300, 300, "silence"},
		{"bytes all the time", trickle, 600, 30000, 600, "timeout"},
		{"bytes for a while", speak_then_hang, 0, 600, 1200, "silence"},
		{"both, time-out first", hang, 300, 600, 300, "timeout"},
		{"both, silence first", hang, 600, 300, 300, "silence"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct asked asked = prepare(world, "/slow");
		uint64_t before = failures(world, CASES[i].reason), start = wait_now_ms(), took;

		kube_double_on(world->server, "/slow", CASES[i].handler, NULL);
		asked.request.on_data = on_data;
		asked.request.timeout_ns = CASES[i].timeout_ms * NS_PER_MS;
		asked.request.silence_ns = CASES[i].silence_ms * NS_PER_MS;
		ask(&asked);
		took = wait_now_ms() - start;
		assert_int_equal(asked.status, 0);
		if (failures(world, CASES[i].reason) != before + 1 || took < CASES[i].at_least_ms ||
			took > CASES[i].at_least_ms + 10000)
			fail_msg("%s: %s after %llu ms", CASES[i].what, asked.failure,
				(unsigned long long)took);
		forget(&asked);
	}
}

static void goes_on_while_bytes_come(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/slow");

	kube_double_on(world->server, "/slow", trickle, NULL);
	asked.request.on_data = on_data;
	asked.request.timeout_ns = 0;
	asked.request.silence_ns = 5 * NS_PER_SECOND;
	send_it(&asked);
	run_for(world, 7000);
	assert_false(asked.done);
	assert_true(asked.data.length > 0);
	kube_call_cancel(asked.call);
	forget(&asked);
}

static void gives_up_a_silent_port(void **state)
{
	struct world *world = *state;
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char url[64];
	struct kube_config config = {.server = url, .insecure = true};
	struct asked asked;

	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", ntohs(address.sin_port));
	kube_client_free(world->client);
	make_client(world, &config);
	asked = prepare(world, "/version");
	asked.request.timeout_ns = 0;
	asked.request.silence_ns = 500 * NS_PER_MS;
	ask(&asked); /* TCP is there, TLS says nothing */
	assert_int_equal(failures(world, "silence"), 1);
	(void)close(fd);
	forget(&asked);
}

/* --- cancelling ------------------------------------------------------------------------------- */

static void cancels_at_every_stage(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (unsigned ms = 0; ms < 120; ms += ms < 20 ? 1 : 10) {
		struct asked asked = prepare(world, "/slow");

		asked.request.on_data = on_data;
		send_it(&asked);
		if (ms > 0)
			run_for(world, ms);
		kube_call_cancel(asked.call);
		run_for(world, 2);
		assert_false(asked.done);
		forget(&asked);
		if (ms % 3 == 0)
			kube_double_cut(world->server); /* a new handshake the next time */
	}
	assert_true(counted(world, "tacho_aggregator_kube_cancelled_total", NULL, NULL) > 20);
	assert_int_equal(counted(world, "tacho_aggregator_kube_calls", NULL, NULL), 0);
}

static int cancel_own(void *context, const void *data, size_t size)
{
	struct asked *asked = context;

	(void)data;
	(void)size;
	asked->pieces++;
	asked->called_inside = true;
	kube_call_cancel(asked->call);
	kube_call_cancel(asked->call); /* twice is no harm before we are back in the loop */
	return asked->refuse_after >= 0 ? -EIO : 0;
}

static void cancels_from_its_own_data(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (int refuse = -1; refuse < 1; refuse++) {
		struct asked asked = prepare(world, "/slow");

		asked.refuse_after = refuse;
		asked.request.on_data = cancel_own;
		send_it(&asked);
		run_until(world, &asked.called_inside);
		run_for(world, 300);
		assert_int_equal(asked.pieces, 1);
		assert_false(asked.done);
		forget(&asked);
	}
}

struct meddler {
	struct asked asked;    /* first */
	struct asked *victim;  /* cancelled from within */
	struct asked follower; /* sent from within */
	bool meddled;
};

static void meddle(struct meddler *meddler)
{
	if (meddler->meddled)
		return;
	meddler->meddled = true;
	kube_call_cancel(meddler->victim->call);
	meddler->follower = prepare(meddler->asked.world, "/version");
	send_it(&meddler->follower);
}

static int meddle_in_data(void *context, const void *data, size_t size)
{
	(void)data;
	(void)size;
	meddle(context);
	return 0;
}

static void meddle_when_done(void *context, const struct kube_response *response)
{
	struct meddler *meddler = context;

	on_done(context, response);
	meddle(meddler);
	kube_call_cancel(meddler->asked.call); /* does nothing */
}

/* From on_data curl is in the way, from on_done it is not. */
static void sends_and_cancels_from_callbacks(void **state)
{
	struct world *world = *state;

	kube_double_on(world->server, "/slow", trickle, NULL);
	kube_double_answer(world->server, "/version", 200, NULL, "1");
	for (int in_data = 0; in_data < 2; in_data++) {
		struct asked victim = prepare(world, "/slow");
		struct meddler meddler = {
			prepare(world, in_data ? "/slow" : "/version"), &victim, {0}, false};
		struct error err;

		victim.request.on_data = on_data;
		send_it(&victim);
		meddler.asked.request.context = &meddler;
		meddler.asked.request.on_done = meddle_when_done;
		if (in_data)
			meddler.asked.request.on_data = meddle_in_data;
		meddler.asked.call = kube_client_send(world->client, &meddler.asked.request, &err);
		assert_non_null(meddler.asked.call);
		run_until(world, &meddler.meddled);
		run_until(world, &meddler.follower.done);
		assert_int_equal(meddler.follower.status, 200);
		run_for(world, 200);
		assert_false(victim.done);
		if (in_data)
			kube_call_cancel(meddler.asked.call);
		forget(&victim);
		forget(&meddler.asked);
		forget(&meddler.follower);
	}
}

static void frees_with_calls_under_way(void **state)
{
	struct world *world = *state;
	struct kube_config config = kube_double_config(world->server);
	struct asked asked[20];

	kube_double_on(world->server, "/slow", trickle, NULL);
	for (unsigned ms = 0; ms < 300; ms += 60) {
		for (size_t i = 0; i < 20; i++) {
			asked[i] = prepare(world, "/slow");
			asked[i].request.on_data = on_data;
			send_it(&asked[i]);
		}
		run_for(world, ms);
		kube_client_free(world->client);
		run_for(world, 1);
		for (size_t i = 0; i < 20; i++) {
			assert_false(asked[i].done);
			forget(&asked[i]);
		}
		make_client(world, &config);
	}
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
	struct asked *asked = calloc(COUNT, sizeof(*asked));
	char(*targets)[32] = calloc(COUNT, sizeof(*targets));

	assert_non_null(asked);
	assert_non_null(targets);
	kube_double_on(world->server, "/many", answer_slowly, NULL);
	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < COUNT; i++) {
			(void)snprintf(targets[i], sizeof(targets[i]), "/many?%zu", i);
			asked[i] = prepare(world, targets[i]);
			asked[i].request.timeout_ns = 60 * NS_PER_SECOND;
			send_it(&asked[i]);
		}
		for (size_t i = 0; i < COUNT; i++) {
			run_until(world, &asked[i].done);
			if (asked[i].status != 200)
				fail_msg("%zu: %s", i, asked[i].failure);
			assert_true(same(&asked[i].body, targets[i] + strlen("/many?")));
			assert_int_equal(asked[i].done_count, 1);
			forget(&asked[i]);
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
		struct asked asked = prepare(world, "/version");

		ask(&asked);
		assert_int_equal(asked.status, 200);
		forget(&asked);
	}
	assert_int_equal(kube_double_connections(world->server), 1);
	assert_int_equal(
		counted(world, "tacho_aggregator_kube_connections_opened_total", NULL, NULL), 1);
}

static void uses_no_proxy(void **state)
{
	struct world *world = *state;
	struct asked asked = prepare(world, "/version");

	kube_double_answer(world->server, "/version", 200, NULL, "1");
	(void)setenv("https_proxy", "http://127.0.0.1:1", 1);
	(void)setenv("HTTPS_PROXY", "http://127.0.0.1:1", 1);
	(void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
	ask(&asked);
	(void)unsetenv("https_proxy");
	(void)unsetenv("HTTPS_PROXY");
	(void)unsetenv("ALL_PROXY");
	assert_int_equal(asked.status, 200);
	forget(&asked);
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
		TEST(hands_on_as_it_comes),
		TEST(keeps_errors_of_a_stream),
		TEST(ends_what_is_not_taken),
		TEST(bounds_the_body),
		TEST(bounds_the_head),
		TEST(inflates),
		TEST(defuses_a_bomb),
		TEST(notices_a_cut),
		TEST(says_that_nobody_listens),
		TEST(finds_the_server_again),
		TEST(gives_up_in_time),
		TEST(goes_on_while_bytes_come),
		TEST(gives_up_a_silent_port),
		TEST(cancels_at_every_stage),
		TEST(cancels_from_its_own_data),
		TEST(sends_and_cancels_from_callbacks),
		TEST(frees_with_calls_under_way),
		TEST(asks_many_at_once),
		TEST(uses_a_connection_again),
		TEST(uses_no_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
