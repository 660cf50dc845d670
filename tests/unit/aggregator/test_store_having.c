/* aggregator/store: walks over the pods that have labels, and how many others they see. */
#include "base/clock.h"
#include "tests/harness/crowd.h"
#include "tests/harness/toy_metadata.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- few pods --------------------------------------------------------------------------------- */

static void give_pods(struct toy_store *world)
{
	toy_put_pod(world, "ns/a-1@1 app=a tier=front");
	toy_put_pod(world, "ns/a-2@2 app=a tier=front");
	toy_put_pod(world, "ns/a-3@3 app=a tier=back");
	toy_put_pod(world, "ns/b-1@4 app=b tier=front");
	toy_put_pod(world, "ns/b-2@5 app=b");
	toy_put_pod(world, "ns/c-1@6");
	toy_put_pod(world, "ns/a-15@7 app=a");
	toy_put_pod(world, "other/a-1@8 app=a");
	toy_give_node(world, "n",
		"/@1 c=1; /@2 c=1; /@3 c=1; /@4 c=1; /@5 c=1; /@6 c=1; /@7 c=1; /@8 c=1", 8, 1);
}

static void shows_those_that_have_the_labels(void **state)
{
	static const struct {
		const char *namespace, *having, *shown;
	} CASES[] = {
		{"ns", "app=b", "b-1 b-2 "},
		{"ns", "tier=front", "a-1 a-2 b-1 "},
		{"ns", "tier=back", "a-3 "},
		{"ns", "app=a tier=front", "a-1 a-2 "},
		{"ns", "app=b tier=front", "b-1 "},
		{"ns", "app=b tier=back", ""},
		{"ns", "app=", ""},
		{"ns", "app=c", ""},
		{"ns", "absent=a", ""},
		{"ns", "app=a zone=a", ""},
		{"other", "app=a", "a-1 "},
		{"none", "app=a", ""},
		{"", "app=a", ""},
		/* more than half of the namespace in several groups: a plain walk */
		{"ns", "app=a", "a-1 a-15 a-2 a-3 b-1 b-2 c-1 "},
		/* nothing to look for in the index */
		{"ns", "", "a-1 a-15 a-2 a-3 b-1 b-2 c-1 "},
		{"ns", "apps.kubernetes.io/pod-index=0", "a-1 a-15 a-2 a-3 b-1 b-2 c-1 "},
		{"ns", "app=b apps.kubernetes.io/pod-index=0", "b-1 b-2 "},
		{NULL, "tier=back", "a-1 a-15 a-2 a-3 b-1 b-2 c-1 a-1 "},
	};
	struct toy_store *world = *state;

	give_pods(world);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		toy_expect_having(world, CASES[i].namespace, CASES[i].having, CASES[i].shown);
}

static void forgets_what_pods_had(void **state)
{
	struct toy_store *world = *state;

	give_pods(world);
	toy_remove_pod(world, "ns/a-3@3");
	toy_expect_having(world, "ns", "tier=back", "");
	toy_put_pod(world, "ns/b-1@4 app=b tier=back");
	toy_expect_having(world, "ns", "tier=back", "b-1 ");
	toy_expect_having(world, "ns", "tier=front", "a-1 a-2 ");
	toy_put_pod(world, "ns/a-1@9 app=a tier=front"); /* of another uid: in the same group */
	toy_expect_having(world, "ns", "tier=front", "a-2 ");
	toy_give_catalog(world, "n", 2, "/@9 c=1; /@2 c=1");
	toy_give_sample(world, "n", 2, 2, 1);
	toy_expect_having(world, "ns", "tier=front", "a-1 a-2 ");
	toy_remove_pod(world, "other/a-1@8");
	toy_expect_having(world, "other", "app=a", "");
}

/* Without metadata every walk sees everything. */
static void is_no_filter_without_metadata(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n", 1, "ns/a@1 c=1; ns/b@2 c=1; other/c@3 c=1");
	toy_give_sample(world, "n", 1, 3, 1);
	toy_expect_having(world, "ns", "app=a", "a b ");
}

static void a_walk_goes_on_where_it_stopped(void **state)
{
	static const struct label FRONT = {"tier", "front"};
	static const struct labels HAVING = {&FRONT, 1};
	struct toy_store *world = *state;
	struct store_cursor cursor = {0};
	struct toy_words words = {.most = 1};

	give_pods(world);
	assert_int_equal(
		store_visit_pods(world->store, "ns", &HAVING, &cursor, 0, toy_say_pod, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(
		store_visit_pods(world->store, "ns", &HAVING, &cursor, 9, toy_say_pod, &words), 0);
	assert_string_equal(words.text, "ns/a-1@1 c=1; ");
	/* the one where it stands leaves, one comes behind it, one before it */
	toy_put_pod(world, "ns/a-1@1 tier=back");
	toy_put_pod(world, "ns/a-15@7 app=new tier=front");
	toy_remove_pod(world, "other/a-1@8");
	toy_put_pod(world, "ns/a-0@8 tier=front");
	words.taken = 0;
	assert_int_equal(
		store_visit_pods(world->store, "ns", &HAVING, &cursor, 9, toy_say_pod, &words), 0);
	assert_string_equal(words.text, "ns/a-1@1 c=1; ns/a-15@7 c=7; ");
	words.most = 0;
	assert_int_equal(
		store_visit_pods(world->store, "ns", &HAVING, &cursor, 1, toy_say_pod, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(
		store_visit_pods(world->store, "ns", &HAVING, &cursor, 1, toy_say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(
		words.text, "ns/a-1@1 c=1; ns/a-15@7 c=7; ns/a-2@2 c=2; ns/b-1@4 c=4; ");
	store_cursor_free(&cursor);
}

/* --- many pods -------------------------------------------------------------------------------- */

#define BIG          20000
#define PODS_OF_NODE 1000

/* What the pods of a world have in common: pod p is of Deployment p / 10. */
struct shape {
	size_t pods;
	const char *key;   /* of a label of its own; NULL = none */
	const char *value; /* of "everyone" */
};

static void give_metadata(struct store *store, const struct shape *shape, size_t p)
{
	char name[64], uid[32], deployment[32];
	struct label label[4] = {{"app", deployment}, {"everyone", shape->value}};
	struct labels labels = {label, 2};
	const struct store_pod_metadata pod = {"ns", name, uid, uid, &labels};

	(void)snprintf(deployment, sizeof(deployment), "deployment-%zu", p / 10);
	(void)snprintf(name, sizeof(name), "%s-%zu", deployment, p);
	(void)snprintf(uid, sizeof(uid), "p%06zu", p);
	if (shape->key)
		label[labels.count++] = (struct label){shape->key, name};
	assert_int_equal(store_put_pod(store, &pod, NULL), 0);
}

static void give_figures(struct store *store, size_t node, size_t pods)
{
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column cpu = TACHO__V1__COLUMN__INIT, *columns[] = {&cpu};
	uint64_t values[PODS_OF_NODE];
	struct crowd crowd;
	char name[32];

	(void)snprintf(name, sizeof(name), "n%zu", node);
	for (size_t p = 0; p < pods; p++)
		values[p] = 1;
	crowd_make(&crowd, "agent", node * PODS_OF_NODE, pods, 1);
	sample.revision = 1;
	sample.window_ms = 15000;
	sample.n_columns = 1;
	sample.columns = columns;
	cpu.metric = TOY_CPU;
	cpu.n_values = pods;
	cpu.values = values;
	assert_int_equal(store_put_node(store, name, &(struct labels){0}, NULL), 0);
	assert_int_equal(store_apply_catalog(store, name, &crowd.message, TOY_START_NS, NULL), 0);
	assert_int_equal(store_apply_sample(store, name, &sample, TOY_START_NS, NULL), 0);
	crowd_free(&crowd);
}

static struct store *make_big(struct toy_store *world, const struct shape *shape)
{
	const struct store_options options = {
		.expiry_ns = TOY_EXPIRY_NS,
		.max_nodes = BIG / PODS_OF_NODE,
		.max_pods = BIG,
		.metadata = true,
		.required = METRIC_BIT(METRIC_CPU_USAGE),
		.telemetry = world->telemetry,
		.clock = toy_clock,
	};
	struct store *store = store_new(&options, NULL);

	assert_non_null(store);
	for (size_t p = 0; p < shape->pods; p++)
		give_metadata(store, shape, p);
	for (size_t node = 0; node * PODS_OF_NODE < shape->pods; node++)
		give_figures(store, node, PODS_OF_NODE);
	return store;
}

struct census {
	size_t seen;
	char last[64];
};

static bool count_pod(void *context, const struct store_pod_view *pod)
{
	struct census *census = context;

	assert_true(strcmp(census->last, pod->name) < 0);
	(void)snprintf(census->last, sizeof(census->last), "%s", pod->name);
	census->seen++;
	return true;
}

static size_t seen(struct store *store, const char *key, const char *value)
{
	const struct label label = {key, value};
	const struct labels having = {&label, key ? 1 : 0};
	struct store_cursor cursor = {0};
	struct census census = {0};

	while (!cursor.finished)
		assert_int_equal(
			store_visit_pods(store, "ns", &having, &cursor, 1024, count_pod, &census),
			0);
	store_cursor_free(&cursor);
	return census.seen;
}

/* The HPA's question, 10 pods of 1,000 and of 20,000: what the index saves. */
static void sees_ten_pods_and_not_the_namespace(void **state)
{
	static const size_t PODS[] = {1000, BIG};

	for (size_t i = 0; i < 2; i++) {
		const struct shape shape = {.pods = PODS[i], .value = "yes"};
		struct store *store = make_big(*state, &shape);

		assert_int_equal(seen(store, NULL, NULL), PODS[i]);
		assert_int_equal(seen(store, "app", "deployment-7"), 10);
		assert_int_equal(seen(store, "app", "deployment"), 0);
		assert_int_equal(seen(store, "everyone", "yes"), PODS[i]);
		assert_int_equal(seen(store, "everyone", "no"), 0);
		store_free(store);
	}
}

/* Pods of a StatefulSet differ in a label, and are one group all the same. */
static void a_statefulset_is_one_group(void **state)
{
	const struct shape shape = {
		.pods = BIG, .key = "statefulset.kubernetes.io/pod-name", .value = "yes"};
	struct store *store = make_big(*state, &shape);

	assert_int_equal(seen(store, "app", "deployment-7"), 10);
	store_free(store);
}

/* Labels of their own that nobody foresaw: a group for each pod. Up to the bound they are merged,
 * beyond it the walk is a plain one; nothing is missed either way. */
static void many_groups_are_merged_up_to_a_bound(void **state)
{
	struct shape shape = {.pods = BIG, .key = "unforeseen.key.of.each", .value = "yes"};
	struct store *store = make_big(*state, &shape);

	assert_int_equal(seen(store, "app", "deployment-7"), 10);
	shape.value = "some";
	for (size_t p = 0; p < 256; p++)
		give_metadata(store, &shape, (p * 77) % BIG);
	assert_int_equal(seen(store, "everyone", "some"), 256);
	give_metadata(store, &shape, BIG - 1);
	assert_int_equal(seen(store, "everyone", "some"), BIG);
	store_free(store);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_metadata_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shows_those_that_have_the_labels),
		TEST(forgets_what_pods_had),
		cmocka_unit_test_setup_teardown(
			is_no_filter_without_metadata, toy_setup, toy_teardown),
		TEST(a_walk_goes_on_where_it_stopped),
		TEST(sees_ten_pods_and_not_the_namespace),
		TEST(a_statefulset_is_one_group),
		TEST(many_groups_are_merged_up_to_a_bound),
	};

	return cmocka_run_group_tests_name("store: having", tests, NULL, NULL);
}
