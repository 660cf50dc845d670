/* aggregator/store/walk: walking and getting, under change, with many pods and many threads. */
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "tests/harness/crowd.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- walking ---------------------------------------------------------------------------------- */

static void walks_in_order(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n2", 1, "b/a@1 c=1; a/b@2 c=1; a-/a@3 c=1; a/a-b@4 c=1");
	toy_give_sample(world, "n2", 1, 4, 1);
	toy_give_catalog(world, "n10", 1, "a/a@5 c=1; aa/a@6 c=1");
	toy_give_sample(world, "n10", 1, 2, 5);
	toy_expect_pods(
		world, "a/a@5 c=5; a/a-b@4 c=4; a/b@2 c=2; a-/a@3 c=3; aa/a@6 c=6; b/a@1 c=1; ");
	toy_expect_nodes(world, "n10=2005; n2=2001; ");
	toy_expect_pods_of(world, "a", "a/a@5 c=5; a/a-b@4 c=4; a/b@2 c=2; ");
	toy_expect_pods_of(world, "a-", "a-/a@3 c=3; ");
	toy_expect_pods_of(world, "b", "b/a@1 c=1; ");
	toy_expect_pods_of(world, "", "");
	toy_expect_pods_of(world, "0", "");
	toy_expect_pods_of(world, "ab", "");
	toy_expect_pods_of(world, "c", "");
	toy_expect_pods_of(world, "x" TOY_NAME_253 TOY_NAME_253, "");
}

static void gets_one_object(void **state)
{
	static const struct {
		const char *namespace, *name, *served;
	} CASES[] = {
		{"a", "b", "a/b@2 c=2; "},
		{"b", "a", "b/a@1 c=1; "},
		{"a", "a", ""},
		{"b", "", ""},
		{"", "a", ""},
		{"", "", ""},
		{"b", "a0", ""},
		{"z", "z", ""},
		{"b", "gone", ""},
	};
	struct toy_store *world = *state;
	struct toy_words words = {0};

	toy_give_catalog(world, "n", 1, "b/a@1 c=1; a/b@2 c=1; b/gone@3! c=1; /@4 c=1");
	toy_give_sample(world, "n", 1, 4, 1);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		words = (struct toy_words){0};
		assert_int_equal(store_get_pod(world->store, CASES[i].namespace, CASES[i].name,
					 toy_say_pod, &words),
			*CASES[i].served != '\0');
		assert_string_equal(words.text, CASES[i].served);
	}
	words = (struct toy_words){0};
	assert_true(store_get_node(world->store, "n", toy_say_node, &words));
	assert_false(store_get_node(world->store, "", toy_say_node, &words));
	assert_false(store_get_node(world->store, "m", toy_say_node, &words));
	assert_false(store_get_node(world->store, "nn", toy_say_node, &words));
	assert_string_equal(words.text, "n=2001; ");
}

/* The same walk in pages of every size, by both means of ending one. */
static void walks_page_by_page(void **state)
{
	static const char EXPECTED[] = "a/1@1 c=1; a/3@3 c=3; b/1@4 c=4; b/2@5 c=5; c/1@6 c=6; ";
	struct toy_store *world = *state;

	toy_give_catalog(world, "n", 1,
		"a/1@1 c=1; a/2@2! c=1; a/3@3 c=1; b/1@4 c=1; b/2@5 c=1; c/1@6 c=1; c/2@7! c=1");
	toy_give_sample(world, "n", 1, 7, 1);
	for (unsigned size = 1; size <= 8; size++) {
		for (int by_visitor = 0; by_visitor <= 1; by_visitor++) {
			struct store_cursor cursor = {0};
			struct toy_words words = {.most = by_visitor ? size : 0};
			unsigned pages = 0;

			for (; !cursor.finished; pages++) {
				words.taken = 0;
				assert_int_equal(
					store_visit_pods(world->store, NULL, NULL, &cursor,
						by_visitor ? SIZE_MAX : size, toy_say_pod, &words),
					0);
			}
			assert_string_equal(words.text, EXPECTED);
			/* unserved pods count towards `most`, not towards the visitor's own */
			assert_int_equal(pages, ((by_visitor ? 5U : 7U) + size - 1) / size);
			assert_int_equal(store_visit_pods(world->store, NULL, NULL, &cursor,
						 SIZE_MAX, toy_say_pod, &words),
				0);
			assert_string_equal(words.text, EXPECTED); /* finished is finished */
			store_cursor_free(&cursor);
		}
	}
}

static void walks_nodes_page_by_page(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "b", 1, "");
	toy_give_sample(world, "b", 1, 0, 2);
	toy_give_catalog(world, "a", 1, "");
	toy_give_catalog(world, "c", 1, "");
	toy_give_sample(world, "c", 1, 0, 3);
	for (unsigned size = 1; size <= 4; size++) {
		struct store_cursor cursor = {0};
		struct toy_words words = {.most = size};
		unsigned pages = 0;

		for (; !cursor.finished; pages++) {
			words.taken = 0;
			assert_int_equal(store_visit_nodes(world->store, &cursor, SIZE_MAX,
						 toy_say_node, &words),
				0);
		}
		assert_string_equal(words.text, "b=2002; c=2003; ");
		assert_int_equal(pages, (2 + size - 1) / size);
		store_cursor_free(&cursor);
		words = (struct toy_words){0};
		for (pages = 0; !cursor.finished; pages++)
			assert_int_equal(store_visit_nodes(
						 world->store, &cursor, size, toy_say_node, &words),
				0);
		assert_string_equal(words.text, "b=2002; c=2003; ");
		assert_int_equal(pages, (3 + size - 1) / size);
		store_cursor_free(&cursor);
	}
}

static void a_page_of_nothing_moves_nowhere(void **state)
{
	struct toy_store *world = *state;
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	toy_give_catalog(world, "n", 1, "a/1@1 c=1");
	toy_give_sample(world, "n", 1, 1, 1);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 0, toy_say_pod, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(store_visit_nodes(world->store, &cursor, 0, toy_say_node, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(words.text, "a/1@1 c=1; ");
	store_cursor_free(&cursor);
	store_cursor_free(&cursor); /* once more does no harm */
}

/* A page that ends within the pods of one name must neither show another of them nor stand still.
 */
static void a_page_may_end_between_pods_of_one_name(void **state)
{
	struct toy_store *world = *state;
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	toy_give_catalog(world, "n1", 1, "a/1@1 c=1; a/1@2 c=1; a/1@3 c=1; a/1@4 c=1");
	toy_give_sample(world, "n1", 1, 4, 1);
	toy_give_catalog(world, "n2", 1, "a/2@5 c=1; a/1@6 c=1");
	toy_give_sample(world, "n2", 1, 2, 5);
	for (unsigned page = 0; !cursor.finished; page++) {
		assert_true(page < 3);
		assert_int_equal(
			store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &words),
			0);
	}
	assert_string_equal(words.text, "a/1@1 c=1; a/2@5 c=5; ");
	store_cursor_free(&cursor);
}

static void pods_come_and_go_during_a_walk(void **state)
{
	struct toy_store *world = *state;
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	toy_give_catalog(world, "n", 1, "a/b@1 c=1; a/d@2 c=1; a/f@3 c=1");
	toy_give_sample(world, "n", 1, 3, 1);
	assert_int_equal(
		store_visit_pods(world->store, "a", NULL, &cursor, 2, toy_say_pod, &words), 0);
	/* the one where the cursor stands leaves; before and behind it others come */
	toy_give_catalog(world, "n", 2, "a/a@4 c=1; a/c@5 c=1; a/e@6 c=1; a/f@3 c=1; b/a@7 c=1");
	toy_give_sample(world, "n", 2, 5, 11);
	assert_int_equal(
		store_visit_pods(world->store, "a", NULL, &cursor, 1, toy_say_pod, &words), 0);
	assert_false(cursor.finished);
	toy_give_catalog(world, "n", 3, "b/a@7 c=1");
	assert_int_equal(
		store_visit_pods(world->store, "a", NULL, &cursor, 1, toy_say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(words.text, "a/b@1 c=1; a/d@2 c=2; a/e@6 c=13; ");
	store_cursor_free(&cursor);
}

static void a_copy_of_a_cursor_walks_by_itself(void **state)
{
	struct toy_store *world = *state;
	struct store_cursor cursor = {0}, copy = {0};
	struct toy_words words = {0}, again = {0};

	toy_give_catalog(world, "n", 1, "a/1@1 c=1; a/2@2 c=1; a/3@3 c=1");
	toy_give_sample(world, "n", 1, 3, 1);
	assert_int_equal(store_cursor_copy(&cursor, &copy), 0); /* of the beginning */
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &copy, 3, toy_say_pod, &words), 0);
	assert_true(copy.finished);
	store_cursor_free(&copy);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &again), 0);
	assert_int_equal(store_cursor_copy(&cursor, &copy), 0);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &again), 0);
	store_cursor_free(&cursor);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &copy, 3, toy_say_pod, &again), 0);
	assert_true(copy.finished);
	assert_string_equal(words.text, "a/1@1 c=1; a/2@2 c=2; a/3@3 c=3; ");
	assert_string_equal(again.text, "a/1@1 c=1; a/2@2 c=2; a/2@2 c=2; a/3@3 c=3; ");
	store_cursor_free(&copy);
}

static void a_walk_outlives_the_namespace(void **state)
{
	struct toy_store *world = *state;
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	toy_give_catalog(world, "n", 1, "a/b@1 c=1; a/d@2 c=1");
	toy_give_sample(world, "n", 1, 2, 1);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &words), 0);
	toy_wait(world, TOY_EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	assert_int_equal(
		store_visit_pods(world->store, NULL, NULL, &cursor, 1, toy_say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(words.text, "a/b@1 c=1; ");
	store_cursor_free(&cursor);
}

/* --- many, and many threads ------------------------------------------------------------------- */

struct census {
	size_t pods;
	char last[64];
};

static bool count_pod(void *context, const struct store_pod_view *pod)
{
	struct census *census = context;

	assert_true(strcmp(census->last, pod->name) < 0);
	(void)snprintf(census->last, sizeof(census->last), "%s", pod->name);
	census->pods++;
	return true;
}

static void fill_node(struct store *store, size_t node, size_t nodes, size_t pods)
{
	char name[32];
	struct crowd crowd;
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column cpu = TACHO__V1__COLUMN__INIT, memory = TACHO__V1__COLUMN__INIT;
	Tacho__V1__Column *columns[] = {&cpu, &memory};
	uint64_t *values = calloc(pods, sizeof(*values));

	assert_non_null(values);
	/* neighbours in the order of names stand on different nodes */
	crowd_make(&crowd, "one", 0, pods, 1);
	for (size_t p = 0; p < pods; p++) {
		(void)snprintf(crowd.name[p], sizeof(crowd.name[p]), "p%06zu", p * nodes + node);
		values[p] = p + 1;
	}
	(void)snprintf(name, sizeof(name), "n%05zu", node);
	assert_int_equal(store_apply_catalog(store, name, &crowd.message, TOY_START_NS, NULL), 0);
	sample.revision = 1;
	sample.window_ms = 15000;
	sample.n_columns = 2;
	sample.columns = columns;
	cpu.metric = TOY_CPU;
	memory.metric = TOY_MEMORY;
	cpu.values = memory.values = values;
	cpu.n_values = memory.n_values = pods;
	assert_int_equal(store_apply_sample(store, name, &sample, TOY_START_NS, NULL), 0);
	crowd_free(&crowd);
	free(values);
}

static void holds_a_hundred_thousand_pods_of_one_namespace(void **state)
{
	struct toy_store *world = *state;
	struct store_options options = {
		.expiry_ns = TOY_EXPIRY_NS,
		.max_nodes = 200,
		.required = METRIC_BIT(METRIC_CPU_USAGE),
		.telemetry = world->telemetry,
		.clock = toy_clock,
	};
	struct store *store = store_new(&options, NULL);
	struct store_cursor cursor = {0};
	struct census census = {0};

	assert_non_null(store);
	for (size_t node = 0; node < 200; node++)
		fill_node(store, node, 200, 500);
	while (!cursor.finished)
		assert_int_equal(
			store_visit_pods(store, "one", NULL, &cursor, 997, count_pod, &census), 0);
	assert_int_equal(census.pods, 100000);
	assert_string_equal(census.last, "p099999");
	store_cursor_free(&cursor);
	store_expire(store, TOY_START_NS + TOY_EXPIRY_NS);
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods", NULL), 0);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes_expired_total", NULL), 200);
	store_free(store);
}

#define READERS 3

struct race {
	struct store *store;
	_Atomic bool done;
	_Atomic uint64_t seen;
};

/* Writer and readers agree on one thing: within a pod both containers have the same figure. */
static bool check_pod_of_race(void *context, const struct store_pod_view *pod)
{
	struct race *race = context;
	uint64_t a, b;

	if (pod->containers != 2 || !store_container_value(pod, 0, METRIC_CPU_USAGE, &a) ||
		!store_container_value(pod, 1, METRIC_CPU_USAGE, &b) || a != b)
		abort(); /* cmocka's own asserts belong to the main thread */
	atomic_fetch_add(&race->seen, 1);
	return true;
}

static bool check_node_of_race(void *context, const struct store_node_view *node)
{
	(void)context;
	if (node->labels->count != 3 || strlen(node->name) != 2)
		abort();
	return true;
}

static void *read_on(void *context)
{
	struct race *race = context;

	while (!atomic_load(&race->done)) {
		struct store_cursor cursor = {0};

		while (!cursor.finished)
			(void)store_visit_pods(
				race->store, NULL, NULL, &cursor, 2, check_pod_of_race, race);
		store_cursor_free(&cursor);
		while (!cursor.finished)
			(void)store_visit_nodes(race->store, &cursor, 1, check_node_of_race, NULL);
		store_cursor_free(&cursor);
		(void)store_get_pod(race->store, "ns", "p", check_pod_of_race, race);
		(void)store_served_nodes(race->store);
	}
	return NULL;
}

static void one_writes_while_others_read(void **state)
{
	static const char *const CATALOGS[] = {
		"ns/p@u a=1 b=2; ns/q@v a=1 b=2; ns/r@w a=1 b=2",
		"ns/q@v b=2 a=1; ns/p@u a=1 b=2",
		"ns/p@x a=1 b=2; ns/a@y a=3 b=4",
	};
	static const size_t ROWS[] = {6, 4, 4};
	struct toy_store *world = *state;
	struct race race = {.store = world->store};
	pthread_t reader[READERS];

	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_on, &race), 0);
	for (unsigned round = 0; round < 3000 || atomic_load(&race.seen) < 1000; round++) {
		const char *node = round % 2 ? "n1" : "n2";
		unsigned which = round / 2 % 3;
		struct toy_sample sample;

		toy_wait(world, NS_PER_MS);
		toy_give_catalog(world, node, round + 1, CATALOGS[which]);
		toy_sample_usual(&sample, round + 1, ROWS[which], 0);
		for (size_t row = 0; row < ROWS[which]; row++)
			sample.value[0][row] = row / 2 + round + 1;
		if (round % 3 == 0)
			toy_sample_add(&sample, TOY_PIDS, ROWS[which], 0);
		assert_int_equal(toy_try_sample(world, node, &sample), 0);
		if (round % 50 == 49) {
			toy_wait(world, TOY_EXPIRY_NS);
			store_expire(world->store, world->now_ns);
		}
	}
	atomic_store(&race.done, true);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(reader[i], NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(walks_in_order),
		TEST(gets_one_object),
		TEST(walks_page_by_page),
		TEST(walks_nodes_page_by_page),
		TEST(a_page_of_nothing_moves_nowhere),
		TEST(a_page_may_end_between_pods_of_one_name),
		TEST(pods_come_and_go_during_a_walk),
		TEST(a_copy_of_a_cursor_walks_by_itself),
		TEST(a_walk_outlives_the_namespace),
		TEST(holds_a_hundred_thousand_pods_of_one_namespace),
		TEST(one_writes_while_others_read),
	};

	return cmocka_run_group_tests_name("store: walking", tests, NULL, NULL);
}
