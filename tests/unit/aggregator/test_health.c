/* aggregator/api/health: how much of a cluster must have reported before clients are let come. */
#include "aggregator/api/health.h"

#include "tests/harness/cluster.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct telemetry *telemetry;
static struct store *store;
static struct https_server *server;

static _Atomic bool listed;

static const char *is_listed(void *unused)
{
	(void)unused;
	return listed ? NULL : "not yet";
}

static void start(uint32_t reporting, uint32_t ready_ms)
{
	static const struct api_condition LISTED = {"listed", is_listed, NULL};
	const struct cluster_shape shape = {
		.nodes = reporting, .pods = 1, .containers = 1, .namespaces = 1, .seed = 1};
	struct store_options store_options = {.expiry_ns = UINT64_MAX / 2,
		.max_nodes = 100,
		.max_pods = 100,
		.metadata = true,
		.required = METRIC_BIT(METRIC_NODE_CPU_USAGE)};
	const struct api_options options = {.metadata = true,
		.ready_ms = ready_ms,
		.conditions = &LISTED,
		.condition_count = 1};
	struct error err;

	listed = true;

	telemetry = telemetry_new();
	store_options.telemetry = telemetry;
	store = store_new(&store_options, &err);
	assert_non_null(store);
	if (reporting > 0)
		cluster_fill(store, &shape);
	server = https_server_start(store, telemetry, &options);
}

static int stop(void **state)
{
	(void)state;
	https_server_stop(server);
	store_free(store);
	telemetry_free(telemetry);
	return 0;
}

static void know(uint32_t nodes)
{
	const struct labels none = {0};
	struct error err;
	char name[32];

	for (uint32_t i = 0; i < nodes; i++) {
		(void)snprintf(name, sizeof(name), "node-%05u", i);
		if (store_put_node(store, name, &none, &err) < 0)
			fail_msg("%s", err.message);
	}
}

static int ready(void)
{
	struct https *client = https_open(https_server_port(server), https_server_ca(server));
	struct https_response answer;
	int code;

	assert_non_null(client);
	answer = https_get(client, "/readyz/nodes-reported", HTTPS_SERVER_TOKEN, "");
	code = answer.status;
	https_response_free(&answer);
	https_close(client);
	return code;
}

static void nine_of_ten_nodes_must_have_reported(void **state)
{
	(void)state;
	start(9, 60000);
	assert_int_equal(ready(), 500); /* no node is known yet: nothing can be said */
	know(11);
	assert_int_equal(ready(), 500);
	store_remove_node(store, "node-00010");
	assert_int_equal(ready(), 200);
	/* what was ready stays so: clients are better off with half an answer than with none */
	know(30);
	assert_int_equal(ready(), 200);
}

static bool is_ready(void *unused)
{
	(void)unused;
	return ready() == 200;
}

static void a_node_that_is_away_is_not_waited_for_for_ever(void **state)
{
	(void)state;
	start(0, 1500);
	know(2);
	assert_int_equal(ready(), 500);
	assert_true(wait_until(is_ready, NULL, 20000));
}

/* A list that is half done knows few nodes. */
static void nodes_are_not_judged_before_they_are_listed(void **state)
{
	(void)state;
	start(9, 60000);
	listed = false;
	know(9);
	assert_int_equal(ready(), 500);
	know(11);
	listed = true;
	assert_int_equal(ready(), 500);
	store_remove_node(store, "node-00010");
	assert_int_equal(ready(), 200);
	/* what is not so any more is that condition's to say */
	listed = false;
	assert_int_equal(ready(), 200);
}

static void waiting_begins_with_the_list(void **state)
{
	(void)state;
	start(0, 5000);
	listed = false;
	wait_ms(5500);
	assert_int_equal(ready(), 500);
	know(2);
	listed = true;
	assert_int_equal(ready(), 500);
	assert_true(wait_until(is_ready, NULL, 20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(nine_of_ten_nodes_must_have_reported, stop),
		cmocka_unit_test_teardown(a_node_that_is_away_is_not_waited_for_for_ever, stop),
		cmocka_unit_test_teardown(nodes_are_not_judged_before_they_are_listed, stop),
		cmocka_unit_test_teardown(waiting_begins_with_the_list, stop),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
