/* agent/push: against real NNG PULL sockets on loopback. */
#include "agent/push.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/socket_scan.h"
#include "base/tls_config.h"
#include "base/tls_engine.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/transport/tls/tls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define HOUR_S       3600
#define HANDSHAKE_NS (5 * NS_PER_SECOND) /* then it is dialled again, as the agent does */
#define PATIENCE_MS  60000

struct fixture {
	struct scratch *scratch;
	struct telemetry *telemetry;
	struct pki *pki;
	struct pki_pair pair;
	const char *ca_file, *cert_file, *key_file;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->scratch = scratch_new();
	fixture->telemetry = telemetry_new();
	fixture->pki = pki_new("authority");
	fixture->pair = pki_issue(fixture->pki, "DNS:aggregator", HOUR_S);
	fixture->ca_file = scratch_write(fixture->scratch, "ca.pem", pki_ca(fixture->pki));
	fixture->cert_file = scratch_write(fixture->scratch, "cert.pem", fixture->pair.cert);
	fixture->key_file = scratch_write(fixture->scratch, "key.pem", fixture->pair.key);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	pki_pair_free(&fixture->pair);
	pki_free(fixture->pki);
	telemetry_free(fixture->telemetry);
	scratch_free(fixture->scratch);
	free(fixture);
	return 0;
}

static uint64_t counted(const struct fixture *fixture, const char *name)
{
	return telemetry_get(telemetry_counter(fixture->telemetry, name, "", NULL, NULL));
}

/* --- an aggregator's end ---------------------------------------------------------------------- */

static nng_socket open_pull(void)
{
	nng_socket pull;

	assert_int_equal(nng_pull0_open(&pull), 0);
	assert_int_equal(nng_socket_set_ms(pull, NNG_OPT_RECVTIMEO, PATIENCE_MS), 0);
	return pull;
}

/* Listens on `url`, by TLS where the fixture is given. Returns the port. */
static uint16_t listen_on(nng_socket pull, const char *url, const struct fixture *tls)
{
	nng_listener listener;
	nng_sockaddr address;
	struct tls_config *config;

	assert_int_equal(nng_listener_create(&listener, pull, url), 0);
	if (tls) {
		assert_int_equal(
			tls_config_server(tls->cert_file, tls->key_file, &config, NULL), 0);
		assert_int_equal(
			nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls_config_nng(config)),
			0);
		tls_config_free(config);
	}
	assert_int_equal(nng_listener_start(listener, 0), 0);
	assert_int_equal(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
	return address_of_nng(&address).port;
}

/* Connections come about, and nobody answers them. */
static int listen_silently(uint16_t *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	/* its port is free for another at once */
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void expect_message(nng_socket pull, const char *text)
{
	nng_msg *message;

	assert_int_equal(nng_recvmsg(pull, &message, 0), 0);
	assert_int_equal(nng_msg_len(message), strlen(text));
	assert_memory_equal(nng_msg_body(message), text, strlen(text));
	nng_msg_free(message);
}

/* --- the agent's end -------------------------------------------------------------------------- */

static struct push *new_push(const struct fixture *fixture)
{
	struct error err = {{0}};
	struct push *push = push_new(fixture->telemetry, &err);

	assert_string_equal(err.message, "");
	assert_non_null(push);
	assert_true(push_idle(push));
	return push;
}

/* Pushes to 127.0.0.1, or to `url` itself when the port is 0. */
static void begin(const struct fixture *fixture, struct push *push, const char *scheme,
	uint16_t port, const char *server_name)
{
	struct tls_config *tls = NULL;
	struct error err = {{0}};
	char url[300];

	if (strcmp(scheme, "tls+tcp") == 0)
		assert_int_equal(tls_config_client(fixture->ca_file, server_name, &tls, &err), 0);
	if (port != 0)
		(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u", scheme, port);
	else
		(void)snprintf(url, sizeof(url), "%s", scheme);
	assert_int_equal(push_start(push, url, tls ? tls_config_nng(tls) : NULL, &err), 0);
	assert_string_equal(err.message, "");
	assert_false(push_idle(push));
	tls_config_free(tls);
}

static struct push *start(
	const struct fixture *fixture, const char *scheme, uint16_t port, const char *server_name)
{
	struct push *push = new_push(fixture);

	begin(fixture, push, scheme, port, server_name);
	return push;
}

struct change {
	struct push *push;
	uint64_t from;
};

static bool has_changed(void *context)
{
	const struct change *change = context;

	(void)tls_engine_close_unfinished(HANDSHAKE_NS);
	return push_connection(change->push) != change->from;
}

/* Waits until the connection is another than `from`, and not 0 when `from` is 0. */
static uint64_t await_change(struct push *push, uint64_t from)
{
	struct change change = {push, from};

	assert_true(wait_until(has_changed, &change, PATIENCE_MS));
	return push_connection(push);
}

static uint64_t await_connection(struct push *push)
{
	uint64_t connection = push_connection(push);

	return connection ? connection : await_change(push, 0);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void stays_idle_after_a_bad_url(void **state)
{
	static const char *const URLS[] = {"", "nonsense", "zt://x:1", "tcp:/127.0.0.1:1"};
	struct fixture *fixture = *state;
	struct push *push = new_push(fixture);
	char long_url[400];
	struct error err;

	for (size_t i = 0; i < sizeof(URLS) / sizeof(URLS[0]); i++) {
		assert_int_equal(push_start(push, URLS[i], NULL, &err), -EINVAL);
		assert_true(push_idle(push));
	}
	memset(long_url, 'a', sizeof(long_url) - 1);
	memcpy(long_url, "tcp://", 6);
	long_url[sizeof(long_url) - 1] = '\0';
	assert_int_equal(push_start(push, long_url, NULL, &err), -EINVAL);
	assert_int_equal(push_connection(push), 0);
	assert_int_equal(push_send(push, "sample", 6), -EAGAIN);
	push_free(push);
}

static void drops_while_there_is_nobody(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	uint16_t port = listen_on(pull, "tcp://127.0.0.1:0", NULL);
	struct push *push;

	assert_int_equal(nng_close(pull), 0);
	push = start(fixture, "tcp", port, NULL);
	assert_int_equal(push_connection(push), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(push_send(push, "sample", 6), -EAGAIN);
	assert_int_equal(counted(fixture, "tacho_agent_push_dropped_total"), 10);
	assert_int_equal(counted(fixture, "tacho_agent_push_sent_total"), 0);
	push_free(push);
}

static void sends_three_messages_in_one_go(void **state)
{
	static const char *const SCHEMES[] = {"tcp", "tls+tcp"};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < 2; i++) {
		bool tls = strcmp(SCHEMES[i], "tls+tcp") == 0;
		nng_socket pull = open_pull();
		uint16_t port = listen_on(pull, tls ? "tls+tcp://127.0.0.1:0" : "tcp://127.0.0.1:0",
			tls ? fixture : NULL);
		struct push *push = start(fixture, SCHEMES[i], port, "aggregator");

		assert_int_not_equal(await_connection(push), 0);
		for (int round = 0; round < 50; round++) {
			assert_int_equal(push_send(push, "hello", 5), 0);
			assert_int_equal(push_send(push, "catalog", 7), 0);
			assert_int_equal(push_send(push, "sample", 6), 0);
			expect_message(pull, "hello");
			expect_message(pull, "catalog");
			expect_message(pull, "sample");
		}
		push_free(push);
		assert_int_equal(nng_close(pull), 0);
	}
	assert_int_equal(counted(fixture, "tacho_agent_push_dropped_total"), 0);
	assert_int_equal(counted(fixture, "tacho_agent_push_connects_total"), 2);
	assert_int_equal(counted(fixture, "tacho_agent_push_connections"), 0);
}

/* Up to 15,992 bytes go with their length in one TLS record, more do not. */
static void sends_messages_of_any_size_whole(void **state)
{
	static const size_t SIZES[] = {0, 1, 7, 8, 9, 15991, 15992, 15993, 16384, 100000};
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	struct push *push = start(fixture, "tls+tcp",
		listen_on(pull, "tls+tcp://127.0.0.1:0", fixture), "aggregator");
	char *text = malloc(SIZES[9] + 1);

	for (size_t i = 0; i <= SIZES[9]; i++)
		text[i] = (char)('a' + i % 23);
	(void)await_connection(push);
	for (size_t i = 0; i < 3 * 10; i++) {
		size_t size = SIZES[i % 10];

		text[size] = '\0';
		/* by threes: the first goes at once, the others when it has gone */
		assert_int_equal(push_send(push, text, size), 0);
		if (i % 3 == 2)
			for (size_t back = 3; back > 0; back--) {
				size = SIZES[(i + 1 - back) % 10];
				for (size_t at = 0; at <= SIZES[9]; at++)
					text[at] = (char)('a' + at % 23);
				text[size] = '\0';
				expect_message(pull, text);
			}
		text[size] = (char)('a' + size % 23);
	}
	free(text);
	push_free(push);
	(void)nng_close(pull);
}

static void sends_through_a_unix_socket(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	struct push *push;
	char url[256];

	(void)snprintf(url, sizeof(url), "ipc://%s", scratch_path(fixture->scratch, "socket"));
	(void)listen_on(pull, url, NULL);
	push = start(fixture, url, 0, NULL);
	assert_int_not_equal(await_connection(push), 0);
	assert_int_equal(push_send(push, "hello", 5), 0);
	expect_message(pull, "hello");
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

/* The aggregator is restarted on its port. What was meant for the old connection must not come
 * first on the new one. */
static void comes_back_with_another_connection(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	uint16_t port = listen_on(pull, "tls+tcp://127.0.0.1:0", fixture);
	struct push *push = start(fixture, "tls+tcp", port, "aggregator");
	uint64_t first = await_connection(push), second;
	char url[64];

	assert_int_equal(push_send(push, "sample", 6), 0);
	expect_message(pull, "sample");
	assert_int_equal(nng_close(pull), 0);
	second = await_change(push, first);
	assert_int_equal(push_send(push, "lost", 4), second ? 0 : -EAGAIN);

	pull = open_pull();
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	(void)listen_on(pull, url, fixture);
	second = await_connection(push);
	assert_int_not_equal(second, first);
	assert_int_equal(push_send(push, "hello", 5), 0);
	expect_message(pull, "hello");
	assert_int_equal(counted(fixture, "tacho_agent_push_connects_total"), 2);
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

static bool is_connected(void *context)
{
	return counted(context, "tacho_agent_push_connections") == 1;
}

static void sends_only_on_the_connection_it_told_of(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	struct push *push = start(fixture, "tcp", listen_on(pull, "tcp://127.0.0.1:0", NULL), NULL);

	assert_true(wait_until(is_connected, fixture, PATIENCE_MS));
	assert_int_equal(push_send(push, "sample", 6), -EAGAIN);
	assert_int_not_equal(push_connection(push), 0);
	assert_int_equal(push_send(push, "hello", 5), 0);
	expect_message(pull, "hello");
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

/* Nobody receives: a few megabytes go into buffers, then messages are dropped, and the caller is
 * not held up. */
static void drops_when_the_peer_does_not_read(void **state)
{
	enum { SIZE = 256 << 10, MOST = 400 };
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	struct push *push = start(fixture, "tcp", listen_on(pull, "tcp://127.0.0.1:0", NULL), NULL);
	char *message = calloc(1, SIZE);
	int dropped = 0;

	assert_non_null(message);
	assert_int_not_equal(await_connection(push), 0);
	for (int i = 0; i < MOST && dropped < 20; i++) {
		int r = push_send(push, message, SIZE);

		assert_true(r == 0 || r == -EAGAIN);
		dropped += r < 0;
		if (r < 0)
			wait_ms(5);
	}
	assert_int_equal(dropped, 20);
	assert_true(counted(fixture, "tacho_agent_push_dropped_total") >= 20);
	push_free(push);
	free(message);
	assert_int_equal(nng_close(pull), 0);
}

struct timeouts {
	uint16_t port;
	unsigned int user_ms;
	int keepalive, found;
};

static void read_timeouts(void *context, const struct socket_scan_entry *entry)
{
	struct timeouts *timeouts = context;
	socklen_t size = sizeof(timeouts->user_ms);

	if (address_of_socket(&entry->peer).port != timeouts->port)
		return;
	timeouts->found++;
	assert_int_equal(
		getsockopt(entry->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeouts->user_ms, &size), 0);
	size = sizeof(timeouts->keepalive);
	assert_int_equal(
		getsockopt(entry->fd, SOL_SOCKET, SO_KEEPALIVE, &timeouts->keepalive, &size), 0);
}

static void gives_up_a_peer_that_stops_acknowledging(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	struct timeouts timeouts = {.port = listen_on(pull, "tls+tcp://127.0.0.1:0", fixture)};
	struct push *push = start(fixture, "tls+tcp", timeouts.port, "aggregator");

	assert_int_not_equal(await_connection(push), 0);
	assert_int_equal(socket_scan(NULL, NULL, read_timeouts, &timeouts), 0);
	assert_int_equal(timeouts.found, 1);
	assert_int_equal(timeouts.user_ms, 10000);
	assert_int_equal(timeouts.keepalive, 1);
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

static void hang_up(nng_pipe pipe, nng_pipe_ev event, void *context)
{
	(void)event;
	(void)context;
	(void)nng_pipe_close(pipe);
}

static bool was_refused(void *context)
{
	return counted(context, "tacho_agent_push_refused_total") >= 2;
}

static void says_when_the_aggregator_hangs_up(void **state)
{
	struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	nng_socket pull = open_pull();
	struct push *push;
	unsigned lines;
	bool refused;

	assert_int_equal(nng_pipe_notify(pull, NNG_PIPE_EV_ADD_POST, hang_up, NULL), 0);
	push = start(fixture, "tcp", listen_on(pull, "tcp://127.0.0.1:0", NULL), NULL);
	refused = wait_until(was_refused, fixture, PATIENCE_MS);
	lines = log_capture_count(
		log, "hung up right after connecting: probably it does not believe our");
	push_free(push);
	log_capture_stop(log);
	assert_true(refused);
	assert_int_equal(lines, 1); /* for two refusals: rate-limited */
	assert_int_equal(nng_close(pull), 0);
}

static bool is_refused(void *log)
{
	(void)tls_engine_close_unfinished(HANDSHAKE_NS);
	return log_capture_count(
		       log, "'127.0.0.1' failed: its certificate is made out to another name") > 0;
}

static void does_not_talk_to_a_stranger(void **state)
{
	struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	nng_socket pull = open_pull();
	struct push *push = start(
		fixture, "tls+tcp", listen_on(pull, "tls+tcp://127.0.0.1:0", fixture), "127.0.0.1");
	bool refused = wait_until(is_refused, log, PATIENCE_MS);
	char *said = log_capture_end(log);

	if (!refused)
		print_error("it said: %s\n", said);
	free(said);
	assert_true(refused);
	assert_int_equal(push_connection(push), 0);
	assert_int_equal(counted(fixture, "tacho_agent_push_connects_total"), 0);
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

static bool is_idle(void *push)
{
	push_care(push, clock_monotonic_ns());
	return push_idle(push);
}

static void stop(struct push *push)
{
	push_stop(push);
	assert_int_equal(push_connection(push), 0);
	assert_int_equal(push_send(push, "sample", 6), -EAGAIN);
	assert_true(wait_until(is_idle, push, PATIENCE_MS));
}

/* What goes to the second address is for it alone, and the first is hung up on. */
static void goes_on_to_another_address(void **state)
{
	struct fixture *fixture = *state;
	nng_socket first = open_pull(), second = open_pull();
	uint16_t first_port = listen_on(first, "tls+tcp://127.0.0.1:0", fixture);
	uint16_t second_port = listen_on(second, "tls+tcp://127.0.0.1:0", fixture);
	struct push *push = start(fixture, "tls+tcp", first_port, "aggregator");
	uint64_t connection = await_connection(push);

	assert_int_equal(push_send(push, "one", 3), 0);
	expect_message(first, "one");
	push_stop(push);
	assert_false(push_idle(push));
	stop(push);
	assert_int_equal(counted(fixture, "tacho_agent_push_connections"), 0);
	begin(fixture, push, "tls+tcp", second_port, "aggregator");
	assert_int_not_equal(await_connection(push), connection);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(push_send(push, "two", 3), 0);
		expect_message(second, "two");
	}
	assert_int_equal(counted(fixture, "tacho_agent_push_connects_total"), 2);
	assert_int_equal(counted(fixture, "tacho_agent_push_connections"), 1);
	push_free(push);
	assert_int_equal(nng_close(first), 0);
	assert_int_equal(nng_close(second), 0);
}

/* Before the connection, in the handshake, connected, with a message on its way. (What it leaves
 * behind is counted where the aggregator is another process: test_replicas.) */
static void may_be_stopped_at_any_moment(void **state)
{
	enum { ROUNDS = 14 };
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	uint16_t port = listen_on(pull, "tls+tcp://127.0.0.1:0", fixture);
	struct push *push = new_push(fixture);

	for (int i = 0; i < ROUNDS; i++) {
		begin(fixture, push, "tls+tcp", port, "aggregator");
		if (i % 4 == 1)
			wait_ms((unsigned)i);
		if (i % 4 >= 2)
			(void)await_connection(push);
		if (i % 4 == 3)
			assert_int_equal(push_send(push, "sample", 6), 0);
		stop(push);
	}
	assert_int_equal(counted(fixture, "tacho_agent_push_connections"), 0);
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

/* Nobody at that address, nobody who answers: either is left for another address, and other
 * connections come and go meanwhile. */
static void leaves_who_never_answered(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	uint16_t port = listen_on(pull, "tls+tcp://127.0.0.1:0", fixture), silent_port;
	int silent = listen_silently(&silent_port);
	struct push *silenced = start(fixture, "tls+tcp", silent_port, "aggregator");
	struct push *lonely = start(fixture, "tls+tcp", 1, "aggregator");

	wait_ms(300);
	push_stop(silenced);
	stop(lonely);
	begin(fixture, lonely, "tls+tcp", port, "aggregator");
	(void)await_connection(lonely);
	stop(lonely);
	assert_false(push_idle(silenced));  /* nobody waited for it */
	assert_int_equal(close(silent), 0); /* hangs up */
	stop(silenced);
	begin(fixture, silenced, "tls+tcp", port, "aggregator");
	(void)await_connection(silenced);
	assert_int_equal(push_send(silenced, "hello", 5), 0);
	expect_message(pull, "hello");
	push_free(silenced);
	push_free(lonely);
	assert_int_equal(nng_close(pull), 0);
}

static bool is_connected_by_care(void *push)
{
	push_care(push, clock_monotonic_ns());
	return push_connected(push);
}

/* Somebody accepts the connection and says nothing: an aggregator that hangs, for example. When it
 * is there again, so is the agent. */
static void does_not_wait_for_ever_in_a_handshake(void **state)
{
	struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	nng_socket pull = open_pull();
	uint16_t port;
	int silent = listen_silently(&port);
	struct push *push = start(fixture, "tls+tcp", port, "aggregator");
	bool was_connected = wait_until(is_connected_by_care, push, 13000);
	bool said = log_capture_has(log, "did not finish the handshake in 10 s", 0);
	char url[64];

	log_capture_stop(log);
	assert_false(was_connected);
	assert_true(said);
	assert_int_equal(close(silent), 0);
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	(void)listen_on(pull, url, fixture);
	assert_true(wait_until(is_connected_by_care, push, 20000));
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

/* With a clock that is ahead. */
static bool is_connected_later(void *push)
{
	push_care(push, clock_monotonic_ns() + 20 * NS_PER_SECOND);
	return push_connected(push);
}

/* As a busy aggregator does when it took too long for it; NNG may not dial again then. */
static void dials_again_after_a_handshake_that_the_peer_ended(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_pull();
	uint16_t port;
	int silent = listen_silently(&port), peer;
	struct push *push = start(fixture, "tls+tcp", port, "aggregator");
	char url[64], hello[4096];

	peer = accept(silent, NULL, NULL);
	assert_true(peer >= 0);
	assert_true(recv(peer, hello, sizeof(hello), 0) > 0);
	assert_int_equal(close(silent), 0);
	assert_int_equal(close(peer), 0);
	wait_ms(200); /* it is noticed */
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", port);
	(void)listen_on(pull, url, fixture);
	assert_true(wait_until(is_connected_later, push, 20000));
	assert_int_equal(
		push_send(push, "hello", 5), -EAGAIN); /* of no connection that it told of */
	(void)await_connection(push);
	assert_int_equal(push_send(push, "hello", 5), 0);
	expect_message(pull, "hello");
	push_free(push);
	assert_int_equal(nng_close(pull), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stays_idle_after_a_bad_url),
		TEST(drops_while_there_is_nobody),
		TEST(sends_three_messages_in_one_go),
		TEST(sends_messages_of_any_size_whole),
		TEST(sends_through_a_unix_socket),
		TEST(comes_back_with_another_connection),
		TEST(sends_only_on_the_connection_it_told_of),
		TEST(drops_when_the_peer_does_not_read),
		TEST(gives_up_a_peer_that_stops_acknowledging),
		TEST(says_when_the_aggregator_hangs_up),
		TEST(does_not_talk_to_a_stranger),
		TEST(goes_on_to_another_address),
		TEST(may_be_stopped_at_any_moment),
		TEST(leaves_who_never_answered),
		TEST(does_not_wait_for_ever_in_a_handshake),
		TEST(dials_again_after_a_handshake_that_the_peer_ended),
	};

	return cmocka_run_group_tests_name("push", tests, NULL, NULL);
}
