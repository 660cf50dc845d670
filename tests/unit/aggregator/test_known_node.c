/* aggregator/store/known_node: a node as its catalog says, and what it takes from the one before.
 */
#include "aggregator/store/known_node.h"

#include "aggregator/store/columns_update.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define NOW   5000
#define LATER 9000

static const struct text_hash_key KEY = {1, 2};

static struct known_node *make(const char *words, const struct known_node *before, uint64_t now_ns)
{
	struct toy_catalog catalog;
	struct known_node *node;
	struct error err = {{0}};

	if (known_node_new("node-1", toy_read_catalog(&catalog, 7, words), before, &KEY, true,
		    now_ns, &node, &err) != 0)
		fail_msg("\"%s\": %s", words, err.message);
	memset(&catalog, 0xa5, sizeof(catalog)); /* nothing of it is kept */
	return node;
}

static const char *listed_name(
	const struct known_node *node, const struct known_pod *pod, uint16_t i)
{
	return node->row[node->listed[pod->first_listed + i]].name;
}

static void says_what_the_catalog_says(void **state)
{
	struct known_node *node =
		make("shop/web@u1 server=a sidecar=b; bank/vault@u0! safe=c", NULL, NOW);
	const struct known_pod *pod;

	(void)state;
	assert_string_equal(node->name, "node-1");
	assert_int_equal(node->revision, 7);
	assert_int_equal(node->message_ns, NOW);
	assert_false(node->sampled);
	assert_int_equal(node->cpu_millicores, 4000);
	assert_int_equal(node->pods, 2);
	assert_int_equal(node->rows, 3);
	assert_string_equal(labels_get(&node->labels, "kubernetes.io/arch"), toy_architecture);
	assert_string_equal(labels_get(&node->labels, "kubernetes.io/hostname"), "node-1");
	assert_string_equal(labels_get(&node->labels, "kubernetes.io/os"), "linux");
	pod = known_node_find_pod(node, "u1");
	assert_string_equal(pod->namespace, "shop");
	assert_string_equal(pod->name, "web");
	assert_false(pod->incomplete);
	assert_ptr_equal(pod->node, node);
	assert_int_equal(pod->first_seen_ns, NOW);
	assert_int_equal(pod->listed, 2);
	assert_string_equal(listed_name(node, pod, 0), "server");
	assert_string_equal(listed_name(node, pod, 1), "sidecar");
	assert_true(known_node_find_pod(node, "u0")->incomplete);
	assert_null(known_node_find_pod(node, "u"));
	assert_null(known_node_find_pod(node, "u2"));
	assert_null(known_node_find_pod(node, ""));
	known_node_free(node);
}

static void a_node_may_have_nothing(void **state)
{
	struct known_node *node = make("", NULL, NOW);

	(void)state;
	assert_int_equal(node->pods, 0);
	assert_int_equal(node->totals.pods, 0);
	assert_null(known_node_find_pod(node, "u"));
	known_node_free(node);
	known_node_free(NULL);
}

/* One entry for each name, the youngest of its rows; sandboxes have no name. */
static void lists_each_name_once(void **state)
{
	struct known_node *node = make("ns/p@u =pause b=1 a=2 b=3 c=4 a=5", NULL, NOW);
	const struct known_pod *pod = known_node_find_pod(node, "u");
	static const uint16_t ROWS[] = {3, 4, 5};

	(void)state;
	assert_int_equal(pod->rows, 6);
	assert_int_equal(pod->listed, 3);
	assert_memory_equal(node->listed + pod->first_listed, ROWS, sizeof(ROWS));
	known_node_free(node);
}

/* What no list can show is not in the sums. */
static void adds_up_what_can_be_listed(void **state)
{
	struct known_node *node =
		make("ns/pod@u1 one=1 two=2; /@u2 =3; ns/none@u3; x/y@u4! a=4", NULL, NOW);
	size_t label_bytes = strlen("kubernetes.io/arch"
				    "arm64"
				    "kubernetes.io/hostname"
				    "node-1"
				    "kubernetes.io/os"
				    "linux");

	(void)state;
	assert_int_equal(node->totals.pods, 2);
	assert_int_equal(node->totals.containers, 3);
	assert_int_equal(node->totals.name_bytes, strlen("ns"
							 "pod"
							 "one"
							 "two"
							 "x"
							 "y"
							 "a"));
	assert_int_equal(node->totals.labels, 6);
	assert_int_equal(node->totals.label_bytes, 2 * label_bytes);
	known_node_free(node);
}

static void give_figures(struct known_node *node, uint64_t first)
{
	struct columns_update update;
	struct toy_sample sample;

	toy_sample_usual(&sample, node->revision, node->rows, first);
	assert_int_equal(columns_prepare(&node->columns, &sample.message, &update, NULL), 0);
	assert_int_equal(columns_commit(&node->columns, &update), 0);
	columns_update_free(&update);
	node->sampled = true;
	node->sample_ns = NOW + 1;
}

/* Told by the pod's uid and the container's id, whatever their names and places are. */
static void keeps_what_stays(void **state)
{
	struct known_node *before = make("ns/a@u1 one=1 two=2; ns/b@u2 one=1", NULL, NOW);
	struct known_node *node;
	uint64_t value;
	static const uint64_t CPU[] = {12, 11, UINT64_MAX, UINT64_MAX, 10};

	(void)state;
	give_figures(before, 10);
	/* u1's containers: the first is new, 2 and 1 were there; "one" without an id is none of
	 * those. */
	node = make("ns/c@u2 renamed=1; ns/a@u1 two=2 new=3 one= one=1", before, LATER);
	known_node_free(before);
	assert_true(node->sampled);
	assert_int_equal(node->sample_ns, NOW + 1);
	assert_int_equal(node->message_ns, LATER);
	assert_int_equal(known_node_find_pod(node, "u1")->first_seen_ns, NOW);
	for (uint32_t row = 0; row < node->rows; row++) {
		value = UINT64_MAX;
		(void)columns_value(&node->columns, row, METRIC_CPU_USAGE, &value);
		assert_int_equal(value, CPU[row]);
	}
	known_node_free(node);
}

static void what_is_new_is_new(void **state)
{
	struct known_node *before = make("ns/a@u1 one=1", NULL, NOW), *node;
	uint64_t value;

	(void)state;
	give_figures(before, 10);
	node = make("ns/a@u2 one=1", before, LATER); /* the same name, another pod */
	known_node_free(before);
	assert_int_equal(node->pod[0].first_seen_ns, LATER);
	assert_false(columns_value(&node->columns, 0, METRIC_CPU_USAGE, &value));
	known_node_free(node);
}

static void refuses_with_words(void **state)
{
	static const struct {
		const char *node, *words, *message;
	} CASES[] = {
		{"", "", "the node has no name"},
		{"a/b", "", "the node's name"},
		{"n", "ns/p@", "pod 0: it has no uid"},
		{"n", "ns/p@u a=1; ns/q@u b=2", "two pods have the uid u"},
		{"n", "ns/p@u a=1 b=1", "pod 0: two of its rows are the container 1"},
		{"n", "ns/p@u a= a=", "pod 0: two of its rows are the container a"},
		{"n", "ns/p@u; n%s/q@v", "pod 1: its namespace"},
		{"n", "ns/p@u a%b=1", "pod 0: a container's name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct toy_catalog catalog;
		struct known_node *node = NULL;
		struct error err = {{0}};

		assert_int_equal(
			known_node_new(CASES[i].node, toy_read_catalog(&catalog, 7, CASES[i].words),
				NULL, &KEY, true, NOW, &node, &err),
			-EINVAL);
		if (!strstr(err.message, CASES[i].message))
			fail_msg("\"%s\": %s", CASES[i].words, err.message);
		assert_null(node);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_the_catalog_says),
		cmocka_unit_test(a_node_may_have_nothing),
		cmocka_unit_test(lists_each_name_once),
		cmocka_unit_test(adds_up_what_can_be_listed),
		cmocka_unit_test(keeps_what_stays),
		cmocka_unit_test(what_is_new_is_new),
		cmocka_unit_test(refuses_with_words),
	};

	return cmocka_run_group_tests_name("known_node", tests, NULL, NULL);
}
