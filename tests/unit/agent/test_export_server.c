/* agent/export_server, export_tls, export_reply: who is let in, and what happens to who is slow. */
#include "agent/export_server.h"
#include "tests/harness/https.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define GET_PAGE "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
#define BODY     "a 1\n"

static struct scratch *scratch;
static struct telemetry *telemetry;
static struct event_base *base;
static struct export_tls *tls;
static struct export_server *server;
static struct event *stopper;
static pthread_t thread;
static int stop_pipe[2];
static size_t body_size; /* 0: BODY */
static bool mute;        /* no page ever comes */
static struct pki *authority;
static const char *ca_file, *cert_file, *key_file;

static void asked(void *context, struct export_key key)
{
	struct export_page *page = mute ? NULL : export_page_new(key, 1, 0);
	char line[64];

	(void)context;
	if (!page)
		return;
	memset(line, '#', sizeof(line));
	buffer_append_string(&page->plain, body_size ? "" : BODY);
	while (page->plain.length < body_size)
		buffer_append(&page->plain, line, sizeof(line));
	export_clients_answer(export_server_clients(server), page);
	export_page_unref(page);
}

static void stop(evutil_socket_t fd, short what, void *context)
{
	(void)fd;
	(void)what;
	(void)context;
	export_server_stop(server);
	(void)event_base_loopbreak(base);
}

static void *run(void *context)
{
	(void)event_base_dispatch(base);
	return context;
}

static int set_up(void **state)
{
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	scratch = scratch_new();
	telemetry = telemetry_new();
	base = event_base_new();
	assert_non_null(base);
	tls = NULL;
	body_size = 0;
	mute = false;
	authority = pki_new("authority");
	return 0;
}

static void write_pair(const char *names)
{
	struct pki_pair pair = pki_issue(authority, names, 3600);

	cert_file = scratch_write(scratch, "tls.crt", pair.cert);
	key_file = scratch_write(scratch, "tls.key", pair.key);
	pki_pair_free(&pair);
}

static void start(struct export_deadlines deadlines, bool with_tls, bool with_ca)
{
	struct export_server_options options = {
		.clients = {.deadlines = deadlines, .asked = asked, .telemetry = telemetry}};
	struct error err = {""};

	assert_int_equal(export_address_parse("127.0.0.1:0", &options.address, &err), 0);
	if (with_tls) {
		write_pair("IP:127.0.0.1");
		ca_file = scratch_write(scratch, "ca.crt", pki_ca(authority));
		tls = export_tls_new(&(struct export_flags){.cert_file = cert_file,
					     .key_file = key_file,
					     .client_ca_file = with_ca ? ca_file : ""},
			telemetry, &err);
		if (!tls)
			fail_msg("%s", err.message);
	}
	options.clients.tls = tls;
	server = export_server_start(&options, base, &err);
	if (!server)
		fail_msg("%s", err.message);
	assert_int_equal(pipe(stop_pipe), 0);
	stopper = event_new(base, stop_pipe[0], EV_READ, stop, NULL);
	assert_int_equal(event_add(stopper, NULL), 0);
	assert_int_equal(pthread_create(&thread, NULL, run, NULL), 0);
}

static int tear_down(void **state)
{
	(void)state;
	assert_int_equal(write(stop_pipe[1], "x", 1), 1);
	(void)pthread_join(thread, NULL);
	event_free(stopper);
	(void)close(stop_pipe[0]);
	(void)close(stop_pipe[1]);
	export_tls_free(tls);
	event_base_free(base);
	telemetry_free(telemetry);
	pki_free(authority);
	scratch_free(scratch);
	return 0;
}

static const struct export_deadlines PATIENT = {60000, 60000, 60000};

static uint64_t closed(const char *reason)
{
	return telemetry_get(telemetry_counter(
		telemetry, "tacho_agent_metrics_connections_closed_total", "", "reason", reason));
}

static uint64_t answered(const char *code)
{
	return telemetry_get(telemetry_counter(
		telemetry, "tacho_agent_metrics_requests_total", "", "code", code));
}

static bool is_closed(void *reason)
{
	return closed(reason) > 0;
}

static int connect_plain(void)
{
	int fd = https_tcp(export_server_port(server));

	assert_true(fd >= 0);
	return fd;
}

static void send_text(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* Reads until `end` stands at the end of what came, or the server closes. */
static char *receive(int fd, const char *end)
{
	static char text[65536];
	size_t length = 0, size = strlen(end);

	for (;;) {
		ssize_t got = recv(fd, text + length, sizeof(text) - 1 - length, 0);

		if (got < 0 && errno == ECONNRESET)
			got = 0; /* with something of ours unread */
		assert_true(got >= 0);
		length += (size_t)got;
		text[length] = '\0';
		if (got == 0 ||
			(length >= size && size > 0 && strcmp(text + length - size, end) == 0))
			return text;
	}
}

/* --- plain ------------------------------------------------------------------------------------ */

static void a_connection_serves_again_and_again(void **state)
{
	int fd;

	(void)state;
	start(PATIENT, false, false);
	fd = connect_plain();
	for (int i = 0; i < 3; i++) {
		char *text;

		send_text(fd, GET_PAGE);
		text = receive(fd, "\n" BODY);
		assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\nDate: ", 23), 0);
		assert_non_null(strstr(text, "\r\nContent-Length: 4\r\n"));
		assert_non_null(strstr(
			text, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
		assert_null(strstr(text, "Connection: close"));
	}
	/* two at once, and in pieces */
	send_text(fd, GET_PAGE "GET /met");
	wait_ms(50);
	send_text(fd, "rics HTTP/1.1\r\nConnection: close\r\n\r\n");
	assert_non_null(strstr(receive(fd, ""), "\r\nConnection: close\r\n\r\n" BODY));
	(void)close(fd);
	assert_int_equal(answered("200"), 5);
}

static void head_has_no_body(void **state)
{
	char *text;
	int fd;

	(void)state;
	start(PATIENT, false, false);
	fd = connect_plain();
	send_text(fd, "HEAD /metrics HTTP/1.0\r\n\r\n");
	text = receive(fd, "");
	assert_non_null(strstr(text, "\r\nContent-Length: 4\r\n"));
	assert_string_equal(text + strlen(text) - 4, "\r\n\r\n");
	(void)close(fd);
}

static void what_is_not_served_is_said(void **state)
{
	static const struct {
		const char *request, *answer;
	} CASES[] = {
		{"GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n"},
		{"PUT /metrics HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed\r\n"},
		{"nonsense\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
		{"GET /metrics HTTP/3.0\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
	};

	(void)state;
	start(PATIENT, false, false);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		int fd = connect_plain();
		char *text;

		send_text(fd, CASES[i].request);
		text = receive(fd, "");
		assert_int_equal(strncmp(text, CASES[i].answer, strlen(CASES[i].answer)), 0);
		if (i == 1)
			assert_non_null(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
		(void)close(fd);
	}
	assert_int_equal(answered("404"), 1);
	assert_int_equal(answered("505"), 1);
}

static void a_long_head_is_refused(void **state)
{
	char head[EXPORT_REQUEST_MAX + 1];
	int fd;

	(void)state;
	start(PATIENT, false, false);
	fd = connect_plain();
	/* at the bound it is taken */
	memset(head, 'x', sizeof(head));
	memcpy(head, "GET /metrics HTTP/1.1\r\nX: ", 26);
	memcpy(head + EXPORT_REQUEST_MAX - 4, "\r\n\r\n", 5);
	send_text(fd, head);
	assert_non_null(strstr(receive(fd, BODY), "200 OK"));
	memset(head + EXPORT_REQUEST_MAX - 4, 'x', 4);
	send_text(fd, head);
	assert_int_equal(strncmp(receive(fd, ""), "HTTP/1.1 431 ", 13), 0);
	(void)close(fd);
	assert_int_equal(closed("bad_request"), 1);
}

/* --- slow clients ----------------------------------------------------------------------------- */

static void who_drips_is_cut(void **state)
{
	uint64_t from_ms = wait_now_ms();
	int fd;

	(void)state;
	start((struct export_deadlines){500, 60000, 60000}, false, false);
	fd = connect_plain();
	while (closed("receive_timeout") == 0 && wait_now_ms() - from_ms < 20000) {
		(void)!send(fd, "x", 1, MSG_NOSIGNAL);
		wait_ms(20);
	}
	(void)close(fd);
	assert_int_equal(closed("receive_timeout"), 1);
	assert_true(wait_now_ms() - from_ms >= 500);
}

static void who_does_not_read_is_cut(void **state)
{
	int fd;

	(void)state;
	body_size = 64UL * 1024 * 1024; /* more than any socket keeps */
	start((struct export_deadlines){60000, 500, 60000}, false, false);
	fd = connect_plain();
	send_text(fd, GET_PAGE);
	assert_true(wait_until(is_closed, (void *)(uintptr_t) "answer_timeout", 20000));
	(void)close(fd);
}

static void who_gets_no_page_is_cut(void **state)
{
	int fd;

	(void)state;
	mute = true;
	start((struct export_deadlines){60000, 300, 60000}, false, false);
	fd = connect_plain();
	send_text(fd, GET_PAGE);
	assert_string_equal(receive(fd, ""), "");
	assert_int_equal(closed("answer_timeout"), 1);
	(void)close(fd);
}

static void who_is_idle_is_closed(void **state)
{
	int fd;

	(void)state;
	start((struct export_deadlines){60000, 60000, 300}, false, false);
	fd = connect_plain();
	send_text(fd, GET_PAGE);
	(void)receive(fd, "\n" BODY);
	assert_string_equal(receive(fd, ""), "");
	assert_int_equal(closed("idle_timeout"), 1);
	(void)close(fd);
}

static void connections_are_bounded(void **state)
{
	int fds[EXPORT_MAX_CONNECTIONS], more;

	(void)state;
	start(PATIENT, false, false);
	for (int i = 0; i < EXPORT_MAX_CONNECTIONS; i++) {
		fds[i] = connect_plain();
		send_text(fds[i], i == 3 ? GET_PAGE : "GET /");
		if (i == 3)
			(void)receive(fds[i], "\n" BODY);
	}
	/* for one more who is idle goes */
	more = connect_plain();
	send_text(more, "GET /");
	assert_string_equal(receive(fds[3], ""), "");
	assert_int_equal(closed("made_room"), 1);
	(void)close(fds[3]);
	/* and when nobody is, nobody does */
	fds[3] = connect_plain();
	assert_true(wait_until(is_closed, (void *)(uintptr_t) "too_many", 20000));
	(void)close(more);
	for (int i = 0; i < EXPORT_MAX_CONNECTIONS; i++)
		(void)close(fds[i]);
}

/* Each is served, but not all in the same second. A machine that is busy may not bring about a
 * flood at once. */
static void a_flood_of_connections_waits(void **state)
{
	struct telemetry_series *paused;
	uint64_t served = 0;
	bool more = false;

	(void)state;
	start(PATIENT, false, false);
	paused = telemetry_counter(
		telemetry, "tacho_agent_metrics_accepts_paused_total", "", NULL, NULL);
	for (int i = 0; i < 5000 && !more; i++, served++) {
		int fd = connect_plain();

		more = telemetry_get(paused) > 0; /* one more, which waits */
		send_text(fd, GET_PAGE);
		(void)receive(fd, "\n" BODY);
		(void)close(fd);
	}
	assert_true(more);
	assert_true(served >= EXPORT_MAX_ACCEPTS);
	assert_int_equal(answered("200"), served);
}

/* --- TLS -------------------------------------------------------------------------------------- */

static struct https *open_with(const struct pki *issuer, const char *usage)
{
	struct pki_pair pair;
	struct https *https;

	if (!issuer)
		return https_open(export_server_port(server), ca_file);
	pair = pki_issue_client(
		issuer, &(struct pki_client){.common_name = "prometheus", .usage = usage});
	https = https_open_as(export_server_port(server), ca_file, pair.cert, pair.key);
	pki_pair_free(&pair);
	return https;
}

/* TLS 1.3: the client's handshake is over before the server looks at its certificate. */
static int status_with(const struct pki *issuer, const char *usage)
{
	struct https *https = open_with(issuer, usage);
	struct https_response response = {0};
	int status;

	if (!https)
		return 0;
	response = https_get(https, "/metrics", NULL, "");
	status = response.status;
	if (status == 200)
		assert_string_equal(response.body, BODY);
	https_response_free(&response);
	https_close(https);
	return status;
}

static void only_who_has_a_certificate_of_the_ca_is_let_in(void **state)
{
	struct pki *other;

	(void)state;
	start(PATIENT, true, true);
	other = pki_new("authority"); /* of the same name */
	assert_int_equal(status_with(authority, "clientAuth"), 200);
	assert_int_equal(status_with(NULL, NULL), 0);
	assert_int_equal(status_with(other, "clientAuth"), 0);
	assert_int_equal(status_with(authority, "serverAuth"), 0);
	assert_int_equal(answered("200"), 1);
	pki_free(other);
	assert_true(wait_until(is_closed, (void *)(uintptr_t) "handshake_failed", 20000));
}

static void without_a_ca_everybody_is_let_in(void **state)
{
	(void)state;
	start(PATIENT, true, false);
	assert_int_equal(status_with(NULL, NULL), 200);
}

static void plain_http_to_tls_is_cut(void **state)
{
	int fd;

	(void)state;
	start(PATIENT, true, true);
	fd = connect_plain();
	send_text(fd, GET_PAGE);
	assert_null(strstr(receive(fd, ""), "HTTP"));
	(void)close(fd);
	assert_int_equal(answered("200"), 0);
}

/* All there can be, and more: whoever has a certificate gets in all the same. */
static void strangers_keep_nobody_out(void **state)
{
	int fds[2 * EXPORT_MAX_CONNECTIONS];

	(void)state;
	start(PATIENT, true, true);
	for (int i = 0; i < EXPORT_MAX_CONNECTIONS; i++)
		fds[i] = connect_plain();
	assert_int_equal(status_with(authority, "clientAuth"), 200);
	for (int i = EXPORT_MAX_CONNECTIONS; i < 2 * EXPORT_MAX_CONNECTIONS; i++) {
		fds[i] = connect_plain();
		assert_int_equal(status_with(authority, "clientAuth"), 200);
	}
	assert_int_equal(closed("too_many"), 0);
	assert_true(closed("made_room") > 0);
	for (int i = 0; i < 2 * EXPORT_MAX_CONNECTIONS; i++)
		(void)close(fds[i]);
}

static void who_never_shakes_hands_is_cut(void **state)
{
	int fd;

	(void)state;
	start((struct export_deadlines){300, 60000, 60000}, true, true);
	fd = connect_plain();
	assert_string_equal(receive(fd, ""), "");
	assert_int_equal(closed("receive_timeout"), 1);
	(void)close(fd);
}

static bool is_let_in(void *issuer)
{
	return status_with(issuer, "clientAuth") == 200;
}

static bool is_stale(void *context)
{
	(void)context;
	return telemetry_get(telemetry_gauge(
		       telemetry, "tacho_agent_metrics_certificate_stale", "", NULL, NULL)) == 1;
}

static void renewed_certificates_are_used(void **state)
{
	struct pki *next;

	(void)state;
	start(PATIENT, true, true);
	next = pki_new("next");
	assert_int_equal(status_with(next, "clientAuth"), 0);
	/* half-written: what there was serves on */
	(void)scratch_write(scratch, "ca.crt.new", pki_ca(authority));
	(void)scratch_write(scratch, "tls.key", "-----BEGIN");
	assert_true(wait_until(is_stale, NULL, 20000));
	assert_int_equal(status_with(authority, "clientAuth"), 200);
	/* another CA, which has signed the server's own certificate too */
	pki_free(authority);
	authority = next;
	write_pair("IP:127.0.0.1");
	(void)scratch_write(scratch, "ca.crt", pki_ca(next));
	assert_true(wait_until(is_let_in, next, 20000));
	assert_false(is_stale(NULL));
}

static void bad_files_are_said(void **state)
{
	static const char *const WORDS[] = {"absent: No such file", "no certificate with its key",
		"is not that of", "no certificate, as PEM, is in"};
	struct export_flags flags[4];
	struct pki_pair other;
	struct error err;

	(void)state;
	start(PATIENT, true, true);
	for (int i = 0; i < 4; i++)
		flags[i] = (struct export_flags){
			.cert_file = cert_file, .key_file = key_file, .client_ca_file = ca_file};
	flags[0].cert_file = scratch_path(scratch, "absent");
	flags[1].cert_file = scratch_write(scratch, "text", "no PEM\n");
	other = pki_issue(authority, "DNS:x", 9);
	flags[2].key_file = scratch_write(scratch, "other.key", other.key);
	pki_pair_free(&other);
	flags[3].client_ca_file = scratch_path(scratch, "text");
	for (int i = 0; i < 4; i++) {
		assert_null(export_tls_new(&flags[i], telemetry, &err));
		if (!strstr(err.message, WORDS[i]))
			fail_msg("\"%s\" does not say \"%s\"", err.message, WORDS[i]);
	}
}

static void a_taken_port_is_said(void **state)
{
	struct export_server_options options = {
		.clients = {.deadlines = PATIENT, .telemetry = telemetry}};
	char address[64];
	struct error err;

	(void)state;
	start(PATIENT, false, false);
	(void)snprintf(address, sizeof(address), "127.0.0.1:%u", export_server_port(server));
	assert_int_equal(export_address_parse(address, &options.address, &err), 0);
	assert_null(export_server_start(&options, base, &err));
	assert_non_null(strstr(err.message, "--metrics-address: Address already in use"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_connection_serves_again_and_again),
		TEST(head_has_no_body),
		TEST(what_is_not_served_is_said),
		TEST(a_long_head_is_refused),
		TEST(who_drips_is_cut),
		TEST(who_does_not_read_is_cut),
		TEST(who_gets_no_page_is_cut),
		TEST(who_is_idle_is_closed),
		TEST(connections_are_bounded),
		TEST(a_flood_of_connections_waits),
		TEST(only_who_has_a_certificate_of_the_ca_is_let_in),
		TEST(without_a_ca_everybody_is_let_in),
		TEST(plain_http_to_tls_is_cut),
		TEST(strangers_keep_nobody_out),
		TEST(who_never_shakes_hands_is_cut),
		TEST(renewed_certificates_are_used),
		TEST(bad_files_are_said),
		TEST(a_taken_port_is_said),
	};

	return cmocka_run_group_tests_name("export_server", tests, NULL, NULL);
}
