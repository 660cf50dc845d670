/* agent/exporter: one page between two looks, whoever asks; and the loop is not held up. */
#include "agent/exporter.h"
#include "base/clock.h"
#include "tests/harness/export_world.h"
#include "tests/harness/https.h"
#include "tests/harness/wait.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

#define PLAIN "GET /metrics/cadvisor HTTP/1.1\r\nConnection: close\r\n\r\n"
#define GZIPPED \
	"GET /metrics/cadvisor HTTP/1.1\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n"
#define OPEN                                                                                     \
	"GET /metrics/cadvisor HTTP/1.1\r\nAccept: application/openmetrics-text\r\nConnection: " \
	"close\r\n\r\n"

static struct export_world world;
static struct telemetry *telemetry;
static struct event_base *base;
static struct exporter *exporter;
static struct event *orders;
static int order_pipe[2], done_pipe[2];
static pthread_t thread;

/* What the loop is given between two turns of the exporter. */
static struct {
	struct event *event;
	uint64_t last_ns;
	_Atomic uint64_t longest_ns;
} heart;

static void beat(evutil_socket_t fd, short what, void *context)
{
	static const struct timeval NOW = {0, 0};
	uint64_t now_ns = clock_monotonic_ns();

	(void)fd;
	(void)what;
	(void)context;
	if (heart.last_ns && now_ns - heart.last_ns > heart.longest_ns)
		heart.longest_ns = now_ns - heart.last_ns;
	heart.last_ns = now_ns;
	(void)event_add(heart.event, &NOW);
}

/* In the loop's thread: 'l' is a look, 'f' one that failed, 'h' holds the loop for 300 ms, 'b' and
 * 'e' begin and end the heart's beating, 's' is the end. */
static void obey(evutil_socket_t fd, short what, void *context)
{
	struct export_look look = export_world_look(&world);
	char order = 's';

	(void)what;
	(void)context;
	(void)!read(fd, &order, 1);
	if (order == 'l')
		exporter_look(exporter, &look);
	if (order == 'f')
		exporter_look(exporter, NULL);
	if (order == 'b') {
		heart.last_ns = heart.longest_ns = 0;
		event_active(heart.event, EV_TIMEOUT, 0);
	}
	if (order == 'e')
		(void)event_del(heart.event);
	if (order == 's') {
		exporter_stop(exporter);
		(void)event_base_loopbreak(base);
	}
	if (order == 'h')
		wait_ms(300);
	else
		(void)!write(done_pipe[1], &order, 1);
}

static void tell(char order)
{
	char done;

	assert_int_equal(write(order_pipe[1], &order, 1), 1);
	if (order != 'h')
		assert_int_equal(read(done_pipe[0], &done, 1), 1);
}

static void *run(void *context)
{
	(void)event_base_dispatch(base);
	return context;
}

static void start(uint32_t pods)
{
	struct exporter_options options = {
		.flags = {.address = "127.0.0.1:0",
			.cert_file = "",
			.key_file = "",
			.client_ca_file = ""},
		.metrics = ~(metric_set)0,
		.v2 = "/nowhere",
		.device = "all",
	};
	struct error err;

	(void)signal(SIGPIPE, SIG_IGN);
	export_world_make(&world, pods, 2);
	options.telemetry = telemetry = telemetry_new();
	base = event_base_new();
	exporter = exporter_start(&options, base, &err);
	if (!exporter)
		fail_msg("%s", err.message);
	assert_int_equal(pipe(order_pipe), 0);
	assert_int_equal(pipe(done_pipe), 0);
	orders = event_new(base, order_pipe[0], EV_READ | EV_PERSIST, obey, NULL);
	assert_int_equal(event_add(orders, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static int tear_down(void **state)
{
	(void)state;
	tell('s');
	(void)pthread_join(thread, NULL);
	event_free(orders);
	event_base_free(base);
	for (int i = 0; i < 2; i++) {
		(void)close(order_pipe[i]);
		(void)close(done_pipe[i]);
	}
	telemetry_free(telemetry);
	export_world_free(&world);
	return 0;
}

static uint64_t count(const char *name)
{
	return telemetry_get(telemetry_counter(telemetry, name, "", NULL, NULL));
}

/* --- clients ---------------------------------------------------------------------------------- */

static int ask(const char *request)
{
	int fd = https_tcp(exporter_port(exporter));

	assert_true(fd >= 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

struct answer {
	int status;
	char *text; /* head and body */
	char *body;
	size_t length;
};

static struct answer receive(int fd)
{
	struct answer answer = {0};
	size_t length = 0, size = 64UL * 1024 * 1024;
	ssize_t got;

	answer.text = malloc(size);
	assert_non_null(answer.text);
	while ((got = recv(fd, answer.text + length, size - 1 - length, 0)) > 0)
		length += (size_t)got;
	(void)close(fd);
	answer.text[length] = '\0';
	assert_int_equal(sscanf(answer.text, "HTTP/1.1 %d", &answer.status), 1);
	answer.body = strstr(answer.text, "\r\n\r\n");
	assert_non_null(answer.body);
	answer.body += 4;
	answer.length = length - (size_t)(answer.body - answer.text);
	return answer;
}

static struct answer get(const char *request)
{
	return receive(ask(request));
}

static void unpack(const struct answer *answer, char **ret_text, size_t *ret_length)
{
	size_t size = 64UL * 1024 * 1024;
	z_stream stream = {.next_in = (Bytef *)answer->body, .avail_in = (uInt)answer->length};

	*ret_text = malloc(size);
	assert_non_null(*ret_text);
	stream.next_out = (Bytef *)*ret_text;
	stream.avail_out = (uInt)size;
	assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	*ret_length = stream.total_out;
	(void)inflateEnd(&stream);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void before_a_look_there_is_nothing(void **state)
{
	struct answer answer;

	(void)state;
	start(1);
	answer = get(PLAIN);
	assert_int_equal(answer.status, 503);
	free(answer.text);
	tell('l');
	answer = get(PLAIN);
	assert_int_equal(answer.status, 200);
	free(answer.text);
	tell('f');
	answer = get(PLAIN);
	assert_int_equal(answer.status, 503);
	free(answer.text);
	assert_int_equal(count("tacho_agent_renderings_failed_total"), 2);
	assert_int_equal(count("tacho_agent_renderings_total"), 1);
}

static void all_who_ask_between_two_looks_get_the_same(void **state)
{
	struct answer answers[12];
	int fds[12];

	(void)state;
	start(100);
	tell('l');
	for (int round = 0; round < 2; round++) {
		/* all at once, while the loop is held up; then one after the other */
		if (round == 0)
			tell('h');
		for (int i = 0; i < 12; i++) {
			fds[i] = ask(i % 2 ? GZIPPED : PLAIN);
			if (round == 1)
				answers[i] = receive(fds[i]);
		}
		for (int i = 0; i < 12; i++) {
			if (round == 0)
				answers[i] = receive(fds[i]);
			assert_int_equal(answers[i].status, 200);
			assert_int_equal(answers[i].length, answers[i % 2].length);
			assert_memory_equal(
				answers[i].body, answers[i % 2].body, answers[i].length);
		}
		for (int i = 0; i < 12; i++)
			free(answers[i].text);
		assert_int_equal(count("tacho_agent_renderings_total"), 1);
	}
	/* the next look is another page */
	tell('l');
	answers[0] = get(PLAIN);
	free(answers[0].text);
	assert_int_equal(count("tacho_agent_renderings_total"), 2);
	/* and so is the other format */
	answers[0] = get(OPEN);
	assert_non_null(strstr(answers[0].text, "application/openmetrics-text"));
	assert_string_equal(answers[0].body + answers[0].length - 6, "# EOF\n");
	free(answers[0].text);
	assert_int_equal(count("tacho_agent_renderings_total"), 3);
}

static void packed_is_the_same(void **state)
{
	struct answer plain, packed;
	size_t length;
	char *text;

	(void)state;
	start(250);
	tell('l');
	packed = get(GZIPPED);
	plain = get(PLAIN);
	assert_non_null(strstr(packed.text, "\r\nContent-Encoding: gzip\r\n"));
	assert_null(strstr(plain.text, "Content-Encoding"));
	unpack(&packed, &text, &length);
	assert_int_equal(length, plain.length);
	assert_memory_equal(text, plain.body, length);
	assert_true(packed.length < plain.length / 5);
	free(text);
	free(plain.text);
	free(packed.text);
}

/* While a page is written, a look may come: what is written is of the one before, in one piece. */
static void a_look_does_not_disturb_a_page(void **state)
{
	struct answer answer;
	int fd;

	(void)state;
	start(400);
	for (uint32_t row = 0; row < world.rows; row++)
		world.readings[row].value[FIELD_PIDS] = 7;
	tell('l');
	fd = ask(PLAIN);
	tell('l'); /* comes first, or between two slices, or behind */
	answer = receive(fd);
	assert_int_equal(answer.status, 200);
	for (const char *at = answer.body; (at = strstr(at, "\ncontainer_threads{")); at++)
		assert_non_null(strstr(at + 1, "} 7\n"));
	free(answer.text);
}

/* Another's event gets its turn all the time. The bound is for a busy machine with sanitizers; the
 * page as a whole takes longer. */
static void the_loop_is_not_held_up(void **state)
{
	struct answer answer;
	uint64_t from_ns;

	(void)state;
	start(600);
	heart.event = evtimer_new(base, beat, NULL);
	assert_non_null(heart.event);
	tell('l');
	answer = get(GZIPPED); /* memory is there from now on */
	free(answer.text);
	for (int i = 0; i < 5; i++) {
		tell('l');
		tell('b');
		from_ns = clock_monotonic_ns();
		answer = get(GZIPPED);
		from_ns = clock_monotonic_ns() - from_ns;
		tell('e');
		assert_int_equal(answer.status, 200);
		free(answer.text);
		print_message("longest pause %llu us, page after %llu us\n",
			(unsigned long long)(heart.longest_ns / 1000),
			(unsigned long long)(from_ns / 1000));
		if (heart.longest_ns < 50 * NS_PER_MS && heart.longest_ns < from_ns / 3)
			break;
		assert_true(i < 4);
	}
	event_free(heart.event);
}

static void a_page_that_is_too_large_is_refused(void **state)
{
	struct answer answer;

	(void)state;
	start(2000); /* 4,000 containers of 40 samples of 330 bytes */
	tell('l');
	answer = get(PLAIN);
	assert_int_equal(answer.status, 503);
	free(answer.text);
	assert_int_equal(count("tacho_agent_renderings_failed_total"), 1);
	answer = get("GET /metrics/resource HTTP/1.1\r\nConnection: close\r\n\r\n");
	assert_int_equal(answer.status, 200);
	free(answer.text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(before_a_look_there_is_nothing, tear_down),
		cmocka_unit_test_teardown(all_who_ask_between_two_looks_get_the_same, tear_down),
		cmocka_unit_test_teardown(packed_is_the_same, tear_down),
		cmocka_unit_test_teardown(a_look_does_not_disturb_a_page, tear_down),
		cmocka_unit_test_teardown(the_loop_is_not_held_up, tear_down),
		cmocka_unit_test_teardown(a_page_that_is_too_large_is_refused, tear_down),
	};

	return cmocka_run_group_tests_name("exporter", tests, NULL, NULL);
}
