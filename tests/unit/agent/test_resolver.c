/* agent/resolver: when it asks, what becomes of answers, failures and look-ups that take for ever.
 */
#include "agent/resolver.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PORT 4460

static struct address address_from(const char *text)
{
	struct address address = {.port = PORT};

	address.family = strchr(text, ':') ? AF_INET6 : AF_INET;
	assert_int_equal(inet_pton(address.family, text, address.ip), 1);
	return address;
}

/* --- a name server of the test ---------------------------------------------------------------- */

struct server {
	struct telemetry *telemetry;
	_Atomic int asked;
	_Atomic int last_octet; /* of the answer; 0: a failure */
	_Atomic bool holds;     /* does not answer */
	_Atomic int left;       /* how often it was done with that */
};

static int serve(void *context, const char *host, uint16_t port, struct resolver_answer *ret_answer,
	struct error *err)
{
	struct server *server = context;
	struct address address = address_from("192.0.2.0");
	int last_octet;

	atomic_fetch_add(&server->asked, 1);
	while (atomic_load(&server->holds))
		wait_ms(5);
	last_octet = atomic_load(&server->last_octet);
	atomic_fetch_add(&server->left, 1); /* from here on it may be gone */
	if (strcmp(host, "aggregator") != 0 || port != PORT)
		return error_set(err, EINVAL, "asked for something else");
	if (last_octet == 0)
		return error_set(err, EIO, "looking up %s: the test fails it", host);
	address.ip[3] = (uint8_t)last_octet;
	resolver_answer_add(ret_answer, &address);
	return 0;
}

static int set_up(void **state)
{
	struct server *server = calloc(1, sizeof(*server));

	assert_non_null(server);
	server->telemetry = telemetry_new();
	server->last_octet = 1;
	*state = server;
	return 0;
}

static int tear_down(void **state)
{
	struct server *server = *state;

	telemetry_free(server->telemetry);
	free(server);
	return 0;
}

static struct resolver *start(struct server *server)
{
	const struct resolver_options options = {.host = "aggregator",
		.port = PORT,
		.look_up = serve,
		.context = server,
		.telemetry = server->telemetry};
	struct error err = {{0}};
	struct resolver *resolver = resolver_new(&options, &err);

	assert_string_equal(err.message, "");
	assert_non_null(resolver);
	return resolver;
}

static uint64_t counted(const struct server *server, const char *result)
{
	return telemetry_get(telemetry_counter(
		server->telemetry, "tacho_agent_lookups_total", "", "result", result));
}

struct wish {
	struct resolver *resolver;
	struct server *server;
	uint64_t now_ns;
	const char *result;
	uint64_t count;
	struct resolver_answer answer;
	int answers;
};

static bool has_result(void *context)
{
	struct wish *wish = context;

	wish->answers += resolver_poll(wish->resolver, false, wish->now_ns, &wish->answer);
	return counted(wish->server, wish->result) >= wish->count;
}

static struct wish await(struct server *server, struct resolver *resolver, uint64_t now_ns,
	const char *result, uint64_t count)
{
	struct wish wish = {.resolver = resolver,
		.server = server,
		.now_ns = now_ns,
		.result = result,
		.count = count};

	assert_true(wait_until(has_result, &wish, 60000));
	return wish;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void answers_are_sorted_and_bounded(void **state)
{
	struct resolver_answer *answer = calloc(1, sizeof(*answer));
	struct address address = address_from("192.0.2.0");

	(void)state;
	assert_non_null(answer);
	for (int i = 200; i > 0; i -= 2) {
		address.ip[3] = (uint8_t)i;
		resolver_answer_add(answer, &address);
		resolver_answer_add(answer, &address);
	}
	assert_int_equal(answer->count, RESOLVER_MAX);
	assert_int_equal(answer->left_out, 100 - RESOLVER_MAX);
	assert_int_equal(answer->family, AF_INET);
	for (int i = 0; i < RESOLVER_MAX; i++)
		assert_int_equal(answer->addresses[i].ip[3], 2 * (i + 1));
	free(answer);
}

static void remembers_the_family_that_came_first(void **state)
{
	struct resolver_answer answer = {.count = 0};
	struct address v4 = address_from("192.0.2.1"), v6 = address_from("2001:db8::1");

	(void)state;
	resolver_answer_add(&answer, &v6);
	resolver_answer_add(&answer, &v4);
	assert_int_equal(answer.family, AF_INET6);
	assert_int_equal(answer.count, 2);
	assert_memory_equal(&answer.addresses[0], &v4, sizeof(v4));
}

static void asks_at_once_and_then_in_its_time(void **state)
{
	struct server *server = *state;
	struct resolver *resolver = start(server);
	uint64_t now_ns = clock_monotonic_ns();
	struct wish wish = await(server, resolver, now_ns, "answer", 1);
	struct resolver_answer answer;

	assert_int_equal(wish.answers, 1);
	assert_int_equal(wish.answer.count, 1);
	assert_int_equal(wish.answer.addresses[0].ip[3], 1);
	assert_int_equal(wish.answer.addresses[0].port, PORT);
	/* 24 to 36 s, or 4 to 6 s */
	assert_false(resolver_poll(resolver, false, now_ns + 20 * NS_PER_SECOND, &answer));
	assert_false(resolver_poll(resolver, true, now_ns + 3 * NS_PER_SECOND, &answer));
	wait_ms(50);
	assert_int_equal(server->asked, 1);
	assert_false(resolver_poll(resolver, true, now_ns + 7 * NS_PER_SECOND, &answer));
	(void)await(server, resolver, now_ns + 7 * NS_PER_SECOND, "answer", 2);
	assert_false(resolver_poll(resolver, false, now_ns + 44 * NS_PER_SECOND, &answer));
	(void)await(server, resolver, now_ns + 44 * NS_PER_SECOND, "answer", 3);
	assert_int_equal(server->asked, 3);
	resolver_free(resolver);
}

static void a_failure_is_no_answer(void **state)
{
	struct server *server = *state;
	struct log_capture *log = log_capture_start();
	struct resolver *resolver;
	struct wish wish;
	uint64_t now_ns;
	unsigned said;

	server->last_octet = 0;
	resolver = start(server);
	now_ns = clock_monotonic_ns();
	wish = await(server, resolver, now_ns, "failure", 1);
	wish.answers += resolver_poll(resolver, true, now_ns + 7 * NS_PER_SECOND, &wish.answer);
	(void)await(server, resolver, now_ns + 7 * NS_PER_SECOND, "failure", 2);
	said = log_capture_count(log, "looking up aggregator: the test fails it");
	log_capture_stop(log);
	assert_int_equal(said, 1); /* for two failures: rate-limited */
	assert_int_equal(wish.answers, 0);
	server->last_octet = 7;
	(void)resolver_poll(resolver, true, now_ns + 14 * NS_PER_SECOND, &wish.answer);
	wish = await(server, resolver, now_ns + 14 * NS_PER_SECOND, "answer", 1);
	assert_int_equal(wish.answer.addresses[0].ip[3], 7);
	resolver_free(resolver);
}

static bool was_asked(void *context)
{
	const struct server *server = context;

	return server->asked > 0;
}

static bool was_left(void *context)
{
	const struct server *server = context;

	return server->left > 0;
}

static void waits_for_nobody(void **state)
{
	struct server *server = *state;
	struct resolver *resolver;
	struct resolver_answer answer;
	uint64_t now_ns = clock_monotonic_ns();

	server->holds = true;
	resolver = start(server);
	assert_true(wait_until(was_asked, server, 60000));
	for (unsigned i = 0; i < 100; i++)
		assert_false(
			resolver_poll(resolver, true, now_ns + i * 10 * NS_PER_SECOND, &answer));
	assert_int_equal(server->asked, 1);
	resolver_free(resolver); /* while the look-up holds, and will until we say so */
	server->holds = false;   /* its thread ends by itself, without a look at the server */
	assert_true(wait_until(was_left, server, 60000));
}

static void knows_the_names_of_this_machine(void **state)
{
	struct server *server = *state;
	const struct resolver_options options = {
		.host = "localhost", .port = PORT, .telemetry = server->telemetry};
	struct resolver *resolver = resolver_new(&options, NULL);
	struct wish wish = await(server, resolver, clock_monotonic_ns(), "answer", 1);
	struct address loopback =
		address_from(wish.answer.addresses[0].family == AF_INET ? "127.0.0.1" : "::1");

	assert_memory_equal(&wish.answer.addresses[0], &loopback, sizeof(loopback));
	resolver_free(resolver);
}

static void says_that_there_is_no_such_name(void **state)
{
	struct server *server = *state;
	const struct resolver_options options = {
		.host = "nobody.invalid", .port = PORT, .telemetry = server->telemetry};
	struct log_capture *log = log_capture_start();
	struct resolver *resolver = resolver_new(&options, NULL);
	bool said;

	(void)await(server, resolver, clock_monotonic_ns(), "failure", 1);
	said = log_capture_has(log, "looking up nobody.invalid: ", 0);
	log_capture_stop(log);
	assert_true(said);
	resolver_free(resolver);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_sorted_and_bounded),
		cmocka_unit_test(remembers_the_family_that_came_first),
		TEST(asks_at_once_and_then_in_its_time),
		TEST(a_failure_is_no_answer),
		TEST(waits_for_nobody),
		TEST(knows_the_names_of_this_machine),
		TEST(says_that_there_is_no_such_name),
	};

	return cmocka_run_group_tests_name("resolver", tests, NULL, NULL);
}
