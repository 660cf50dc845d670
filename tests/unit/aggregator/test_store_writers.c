/* aggregator/store: both writers at once while others read. */
#include "base/clock.h"
#include "tests/harness/toy_metadata.h"

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

#define READERS 3

struct race {
	struct store *store;
	_Atomic bool done;
	_Atomic uint64_t seen, rounds;
};

/* cmocka's own asserts belong to the main thread. */
static void need(bool right)
{
	if (!right)
		abort();
}

/* What all writers keep to: both containers have one figure; the label "is" says the name. */
static bool check_pod(void *context, const struct store_pod_view *pod)
{
	struct race *race = context;
	uint64_t a, b;

	need(pod->containers == 2 && store_container_value(pod, 0, METRIC_CPU_USAGE, &a) &&
		store_container_value(pod, 1, METRIC_CPU_USAGE, &b) && a == b);
	need(strcmp(labels_get(pod->labels, "is"), pod->name) == 0);
	need(strcmp(pod->namespace, "ns") == 0 && strlen(pod->uid) == 1);
	atomic_fetch_add(&race->seen, 1);
	return true;
}

static bool check_node(void *context, const struct store_node_view *node)
{
	(void)context;
	need(strcmp(labels_get(node->labels, "is"), node->name) == 0);
	return true;
}

static void *read_on(void *context)
{
	static const struct label LABEL = {"common", "x"};
	static const struct labels HAVING = {&LABEL, 1};
	struct race *race = context;

	while (!atomic_load(&race->done)) {
		struct store_cursor cursor = {0};

		while (!cursor.finished)
			(void)store_visit_pods(
				race->store, NULL, NULL, &cursor, 2, check_pod, race);
		store_cursor_free(&cursor);
		while (!cursor.finished)
			(void)store_visit_pods(
				race->store, "ns", &HAVING, &cursor, 1, check_pod, race);
		store_cursor_free(&cursor);
		while (!cursor.finished)
			(void)store_visit_nodes(race->store, &cursor, 1, check_node, NULL);
		store_cursor_free(&cursor);
		(void)store_get_pod(race->store, "ns", "p1", check_pod, race);
		(void)store_has_pod(race->store, "u");
		(void)store_served_nodes(race->store);
		(void)store_known_nodes(race->store);
		need(store_totals(race->store).pods <= 4);
	}
	return NULL;
}

/* The pod of this number: of an even round with a label more, now and then of another uid. */
static void put_pod(struct race *race, unsigned number, uint64_t round)
{
	static const char *const UID[] = {"u", "v", "w", "x", "y"};
	char name[8];
	const struct label label[] = {{"common", "x"}, {"is", name}, {"round", "even"}};
	const struct labels labels = {label, round % 2 ? 2 : 3};
	unsigned uid = round % 7 ? number : (number + 1) % 5;
	const struct store_pod_metadata pod = {
		"ns", name, UID[uid], round % 11 ? UID[uid] : UID[4 - uid], &labels};

	(void)snprintf(name, sizeof(name), "p%u", number);
	need(store_put_pod(race->store, &pod, NULL) == 0);
}

static void put_node(struct race *race, const char *name)
{
	const struct label label = {"is", name};

	need(store_put_node(race->store, name, &(struct labels){&label, 1}, NULL) == 0);
}

static void *tell_on(void *context)
{
	struct race *race = context;

	while (!atomic_load(&race->done)) {
		uint64_t round = atomic_fetch_add(&race->rounds, 1);

		if (round % 5 == 0)
			store_begin_pods(race->store);
		for (unsigned number = 0; number < 4; number++)
			if ((round + number) % 9)
				put_pod(race, number, round);
		store_end_pods(race->store);
		store_begin_nodes(race->store);
		if (round % 8)
			put_node(race, "n1");
		put_node(race, "n2");
		store_end_nodes(race->store);
		if (round % 13 == 0)
			store_remove_pod(race->store, "ns", "p2", "w");
		if (round % 17 == 0)
			store_remove_node(race->store, "n2");
	}
	return NULL;
}

static void send(struct toy_store *world, const char *node, unsigned round)
{
	static const char *const CATALOGS[] = {
		"/@u a=1 b=2; /@v a=1 b=2; /@w a=1 b=2",
		"/@v b=2 a=1; /@u a=1 b=2",
		"/@x a=1 b=2; /@y a=3 b=4",
	};
	static const size_t ROWS[] = {6, 4, 4};
	struct toy_sample sample;
	unsigned which = round / 2 % 3;

	toy_wait(world, NS_PER_MS);
	toy_give_catalog(world, node, round + 1, CATALOGS[which]);
	toy_sample_usual(&sample, round + 1, ROWS[which], 0);
	for (size_t row = 0; row < ROWS[which]; row++)
		sample.value[0][row] = row / 2 + round + 1;
	assert_int_equal(toy_try_sample(world, node, &sample), 0);
}

static void two_write_while_others_read(void **state)
{
	struct toy_store *world = *state;
	struct race race = {.store = world->store};
	pthread_t reader[READERS], teller;

	assert_int_equal(pthread_create(&teller, NULL, tell_on, &race), 0);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_on, &race), 0);
	for (unsigned round = 0;
		round < 2000 || atomic_load(&race.seen) < 1000 || atomic_load(&race.rounds) < 2000;
		round++) {
		send(world, round % 2 ? "n1" : "n2", round);
		if (round % 50 == 49) {
			toy_wait(world, TOY_EXPIRY_NS);
			store_expire(world->store, world->now_ns);
		}
	}
	atomic_store(&race.done, true);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(reader[i], NULL), 0);
	assert_int_equal(pthread_join(teller, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			two_write_while_others_read, toy_metadata_setup, toy_teardown),
	};

	return cmocka_run_group_tests_name("store: two writers", tests, NULL, NULL);
}
