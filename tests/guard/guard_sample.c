/* What a message of an agent costs the aggregator, of a node of 30 pods of two containers.
 *
 * sample: through NNG, TLS and ingest's thread into the store
 * intake: a sample from the decoded record on, without NNG and TLS
 * intake_all: the same of a sample with every metric that is not opt-in
 * catalog: the same of a catalog, into a store with metadata */
#include "agent/wire.h"
#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/intake.h"
#include "aggregator/ingest/tally.h"
#include "base/clock.h"
#include "tests/guard/counting.h"
#include "tests/guard/node_report.h"
#include "tests/guard/world.h"
#include "tests/harness/ingest_fixture.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CONTAINERS  2
#define PIPE        1
#define PATIENCE_MS 120000
#define HOUR_NS     (3600 * NS_PER_SECOND)

/* --- from the record on ----------------------------------------------------------------------- */

struct record {
	struct intake *intake;
	struct buffer message[2]; /* in turns */
};

static void take(void *context, unsigned rounds)
{
	const struct record *record = context;

	for (unsigned i = 0; i < rounds; i++) {
		const struct buffer *message = &record->message[i % 2];

		intake_receive(
			record->intake, PIPE, message->data, message->length, clock_monotonic_ns());
		intake_settle(record->intake, clock_monotonic_ns());
	}
}

static void introduce(struct intake *intake, const char *node, const char *secret)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	struct buffer out = {0};

	hello.node = wire_string(node);
	hello.credential.data = (uint8_t *)wire_string(secret);
	hello.credential.len = strlen(secret);
	message.kind_case = TACHO__V1__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	wire_append(&message, &out);
	intake_receive(intake, PIPE, out.data, out.length, clock_monotonic_ns());
	buffer_free(&out);
}

static uint64_t taken(struct telemetry *telemetry, const char *kind)
{
	return telemetry_get(
		telemetry_counter(telemetry, "tacho_aggregator_messages_total", "", "kind", kind));
}

static void counts_intake(void **state)
{
	const struct world world = {.nodes = 100, .containers = CONTAINERS, .namespaces = 12};
	struct telemetry *telemetry = telemetry_new();
	struct store *store = world_store(&world, telemetry);
	struct connections *connections = connections_new(1);
	struct tally tally;
	const struct intake_options options = {.connections = connections,
		.tally = &tally,
		.store = store,
		.secret = INGEST_FIXTURE_SECRET,
		.secret_size = strlen(INGEST_FIXTURE_SECRET),
		.hello_ns = UINT64_MAX / 2,
		.silence_ns = UINT64_MAX / 2};
	struct record samples = {0}, whole = {0}, catalogs = {0};

	(void)state;
	tally_register(&tally, telemetry);
	world_tell_nodes(store, &world);
	world_tell_pods(store, &world);
	world_tell_figures(store, &world);
	samples.intake = whole.intake = catalogs.intake = intake_new(&options);
	assert_true(
		connections_open(connections, PIPE, &(struct address){0}, clock_monotonic_ns()));
	introduce(samples.intake, "node-00000", INGEST_FIXTURE_SECRET);
	for (unsigned i = 0; i < 2; i++) {
		node_report_catalog(0, CONTAINERS, NODE_REPORT_REVISION + i, &catalogs.message[i]);
		node_report_sample(CONTAINERS, NODE_REPORT_METRICS, &samples.message[i]);
		node_report_sample(CONTAINERS, NODE_REPORT_ALL, &whole.message[i]);
	}
	counted_say("sample_bytes", (double)samples.message[0].length, "bytes");
	counted_say("sample_all_bytes", (double)whole.message[0].length, "bytes");
	counted_work(&(struct counted_work){"intake", COUNTED_MAIN, take, &samples, 100, true});
	assert_int_equal(taken(telemetry, "sample"), 400);
	counted_work(&(struct counted_work){"catalog", COUNTED_MAIN, take, &catalogs, 50, true});
	assert_int_equal(taken(telemetry, "catalog"), 200);
	take(&catalogs, 1); /* whose samples these are */
	counted_work(&(struct counted_work){"intake_all", COUNTED_MAIN, take, &whole, 100, true});
	assert_int_equal(taken(telemetry, "sample"), 800);

	connections_free(connections);
	intake_free(samples.intake);
	for (unsigned i = 0; i < 2; i++) {
		buffer_free(&samples.message[i]);
		buffer_free(&whole.message[i]);
		buffer_free(&catalogs.message[i]);
	}
	store_free(store);
	telemetry_free(telemetry);
}

/* --- over the wire ---------------------------------------------------------------------------- */

struct agent {
	struct wire_client *client;
	struct buffer sample;
	struct telemetry *telemetry;
};

/* As ingest sees them at 1 Hz: each is taken before the next one comes. */
static void push(void *context, unsigned rounds)
{
	const struct agent *agent = context;
	const struct timespec moment = {.tv_nsec = 50000};

	for (unsigned i = 0; i < rounds; i++) {
		uint64_t before = taken(agent->telemetry, "sample"),
			 deadline_ms = wait_now_ms() + PATIENCE_MS;

		wire_client_send(agent->client, agent->sample.data, agent->sample.length);
		while (taken(agent->telemetry, "sample") == before && wait_now_ms() < deadline_ms)
			(void)nanosleep(&moment, NULL);
		assert_int_equal(taken(agent->telemetry, "sample"), before + 1);
	}
}

static void counts_ingest(void **state)
{
	struct ingest_fixture *fixture;
	struct agent agent = {0};
	struct buffer catalog = {0};

	assert_int_equal(ingest_fixture_set_up(state), 0);
	fixture = *state;
	fixture->options.handshake_ns = fixture->options.silence_ns = HOUR_NS;
	ingest_fixture_start(fixture);
	agent.telemetry = fixture->telemetry;
	agent.client = ingest_fixture_connect(fixture);
	wire_client_send_hello(agent.client, "node", INGEST_FIXTURE_SECRET);
	node_report_catalog(0, CONTAINERS, NODE_REPORT_REVISION, &catalog);
	node_report_sample(CONTAINERS, NODE_REPORT_METRICS, &agent.sample);
	wire_client_send(agent.client, catalog.data, catalog.length);
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	counted_work(&(struct counted_work){"sample", COUNTED_OTHERS, push, &agent, 100, true});
	wire_client_free(agent.client);
	buffer_free(&catalog);
	buffer_free(&agent.sample);
	assert_int_equal(ingest_fixture_tear_down(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_intake),
		cmocka_unit_test(counts_ingest),
	};

	return cmocka_run_group_tests_name("sample", tests, NULL, NULL);
}
