/* aggregator/ingest in a cluster: agents that prove by tokens who they are, over real NNG with TLS
 * into the real store. The reviews are a desk's. */
#include "tests/harness/ingest_fixture.h"

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

#define HOUR_S      3600ULL
#define PATIENCE_MS 60000

struct world {
	struct ingest_fixture *fixture;
	struct review_desk *desk;
	struct ingest_agents agents;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	void *fixture;

	assert_non_null(world);
	assert_int_equal(ingest_fixture_set_up(&fixture), 0);
	world->fixture = fixture;
	world->desk = review_desk_new();
	world->agents = (struct ingest_agents){.desk = review_desk_of(world->desk),
		.audience = REVIEW_DESK_AUDIENCE,
		.service_account = REVIEW_DESK_ACCOUNT};
	world->fixture->options.agents = &world->agents;
	world->fixture->options.secret = NULL;
	world->fixture->options.secret_size = 0;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	void *fixture = world->fixture;

	(void)ingest_fixture_tear_down(&fixture);
	review_desk_free(world->desk);
	free(world);
	return 0;
}

static uint64_t realtime_s(void)
{
	return clock_realtime_ns() / NS_PER_SECOND;
}

static void say_hello(
	struct wire_client *client, const char *node, const char *worth, uint64_t ends_s)
{
	char token[REVIEW_DESK_TOKEN];

	wire_client_send_hello(client, node, review_desk_token(token, worth, ends_s));
}

static struct wire_client *connect_as(struct world *world, const char *worth)
{
	struct wire_client *client = ingest_fixture_connect(world->fixture);

	say_hello(client, "", worth, realtime_s() + HOUR_S);
	return client;
}

static bool holds_bytes(void *context)
{
	struct world *world = context;

	return telemetry_get(telemetry_gauge(world->fixture->telemetry,
		       "tacho_aggregator_held_catalog_bytes", "", NULL, NULL)) > 0;
}

static bool nobody_waits(void *context)
{
	struct world *world = context;
	struct telemetry *telemetry = world->fixture->telemetry;

	return telemetry_get(telemetry_gauge(
		       telemetry, "tacho_aggregator_agent_reviews_waiting", "", NULL, NULL)) == 0;
}

/* --- before the verdict ----------------------------------------------------------------------- */

static void applies_nothing_before_the_verdict(void **state)
{
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;
	struct wire_client *client;

	review_desk_set_holding(world->desk, true);
	ingest_fixture_start(fixture);
	client = connect_as(world, "agent/node-1/pod-1");
	wire_client_send_catalog(client, 1, 1);
	wire_client_send_sample(client, 1, 1, 11);
	wire_client_send_catalog(client, 2, 2); /* the newest is kept */
	wire_client_send_sample(client, 2, 2, 22);
	assert_true(ingest_fixture_dropped(fixture, "under_review", 2));
	assert_true(holds_bytes(world));
	assert_true(ingest_fixture_took(fixture, "catalog", 0));
	assert_int_equal(store_served_nodes(fixture->store), 0);

	review_desk_set_holding(world->desk, false);
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	assert_true(ingest_fixture_took(fixture, "hello", 1));
	assert_false(holds_bytes(world));
	wire_client_send_sample(client, 2, 2, 33);
	assert_true(ingest_fixture_serves(fixture, 33));
	wire_client_free(client);
}

static void closes_whose_token_is_refused(void **state)
{
	static const char *const WORTHS[] = {"bad", "default/node-1/pod-1", "agent/-/pod-1"};
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;

	ingest_fixture_start(fixture);
	for (size_t i = 0; i < sizeof(WORTHS) / sizeof(WORTHS[0]); i++) {
		struct wire_client *client;

		review_desk_set_holding(world->desk, true); /* until all is said */
		client = connect_as(world, WORTHS[i]);
		wire_client_send_catalog(client, 1, 1);
		review_desk_set_holding(world->desk, false);
		assert_true(wire_client_hung_up(client));
		assert_true(ingest_fixture_closed(fixture, "hello_refused", i + 1));
		wire_client_free(client);
	}
	assert_false(holds_bytes(world));
	assert_true(ingest_fixture_took(fixture, "catalog", 0));
}

static void no_agent_speaks_for_another_node(void **state)
{
	struct world *world = *state;
	struct wire_client *client;
	struct log_capture *log;
	bool closed, said;

	ingest_fixture_start(world->fixture);
	log = log_capture_start();
	client = ingest_fixture_connect(world->fixture);
	say_hello(client, "node-2", "agent/node-1/pod-1", 0);
	closed = wire_client_hung_up(client);
	said = log_capture_has(log,
		"speaks for node 'node-2', but its token is that of an agent on node 'node-1'",
		PATIENCE_MS);
	log_capture_stop(log);
	assert_true(closed);
	assert_true(said);
	wire_client_free(client);
}

static void speaks_before_its_hello(void **state)
{
	struct world *world = *state;
	struct wire_client *client;

	ingest_fixture_start(world->fixture);
	client = ingest_fixture_connect(world->fixture);
	wire_client_send_catalog(client, 1, 1);
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(world->fixture, "before_hello", 1));
	wire_client_free(client);
}

/* A catalog of one pod whose name is so long. */
static void send_large_catalog(struct wire_client *client, size_t size)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Pod pod = TACHO__V1__POD__INIT, *pods[] = {&pod};
	char *name = malloc(size + 1);
	uint8_t *data;

	assert_non_null(name);
	memset(name, 'x', size);
	name[size] = '\0';
	pod.name = name;
	catalog.n_pods = 1;
	catalog.pods = pods;
	message.kind_case = TACHO__V1__MESSAGE__KIND_CATALOG;
	message.catalog = &catalog;
	data = malloc(tacho__v1__message__get_packed_size(&message));
	assert_non_null(data);
	wire_client_send(client, data, tacho__v1__message__pack(&message, data));
	free(data);
	free(name);
}

static void bounds_the_catalogs_that_wait(void **state)
{
	enum { CLIENTS = 70, BYTES = 1000000 };
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;
	struct wire_client *clients[CLIENTS];
	uint64_t fit = (64U << 20) / BYTES;

	review_desk_set_holding(world->desk, true);
	ingest_fixture_start(fixture);
	for (size_t i = 0; i < CLIENTS; i++) {
		clients[i] = connect_as(world, "agent/node-1/pod-1");
		send_large_catalog(clients[i], BYTES);
	}
	assert_true(ingest_fixture_closed(fixture, "too_much_held", CLIENTS - fit));
	assert_true(ingest_fixture_dropped(fixture, "too_much_held", CLIENTS - fit));
	for (size_t i = 0; i < CLIENTS; i++)
		wire_client_free(clients[i]);
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_held_catalog_bytes", NULL, NULL, 0));
	assert_true(ingest_fixture_counts(
		fixture, "tacho_aggregator_agent_reviews_waiting", NULL, NULL, 0));
}

/* --- while kube-apiserver is away ------------------------------------------------------------- */

static void new_agents_wait_and_accepted_ones_go_on(void **state)
{
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;
	struct wire_client *old, *new;

	fixture->options.handshake_ns = 3 * NS_PER_SECOND;
	ingest_fixture_start(fixture);
	old = connect_as(world, "agent/node-1/pod-1");
	wire_client_send_catalog(old, 1, 1);
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	review_desk_set_away(world->desk, true);
	new = connect_as(world, "agent/node-2/pod-2");
	wire_client_send_catalog(new, 1, 1);
	say_hello(old, "", "agent/node-1/fresh", realtime_s() + 2 * HOUR_S);
	for (uint64_t i = 1; i <= 70; i++) { /* more than twice as long as a handshake may take */
		wire_client_send_sample(old, 1, 1, i);
		wire_client_send_sample(new, 1, 1, i);
		wait_ms(100);
	}
	assert_true(ingest_fixture_took(fixture, "sample", 70));
	assert_true(ingest_fixture_dropped(fixture, "under_review", 70));
	assert_int_equal(store_served_nodes(fixture->store), 1);
	assert_true(ingest_fixture_counts(fixture, "tacho_aggregator_connections", NULL, NULL, 2));

	review_desk_set_away(world->desk, false);
	assert_true(wait_until(nobody_waits, world, PATIENCE_MS));
	assert_true(ingest_fixture_took(fixture, "catalog", 2));
	assert_true(ingest_fixture_took(fixture, "hello", 3));
	wire_client_free(old);
	wire_client_free(new);
}

static void a_waiting_agent_that_falls_silent_is_closed(void **state)
{
	struct world *world = *state;
	struct wire_client *client;

	world->fixture->options.silence_ns = 3 * NS_PER_SECOND;
	review_desk_set_away(world->desk, true);
	ingest_fixture_start(world->fixture);
	client = connect_as(world, "agent/node-1/pod-1");
	assert_true(wire_client_hung_up(client));
	assert_true(ingest_fixture_closed(world->fixture, "silent", 1));
	assert_true(ingest_fixture_counts(
		world->fixture, "tacho_aggregator_agent_reviews_waiting", NULL, NULL, 0));
	wire_client_free(client);
}

/* --- the end of a token ----------------------------------------------------------------------- */

static void closes_whose_token_has_ended(void **state)
{
	struct world *world = *state;
	struct wire_client *stale, *fresh;

	world->fixture->options.handshake_ns = 2 * NS_PER_SECOND; /* and between two reviews */
	ingest_fixture_start(world->fixture);
	stale = ingest_fixture_connect(world->fixture);
	fresh = ingest_fixture_connect(world->fixture);
	say_hello(stale, "node-1", "agent/node-1/pod-1", realtime_s() - 23);
	say_hello(fresh, "node-2", "agent/node-2/pod-2", realtime_s() - 23);
	assert_true(ingest_fixture_took(world->fixture, "hello", 2));
	say_hello(fresh, "node-2", "agent/node-2/pod-2", realtime_s() + HOUR_S);
	assert_true(wire_client_hung_up(stale));
	assert_true(ingest_fixture_closed(world->fixture, "token_expired", 1));
	assert_true(ingest_fixture_took(world->fixture, "hello", 3));
	wire_client_send_catalog(fresh, 1, 1);
	wire_client_send_sample(fresh, 1, 1, 5);
	assert_true(ingest_fixture_serves(world->fixture, 5));
	wire_client_free(stale);
	wire_client_free(fresh);
}

/* --- the end of ingest ------------------------------------------------------------------------ */

static void stops_while_reviews_are_under_way(void **state)
{
	struct world *world = *state;
	struct wire_client *clients[5];

	world->agents.max_reviews = 2;
	review_desk_set_holding(world->desk, true);
	ingest_fixture_start(world->fixture);
	for (size_t i = 0; i < 5; i++)
		clients[i] = connect_as(world, "agent/node-1/pod-1");
	assert_true(ingest_fixture_counts(
		world->fixture, "tacho_aggregator_agent_reviews_waiting", NULL, NULL, 3));
	assert_true(ingest_fixture_counts(
		world->fixture, "tacho_aggregator_agent_reviews_in_flight", NULL, NULL, 2));
	ingest_stop(world->fixture->ingest);
	world->fixture->ingest = NULL;
	assert_int_equal(review_desk_counts(world->desk).cancelled, 2);
	for (size_t i = 0; i < 5; i++)
		wire_client_free(clients[i]);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(applies_nothing_before_the_verdict),
		T(closes_whose_token_is_refused),
		T(no_agent_speaks_for_another_node),
		T(speaks_before_its_hello),
		T(bounds_the_catalogs_that_wait),
		T(new_agents_wait_and_accepted_ones_go_on),
		T(a_waiting_agent_that_falls_silent_is_closed),
		T(closes_whose_token_has_ended),
		T(stops_while_reviews_are_under_way),
	};

	return cmocka_run_group_tests_name("ingest_agents", tests, NULL, NULL);
}
