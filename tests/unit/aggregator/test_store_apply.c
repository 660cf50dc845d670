/* aggregator/store/apply: which catalogs and samples are taken. */
#include "aggregator/store/store.h"
#include "tests/harness/crowd.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* --- samples that are not taken --------------------------------------------------------------- */

static void drops_samples_of_another_revision(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_sample_usual(&sample, 1, 1, 50);
	assert_int_equal(toy_try_sample(world, "n", &sample), -ESTALE);
	assert_string_equal(
		world->err.message, "taking a sample of node n: no catalog of it is known");
	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_give_sample(world, "n", 1, 1, 5);
	toy_give_catalog(world, "n", 2, "ns/p@u a=1");
	assert_int_equal(toy_try_sample(world, "n", &sample), -ESTALE);
	assert_string_equal(world->err.message,
		"taking a sample of node n: it is of revision 1, the catalog is of 2");
	toy_expect_pods(world, "ns/p@u a=5; ");
	assert_int_equal(
		toy_counted(world, "tacho_aggregator_samples_dropped_total", "unknown_revision"),
		2);
	assert_int_equal(toy_counted(world, "tacho_aggregator_samples_total", NULL), 1);
}

static void refuses_columns_that_do_not_fit(void **state)
{
	static const struct {
		uint32_t id;
		size_t count;
		const char *message; /* NULL = taken */
	} CASES[] = {
		{TOY_PIDS, 2, NULL},
		{TOY_PIDS, 1, "the column of pids has 1 values instead of 2"},
		{TOY_PIDS, 3, "the column of pids has 3 values instead of 2"},
		{TOY_PIDS, 0, "the column of pids has 0 values instead of 2"},
		{TOY_CPU, 2, "the column of cpu_usage comes twice"},
		{TOY_NODE_CPU, 1, "the column of node_cpu_usage comes twice"},
		{103, 1, NULL},
		{103, 2, "the column of node_memory_swap has 2 values instead of 1"},
		{103, 0, "the column of node_memory_swap has 0 values instead of 1"},
		{999, 2, NULL}, /* of a newer agent: skipped, whatever its shape */
		{999, 7, NULL},
		{0, 0, NULL},
		{UINT32_MAX, 1, NULL},
	};
	struct toy_store *world = *state;
	uint64_t refused = 0;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1 b=2");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char expected[512];
		struct toy_sample sample;

		toy_give_sample(world, "n", 1, 2, 5);
		toy_sample_usual(&sample, 1, 2, 7);
		toy_sample_add(&sample, CASES[i].id, CASES[i].count, 0);
		assert_int_equal(
			toy_try_sample(world, "n", &sample), CASES[i].message ? -EINVAL : 0);
		if (CASES[i].message) {
			(void)snprintf(expected, sizeof(expected), "taking a sample of node n: %s",
				CASES[i].message);
			assert_string_equal(world->err.message, expected);
			refused++;
		}
		toy_expect_pods(world, CASES[i].message ? "ns/p@u a=5 b=6; " : "ns/p@u a=7 b=8; ");
		assert_int_equal(
			toy_counted(world, "tacho_aggregator_samples_dropped_total", "invalid"),
			refused);
	}
}

static void skips_an_unknown_metric_that_comes_twice(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_sample_usual(&sample, 1, 1, 5);
	toy_sample_add(&sample, 999, 1, 0);
	toy_sample_add(&sample, 999, 3, 0);
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	toy_expect_pods(world, "ns/p@u a=5; ");
}

static void refuses_window_deltas_that_do_not_fit(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1 b=2");
	for (size_t count = 0; count <= 4; count++) {
		toy_sample_usual(&sample, 1, 2, 0);
		memset(sample.delta, 0, sizeof(sample.delta));
		sample.message.n_window_delta_ms = count;
		assert_int_equal(toy_try_sample(world, "n", &sample),
			count == 0 || count == 2 ? 0 : -EINVAL);
	}
	assert_string_equal(world->err.message,
		"taking a sample of node n: there are 4 window deltas instead of 2");
}

static void takes_a_sample_of_no_rows(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "");
	toy_give_sample(world, "n", 1, 0, 5);
	toy_expect_nodes(world, "n=2005; ");
	toy_sample_usual(&sample, 1, 0, 0);
	toy_sample_add(&sample, TOY_CPU, 0, 0);
	assert_int_equal(toy_try_sample(world, "n", &sample), -EINVAL);
	toy_sample_begin(&sample, 1);
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	toy_expect_nodes(world, "");
}

static bool take_timestamp(void *context, const struct store_pod_view *pod)
{
	*(uint64_t *)context = pod->timestamp_ms;
	return true;
}

static void takes_a_timestamp_that_went_back(void **state)
{
	struct toy_store *world = *state;
	uint64_t timestamp_ms = 0;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_give_sample(world, "n", 1, 1, 5);
	toy_sample_usual(&sample, 1, 1, 6);
	sample.message.timestamp_ms -= 3600000;
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	toy_expect_pods(world, "ns/p@u a=6; ");
	assert_true(store_get_pod(world->store, "ns", "p", take_timestamp, &timestamp_ms));
	assert_int_equal(timestamp_ms, 1700000000000 - 3600000);
}

/* --- catalogs that are not taken -------------------------------------------------------------- */

static void refuses_bad_catalogs_whole(void **state)
{
	static const struct {
		const char *words;
		const char *message; /* NULL = taken */
	} CASES[] = {
		{"ns/p@u a=1; ns/q@u b=2", "two pods have the uid u"},
		{"ns/p@u a=1; ns/q@v b=2; x/y@u", "two pods have the uid u"},
		{"ns/p@u a=1; ns/p@v a=1", NULL}, /* one name, one id: not one pod */
		{"ns/p@ a=1", "pod 0: it has no uid"},
		{"ns/p@u a=1 b=1", "pod 0: two of its rows are the container 1"},
		{"ns/p@u a=1; ns/q@v a=2 b=1 c=2", "pod 1: two of its rows are the container 2"},
		{"ns/p@u a= a=", "pod 0: two of its rows are the container a"},
		{"ns/p@u " TOY_NAME_253 "=1", NULL},
		{"ns/p@u a" TOY_NAME_253 "=1",
			"pod 0: a container's name is longer than 253 bytes"},
		{"ns/p@u a=" TOY_NAME_253, NULL},
		{"ns/p@u a=a" TOY_NAME_253, "pod 0: a container's id is longer than 253 bytes"},
		{TOY_NAME_253 "/p@u", NULL},
		{"a" TOY_NAME_253 "/p@u", "pod 0: its namespace is longer than 253 bytes"},
		{"ns/" TOY_NAME_253 "@u", NULL},
		{"ns/a" TOY_NAME_253 "@u", "pod 0: its name is longer than 253 bytes"},
		{"ns/p@" TOY_NAME_253, NULL},
		{"ns/p@a" TOY_NAME_253, "pod 0: its uid is longer than 253 bytes"},
		{"ns/p\n@u", "pod 0: its name has the control character 0x0a in it"},
		{"n\x01s/p@u", "pod 0: its namespace has the control character 0x01 in it"},
		{"ns/p@u\x7f", "pod 0: its uid has the control character 0x7f in it"},
		{"ns/p@u a\t=1", "pod 0: a container's name has the control character 0x09 in it"},
		{"ns/p/q@u", "pod 0: its name \"p/q\" has a '/' in it"},
		{"ns/p%2f@u", "pod 0: its name \"p%2f\" has a '%' in it"},
		{"n%s/p@u", "pod 0: its namespace \"n%s\" has a '%' in it"},
		{"ns/p@u a/b=1", "pod 0: a container's name \"a/b\" has a '/' in it"},
		{"ns/p@u a=x/y%z", NULL}, /* ids stand in no path */
		{"ns/p@u/%", NULL},
		{"../p@u", "pod 0: its namespace is \"..\""},
		{"ns/.@u", "pod 0: its name is \".\""},
		{"ns/...@u", NULL},
		{"ns/\xff@u", "pod 0: its name is not UTF-8"},
		{"ns/caf\xc3\xa9@u", NULL},
	};
	struct toy_store *world = *state;
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char expected[512];

		toy_give_catalog(world, "n", 1, "ns/old@u a=1");
		toy_give_sample(world, "n", 1, 1, 5);
		if (!CASES[i].message) {
			toy_give_catalog(world, "n", 2, CASES[i].words);
			continue;
		}
		(void)snprintf(expected, sizeof(expected), "taking the catalog of node n: %s",
			CASES[i].message);
		toy_refuse_catalog(world, "n", 2, CASES[i].words, -EINVAL, expected);
		refused++;
		toy_expect_pods(world, "ns/old@u a=5; ");
		toy_give_sample(world, "n", 1, 1, 6); /* the revision is the old one too */
		toy_expect_pods(world, "ns/old@u a=6; ");
	}
	assert_int_equal(
		toy_counted(world, "tacho_aggregator_catalogs_refused_total", "invalid"), refused);
}

static void refuses_bad_nodes(void **state)
{
	struct toy_store *world = *state;
	struct toy_catalog catalog;

	toy_refuse_catalog(
		world, "n", 0, "", -EINVAL, "taking the catalog of node n: its revision is 0");
	toy_refuse_catalog(
		world, "", 1, "", -EINVAL, "taking the catalog of node : the node has no name");
	toy_refuse_catalog(world, "a/b", 1, "", -EINVAL,
		"taking the catalog of node a/b: the node's name \"a/b\" has a '/' in it");
	assert_int_equal(toy_try_catalog(world, "a" TOY_NAME_253, 1, ""), -EINVAL);
	assert_non_null(strstr(world->err.message, "longer than 253 bytes"));
	(void)toy_read_catalog(&catalog, 1, "");
	catalog.node.architecture = (char[]){"a\nb"};
	assert_int_equal(store_apply_catalog(
				 world->store, "n", &catalog.message, world->now_ns, &world->err),
		-EINVAL);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 0);
	toy_give_catalog(world, TOY_NAME_253, 1, "");
	toy_give_sample(world, TOY_NAME_253, 1, 0, 0);
	assert_int_equal(store_served_nodes(world->store), 1);
}

static void bounds_the_nodes(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "a", 1, "");
	toy_give_catalog(world, "b", 1, "");
	toy_give_catalog(world, "c", 1, "");
	toy_refuse_catalog(world, "d", 1, "", -ENOSPC,
		"taking the catalog of node d: 3 nodes are known, which is the most");
	assert_int_equal(
		toy_counted(world, "tacho_aggregator_catalogs_refused_total", "max_nodes"), 1);
	toy_give_catalog(world, "b", 2, "");
	toy_wait(world, TOY_EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	toy_give_catalog(world, "d", 1, "");
}

/* --- catalogs at their bounds ----------------------------------------------------------------- */

static void bounds_the_pods_of_a_node(void **state)
{
	static const struct {
		size_t pods, containers;
		int result;
		const char *message;
	} CASES[] = {
		{STORE_MAX_PODS_PER_NODE, 0, 0, NULL},
		{STORE_MAX_PODS_PER_NODE, 4, 0, NULL},
		{STORE_MAX_PODS_PER_NODE + 1, 0, -E2BIG, "the node has 1025 pods, more than 1024"},
		{1, STORE_MAX_CONTAINERS_PER_NODE, 0, NULL},
		{1, STORE_MAX_CONTAINERS_PER_NODE + 1, -E2BIG,
			"pod 0: the node has more than 4096 containers"},
		{STORE_MAX_PODS_PER_NODE, 5, -E2BIG,
			"pod 819: the node has more than 4096 containers"},
	};
	struct toy_store *world = *state;
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct crowd crowd;

		toy_give_catalog(world, "n", 1, "ns/old@u a=1");
		toy_give_sample(world, "n", 1, 1, 5);
		crowd_make(&crowd, "ns", 0, CASES[i].pods, CASES[i].containers);
		assert_int_equal(store_apply_catalog(world->store, "n", &crowd.message,
					 world->now_ns, &world->err),
			CASES[i].result);
		if (CASES[i].result < 0) {
			assert_non_null(strstr(world->err.message, CASES[i].message));
			toy_expect_pods(world, "ns/old@u a=5; ");
			refused++;
		} else {
			assert_int_equal(
				toy_counted(world, "tacho_aggregator_pods", NULL), CASES[i].pods);
			assert_int_equal(toy_counted(world, "tacho_aggregator_containers", NULL),
				CASES[i].pods * CASES[i].containers);
		}
		crowd_free(&crowd);
	}
	assert_int_equal(
		toy_counted(world, "tacho_aggregator_catalogs_refused_total", "too_big"), refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drops_samples_of_another_revision),
		TEST(refuses_columns_that_do_not_fit),
		TEST(skips_an_unknown_metric_that_comes_twice),
		TEST(refuses_window_deltas_that_do_not_fit),
		TEST(takes_a_sample_of_no_rows),
		TEST(takes_a_timestamp_that_went_back),
		TEST(refuses_bad_catalogs_whole),
		TEST(refuses_bad_nodes),
		TEST(bounds_the_nodes),
		TEST(bounds_the_pods_of_a_node),
	};

	return cmocka_run_group_tests_name("store: applying", tests, NULL, NULL);
}
