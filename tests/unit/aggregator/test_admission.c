/* ingest/admission in a cluster: who speaks for a node, and why connections end. The pipes are
 * numbers only, time is what the test says, the reviews are a desk's. */
#include "aggregator/ingest/admission.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/review_desk.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000
#define START_NS    (1000 * NS_PER_SECOND)
#define HOUR_S      3600ULL

struct world {
	struct telemetry *telemetry;
	struct store *store;
	struct review_desk *desk;
	struct kube_desk kube;
	struct tally tally;
	struct connections *connections;
	struct proof_rules rules;
	struct admission *admission;
	uint64_t now_ns;
	struct connection *next;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct hello_reviews_options reviews;
	struct admission_options options;

	assert_non_null(world);
	world->telemetry = telemetry_new();
	world->store = store_new(&(struct store_options){.expiry_ns = 15 * NS_PER_SECOND,
					 .max_nodes = 3,
					 .metadata = true,
					 .max_pods = 10,
					 .telemetry = world->telemetry},
		NULL);
	world->desk = review_desk_new();
	world->kube = review_desk_of(world->desk);
	tally_register(&world->tally, world->telemetry);
	world->connections = connections_new(10);
	reviews = (struct hello_reviews_options){.desk = &world->kube,
		.audience = REVIEW_DESK_AUDIENCE,
		.service_account = REVIEW_DESK_ACCOUNT,
		.max_under_way = 10,
		.max_waiting = 10,
		.telemetry = world->telemetry};
	world->rules = (struct proof_rules){.reviews = hello_reviews_new(&reviews),
		.desk = &world->kube,
		.store = world->store,
		.gap_ns = 10 * NS_PER_SECOND};
	options = (struct admission_options){
		.connections = world->connections, .tally = &world->tally, .rules = &world->rules};
	world->admission = admission_new(&options);
	assert_non_null(world->admission);
	world->now_ns = START_NS;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	connections_free(world->connections);
	admission_free(world->admission);
	hello_reviews_free(world->rules.reviews);
	review_desk_free(world->desk);
	store_free(world->store);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static uint64_t realtime_s(void)
{
	return clock_realtime_ns() / NS_PER_SECOND;
}

static struct connection *open_connection(struct world *world, int pipe)
{
	const struct address local = {0};

	assert_true(connections_open(world->connections, pipe, &local, world->now_ns));
	return connections_find(world->connections, pipe);
}

static void say_hello(struct world *world, struct connection *connection, const char *node,
	const char *worth, uint64_t ends_s)
{
	char token[REVIEW_DESK_TOKEN], name[300];
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;

	(void)snprintf(name, sizeof(name), "%s", node);
	(void)review_desk_token(token, worth, ends_s);
	hello.node = name;
	hello.credential.data = (uint8_t *)token;
	hello.credential.len = strlen(token);
	hello.interval_ms = 1000;
	world->now_ns += NS_PER_MS;
	admission_hello(world->admission, connection, &hello, world->now_ns);
}

static bool lets_in(void *context)
{
	struct world *world = context;

	admission_poll(world->admission, clock_monotonic_ns());
	world->next = admission_next(world->admission, world->now_ns);
	return world->next;
}

static struct connection *let_in(struct world *world, int pipe, const char *worth, uint64_t ends_s)
{
	struct connection *connection = open_connection(world, pipe);

	say_hello(world, connection, "", worth, ends_s);
	assert_true(admission_is_pending(connection));
	assert_true(wait_until(lets_in, world, PATIENCE_MS));
	assert_ptr_equal(world->next, connection);
	assert_false(admission_is_pending(connection));
	return connection;
}

struct closing {
	struct world *world;
	const struct connection *connection;
};

static bool is_closing(void *context)
{
	const struct closing *closing = context;

	assert_false(lets_in(closing->world));
	return closing->connection->closing;
}

static void expect_end(struct world *world, const struct connection *connection, enum tally_end end)
{
	struct closing closing = {world, connection};

	assert_true(wait_until(is_closing, &closing, PATIENCE_MS));
	assert_int_equal(telemetry_get(world->tally.ended[end]), 1);
	assert_false(connection->speaks);
	assert_null(connection->proof.token);
}

static void pass(struct world *world, uint64_t seconds)
{
	world->now_ns += seconds * NS_PER_SECOND;
}

static void check(struct world *world, struct connection *connection)
{
	admission_poll(world->admission, clock_monotonic_ns());
	admission_check(world->admission, connection, world->now_ns);
}

/* --- who speaks ------------------------------------------------------------------------------- */

static void lets_in_who_proves_its_node(void **state)
{
	struct world *world = *state;
	uint64_t ends_s = realtime_s() + HOUR_S; /* of one token, however late it is */
	struct connection *connection = let_in(world, 1, "agent/node-1/pod-1", ends_s);

	assert_string_equal(connection->node, "node-1");
	assert_ptr_equal(connections_of_node(world->connections, "node-1"), connection);
	assert_int_equal(telemetry_get(world->tally.messages[TALLY_KIND_HELLO]), 1);
	say_hello(world, connection, "node-1", "agent/node-1/pod-1", ends_s);
	assert_int_equal(telemetry_get(world->tally.messages[TALLY_KIND_HELLO]), 2);
	assert_int_equal(review_desk_counts(world->desk).asked, 1);
}

static void refuses_who_does_not(void **state)
{
	static const struct {
		const char *node, *worth, *log;
	} CASES[] = {
		{"", "bad", "kube-apiserver does not accept the token"},
		{"", "default/node-1/pod-1", "is that of 'system:serviceaccount:tacho:default'"},
		{"node-2", "agent/node-1/pod-1",
			"speaks for node 'node-2', but its token is that of an agent on node "
			"'node-1'"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct connection *connection = open_connection(world, 100 + (int)i);
		struct closing closing = {world, connection};
		struct log_capture *log = log_capture_start();
		bool closed;
		unsigned said;

		admission_free(world->admission); /* its log is limited */
		world->admission =
			admission_new(&(struct admission_options){.connections = world->connections,
				.tally = &world->tally,
				.rules = &world->rules});
		say_hello(world, connection, CASES[i].node, CASES[i].worth, 0);
		closed = wait_until(is_closing, &closing, PATIENCE_MS);
		said = log_capture_count(log, CASES[i].log);
		log_capture_stop(log);
		assert_true(closed);
		assert_int_equal(said, 1);
		assert_int_equal(telemetry_get(world->tally.ended[TALLY_END_HELLO_REFUSED]), i + 1);
		assert_int_equal(
			telemetry_get(world->tally.dropped[TALLY_DROP_HELLO_REFUSED]), i + 1);
	}
}

static void the_newest_hello_wins_once_it_is_accepted(void **state)
{
	struct world *world = *state;
	struct connection *first = let_in(world, 1, "agent/node-1/pod-1", 0);
	struct connection *rogue = open_connection(world, 2), *second;

	say_hello(world, rogue, "node-1", "bad", 0);
	assert_false(first->closing);
	expect_end(world, rogue, TALLY_END_HELLO_REFUSED);
	assert_ptr_equal(connections_of_node(world->connections, "node-1"), first);
	second = let_in(world, 3, "agent/node-1/pod-2", 0);
	expect_end(world, first, TALLY_END_REPLACED);
	assert_ptr_equal(connections_of_node(world->connections, "node-1"), second);
}

/* The older Hello's review fails at first, and its answer comes last. */
static void an_older_hello_does_not_win_because_its_review_is_late(void **state)
{
	struct world *world = *state;
	struct connection *older = open_connection(world, 1), *newer;

	review_desk_set_poison(world->desk, "agent/node-1/old");
	say_hello(world, older, "", "agent/node-1/old", 0);
	assert_true(review_desk_asked(world->desk, 1));
	newer = let_in(world, 2, "agent/node-1/new", 0);
	review_desk_set_poison(world->desk, NULL);
	expect_end(world, older, TALLY_END_REPLACED);
	assert_false(newer->closing);
	assert_ptr_equal(connections_of_node(world->connections, "node-1"), newer);
}

static void nobody_changes_its_node(void **state)
{
	struct world *world = *state;
	struct connection *connection = let_in(world, 1, "agent/node-1/pod-1", 0);

	say_hello(world, connection, "node-2", "agent/node-2/pod-1", 0);
	expect_end(world, connection, TALLY_END_NODE_CHANGED);
	assert_int_equal(telemetry_get(world->tally.dropped[TALLY_DROP_NODE_CHANGED]), 1);
}

/* --- why it ends ------------------------------------------------------------------------------ */

static void ends_when_the_token_does(void **state)
{
	struct world *world = *state;
	struct connection *connection = let_in(world, 1, "agent/node-1/pod-1", realtime_s() - 40);

	check(world, connection);
	expect_end(world, connection, TALLY_END_TOKEN_EXPIRED);
}

static void ends_when_a_fresh_token_is_refused(void **state)
{
	struct world *world = *state;
	struct connection *connection =
		let_in(world, 1, "agent/node-1/pod-1", realtime_s() + HOUR_S);

	pass(world, 20);
	say_hello(world, connection, "", "other/node-1/pod-1", 0);
	assert_false(connection->closing);
	expect_end(world, connection, TALLY_END_HELLO_REFUSED);
}

static bool is_reviewed(void *context)
{
	const struct closing *closing = context;

	assert_false(lets_in(closing->world));
	return !closing->connection->proof.review;
}

static void ends_when_its_pod_is_gone(void **state)
{
	struct world *world = *state;
	struct connection *connection =
		let_in(world, 1, "agent/node-1/pod-1", realtime_s() + HOUR_S);
	struct closing closing = {world, connection};

	review_desk_set_synced(world->desk, true);
	pass(world, 61);
	check(world, connection); /* a yes: nothing happens */
	assert_true(review_desk_asked(world->desk, 2));
	assert_true(wait_until(is_reviewed, &closing, PATIENCE_MS));
	assert_false(connection->closing);
	review_desk_set_revoked(world->desk, "agent/node-1/pod-1");
	pass(world, 61);
	check(world, connection);
	expect_end(world, connection, TALLY_END_POD_GONE);
	assert_int_equal(telemetry_get(world->tally.messages[TALLY_KIND_HELLO]), 1);
}

static void ends_when_a_token_without_an_end_is_revoked(void **state)
{
	struct world *world = *state;
	struct connection *connection = let_in(world, 1, "agent/node-1/pod-1", 0);

	review_desk_set_revoked(world->desk, "agent/node-1/pod-1");
	pass(world, 601);
	check(world, connection);
	expect_end(world, connection, TALLY_END_TOKEN_REVOKED);
}

/* Others are answered; kube-apiserver only never says whose this token is. */
static void ends_when_there_is_no_answer_for_it_alone(void **state)
{
	struct world *world = *state;
	struct connection *connection = open_connection(world, 1);
	uint64_t began_ms = wait_now_ms();

	review_desk_set_poison(world->desk, "agent/poison");
	say_hello(world, connection, "", "agent/poison", 0);
	for (int pipe = 2; !connection->closing && wait_now_ms() - began_ms < 120000; pipe++) {
		struct connection *other = let_in(world, pipe, "agent/node-1/pod-1", 0);
		uint64_t reaped = 0;

		connections_gone(world->connections, other->pipe);
		(void)connections_reap(world->connections, &reaped);
	}
	expect_end(world, connection, TALLY_END_NO_VERDICT);
}

static void frees_what_was_asked_for_by_who_is_gone(void **state)
{
	struct world *world = *state;
	struct connection *connection = open_connection(world, 1);
	uint64_t reaped = 0;

	review_desk_set_holding(world->desk, true);
	say_hello(world, connection, "", "agent/node-1/pod-1", 0);
	assert_true(review_desk_asked(world->desk, 1));
	connections_gone(world->connections, 1);
	assert_int_equal(connections_reap(world->connections, &reaped), 0);
	review_desk_set_holding(world->desk, false);
	wait_ms(100);
	assert_false(lets_in(world));
	assert_null(connections_of_node(world->connections, "node-1"));
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(lets_in_who_proves_its_node),
		T(refuses_who_does_not),
		T(the_newest_hello_wins_once_it_is_accepted),
		T(an_older_hello_does_not_win_because_its_review_is_late),
		T(nobody_changes_its_node),
		T(ends_when_the_token_does),
		T(ends_when_a_fresh_token_is_refused),
		T(ends_when_its_pod_is_gone),
		T(ends_when_a_token_without_an_end_is_revoked),
		T(ends_when_there_is_no_answer_for_it_alone),
		T(frees_what_was_asked_for_by_who_is_gone),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
