/* agent/fan_out: which addresses are pushed to, and who is told what. Against real NNG PULL sockets
 * on addresses of loopback. */
#include "agent/fan_out.h"

#include "base/clock.h"
#include "base/tls_config.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/transport/tls/tls.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_S 3600

struct fixture {
	struct scratch *scratch;
	struct telemetry *telemetry;
	struct fan_out *fan_out;
	char url[64];
	uint16_t port; /* of all aggregators */
	uint64_t now_ns;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->scratch = scratch_new();
	fixture->telemetry = telemetry_new();
	fixture->now_ns = clock_monotonic_ns();
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fan_out_free(fixture->fan_out);
	telemetry_free(fixture->telemetry);
	scratch_free(fixture->scratch);
	free(fixture);
	return 0;
}

static uint64_t gauge(const struct fixture *fixture, const char *name)
{
	return telemetry_get(telemetry_gauge(fixture->telemetry, name, "", NULL, NULL));
}

/* --- aggregators ------------------------------------------------------------------------------ */

/* Listens at 127.0.0.<host>, all on one port, by TLS where a config is given. */
static nng_socket open_aggregator(struct fixture *fixture, unsigned host, struct tls_config *tls)
{
	nng_socket pull;
	nng_listener listener;
	nng_sockaddr address;
	char url[64];

	assert_int_equal(nng_pull0_open(&pull), 0);
	assert_int_equal(nng_socket_set_ms(pull, NNG_OPT_RECVTIMEO, 10000), 0);
	(void)snprintf(url, sizeof(url), "%s://127.0.0.%u:%u", tls ? "tls+tcp" : "tcp", host,
		fixture->port);
	assert_int_equal(nng_listener_create(&listener, pull, url), 0);
	if (tls)
		assert_int_equal(
			nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, tls_config_nng(tls)), 0);
	assert_int_equal(nng_listener_start(listener, 0), 0);
	assert_int_equal(nng_listener_get_addr(listener, NNG_OPT_LOCADDR, &address), 0);
	fixture->port = address_of_nng(&address).port;
	return pull;
}

static void expect_message(nng_socket pull, const char *text)
{
	nng_msg *message;

	assert_int_equal(nng_recvmsg(pull, &message, 0), 0);
	assert_int_equal(nng_msg_len(message), strlen(text));
	assert_memory_equal(nng_msg_body(message), text, strlen(text));
	nng_msg_free(message);
}

static void expect_silence(nng_socket pull)
{
	nng_msg *message;

	assert_int_equal(nng_socket_set_ms(pull, NNG_OPT_RECVTIMEO, 100), 0);
	assert_int_equal(nng_recvmsg(pull, &message, 0), NNG_ETIMEDOUT);
	assert_int_equal(nng_socket_set_ms(pull, NNG_OPT_RECVTIMEO, 10000), 0);
}

/* --- the agent's end -------------------------------------------------------------------------- */

static struct fan_out *open_fan_out(struct fixture *fixture, const char *url, const char *ca_file)
{
	const struct fan_out_options options = {
		.url = url, .ca_file = ca_file, .insecure = true, .telemetry = fixture->telemetry};
	struct error err = {{0}};

	fixture->fan_out = fan_out_new(&options, &err);
	assert_string_equal(err.message, "");
	assert_non_null(fixture->fan_out);
	return fixture->fan_out;
}

static void open_named(struct fixture *fixture)
{
	(void)snprintf(
		fixture->url, sizeof(fixture->url), "tcp://aggregator.test:%u", fixture->port);
	(void)open_fan_out(fixture, fixture->url, NULL);
}

/* The name has 127.0.0.<h> for each character h of `hosts`, and as many of ::<h> for `v6`. */
static struct resolver_answer answer_with(
	const struct fixture *fixture, const char *hosts, const char *v6)
{
	struct resolver_answer answer = {.count = 0};

	for (; *v6; v6++) {
		struct address address = {.family = AF_INET6, .port = fixture->port};

		address.ip[15] = (uint8_t)(*v6 - '0');
		resolver_answer_add(&answer, &address);
	}
	for (; *hosts; hosts++) {
		struct address address = {.family = AF_INET, .port = fixture->port};

		assert_int_equal(inet_pton(AF_INET, "127.0.0.0", address.ip), 1);
		address.ip[3] = (uint8_t)(*hosts - '0');
		resolver_answer_add(&answer, &address);
	}
	return answer;
}

/* Some seconds later the name has these addresses. */
static void follow(struct fixture *fixture, unsigned seconds, const char *hosts)
{
	struct resolver_answer answer = answer_with(fixture, hosts, "");

	fixture->now_ns += seconds * NS_PER_SECOND;
	fan_out_follow(fixture->fan_out, &answer, fixture->now_ns);
}

struct wish {
	struct fixture *fixture;
	uint64_t connections;
};

static bool are_connected(void *context)
{
	const struct wish *wish = context;

	fan_out_care(wish->fixture->fan_out, clock_monotonic_ns());
	return gauge(wish->fixture, "tacho_agent_push_connections") == wish->connections;
}

static void await_connections(struct fixture *fixture, uint64_t count)
{
	struct wish wish = {fixture, count};

	assert_true(wait_until(are_connected, &wish, 20000));
}

/* One round, as the agent's tick sends it. */
static unsigned send_round(struct fixture *fixture, uint64_t credential, uint64_t revision)
{
	unsigned wants = fan_out_begin(fixture->fan_out, credential, revision);

	if (wants & TARGET_HELLO)
		assert_int_equal(fan_out_send(fixture->fan_out, TARGET_HELLO, "hello", 5), 0);
	if (wants & TARGET_CATALOG)
		assert_int_equal(fan_out_send(fixture->fan_out, TARGET_CATALOG, "catalog", 7), 0);
	if (wants & TARGET_SAMPLE)
		assert_int_equal(fan_out_send(fixture->fan_out, TARGET_SAMPLE, "sample", 6), 0);
	return wants;
}

static void expect_all_three(nng_socket pull)
{
	expect_message(pull, "hello");
	expect_message(pull, "catalog");
	expect_message(pull, "sample");
}

/* --- options ---------------------------------------------------------------------------------- */

static void refuses_bad_options(void **state)
{
	struct fixture *fixture = *state;
	const char *garbage = scratch_write(fixture->scratch, "garbage.pem", "no certificate\n");
	const struct {
		const char *url, *ca_file, *message;
	} CASES[] = {
		{"http://a:1", "", "url 'http://a:1': want tls+tcp://host:port or ipc:///path"},
		{"tls+tcp://a", "", "url 'tls+tcp://a': want host:port"},
		{"tls+tcp://a:0", "", "want the aggregator's host and port"},
		{"tls+tcp://*:1", "", "want the aggregator's host and port"},
		{"tcp://127.0.0.1:1", "", "refusing to use tcp:// without TLS"},
		{"tls+tcp://a:1", NULL, "connecting to tls+tcp://a:1: TLS needs a CA file"},
		{"tls+tcp://a:1", "/no/such/file", "/no/such/file: No such file or directory"},
		{"tls+tcp://a:1", garbage, "no PEM certificate in it"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct fan_out_options options = {.url = CASES[i].url,
			.ca_file = CASES[i].ca_file,
			.telemetry = fixture->telemetry};
		struct error err = {{0}};

		assert_null(fan_out_new(&options, &err));
		if (!strstr(err.message, CASES[i].message))
			fail_msg("'%s' lacks '%s'", err.message, CASES[i].message);
	}
}

static void knows_names_from_addresses(void **state)
{
	static const struct {
		const char *url, *name;
	} CASES[] = {
		{"tcp://127.0.0.1:1", NULL},
		{"tcp://[::1]:1", NULL},
		{"ipc:///tmp/nobody", NULL},
		{"tcp://localhost:1", "localhost"},
		{"tcp://a.b.svc.cluster.local:1", "a.b.svc.cluster.local"},
		{"tcp://a.b.:1", "a.b."},
		{"tcp://1.2.3:1", "1.2.3"},
	};
	struct fixture *fixture = *state;
	uint16_t port;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct fan_out *fan_out = open_fan_out(fixture, CASES[i].url, NULL);
		const char *name = fan_out_name(fan_out, &port);

		if (CASES[i].name)
			assert_string_equal(name, CASES[i].name);
		else
			assert_null(name);
		assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), CASES[i].name ? 0 : 1);
		assert_false(fan_out_complete(fan_out));
		assert_int_equal(fan_out_begin(fan_out, 1, 1), 0);
		fan_out_free(fan_out);
		fixture->fan_out = NULL;
	}
}

/* --- what is sent to whom --------------------------------------------------------------------- */

static void tells_each_what_it_does_not_know(void **state)
{
	struct fixture *fixture = *state;
	nng_socket first = open_aggregator(fixture, 1, NULL), second;

	open_named(fixture);
	follow(fixture, 0, "12");
	await_connections(fixture, 1);
	assert_false(fan_out_complete(fixture->fan_out));
	assert_int_equal(send_round(fixture, 1, 1), TARGET_HELLO | TARGET_CATALOG | TARGET_SAMPLE);
	expect_all_three(first);
	assert_int_equal(send_round(fixture, 1, 1), TARGET_SAMPLE);
	expect_message(first, "sample");

	second = open_aggregator(fixture, 2, NULL);
	await_connections(fixture, 2);
	assert_true(fan_out_complete(fixture->fan_out));
	assert_int_equal(send_round(fixture, 1, 1), TARGET_HELLO | TARGET_CATALOG | TARGET_SAMPLE);
	expect_message(first, "sample");
	expect_all_three(second);

	assert_int_equal(send_round(fixture, 1, 2), TARGET_CATALOG | TARGET_SAMPLE);
	expect_message(first, "catalog");
	expect_message(second, "catalog");
	expect_message(first, "sample");
	expect_message(second, "sample");

	assert_int_equal(send_round(fixture, 2, 2), TARGET_HELLO | TARGET_SAMPLE);
	expect_message(first, "hello");
	expect_message(second, "hello");
	expect_message(first, "sample");
	expect_message(second, "sample");

	assert_int_equal(nng_close(first), 0);
	await_connections(fixture, 1);
	assert_int_equal(send_round(fixture, 2, 2), TARGET_SAMPLE);
	expect_message(second, "sample");
	assert_int_equal(nng_close(second), 0);
}

/* Whom a Hello could not be sent to gets no Sample in that round. */
static void sends_no_sample_without_its_hello(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_aggregator(fixture, 1, NULL);
	unsigned wants;

	open_named(fixture);
	follow(fixture, 0, "1");
	await_connections(fixture, 1);
	wants = fan_out_begin(fixture->fan_out, 1, 1);
	assert_int_equal(wants, TARGET_HELLO | TARGET_CATALOG | TARGET_SAMPLE);
	for (int i = 0; i < 9; i++) /* more than fit into the queue */
		(void)fan_out_send(fixture->fan_out, TARGET_HELLO, "hello", 5);
	expect_message(pull, "hello"); /* once: it is not wanted any more */
	expect_silence(pull);
	assert_int_equal(send_round(fixture, 1, 1), TARGET_CATALOG | TARGET_SAMPLE);
	expect_message(pull, "catalog");
	expect_message(pull, "sample");
	assert_int_equal(nng_close(pull), 0);
}

/* One does not read: the other gets all. */
static void a_slow_one_holds_up_nobody(void **state)
{
	enum { SIZE = 256 << 10, ROUNDS = 120 };
	struct fixture *fixture = *state;
	nng_socket quick = open_aggregator(fixture, 1, NULL);
	nng_socket slow = open_aggregator(fixture, 2, NULL);
	char *bytes = calloc(1, SIZE);
	uint64_t start_ms;

	assert_non_null(bytes);
	open_named(fixture);
	follow(fixture, 0, "12");
	await_connections(fixture, 2);
	(void)send_round(fixture, 1, 1);
	expect_all_three(quick);
	start_ms = wait_now_ms();
	for (int i = 0; i < ROUNDS; i++) {
		nng_msg *message;

		(void)fan_out_begin(fixture->fan_out, 1, 1);
		(void)fan_out_send(fixture->fan_out, TARGET_SAMPLE, bytes, SIZE);
		assert_int_equal(nng_recvmsg(quick, &message, 0), 0);
		assert_int_equal(nng_msg_len(message), SIZE);
		nng_msg_free(message);
	}
	print_message(
		"%d rounds took %llu ms\n", ROUNDS, (unsigned long long)(wait_now_ms() - start_ms));
	assert_true(telemetry_get(telemetry_counter(fixture->telemetry,
			    "tacho_agent_push_dropped_total", "", NULL, NULL)) > 0);
	free(bytes);
	assert_int_equal(nng_close(quick), 0);
	assert_int_equal(nng_close(slow), 0);
}

/* --- following a name ------------------------------------------------------------------------- */

static void gives_up_who_is_gone(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_aggregator(fixture, 1, NULL);

	open_named(fixture);
	follow(fixture, 0, "12");
	await_connections(fixture, 1); /* 2 is down */
	follow(fixture, 5, "3");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 3);
	follow(fixture, 29, "3");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 3);
	follow(fixture, 1, "3"); /* 30 s: 2 goes, 1 is connected */
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 2);
	follow(fixture, 29, "3");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 2);
	follow(fixture, 1, "3"); /* 60 s */
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 1);
	assert_int_equal(gauge(fixture, "tacho_agent_push_connections"), 0);
	follow(fixture, 5, "13");
	await_connections(fixture, 1);
	assert_int_equal(send_round(fixture, 1, 1), TARGET_HELLO | TARGET_CATALOG | TARGET_SAMPLE);
	expect_all_three(pull);
	assert_int_equal(nng_close(pull), 0);
}

/* Silence of DNS takes nobody away, whatever it lasts, and coming back counts anew. */
static void keeps_who_comes_back(void **state)
{
	struct fixture *fixture = *state;

	fixture->port = 1;
	open_named(fixture);
	follow(fixture, 0, "12");
	follow(fixture, 100000, "12");
	follow(fixture, 5, "1");
	follow(fixture, 29, "12");
	follow(fixture, 5, "1");
	follow(fixture, 29, "1");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 2);
	follow(fixture, 1, "1");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 1);
}

static void is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct log_capture *log = log_capture_start();
	bool said;

	fixture->port = 1;
	open_named(fixture);
	follow(fixture, 0, "12345678");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), FAN_OUT_MAX);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators_left_out"), 0);
	follow(fixture, 5, "123456789");
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), FAN_OUT_MAX);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators_left_out"), 1);
	follow(fixture, 5, "23456789"); /* 9 takes the place of 1 */
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), FAN_OUT_MAX);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators_left_out"), 0);
	said = log_capture_has(log, "too many addresses: 1 are left out, figures go to 8", 0);
	log_capture_stop(log);
	assert_true(said);
}

/* Of a host with both families one address is used: the other family's, when there is nobody. */
static void does_not_push_twice_to_a_host_of_two_families(void **state)
{
	struct fixture *fixture = *state;
	nng_socket pull = open_aggregator(fixture, 1, NULL);
	struct resolver_answer answer = answer_with(fixture, "12", "1");

	open_named(fixture);
	assert_int_equal(answer.family, AF_INET6);
	fan_out_follow(fixture->fan_out, &answer, fixture->now_ns);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 1);
	fan_out_follow(fixture->fan_out, &answer, fixture->now_ns + 10 * NS_PER_SECOND);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 1);
	fan_out_follow(fixture->fan_out, &answer, fixture->now_ns + 11 * NS_PER_SECOND);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 2);
	await_connections(fixture, 1);
	for (unsigned seconds = 15; seconds < 100; seconds += 5)
		fan_out_follow(
			fixture->fan_out, &answer, fixture->now_ns + seconds * NS_PER_SECOND);
	assert_int_equal(gauge(fixture, "tacho_agent_aggregators"), 2);
	assert_int_equal(gauge(fixture, "tacho_agent_push_connections"), 1);
	assert_int_equal(nng_close(pull), 0);
}

/* The certificate is the name's, not the address's. */
static void verifies_the_name(void **state)
{
	struct fixture *fixture = *state;
	struct pki *pki = pki_new("authority");
	struct pki_pair pair = pki_issue(pki, "DNS:aggregator.test", HOUR_S);
	const char *ca_file = scratch_write(fixture->scratch, "ca.pem", pki_ca(pki));
	const char *cert_file = scratch_write(fixture->scratch, "cert.pem", pair.cert);
	const char *key_file = scratch_write(fixture->scratch, "key.pem", pair.key);
	struct tls_config *tls;
	nng_socket pull;

	assert_int_equal(tls_config_server(cert_file, key_file, &tls, NULL), 0);
	pull = open_aggregator(fixture, 1, tls);
	(void)snprintf(
		fixture->url, sizeof(fixture->url), "tls+tcp://aggregator.test.:%u", fixture->port);
	(void)open_fan_out(fixture, fixture->url, ca_file);
	follow(fixture, 0, "1");
	await_connections(fixture, 1);
	(void)send_round(fixture, 1, 1);
	expect_all_three(pull);
	assert_int_equal(nng_close(pull), 0);
	tls_config_free(tls);
	pki_pair_free(&pair);
	pki_free(pki);
}

/* The aggregator has a certificate of an authority that is not in the CA file yet. */
static void verifies_by_the_ca_file_as_it_is_now(void **state)
{
	struct fixture *fixture = *state;
	struct pki *before = pki_new("authority"), *after = pki_new("authority");
	struct pki_pair pair = pki_issue(after, "DNS:aggregator.test", HOUR_S);
	const char *ca_file = scratch_write(fixture->scratch, "ca.pem", pki_ca(before));
	const char *cert_file = scratch_write(fixture->scratch, "cert.pem", pair.cert);
	const char *key_file = scratch_write(fixture->scratch, "key.pem", pair.key);
	struct tls_config *tls;
	nng_socket pull;

	assert_int_equal(tls_config_server(cert_file, key_file, &tls, NULL), 0);
	pull = open_aggregator(fixture, 1, tls);
	(void)snprintf(
		fixture->url, sizeof(fixture->url), "tls+tcp://aggregator.test:%u", fixture->port);
	(void)open_fan_out(fixture, fixture->url, ca_file);
	follow(fixture, 0, "1");
	wait_ms(500);
	assert_int_equal(gauge(fixture, "tacho_agent_push_connections"), 0);
	(void)scratch_write(fixture->scratch, "ca.pem", pki_ca(after));
	await_connections(fixture, 1);
	(void)send_round(fixture, 1, 1);
	expect_all_three(pull);
	assert_int_equal(nng_close(pull), 0);
	tls_config_free(tls);
	pki_pair_free(&pair);
	pki_free(before);
	pki_free(after);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_bad_options),
		TEST(knows_names_from_addresses),
		TEST(tells_each_what_it_does_not_know),
		TEST(sends_no_sample_without_its_hello),
		TEST(a_slow_one_holds_up_nobody),
		TEST(gives_up_who_is_gone),
		TEST(keeps_who_comes_back),
		TEST(is_bounded),
		TEST(does_not_push_twice_to_a_host_of_two_families),
		TEST(verifies_the_name),
		TEST(verifies_by_the_ca_file_as_it_is_now),
	};

	return cmocka_run_group_tests_name("fan_out", tests, NULL, NULL);
}
