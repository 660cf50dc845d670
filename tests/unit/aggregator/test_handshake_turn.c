/* aggregator/api/handshake_turn: who waits for whom, counted in turns of a loop that the test turns
 * by hand. Clients and server are in one thread. */
#include "aggregator/api/handshake_turn.h"

#include "aggregator/api/server.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define CROWD 200
#define BUSY  16

/* Steps that fit into a turn: three or four in truth. All of a crowd's would be too many. */
#define STEPS_AT_ONCE 40

#define PATIENCE_MS 60000

static const char REQUEST[] = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";

static struct event_base *base;
static struct telemetry *telemetry;
static struct serving_load *load;
static struct certificate_reload *certificate;
static struct scratch *scratch;
static struct server *server;
static SSL_CTX *tls;
static int listening;
static uint16_t port;
static unsigned handled;

/* --- the server ------------------------------------------------------------------------------- */

static void handle(void *context, struct evhttp_request *http)
{
	(void)context;
	handled++;
	evhttp_send_reply(http, 200, "OK", NULL);
}

static void accepted(void *context)
{
	(void)context;
}

static void listen_somewhere(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(address);

	listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_true(listening >= 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listening, CROWD * 2), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	port = ntohs(address.sin_port);
}

static void load_certificate(void)
{
	struct certificate_reload_options options = {.telemetry = telemetry};
	struct pki *pki = pki_new("authority");
	struct pki_pair pair = pki_issue(pki, "IP:127.0.0.1", 3600);
	struct error err;

	options.cert_file = scratch_write(scratch, "tls.crt", pair.cert);
	options.key_file = scratch_write(scratch, "tls.key", pair.key);
	certificate = certificate_reload_start(&options, base, &err);
	assert_non_null(certificate);
	pki_pair_free(&pair);
	pki_free(pki);
}

static void start(uint32_t handshake_ms, uint32_t max_connections)
{
	struct serving_load_options bounds = {
		.loops = 1, .max_connections = max_connections, .max_in_flight = 100};
	struct server_options options = {
		.accepting = true,
		.accepted = accepted,
		.deadlines = {handshake_ms, 60000, 60000, 60000},
		.handle = handle,
	};
	struct error err;

	(void)signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	options.telemetry = telemetry = telemetry_new();
	options.load = load = serving_load_new(&bounds);
	scratch = scratch_new();
	listen_somewhere();
	options.socket = listening;
	load_certificate();
	options.certificate = certificate;
	server = server_start(&options, base, &err);
	assert_non_null(server);
	tls = SSL_CTX_new(TLS_client_method());
	assert_non_null(tls);
	handled = 0;
}

static void stop(void)
{
	server_stop(server);
	(void)event_base_loop(base, EVLOOP_NONBLOCK); /* what libevent frees from the loop */
	certificate_reload_free(certificate);
	serving_load_free(load);
	telemetry_free(telemetry);
	event_base_free(base);
	SSL_CTX_free(tls);
	scratch_free(scratch);
	(void)close(listening);
}

static uint64_t waiting(void)
{
	return telemetry_get(telemetry_gauge(
		telemetry, "tacho_aggregator_http_handshakes_waiting", "", NULL, NULL));
}

static uint64_t open_now(void)
{
	return telemetry_get(
		telemetry_gauge(telemetry, "tacho_aggregator_http_connections", "", NULL, NULL));
}

static uint64_t closed_by(const char *reason)
{
	return telemetry_get(telemetry_counter(
		telemetry, "tacho_aggregator_http_connections_closed_total", "", "reason", reason));
}

static void turn(void)
{
	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static bool turn_until(uint64_t (*figure)(void), uint64_t value)
{
	uint64_t until_ms = wait_now_ms() + PATIENCE_MS;

	while (figure() != value && wait_now_ms() < until_ms)
		turn();
	return figure() == value;
}

/* --- the clients ------------------------------------------------------------------------------ */

struct client {
	SSL *ssl;
	int fd;
	unsigned answers;
};

/* Connects; the handshake goes on as client_step() is called. */
static struct client client_new(void)
{
	const struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(port)};
	struct client client = {.ssl = SSL_new(tls)};

	client.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(fcntl(client.fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(SSL_set_fd(client.ssl, client.fd), 1);
	SSL_set_connect_state(client.ssl);
	return client;
}

static void client_free(struct client *client)
{
	SSL_free(client->ssl);
	(void)close(client->fd);
}

/* Reads and says what there is to be; true when it is connected. */
static bool client_step(struct client *client)
{
	char text[4096];
	int length;

	if (SSL_do_handshake(client->ssl) != 1) {
		ERR_clear_error();
		return false;
	}
	length = SSL_read(client->ssl, text, sizeof(text) - 1);
	for (const char *at = text; length > 0 && (at = strstr(at, "HTTP/1.1 200")); at++)
		client->answers++;
	ERR_clear_error();
	return true;
}

static void client_ask(struct client *client)
{
	assert_int_equal(SSL_write(client->ssl, REQUEST, sizeof(REQUEST) - 1), sizeof(REQUEST) - 1);
}

/* Until it is connected and so many requests were answered. */
static void client_turns(struct client *client, unsigned answers)
{
	uint64_t until_ms = wait_now_ms() + PATIENCE_MS;

	while (!client_step(client) || client->answers < answers) {
		turn();
		assert_true(wait_now_ms() < until_ms);
	}
}

/* Their hellos are sent, and most of them wait for their turns: libevent learns of 32 at first,
 * then of more in each turn. */
static void crowd_new(struct client *crowd, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		crowd[i] = client_new();
		assert_false(client_step(&crowd[i]));
	}
	for (int turns = 0; turns < 10 && waiting() < count * 3 / 4; turns++)
		turn();
	assert_true(waiting() >= count * 3 / 4);
}

static void crowd_free(struct client *crowd, size_t count)
{
	for (size_t i = 0; i < count; i++)
		client_free(&crowd[i]);
}

/* Until each of them is connected; the most steps that a turn had. */
static uint64_t crowd_turns(struct client *crowd, size_t count)
{
	uint64_t until_ms = wait_now_ms() + PATIENCE_MS, most = 0;
	size_t connected = 0;

	while (connected < count) {
		uint64_t before = waiting();

		assert_true(wait_now_ms() < until_ms);
		turn();
		if (before > waiting() && before - waiting() > most)
			most = before - waiting();
		if (waiting() > 0)
			continue;
		connected = 0;
		for (size_t i = 0; i < count; i++)
			connected += client_step(&crowd[i]);
	}
	return most;
}

/* --- who is connected ------------------------------------------------------------------------- */

static void a_request_does_not_wait_for_a_crowd(void **state)
{
	static struct client crowd[CROWD];
	struct client client;
	uint64_t before;

	(void)state;
	start(60000, 2 * CROWD);
	client = client_new();
	client_turns(&client, 0);
	client_ask(&client);
	client_turns(&client, 1);
	crowd_new(crowd, CROWD);
	before = waiting();
	client_ask(&client);
	turn();
	assert_int_equal(handled, 2);
	assert_true(waiting() + STEPS_AT_ONCE >= before);
	assert_true(crowd_turns(crowd, CROWD) <= STEPS_AT_ONCE);
	assert_int_equal(waiting(), 0);
	assert_int_equal(open_now(), CROWD + 1);
	for (size_t i = 0; i < CROWD; i++)
		client_ask(&crowd[i]);
	for (size_t i = 0; i < CROWD; i++)
		client_turns(&crowd[i], 1);
	crowd_free(crowd, CROWD);
	client_free(&client);
	stop();
}

/* --- who comes -------------------------------------------------------------------------------- */

static void a_handshake_does_not_wait_for_those_who_ask_without_end(void **state)
{
	struct client busy[BUSY], client;
	unsigned turns = 0;

	(void)state;
	start(60000, 2 * CROWD);
	for (size_t i = 0; i < BUSY; i++) {
		busy[i] = client_new();
		client_turns(&busy[i], 0);
		client_ask(&busy[i]);
		client_turns(&busy[i], 1);
	}
	client = client_new();
	while (!client_step(&client)) {
		for (size_t i = 0; i < BUSY; i++) {
			(void)client_step(&busy[i]);
			client_ask(&busy[i]);
		}
		turn();
		assert_true(++turns < 1000);
	}
	client_ask(&client);
	client_turns(&client, 1);
	crowd_free(busy, BUSY);
	client_free(&client);
	stop();
}

/* Until the server's part of the handshake is there, which the client has not looked at. */
static void await_flight(const struct client *client)
{
	uint64_t until_ms = wait_now_ms() + PATIENCE_MS;
	char byte;

	while (recv(client->fd, &byte, 1, MSG_PEEK) != 1) {
		turn();
		assert_true(wait_now_ms() < until_ms);
	}
}

static void the_end_of_a_handshake_does_not_wait_for_all_who_begin(void **state)
{
	static struct client crowd[CROWD];
	struct client client;

	(void)state;
	start(60000, 2 * CROWD);
	client = client_new();
	assert_false(client_step(&client));
	await_flight(&client);
	crowd_new(crowd, CROWD);
	assert_true(client_step(&client));
	client_ask(&client);
	client_turns(&client, 1);
	assert_true(waiting() >= CROWD / 2);
	(void)crowd_turns(crowd, CROWD);
	crowd_free(crowd, CROWD);
	client_free(&client);
	stop();
}

static void who_begins_does_not_wait_for_all_who_end(void **state)
{
	static struct client crowd[CROWD];
	struct client client;

	(void)state;
	start(60000, 2 * CROWD);
	crowd_new(crowd, CROWD);
	for (size_t i = 0; i < CROWD; i++)
		await_flight(&crowd[i]);
	assert_int_equal(waiting(), 0);
	for (size_t i = 0; i < CROWD; i++)
		assert_true(client_step(&crowd[i]));
	for (int turns = 0; turns < 10 && waiting() < CROWD * 3 / 4; turns++)
		turn();
	client = client_new();
	client_turns(&client, 0);
	assert_true(waiting() >= CROWD / 4);
	assert_true(turn_until(waiting, 0));
	client_ask(&client);
	client_turns(&client, 1);
	crowd_free(crowd, CROWD);
	client_free(&client);
	stop();
}

static void one_alone_waits_for_nobody(void **state)
{
	struct client client;

	(void)state;
	start(60000, 2 * CROWD);
	client = client_new();
	client_turns(&client, 0);
	client_free(&client);
	assert_true(turn_until(open_now, 0));
	stop();
}

/* With its last word of the handshake comes the first request, in either version of TLS. */
static void a_request_may_come_with_the_end_of_the_handshake(void **state)
{
	static const int VERSIONS[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	(void)state;
	start(60000, 2 * CROWD);
	for (size_t i = 0; i < 2; i++) {
		struct client client;

		assert_int_equal(SSL_CTX_set_max_proto_version(tls, VERSIONS[i]), 1);
		client = client_new();
		client_turns(&client, 0);
		client_ask(&client);
		client_ask(&client);
		client_turns(&client, 2);
		client_free(&client);
	}
	assert_int_equal(handled, 4);
	stop();
}

static void a_hello_may_come_byte_by_byte(void **state)
{
	struct client client;
	BIO *socket_bio, *memory = BIO_new(BIO_s_mem());
	char byte;

	(void)state;
	start(60000, 2 * CROWD);
	client = client_new();
	socket_bio = SSL_get_rbio(client.ssl);
	assert_int_equal(BIO_up_ref(socket_bio), 1);
	SSL_set0_wbio(client.ssl, memory);
	assert_false(client_step(&client));
	while (BIO_read(memory, &byte, 1) == 1) {
		assert_int_equal(write(client.fd, &byte, 1), 1);
		turn();
		turn();
	}
	SSL_set0_wbio(client.ssl, socket_bio);
	client_turns(&client, 0);
	client_ask(&client);
	client_turns(&client, 1);
	client_free(&client);
	stop();
}

/* --- who goes while it waits ------------------------------------------------------------------ */

static void those_who_leave_harm_nobody(void **state)
{
	static struct client crowd[CROWD];

	(void)state;
	start(60000, 2 * CROWD);
	crowd_new(crowd, CROWD);
	crowd_free(crowd, CROWD / 2);
	(void)crowd_turns(crowd + CROWD / 2, CROWD / 2);
	assert_true(turn_until(open_now, CROWD / 2));
	crowd_free(crowd + CROWD / 2, CROWD / 2);
	assert_true(turn_until(open_now, 0));
	assert_int_equal(waiting(), 0);
	stop();
}

/* The deadline counts from when they were accepted. */
static void those_who_wait_for_too_long_are_cut(void **state)
{
	static struct client crowd[CROWD];

	(void)state;
	start(100, 2 * CROWD);
	crowd_new(crowd, CROWD);
	wait_ms(200);
	assert_true(turn_until(open_now, 0));
	assert_int_equal(closed_by("handshake_timeout"), CROWD);
	assert_int_equal(waiting(), 0);
	crowd_free(crowd, CROWD);
	stop();
}

static void those_who_are_too_many_get_no_turn(void **state)
{
	static struct client crowd[CROWD];

	(void)state;
	start(60000, CROWD / 2);
	for (size_t i = 0; i < CROWD; i++) {
		crowd[i] = client_new();
		(void)client_step(&crowd[i]);
	}
	assert_true(turn_until(open_now, CROWD / 2));
	assert_int_equal(closed_by("too_many"), CROWD / 2);
	crowd_free(crowd, CROWD);
	assert_true(turn_until(open_now, 0));
	assert_int_equal(waiting(), 0);
	stop();
}

/* The sanitizers see what is left. */
static void the_server_stops_while_they_wait(void **state)
{
	static struct client crowd[CROWD];

	(void)state;
	start(60000, 2 * CROWD);
	crowd_new(crowd, CROWD);
	stop();
	crowd_free(crowd, CROWD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_does_not_wait_for_a_crowd),
		cmocka_unit_test(a_handshake_does_not_wait_for_those_who_ask_without_end),
		cmocka_unit_test(the_end_of_a_handshake_does_not_wait_for_all_who_begin),
		cmocka_unit_test(who_begins_does_not_wait_for_all_who_end),
		cmocka_unit_test(one_alone_waits_for_nobody),
		cmocka_unit_test(a_request_may_come_with_the_end_of_the_handshake),
		cmocka_unit_test(a_hello_may_come_byte_by_byte),
		cmocka_unit_test(those_who_leave_harm_nobody),
		cmocka_unit_test(those_who_wait_for_too_long_are_cut),
		cmocka_unit_test(those_who_are_too_many_get_no_turn),
		cmocka_unit_test(the_server_stops_while_they_wait),
	};

	return cmocka_run_group_tests_name("handshake_turn", tests, NULL, NULL);
}
