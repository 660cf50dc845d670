/* aggregator/store with Kubernetes' metadata: which pods and nodes are served, under which names
 * and labels, whatever comes first. */
#include "base/clock.h"
#include "tests/harness/toy_metadata.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

/* --- bounds ----------------------------------------------------------------------------------- */

static uint64_t refused(const struct toy_store *world, const char *reason)
{
	return toy_counted(world, "tacho_aggregator_metadata_refused_total", reason);
}

static void takes_as_many_as_it_may(void **state)
{
	struct toy_store *world = *state;
	char words[32];

	for (int i = 0; i < TOY_MOST_KNOWN_PODS; i++) {
		(void)snprintf(words, sizeof(words), "ns/p%d@u%d", i, i);
		toy_put_pod(world, words);
	}
	assert_int_equal(toy_try_pod(world, "ns/more@more"), -ENOSPC);
	assert_string_equal(
		world->err.message, "taking pod ns/more: 8 pods are known, which is the most");
	assert_int_equal(refused(world, "max_pods"), 1);
	toy_put_pod(world, "ns/p0@u0 app=x"); /* none more */
	toy_put_pod(world, "ns/p1@other");
	toy_remove_pod(world, "ns/p2@u2");
	toy_put_pod(world, "ns/more@more");
	for (int i = 0; i < 3; i++) {
		(void)snprintf(words, sizeof(words), "n%d", i);
		toy_put_node(world, words);
	}
	assert_int_equal(toy_try_node(world, "n"), -ENOSPC);
	assert_int_equal(refused(world, "max_nodes"), 1);
	toy_put_node(world, "n0 a=b");
	store_remove_node(world->store, "n0");
	toy_put_node(world, "n");
}

static void refuses_what_is_no_name(void **state)
{
	static const struct {
		const char *words, *message;
	} CASES[] = {
		{"/a@1", "taking pod /a: its namespace is empty"},
		{"ns/@1", "taking pod ns/: its name is empty"},
		{"ns/a@", "taking pod ns/a: its uid is empty"},
		{"n%s/a@1", "taking pod n%s/a: its namespace \"n%s\" has a '%' in it"},
		{"ns/..@1", "taking pod ns/..: its name is \"..\""},
		{"ns/a\x01@1",
			"taking pod ns/a\x01: its name has the control character 0x01 in it"},
		{"ns/a@\xff", "taking pod ns/a: its uid is not UTF-8"},
		{"ns/a@1 b=1 a=2", "taking pod ns/a: its labels are not sorted at \"a\""},
		{"ns/a@1 a=1 a=2", "taking pod ns/a: its labels are not sorted at \"a\""},
		{"ns/a@1 a=\xc0\x80", "taking pod ns/a: a label's value is not UTF-8"},
		{"ns/a@1 a\x7f=1",
			"taking pod ns/a: a label's key has the control character 0x7f in it"},
	};
	struct toy_store *world = *state;
	struct store_pod_metadata pod = {"ns", "a", "1", "", &(struct labels){0}};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_int_equal(toy_try_pod(world, CASES[i].words), -EINVAL);
		assert_string_equal(world->err.message, CASES[i].message);
		assert_int_equal(refused(world, "invalid"), i + 1);
	}
	assert_int_equal(store_put_pod(world->store, &pod, &world->err), -EINVAL);
	assert_int_equal(toy_try_node(world, ""), -EINVAL);
	assert_int_equal(toy_try_node(world, "a/b"), -EINVAL);
	assert_int_equal(toy_try_node(world, "n b=1 a=1"), -EINVAL);
	assert_int_equal(store_known_nodes(world->store), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_metadata_pods", NULL), 0);
}

/* Every text at its bound, and one beyond it. */
static void bounds_names_and_labels(void **state)
{
	static const struct {
		size_t namespace, name, uid, labels, key, value;
		int result;
	} CASES[] = {
		{253, 253, 253, 512, 512, 256, 0},
		{254, 1, 1, 0, 0, 0, -EINVAL},
		{1, 254, 1, 0, 0, 0, -EINVAL},
		{1, 1, 254, 0, 0, 0, -EINVAL},
		{1, 1, 1, 513, 4, 1, -EINVAL},
		{1, 1, 1, 1, 513, 1, -EINVAL},
		{1, 1, 1, 1, 1, 257, -EINVAL},
		{1, 1, 1, 1, 4, 0, 0},
	};
	static char keys[513][520], value[300], names[3][300];
	static struct label label[513];
	struct toy_store *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct labels labels = {label, CASES[i].labels};
		const struct store_pod_metadata pod = {
			names[0], names[1], names[2], names[2], &labels};

		(void)snprintf(names[0], 300, "%0*d", (int)CASES[i].namespace, 0);
		(void)snprintf(names[1], 300, "%0*d", (int)CASES[i].name, 0);
		(void)snprintf(names[2], 300, "%0*d", (int)CASES[i].uid, 0);
		(void)snprintf(value, sizeof(value), "%0*d", (int)CASES[i].value, 0);
		if (CASES[i].value == 0)
			*value = '\0';
		for (int l = 0; l < (int)CASES[i].labels; l++) {
			(void)snprintf(keys[l], 520, "%0*d", (int)CASES[i].key, l);
			label[l] = (struct label){keys[l], value};
		}
		assert_int_equal(store_put_pod(world->store, &pod, &world->err), CASES[i].result);
		assert_int_equal(store_put_node(world->store, names[1], &labels, &world->err),
			CASES[i].uid > 253 || CASES[i].namespace > 253 ? 0 : CASES[i].result);
	}
}

/* --- totals ----------------------------------------------------------------------------------- */

static void expect_totals(struct toy_store *world, uint64_t pods, uint64_t containers,
	uint64_t name_bytes, uint64_t labels, uint64_t label_bytes)
{
	struct store_totals totals = store_totals(world->store);

	assert_int_equal(totals.pods, pods);
	assert_int_equal(totals.containers, containers);
	assert_int_equal(totals.name_bytes, name_bytes);
	assert_int_equal(totals.labels, labels);
	assert_int_equal(totals.label_bytes, label_bytes);
}

static void adds_up_what_a_list_can_have(void **state)
{
	struct toy_store *world = *state;

	toy_put_pod(world, "ns/web@1 app=web tier=front");
	toy_give_node(world, "n", "long-name/longer-name@1 server=1 c=2; /@2 c=1", 3, 1);
	expect_totals(world, 1, 2, 2 + 3 + 6 + 1, 2, 3 + 3 + 4 + 5);
	toy_put_pod(world, "ns/db-0@2 app=db statefulset.kubernetes.io/pod-name=db-0");
	expect_totals(world, 2, 3, 12 + 2 + 4 + 1, 4, 15 + 3 + 2 + 34 + 4);
	toy_put_pod(world, "ns/web@1");
	expect_totals(world, 2, 3, 19, 2, 43);
	toy_give_catalog(world, "n", 2, "/@1 server=1");
	expect_totals(world, 1, 1, 2 + 3 + 6, 0, 0);
	toy_remove_pod(world, "ns/db-0@2");
	toy_give_node(world, "rogue", "/@1 a=1 b=2 c=3", 3, 1);
	expect_totals(world, 1, 1, 11, 0, 0);
	toy_give_catalog(world, "n", 3, "/@1 =1");
	expect_totals(world, 0, 0, 0, 0, 0); /* nothing to list */
	toy_remove_pod(world, "ns/web@1");
	expect_totals(world, 0, 0, 0, 0, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_metadata_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_as_many_as_it_may),
		TEST(refuses_what_is_no_name),
		TEST(bounds_names_and_labels),
		TEST(adds_up_what_a_list_can_have),
	};

	return cmocka_run_group_tests_name("store: metadata's bounds", tests, NULL, NULL);
}
