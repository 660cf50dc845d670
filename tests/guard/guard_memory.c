/* What the aggregator keeps: of a pod, of a container, of a client's connection and an agent's. */
#include "base/clock.h"
#include "tests/guard/counting.h"
#include "tests/guard/node_report.h"
#include "tests/guard/world.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/ingest_fixture.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define NODES       500
#define PODS        (NODES * NODE_REPORT_PODS)
#define CONNECTIONS 50
#define LOOK_MS     100
#define PATIENCE_MS 60000

/* Nothing changes for so long: a client's connection loses OpenSSL's buffers at the first sweep,
 * one each second, that finds it idle for more than a second. */
#define RESTING_MS 3000

/* --- the store -------------------------------------------------------------------------------- */

/* All that is kept, and of it what Kubernetes tells of pods. */
static int64_t kept(size_t containers, int64_t *ret_metadata)
{
	const struct world world = {.nodes = NODES, .containers = containers, .namespaces = 12};
	struct telemetry *telemetry = telemetry_new();
	int64_t before = counted_bytes(COUNTED_MAIN), pods, all;
	struct store *store = world_store(&world, telemetry);

	world_tell_nodes(store, &world);
	pods = counted_bytes(COUNTED_MAIN);
	world_tell_pods(store, &world);
	*ret_metadata = counted_bytes(COUNTED_MAIN) - pods;
	world_tell_figures(store, &world);
	all = counted_bytes(COUNTED_MAIN) - before;
	store_free(store);
	telemetry_free(telemetry);
	return all;
}

static void counts_pods(void **state)
{
	int64_t metadata, two = kept(2, &metadata), four = kept(4, &metadata);

	(void)state;
	counted_say("pod_bytes", (double)two / PODS, "bytes");
	counted_say("pod_metadata_bytes", (double)metadata / PODS, "bytes");
	counted_say("container_bytes", (double)(four - two) / (2 * PODS), "bytes");
}

/* --- connections ------------------------------------------------------------------------------ */

/* What the others have allocated once they have come to rest. */
static int64_t settled(void)
{
	uint64_t now_ms = wait_now_ms(), changed_ms = now_ms, deadline_ms = now_ms + PATIENCE_MS;
	int64_t bytes = counted_bytes(COUNTED_OTHERS), before = bytes;

	while (now_ms < changed_ms + RESTING_MS) {
		assert_true(now_ms < deadline_ms);
		wait_ms(LOOK_MS);
		now_ms = wait_now_ms();
		bytes = counted_bytes(COUNTED_OTHERS);
		if (bytes != before)
			changed_ms = now_ms;
		before = bytes;
	}
	return bytes;
}

static struct https *ask(struct guarded_api *api)
{
	struct https *connection = guarded_connect(api, NULL);
	struct https_response answer = guarded_ask_on(
		connection, "GET", "/healthz", "Authorization: Bearer " GUARDED_TOKEN "\r\n");

	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	return connection;
}

/* Idle ones: each has had an answer. */
static void counts_clients(void **state)
{
	const struct guarded_options options = {.access.token_ttl_ns = 3600 * NS_PER_SECOND};
	struct guarded_api *api = guarded_start(&options);
	struct https *first = ask(api), *connection[CONNECTIONS];
	int64_t before = settled();

	(void)state;
	for (size_t i = 0; i < CONNECTIONS; i++)
		connection[i] = ask(api);
	counted_say("client_connection_bytes", (double)(settled() - before) / CONNECTIONS, "bytes");
	for (size_t i = 0; i < CONNECTIONS; i++)
		https_close(connection[i]);
	https_close(first);
	guarded_stop(api);
}

static struct wire_client *introduce(struct ingest_fixture *fixture, size_t number)
{
	struct wire_client *client = ingest_fixture_connect(fixture);
	char node[32];

	(void)snprintf(node, sizeof(node), "node-%05zu", number);
	wire_client_send_hello(client, node, INGEST_FIXTURE_SECRET);
	assert_true(ingest_fixture_took(fixture, "hello", number + 1));
	return client;
}

static void counts_agents(void **state)
{
	struct ingest_fixture *fixture;
	struct wire_client *first, *client[CONNECTIONS];
	int64_t before;

	assert_int_equal(ingest_fixture_set_up(state), 0);
	fixture = *state;
	ingest_fixture_start(fixture);
	first = introduce(fixture, 0);
	before = settled();
	for (size_t i = 0; i < CONNECTIONS; i++)
		client[i] = introduce(fixture, i + 1);
	counted_say("agent_connection_bytes", (double)(settled() - before) / CONNECTIONS, "bytes");
	for (size_t i = 0; i < CONNECTIONS; i++)
		wire_client_free(client[i]);
	wire_client_free(first);
	assert_int_equal(ingest_fixture_tear_down(state), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_pods),
		cmocka_unit_test(counts_clients),
		cmocka_unit_test(counts_agents),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
