/* aggregator/api/selection: what is visited, hold by hold. */
#include "aggregator/api/selection.h"

#include "tests/harness/cluster.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NODES      3
#define PODS       500 /* of each node */
#define NAMESPACES 5

struct world {
	struct telemetry *telemetry;
	struct store *store;
};

static struct world world;

static int set_up(void **state)
{
	const struct cluster_shape shape = {
		.nodes = NODES, .pods = PODS, .containers = 2, .namespaces = NAMESPACES, .seed = 1};

	(void)state;
	world.telemetry = telemetry_new();
	world.store = cluster_store(world.telemetry);
	cluster_fill(world.store, &shape);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	store_free(world.store);
	telemetry_free(world.telemetry);
	return 0;
}

/* What was taken, and where it stood last. */
struct visit {
	size_t taken;
	size_t most; /* of one hold; 0 = any */
	size_t in_hold;
	char namespace[300], name[300];
	bool in_order;
};

static bool take(void *context, const struct object *object)
{
	struct visit *visit = context;
	int order;

	if (visit->most && visit->in_hold == visit->most)
		return false;
	order = strcmp(visit->namespace, object->namespace);
	if (order == 0)
		order = strcmp(visit->name, object->name);
	visit->in_order &= order < 0;
	(void)snprintf(visit->namespace, sizeof(visit->namespace), "%s", object->namespace);
	(void)snprintf(visit->name, sizeof(visit->name), "%s", object->name);
	visit->taken++;
	visit->in_hold++;
	return true;
}

/* All holds of a walk. Returns their number. */
static size_t walk(const struct selection *selection, size_t most, struct visit *ret_visit)
{
	struct visit visit = {.most = most, .in_order = true};
	struct store_cursor cursor = {0};
	size_t holds = 0;

	while (!cursor.finished) {
		visit.in_hold = 0;
		assert_int_equal(selection_visit(selection, &cursor, take, &visit), 0);
		holds++;
		assert_true(holds < 10 * NODES * PODS); /* each hold gets on */
	}
	store_cursor_free(&cursor);
	*ret_visit = visit;
	return holds;
}

static void visits_all_once_and_in_order(void **state)
{
	const struct selection nodes = {.store = world.store};
	const struct selection pods = {.store = world.store, .pods = true};
	struct visit visit;

	(void)state;
	(void)walk(&nodes, 0, &visit);
	assert_int_equal(visit.taken, NODES);
	assert_true(visit.in_order);
	(void)walk(&pods, 0, &visit);
	assert_int_equal(visit.taken, NODES * PODS);
	assert_true(visit.in_order);
}

static void a_visitor_that_has_enough_comes_back(void **state)
{
	static const size_t MOST[] = {1, 7, PODS};
	const struct selection pods = {.store = world.store, .pods = true};

	(void)state;
	for (size_t i = 0; i < sizeof(MOST) / sizeof(MOST[0]); i++) {
		struct visit visit;
		size_t holds = walk(&pods, MOST[i], &visit);

		assert_int_equal(visit.taken, NODES * PODS);
		assert_true(visit.in_order);
		assert_true(holds >= NODES * PODS / MOST[i]);
	}
}

/* A visit of each in turn, with selectors of these texts. */
static size_t selected(bool pods, const char *namespace, const char *labels, const char *fields)
{
	struct selection selection = {.store = world.store, .pods = pods, .namespace = namespace};
	struct label_selector *label_selector = NULL;
	struct field_selector *field_selector = NULL;
	struct visit visit;
	struct error err;

	if (labels)
		assert_int_equal(label_selector_parse(labels, &label_selector, &err), 0);
	if (fields)
		assert_int_equal(field_selector_parse(fields, &field_selector, &err), 0);
	selection.labels = label_selector;
	selection.fields = field_selector;
	(void)walk(&selection, 0, &visit);
	assert_true(visit.in_order);
	assert_int_equal(
		selection_is_all_pods(&selection), pods && !namespace && !labels && !fields);
	label_selector_free(label_selector);
	field_selector_free(field_selector);
	return visit.taken;
}

static bool keep_first(void *context, const struct object *object)
{
	struct visit *visit = context;

	(void)snprintf(visit->namespace, sizeof(visit->namespace), "%s", object->namespace);
	(void)snprintf(visit->name, sizeof(visit->name), "%s", object->name);
	return false;
}

static void selects_by_labels_and_fields(void **state)
{
	const struct selection all = {.store = world.store, .pods = true};
	struct store_cursor cursor = {0};
	struct visit first = {0};
	char fields[700];

	(void)state;
	assert_int_equal(selection_visit(&all, &cursor, keep_first, &first), 0);
	assert_false(cursor.finished);
	store_cursor_free(&cursor);
	(void)snprintf(fields, sizeof(fields), "metadata.name=%s,metadata.namespace=%s", first.name,
		first.namespace);

	assert_int_equal(selected(true, NULL, NULL, NULL), NODES * PODS);
	assert_int_equal(selected(true, NULL, "absent", NULL), 0);
	assert_int_equal(selected(true, NULL, "!absent", NULL), NODES * PODS);
	assert_int_equal(selected(true, NULL, NULL, fields), 1);
	assert_int_equal(selected(true, first.namespace, NULL, fields), 1);
	assert_int_equal(selected(true, "absent", NULL, fields), 0);
	assert_int_equal(selected(true, NULL, "absent", fields), 0);
	assert_in_range(selected(true, first.namespace, NULL, NULL), 1, NODES * PODS - 1);
	assert_int_equal(selected(false, NULL, "kubernetes.io/os=linux", NULL), NODES);
	assert_int_equal(selected(false, NULL, "kubernetes.io/os!=linux", NULL), 0);
	assert_int_equal(selected(false, NULL, NULL, "metadata.name=node-00001"), 1);
	assert_int_equal(selected(false, NULL, NULL, "metadata.name!=node-00001"), NODES - 1);
}

/* k8s.io/apiserver asks no selector for a get. */
static void gets_one_whatever_the_selectors(void **state)
{
	struct selection selection = {.store = world.store};
	struct field_selector *none;
	struct visit visit = {.in_order = true};
	struct error err;

	(void)state;
	assert_int_equal(field_selector_parse("metadata.name=absent", &none, &err), 0);
	selection.fields = none;
	assert_true(selection_get(&selection, "node-00002", take, &visit));
	assert_string_equal(visit.name, "node-00002");
	assert_int_equal(visit.taken, 1);
	assert_false(selection_get(&selection, "absent", take, &visit));
	selection.pods = true;
	selection.namespace = "absent";
	assert_false(selection_get(&selection, "absent", take, &visit));
	assert_int_equal(visit.taken, 1);
	field_selector_free(none);
}

/* Holds of a walk over the namespace "ns" with this label selector. */
static size_t holds_of(struct store *store, const char *labels)
{
	struct label_selector *selector;
	struct selection selection = {.store = store, .pods = true, .namespace = "ns"};
	struct visit visit;
	size_t holds;

	assert_int_equal(label_selector_parse(labels, &selector, NULL), 0);
	selection.labels = selector;
	holds = walk(&selection, 0, &visit);
	label_selector_free(selector);
	return holds;
}

/* A hold sees some thousand pods at the most: one is enough where the store has an index. */
static void asks_the_index_for_what_is_required(void **state)
{
	const struct store_options options = {
		.metadata = true, .max_pods = 5000, .max_nodes = 1, .telemetry = world.telemetry};
	struct store *store = store_new(&options, NULL);

	(void)state;
	assert_non_null(store);
	for (int p = 0; p < 5000; p++) {
		char name[16], app[16];
		const struct label label = {"app", app};
		const struct labels labels = {&label, 1};
		const struct store_pod_metadata pod = {"ns", name, name, name, &labels};

		(void)snprintf(name, sizeof(name), "p%d", p);
		(void)snprintf(app, sizeof(app), "app-%d", p / 10);
		assert_int_equal(store_put_pod(store, &pod, NULL), 0);
	}
	assert_int_equal(holds_of(store, "app=app-7"), 1);
	assert_int_equal(holds_of(store, "other!=x,app in (app-7)"), 1);
	assert_true(holds_of(store, "app in (app-7,app-8)") >= 4);
	assert_true(holds_of(store, "") >= 4);
	store_free(store);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(visits_all_once_and_in_order),
		cmocka_unit_test(a_visitor_that_has_enough_comes_back),
		cmocka_unit_test(selects_by_labels_and_fields),
		cmocka_unit_test(gets_one_whatever_the_selectors),
		cmocka_unit_test(asks_the_index_for_what_is_required),
	};

	return cmocka_run_group_tests_name("selection", tests, set_up, tear_down);
}
