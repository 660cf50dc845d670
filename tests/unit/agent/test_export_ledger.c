/* agent/export_ledger: a pod's counters never go back while it lives. */
#include "agent/export_ledger.h"
#include "tests/harness/export_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <cmocka.h>

#define S  1000000000ULL
#define RX FIELD_NETWORK_RECEIVE_BYTES
#define TX FIELD_NETWORK_TRANSMIT_BYTES

static struct export_world world;
static struct telemetry *telemetry;
static struct export_ledger *ledger;
static uint64_t now_ns;

static void make(uint32_t pods, uint32_t containers)
{
	export_world_make(&world, pods, containers);
	telemetry = telemetry_new();
	ledger = export_ledger_new(
		FIELD_BIT(RX) | FIELD_BIT(TX) | FIELD_BIT(FIELD_CPU_USAGE_NS), "", telemetry);
	assert_non_null(ledger);
	now_ns = S;
}

static int tear_down(void **state)
{
	(void)state;
	export_world_free(&world);
	export_ledger_free(ledger);
	telemetry_free(telemetry);
	return 0;
}

static void look(void)
{
	now_ns += S;
	export_ledger_add(ledger, &world.roster, world.readings, world.rows, now_ns);
}

static uint64_t received(uint32_t pod)
{
	uint64_t value = 0;

	assert_true(export_ledger_pod(ledger, world.uids[pod], RX, &value));
	return value;
}

static void a_pod_is_the_sum_of_its_containers(void **state)
{
	uint64_t value;

	(void)state;
	make(2, 2);
	world.readings[0].value[RX] = 100;
	world.readings[1].value[RX] = 20;
	world.readings[2].value[RX] = 3;
	world.readings[3].value[RX] = 4;
	look();
	assert_int_equal(received(0), 120);
	assert_int_equal(received(1), 7);
	world.readings[1].value[RX] = 25;
	look();
	look();
	assert_int_equal(received(0), 125);
	assert_false(export_ledger_pod(ledger, world.uids[0], FIELD_PIDS, &value));
	assert_false(export_ledger_pod(ledger, "nobody", RX, &value));
}

static void a_restart_takes_nothing_away(void **state)
{
	(void)state;
	make(1, 2);
	world.readings[0].value[RX] = 1000;
	world.readings[1].value[RX] = 10;
	look();
	export_world_restart(&world, 0);
	look();
	assert_int_equal(received(0), 1010);
	world.readings[0].value[RX] = 7;
	look();
	assert_int_equal(received(0), 1017);
}

/* An agent that starts anew begins a counter anew: at nothing, not with all that a container has
 * used since it began, which Prometheus would take for the growth of one second. */
static void what_was_before_the_agent_is_no_growth(void **state)
{
	uint64_t value;

	(void)state;
	make(1, 2);
	world.cgroups[0].created_ns = 0;
	for (int row = 0; row < 2; row++) {
		world.readings[row].value[FIELD_CPU_USAGE_NS] = 5000;
		world.readings[row].value[RX] = 70; /* counted by the agent */
	}
	look();
	assert_true(export_ledger_pod(ledger, world.uids[0], FIELD_CPU_USAGE_NS, &value));
	assert_int_equal(value, 5000); /* of the younger one */
	assert_int_equal(received(0), 140);
	world.readings[0].value[FIELD_CPU_USAGE_NS] = 5009;
	look();
	assert_true(export_ledger_pod(ledger, world.uids[0], FIELD_CPU_USAGE_NS, &value));
	assert_int_equal(value, 5009);
	/* it began while the agent looked: all of it counts */
	export_world_restart(&world, 0);
	world.cgroups[0].created_ns = now_ns;
	world.readings[0].value[FIELD_CPU_USAGE_NS] = 30;
	look();
	assert_true(export_ledger_pod(ledger, world.uids[0], FIELD_CPU_USAGE_NS, &value));
	assert_int_equal(value, 5039);
}

/* A pod that crashes has no container between two tries. */
static void a_pod_without_containers_is_kept(void **state)
{
	uint64_t value;

	(void)state;
	make(1, 1);
	world.readings[0].value[RX] = 1000;
	look();
	world.roster.pod_count = 0;
	for (int i = 0; i < 600; i++)
		look();
	world.roster.pod_count = 1;
	export_world_restart(&world, 0);
	world.readings[0].value[RX] = 5;
	look();
	assert_int_equal(received(0), 1005);
	/* but not for ever */
	world.roster.pod_count = 0;
	now_ns += LEDGER_KEEP_NS + 61 * S;
	look();
	assert_false(export_ledger_pod(ledger, world.uids[0], RX, &value));
	/* and it may come back */
	world.roster.pod_count = 1;
	look();
	assert_int_equal(received(0), 0);
	world.readings[0].value[RX] = 6;
	look();
	assert_int_equal(received(0), 1);
}

static void steps_back_are_told_apart(void **state)
{
	(void)state;
	make(1, 1);
	world.readings[0].value[RX] = 1000;
	look();
	world.readings[0].value[RX] = 990; /* two sources that round differently */
	look();
	assert_int_equal(received(0), 1000);
	world.readings[0].value[RX] = 1001;
	look();
	assert_int_equal(received(0), 1001);
	world.readings[0].value[RX] = 3; /* it began anew */
	look();
	assert_int_equal(received(0), 1004);
}

static void what_is_not_read_is_not_told(void **state)
{
	uint64_t value;

	(void)state;
	make(1, 1);
	world.readings[0].valid = FIELD_BIT(TX);
	world.readings[0].value[TX] = 9;
	look();
	assert_false(export_ledger_pod(ledger, world.uids[0], RX, &value));
	assert_true(export_ledger_pod(ledger, world.uids[0], TX, &value));
	assert_int_equal(value, 9);
	world.readings[0].valid = 0; /* what was told stays */
	look();
	assert_true(export_ledger_pod(ledger, world.uids[0], TX, &value));
	assert_int_equal(value, 9);
}

/* Beyond the bound who has gone makes room; who is there keeps theirs. */
static void pods_are_bounded(void **state)
{
	struct telemetry_series *dropped;
	uint64_t value;

	(void)state;
	make(LEDGER_MAX_PODS + 10, 1);
	dropped = telemetry_counter(
		telemetry, "tacho_agent_metrics_pods_dropped_total", "", NULL, NULL);
	look();
	assert_int_equal(telemetry_get(dropped), 10);
	assert_false(export_ledger_pod(ledger, world.uids[LEDGER_MAX_PODS], RX, &value));
	/* the first hundred leave, the last ten find room in the second look after */
	memmove(world.roster.pods, world.roster.pods + 100,
		(LEDGER_MAX_PODS - 90) * sizeof(*world.roster.pods));
	world.roster.pod_count = LEDGER_MAX_PODS - 90;
	look();
	look();
	assert_true(export_ledger_pod(ledger, world.uids[LEDGER_MAX_PODS + 9], RX, &value));
	assert_true(export_ledger_pod(ledger, world.uids[100], RX, &value));
	assert_int_equal(value, world.readings[100].value[RX]);
}

static void start_times_are_known(void **state)
{
	uint64_t wall_ms = (uint64_t)time(NULL) * 1000, started_ms;
	struct stat folder;

	(void)state;
	make(1, 2);
	world.cgroups[0].created_ns = now_ns; /* a second before the look */
	world.cgroups[1].created_ns = 0;
	strcpy(world.cgroups[1].path, "/"); /* of its folder, below "" */
	assert_int_equal(stat("/", &folder), 0);
	look();
	started_ms = export_ledger_started_ms(ledger, &world.cgroups[0]);
	assert_in_range(started_ms, wall_ms - 3000, wall_ms + 1000);
	assert_int_equal(
		export_ledger_started_ms(ledger, &world.cgroups[1]) / 1000, folder.st_ctim.tv_sec);
	world.cgroups[1].id++;
	assert_int_equal(export_ledger_started_ms(ledger, &world.cgroups[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_pod_is_the_sum_of_its_containers, tear_down),
		cmocka_unit_test_teardown(a_restart_takes_nothing_away, tear_down),
		cmocka_unit_test_teardown(what_was_before_the_agent_is_no_growth, tear_down),
		cmocka_unit_test_teardown(a_pod_without_containers_is_kept, tear_down),
		cmocka_unit_test_teardown(steps_back_are_told_apart, tear_down),
		cmocka_unit_test_teardown(what_is_not_read_is_not_told, tear_down),
		cmocka_unit_test_teardown(pods_are_bounded, tear_down),
		cmocka_unit_test_teardown(start_times_are_known, tear_down),
	};

	return cmocka_run_group_tests_name("export_ledger", tests, NULL, NULL);
}
