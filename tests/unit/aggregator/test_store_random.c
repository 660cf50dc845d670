/* aggregator/store: random operations of both writers, held against the naive store after each,
 * with Kubernetes' metadata and without. */
#include "base/clock.h"
#include "tests/harness/naive_store.h"
#include "tests/harness/toy_metadata.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OPERATIONS 12000

static const char *const NODE[NAIVE_NODES] = {"n0", "n1", "n2"};
static const char *const NAMESPACE[NAIVE_NAMESPACES] = {"a", "b"};

struct trial {
	struct toy_store *toy;
	struct naive_store naive;
	uint64_t revision[NAIVE_NODES];
	uint64_t random, samples;
};

static unsigned below(struct trial *trial, unsigned bound)
{
	trial->random ^= trial->random << 13; /* xorshift64, G. Marsaglia 2003 */
	trial->random ^= trial->random >> 7;
	trial->random ^= trial->random << 17;
	return (unsigned)(trial->random >> 32) % bound;
}

static const char *namespace_of(int slot)
{
	return NAMESPACE[slot / NAIVE_NAMES];
}

/* In the order of their numbers. */
static void name_of(int slot, char name[8])
{
	(void)snprintf(name, 8, "p%d", slot % NAIVE_NAMES);
}

/* --- operations ------------------------------------------------------------------------------- */

static void send_catalog(struct trial *trial)
{
	struct naive_row row[NAIVE_UIDS] = {{0}};
	char words[512] = "";
	size_t length = 0;
	int node = (int)below(trial, NAIVE_NODES);

	for (int uid = 0; uid < NAIVE_UIDS; uid++) {
		char name[8];

		row[uid].there = below(trial, 3) == 0;
		row[uid].slot = (int)below(trial, NAIVE_SLOTS);
		row[uid].incomplete = below(trial, 8) == 0;
		name_of(row[uid].slot, name);
		if (row[uid].there)
			length += (size_t)snprintf(words + length, sizeof(words) - length,
				"%s/%s@u%d%s c=%d;", namespace_of(row[uid].slot), name, uid,
				row[uid].incomplete ? "!" : "", uid);
	}
	toy_give_catalog(trial->toy, NODE[node], ++trial->revision[node], words);
	naive_catalog(&trial->naive, node, row);
}

static void send_sample(struct trial *trial)
{
	int node = (int)below(trial, NAIVE_NODES);
	uint64_t first = 100 * ++trial->samples;
	const struct naive_node *naive = &trial->naive.node[node];
	struct toy_sample sample;
	size_t rows = 0;

	if (!naive->there)
		return;
	for (int uid = 0; uid < NAIVE_UIDS; uid++)
		rows += naive->row[uid].there;
	toy_sample_usual(&sample, trial->revision[node], rows, 0);
	for (int uid = NAIVE_UIDS - 1; uid >= 0; uid--)
		if (naive->row[uid].there)
			sample.value[0][--rows] = first + (uint64_t)uid + 1;
	assert_int_equal(toy_try_sample(trial->toy, NODE[node], &sample), 0);
	naive_sample(&trial->naive, node, first);
}

static void pass_time(struct trial *trial)
{
	toy_wait(trial->toy, below(trial, 8) * NS_PER_SECOND + 1);
	trial->naive.now_ns = trial->toy->now_ns;
	if (below(trial, 2)) {
		store_expire(trial->toy->store, trial->toy->now_ns);
		naive_expire(&trial->naive);
	}
}

static void put_pod(struct trial *trial)
{
	int slot = (int)below(trial, NAIVE_SLOTS), labels = (int)below(trial, NAIVE_LABEL_SETS);
	int uid = (int)below(trial, NAIVE_UIDS), cgroup_uid = uid;
	char name[8], own[8], cgroup[8];
	const struct store_pod_metadata pod = {
		namespace_of(slot), name, own, cgroup, &NAIVE_LABELS[labels]};

	if (below(trial, 3) == 0 && trial->naive.pod[slot].there) { /* the same with other labels */
		uid = trial->naive.pod[slot].uid;
		cgroup_uid = trial->naive.pod[slot].cgroup_uid;
	} else if (below(trial, 5) == 0) {
		cgroup_uid = (int)below(trial, NAIVE_UIDS);
	}
	name_of(slot, name);
	(void)snprintf(own, sizeof(own), "u%d", uid);
	(void)snprintf(cgroup, sizeof(cgroup), "u%d", cgroup_uid);
	assert_int_equal(store_put_pod(trial->toy->store, &pod, NULL), 0);
	naive_put(&trial->naive, slot, uid, cgroup_uid, labels);
}

static void remove_pod(struct trial *trial)
{
	int slot = (int)below(trial, NAIVE_SLOTS);
	struct naive_pod *pod = &trial->naive.pod[slot];
	int uid = below(trial, 4) ? pod->uid : (int)below(trial, NAIVE_UIDS);
	char name[8], text[8];

	name_of(slot, name);
	(void)snprintf(text, sizeof(text), "u%d", uid);
	store_remove_pod(trial->toy->store, namespace_of(slot), name, text);
	if (pod->uid == uid)
		pod->there = false;
}

static void change_node(struct trial *trial)
{
	int node = (int)below(trial, NAIVE_NODES), labels = (int)below(trial, NAIVE_LABEL_SETS);

	if (below(trial, 3) == 0) {
		store_remove_node(trial->toy->store, NODE[node]);
		trial->naive.node[node].known = false;
		return;
	}
	assert_int_equal(
		store_put_node(trial->toy->store, NODE[node], &NAIVE_LABELS[labels], NULL), 0);
	trial->naive.node[node].known = trial->naive.node[node].marked = true;
	trial->naive.node[node].labels = labels;
}

static void list_anew(struct trial *trial)
{
	store_begin_pods(trial->toy->store);
	store_begin_nodes(trial->toy->store);
	for (int slot = 0; slot < NAIVE_SLOTS; slot++)
		trial->naive.pod[slot].marked = false;
	for (int node = 0; node < NAIVE_NODES; node++)
		trial->naive.node[node].marked = false;
	for (unsigned puts = below(trial, 6); puts > 0; puts--)
		put_pod(trial);
	for (unsigned puts = below(trial, 4); puts > 0; puts--)
		change_node(trial);
	store_end_pods(trial->toy->store);
	store_end_nodes(trial->toy->store);
	for (int slot = 0; slot < NAIVE_SLOTS; slot++)
		trial->naive.pod[slot].there &= trial->naive.pod[slot].marked;
	for (int node = 0; node < NAIVE_NODES; node++)
		trial->naive.node[node].known &= trial->naive.node[node].marked;
}

static void do_something(struct trial *trial)
{
	unsigned choice = below(trial, trial->naive.metadata ? 100 : 45);

	if (choice < 20)
		send_catalog(trial);
	else if (choice < 38)
		send_sample(trial);
	else if (choice < 45)
		pass_time(trial);
	else if (choice < 75)
		put_pod(trial);
	else if (choice < 85)
		remove_pod(trial);
	else if (choice < 97)
		change_node(trial);
	else
		list_anew(trial);
}

/* --- what must be served ---------------------------------------------------------------------- */

static bool has_all(const struct labels *labels, const struct labels *having)
{
	for (size_t i = 0; i < having->count; i++) {
		const char *value = labels_get(labels, having->item[i].key);

		if (!value || strcmp(value, having->item[i].value) != 0)
			return false;
	}
	return true;
}

static void expected_pods(
	struct trial *trial, int from, int to, const struct labels *having, char text[1024])
{
	size_t length = 0;

	*text = '\0';
	for (int slot = from; slot < to; slot++) {
		int uid;
		const struct naive_row *row = naive_served(&trial->naive, slot, &uid);
		const struct labels *labels = &NAIVE_LABELS[trial->naive.pod[slot].labels];
		char name[8];

		if (!row || (trial->naive.metadata && !has_all(labels, having)))
			continue;
		name_of(slot, name);
		length += (size_t)snprintf(text + length, 1024 - length, "%s/%s@u%d=%" PRIu64 " ",
			namespace_of(slot), name, uid, row->cpu);
	}
}

struct seen {
	const struct labels *having; /* what the visitor chooses, as a selector does; or NULL */
	bool metadata;
	unsigned most, taken;
	char text[1024];
	size_t length;
};

static bool see_pod(void *context, const struct store_pod_view *pod)
{
	struct seen *seen = context;
	uint64_t cpu;

	if (seen->most && seen->taken == seen->most)
		return false;
	seen->taken++;
	if (seen->metadata && !has_all(pod->labels, seen->having))
		return true;
	assert_true(store_container_value(pod, 0, METRIC_CPU_USAGE, &cpu));
	seen->length +=
		(size_t)snprintf(seen->text + seen->length, sizeof(seen->text) - seen->length,
			"%s/%s@%s=%" PRIu64 " ", pod->namespace, pod->name, pod->uid, cpu);
	return true;
}

static void check_walk(
	struct trial *trial, const char *namespace, int from, int to, const struct labels *having)
{
	struct seen seen = {.having = having, .metadata = trial->naive.metadata};
	struct store_cursor cursor = {0};
	size_t most = below(trial, 2) ? SIZE_MAX : 1 + below(trial, 3);
	char expected[1024];

	seen.most = below(trial, 3);
	while (!cursor.finished) {
		seen.taken = 0;
		assert_int_equal(store_visit_pods(trial->toy->store, namespace, having, &cursor,
					 most, see_pod, &seen),
			0);
	}
	store_cursor_free(&cursor);
	expected_pods(trial, from, to, having, expected);
	assert_string_equal(seen.text, expected);
}

static void check_walks(struct trial *trial)
{
	static const struct label LABEL[] = {{"app", "db"}, {"tier", "front"}};
	static const struct label POD_NAME[] = {
		{"app", "db"}, {"statefulset.kubernetes.io/pod-name", "db-1"}};
	static const struct labels HAVING[] = {{NULL, 0}, {&LABEL[0], 1}, {&LABEL[1], 1},
		{LABEL, 2}, {POD_NAME, 2}, {&POD_NAME[1], 1}};
	size_t having = below(trial, sizeof(HAVING) / sizeof(HAVING[0]));

	check_walk(trial, NULL, 0, NAIVE_SLOTS, &HAVING[0]);
	check_walk(trial, NULL, 0, NAIVE_SLOTS, &HAVING[having]);
	for (int i = 0; i < NAIVE_NAMESPACES; i++)
		check_walk(trial, NAMESPACE[i], i * NAIVE_NAMES, (i + 1) * NAIVE_NAMES,
			&HAVING[having]);
}

static void check_gets(struct trial *trial)
{
	static const struct labels NONE = {0};

	for (int slot = 0; slot < NAIVE_SLOTS; slot++) {
		struct seen seen = {.having = &NONE};
		char expected[1024], name[8];

		name_of(slot, name);
		(void)store_get_pod(trial->toy->store, namespace_of(slot), name, see_pod, &seen);
		expected_pods(trial, slot, slot + 1, &NONE, expected);
		assert_string_equal(seen.text, expected);
	}
}

static bool see_node(void *context, const struct store_node_view *node)
{
	*(const struct labels **)context = node->labels;
	return true;
}

static void check_nodes(struct trial *trial)
{
	size_t known = 0, served = 0;

	for (int node = 0; node < NAIVE_NODES; node++) {
		const struct naive_node *naive = &trial->naive.node[node];
		const struct labels *labels = NULL;
		bool expected = naive_node_served(&trial->naive, node);

		assert_int_equal(
			store_get_node(trial->toy->store, NODE[node], see_node, &labels), expected);
		if (expected && trial->naive.metadata) /* nobody writes now */
			assert_true(labels_equal(labels, &NAIVE_LABELS[naive->labels]));
		known += naive->known;
		served += expected;
	}
	assert_int_equal(store_known_nodes(trial->toy->store), known);
	assert_int_equal(store_served_nodes(trial->toy->store), served);
}

/* With metadata the totals are those of all that is joined, to the byte. */
static void check_sums(struct trial *trial)
{
	struct store_totals sums = {0}, totals = store_totals(trial->toy->store);
	const struct naive_node *node;

	for (int slot = 0; slot < NAIVE_SLOTS; slot++) {
		const struct labels *labels = &NAIVE_LABELS[trial->naive.pod[slot].labels];

		if (!naive_joined(&trial->naive, slot, &node))
			continue;
		sums.pods++;
		sums.containers++;
		sums.name_bytes += 1 + 2 + 1;
		sums.labels += labels->count;
		for (size_t i = 0; i < labels->count; i++)
			sums.label_bytes +=
				strlen(labels->item[i].key) + strlen(labels->item[i].value);
	}
	assert_memory_equal(&sums, &totals, sizeof(sums));
	assert_int_equal(toy_counted(trial->toy, "tacho_aggregator_pods_joined", NULL), sums.pods);
	assert_int_equal(toy_counted(trial->toy, "tacho_aggregator_pods_contested", NULL),
		naive_contested(&trial->naive));
	for (int uid = 0; uid < NAIVE_UIDS; uid++) {
		bool expected = false;
		char text[8];

		for (int slot = 0; slot < NAIVE_SLOTS; slot++)
			expected |=
				trial->naive.pod[slot].there && trial->naive.pod[slot].uid == uid;
		(void)snprintf(text, sizeof(text), "u%d", uid);
		assert_int_equal(store_has_pod(trial->toy->store, text), expected);
	}
}

static void serves_what_the_naive_store_does(void **state)
{
	struct trial trial = {.toy = *state, .random = 88172645463325252};
	struct store_options options = toy_options();

	trial.naive.metadata = trial.toy->metadata;
	trial.naive.expiry_ns = options.expiry_ns;
	trial.naive.now_ns = trial.toy->now_ns;
	for (int i = 0; i < OPERATIONS; i++) {
		do_something(&trial);
		check_walks(&trial);
		check_gets(&trial);
		check_nodes(&trial);
		if (trial.naive.metadata)
			check_sums(&trial);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"without metadata", serves_what_the_naive_store_does, toy_setup, toy_teardown,
			NULL},
		{"with metadata", serves_what_the_naive_store_does, toy_metadata_setup,
			toy_teardown, NULL},
	};

	return cmocka_run_group_tests_name("store: random operations", tests, NULL, NULL);
}
