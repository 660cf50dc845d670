/* aggregator/store: what is served of what came. */
#include "aggregator/store/store.h"
#include "tests/harness/toy_store.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* --- what is served --------------------------------------------------------------------------- */

static void starts_empty(void **state)
{
	struct toy_store *world = *state;
	struct toy_words words = {0};

	toy_expect_pods(world, "");
	toy_expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);
	assert_false(store_get_node(world->store, "n", toy_say_node, &words));
	assert_false(store_get_pod(world->store, "ns", "p", toy_say_pod, &words));
	store_expire(world->store, UINT64_MAX);
}

static void serves_what_came(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n1", 1, "ns/b@u1 main=c1 side=c2; ns/a@u2 main=c3");
	toy_expect_pods(world, "");
	toy_expect_nodes(world, "");
	toy_give_sample(world, "n1", 1, 3, 10);
	toy_expect_pods(world, "ns/a@u2 main=12; ns/b@u1 main=10 side=11; ");
	toy_expect_nodes(world, "n1=2010; ");
	assert_int_equal(store_served_nodes(world->store), 1);
	assert_int_equal(toy_counted(world, "tacho_aggregator_catalogs_total", NULL), 1);
	assert_int_equal(toy_counted(world, "tacho_aggregator_samples_total", NULL), 1);
	assert_int_equal(toy_counted(world, "tacho_aggregator_nodes", NULL), 1);
	assert_int_equal(toy_counted(world, "tacho_aggregator_pods", NULL), 2);
	assert_int_equal(toy_counted(world, "tacho_aggregator_containers", NULL), 3);
}

static bool look_at_pod(void *context, const struct store_pod_view *pod)
{
	uint64_t value = 7;

	(void)context;
	assert_string_equal(pod->namespace, "ns");
	assert_string_equal(pod->name, "p");
	assert_string_equal(pod->uid, "u");
	assert_string_equal(pod->node, "n1");
	assert_string_equal(labels_get(pod->labels, "kubernetes.io/hostname"), "n1");
	assert_int_equal(pod->timestamp_ms, 1700000000000);
	assert_int_equal(pod->window_ms, 14000);
	assert_int_equal(pod->containers, 2);
	assert_string_equal(store_container_name(pod, 1, NULL), "side");
	assert_true(store_container_value(pod, 1, METRIC_MEMORY_WORKING_SET, &value));
	assert_int_equal(value, 1001);
	assert_false(store_container_value(pod, 1, METRIC_PIDS, &value));
	assert_false(store_container_value(pod, 1, METRIC_NODE_CPU_USAGE, &value));
	assert_int_equal(value, 1001);
	return true;
}

static bool look_at_node(void *context, const struct store_node_view *node)
{
	uint64_t value = 7;

	(void)context;
	assert_string_equal(node->name, "n1");
	assert_int_equal(node->cpu_millicores, 4000);
	assert_int_equal(node->memory_bytes, 8ULL << 30);
	assert_int_equal(node->timestamp_ms, 1700000000000);
	assert_int_equal(node->window_ms, 15000);
	assert_int_equal(node->labels->count, 3);
	assert_string_equal(labels_get(node->labels, "kubernetes.io/arch"), "arm64");
	assert_string_equal(labels_get(node->labels, "kubernetes.io/hostname"), "n1");
	assert_string_equal(labels_get(node->labels, "kubernetes.io/os"), "linux");
	assert_true(store_node_value(node, METRIC_NODE_MEMORY_WORKING_SET, &value));
	assert_int_equal(value, 3000);
	assert_false(store_node_value(node, METRIC_NODE_MEMORY_SWAP, &value));
	assert_false(store_node_value(node, METRIC_CPU_USAGE, &value));
	return true;
}

static void shows_every_field(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n1", 1, "ns/p@u main=c1 side=c2");
	toy_sample_usual(&sample, 1, 2, 0);
	sample.message.n_window_delta_ms = 2;
	sample.delta[0] = 500;
	sample.delta[1] = -1000; /* the shortest is the pod's */
	assert_int_equal(toy_try_sample(world, "n1", &sample), 0);
	assert_true(store_get_pod(world->store, "ns", "p", look_at_pod, NULL));
	assert_true(store_get_node(world->store, "n1", look_at_node, NULL));
}

static bool look_at_bare_node(void *context, const struct store_node_view *node)
{
	(void)context;
	assert_int_equal(node->cpu_millicores, 0);
	assert_int_equal(node->memory_bytes, 0);
	assert_int_equal(node->labels->count, 2);
	assert_null(labels_get(node->labels, "kubernetes.io/arch"));
	return true;
}

static void takes_fields_that_are_not_there(void **state)
{
	struct toy_store *world = *state;
	struct toy_catalog catalog;

	(void)toy_read_catalog(&catalog, 1, "ns/p@u main=c");
	catalog.message.node = NULL;
	catalog.pod[0].namespace_ = NULL;
	catalog.pod[0].name = NULL;
	catalog.container[0][0].name = NULL;
	catalog.container[0][0].id = NULL;
	assert_int_equal(store_apply_catalog(
				 world->store, "n1", &catalog.message, world->now_ns, &world->err),
		0);
	toy_give_sample(world, "n1", 1, 1, 5);
	toy_expect_pods(world, "");
	assert_true(store_get_node(world->store, "n1", look_at_bare_node, NULL));
	(void)toy_read_catalog(&catalog, 2, "");
	catalog.node.architecture = NULL;
	assert_int_equal(store_apply_catalog(
				 world->store, "n1", &catalog.message, world->now_ns, &world->err),
		0);
	(void)toy_read_catalog(&catalog, 3, "ns/p@u");
	catalog.pod[0].uid = NULL;
	assert_int_equal(store_apply_catalog(
				 world->store, "n1", &catalog.message, world->now_ns, &world->err),
		-EINVAL);
}

/* One node of three rows; which catalogs and figures are served. */
static void serves_whole_pods_only(void **state)
{
	static const struct {
		const char *catalog;
		size_t rows;
		const char *served;
	} CASES[] = {
		{"ns/p@u a=1", 1, "ns/p@u a=0; "},
		{"ns/p@u a=1 b=2", 2, "ns/p@u a=0 b=1; "},
		{"ns/p@u! a=1 b=2", 2, ""},           /* incomplete */
		{"ns/p@u a=1 =2", 2, "ns/p@u a=0; "}, /* a sandbox */
		{"ns/p@u =2 a=1", 2, "ns/p@u a=1; "},
		{"ns/p@u! a=1 =2", 2, ""},
		{"ns/p@u =1 =2", 2, ""}, /* nothing to show */
		{"ns/p@u", 0, ""},
		{"/@u a=1", 1, ""}, /* not named yet */
		{"/p@u a=1", 1, ""},
		{"ns/@u a=1", 1, ""},
		{"/@u a=1; ns/q@v b=2", 2, "ns/q@v b=1; "},
		{"ns/p@u a=1 a=2", 2, "ns/p@u a=1; "}, /* restarted: the later row */
		{"ns/p@u a=9 b=5 a=2", 3, "ns/p@u b=1 a=2; "},
		{"ns/p@u a=2 a=1 a=0", 3, "ns/p@u a=2; "},
		{"ns/p@u a= b=", 2, "ns/p@u a=0 b=1; "}, /* no ids: told apart by name */
		{"ns/p@u = =", 2, ""},
		{"", 0, ""},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct toy_store *world = *state;

		toy_give_catalog(world, "n", i + 1, CASES[i].catalog);
		toy_give_sample(world, "n", i + 1, CASES[i].rows, 0);
		toy_expect_pods(world, CASES[i].served);
		toy_expect_nodes(world, "n=2000; ");
	}
}

static void leaves_out_pods_without_a_required_figure(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1 b=2; ns/q@v c=3");
	toy_sample_usual(&sample, 1, 3, 0);
	sample.value[1][1] = 0; /* the memory of b */
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	toy_expect_pods(world, "ns/q@v c=2; ");

	toy_sample_begin(&sample, 1);
	toy_sample_add(&sample, TOY_CPU, 3, 0);
	toy_sample_add(&sample, TOY_NODE_CPU, 1, 0);
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	toy_expect_pods(world, "");
	toy_expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);

	toy_give_sample(world, "n", 1, 3, 0); /* a figure of 0 is one */
	toy_expect_pods(world, "ns/p@u a=0 b=1; ns/q@v c=2; ");
}

static void forgets_a_metric_that_no_longer_comes(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n1", 1, "ns/p@u main=c1 side=c2");
	toy_sample_usual(&sample, 1, 2, 0);
	sample.message.n_window_delta_ms = 2;
	sample.delta[0] = sample.delta[1] = -1000;
	toy_sample_add(&sample, TOY_PIDS, 2, 3);
	assert_int_equal(toy_try_sample(world, "n1", &sample), 0);
	sample.message.n_columns--;
	assert_int_equal(toy_try_sample(world, "n1", &sample), 0);
	assert_true(store_get_pod(world->store, "ns", "p", look_at_pod, NULL));
}

static bool look_at_extremes(void *context, const struct store_pod_view *pod)
{
	uint64_t value;

	(void)context;
	assert_true(store_container_value(pod, 0, METRIC_CPU_USAGE, &value));
	assert_int_equal(value, UINT64_MAX - 1);
	return true;
}

static void keeps_the_greatest_figure(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	toy_sample_usual(&sample, 1, 1, 0);
	sample.value[0][0] = UINT64_MAX;
	assert_int_equal(toy_try_sample(world, "n", &sample), 0);
	assert_true(store_get_pod(world->store, "ns", "p", look_at_extremes, NULL));
}

/* --- windows ---------------------------------------------------------------------------------- */

static bool take_window(void *context, const struct store_pod_view *pod)
{
	*(uint32_t *)context = pod->window_ms;
	return true;
}

static void adds_window_and_delta(void **state)
{
	static const struct {
		uint32_t window_ms;
		bool with_delta;
		int32_t delta_ms;
		uint32_t served_ms; /* 0 = not served */
	} CASES[] = {
		{15000, false, 0, 15000},
		{15000, true, 0, 15000},
		{15000, true, 16, 15016},
		{15000, true, -14999, 1},
		{15000, true, -15000, 0},
		{15000, true, INT32_MIN, 0},
		{0, false, 0, 0},
		{0, true, 1, 1},
		{1, false, 0, 1},
		{UINT32_MAX, false, 0, UINT32_MAX},
		{UINT32_MAX, true, 1, 0},
		{UINT32_MAX, true, INT32_MAX, 0},
		{UINT32_MAX, true, INT32_MIN, UINT32_MAX - (1U << 31)},
	};
	struct toy_store *world = *state;
	uint64_t without = 0;

	toy_give_catalog(world, "n", 1, "ns/p@u a=1");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct toy_sample sample;
		uint32_t window_ms = 0;

		toy_sample_usual(&sample, 1, 1, 0);
		sample.message.window_ms = CASES[i].window_ms;
		sample.message.n_window_delta_ms = CASES[i].with_delta;
		sample.delta[0] = CASES[i].delta_ms;
		assert_int_equal(toy_try_sample(world, "n", &sample), 0);
		assert_int_equal(store_get_pod(world->store, "ns", "p", take_window, &window_ms),
			CASES[i].served_ms != 0);
		assert_int_equal(window_ms, CASES[i].served_ms);
		assert_int_equal(store_served_nodes(world->store), CASES[i].window_ms != 0);
		without += CASES[i].served_ms == 0;
		assert_int_equal(
			toy_counted(world, "tacho_aggregator_rows_without_window_total", NULL),
			without);
	}
}

/* --- a new catalog ---------------------------------------------------------------------------- */

static void keeps_the_figures_of_what_stays(void **state)
{
	static const struct {
		const char *catalog;
		const char *served;
	} CASES[] = {
		{"ns/p@u a=1 b=2; ns/q@v c=3", "ns/p@u a=0 b=1; ns/q@v c=2; "},
		{"ns/q@v c=3; ns/p@u b=2 a=1", "ns/p@u b=1 a=0; ns/q@v c=2; "}, /* rows moved */
		{"ns/q@v c=3", "ns/q@v c=2; "},
		{"ns/r@w d=4; ns/q@v c=3", "ns/q@v c=2; "},         /* a new pod */
		{"ns/p@u a=1 b=2 d=4; ns/q@v c=3", "ns/q@v c=2; "}, /* a new container */
		{"ns/p@u a=1; ns/q@v c=3", "ns/p@u a=0; ns/q@v c=2; "},
		{"ns/p@u a=1 b=9; ns/q@v c=3", "ns/q@v c=2; "}, /* restarted */
		{"ns/p@w a=1 b=2; ns/q@v c=3", "ns/q@v c=2; "}, /* another pod of that name */
		{"ns/pp@u aa=1 bb=2", "ns/pp@u aa=0 bb=1; "},   /* named anew */
		{"/@u a=1 b=2; ns/q@v c=3", "ns/q@v c=2; "},
		{"ns/p@u =1 b=2", "ns/p@u b=1; "},
		{"", ""},
	};
	struct toy_store *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		toy_give_catalog(world, "n", 1, "ns/p@u a=1 b=2; ns/q@v c=3");
		toy_give_sample(world, "n", 1, 3, 0);
		toy_give_catalog(world, "n", 2, CASES[i].catalog);
		toy_expect_pods(world, CASES[i].served);
		toy_expect_nodes(world, "n=2000; ");
	}
}

static void keeps_the_figures_of_containers_without_ids(void **state)
{
	struct toy_store *world = *state;

	toy_give_catalog(world, "n", 1, "s/a.service@1 a=; s/b.service@2 b=");
	toy_give_sample(world, "n", 1, 2, 0);
	toy_give_catalog(world, "n", 2, "s/b.service@2 b=; s/c.service@3 c=");
	toy_expect_pods(world, "s/b.service@2 b=1; ");
	toy_give_catalog(world, "n", 3, "s/b.service@2 = b=");
	toy_expect_pods(world, "s/b.service@2 b=1; ");
}

static void keeps_figures_with_every_metric(void **state)
{
	struct toy_store *world = *state;
	struct toy_sample sample;

	toy_give_catalog(world, "n1", 1, "x/y@v z=9; ns/p@u side=c2 main=c1");
	toy_sample_usual(&sample, 1, 3, 0);
	sample.value[0][1] = sample.value[1][1] = 1002; /* side: 1001 */
	sample.message.n_window_delta_ms = 3;
	sample.delta[0] = 0;
	sample.delta[1] = 500;
	sample.delta[2] = -1000;
	assert_int_equal(toy_try_sample(world, "n1", &sample), 0);
	toy_give_catalog(world, "n1", 2, "ns/p@u main=c1 side=c2");
	assert_true(store_get_pod(world->store, "ns", "p", look_at_pod, NULL));
	assert_true(store_get_node(world->store, "n1", look_at_node, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, toy_setup, toy_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(starts_empty),
		TEST(serves_what_came),
		TEST(shows_every_field),
		TEST(takes_fields_that_are_not_there),
		TEST(serves_whole_pods_only),
		TEST(leaves_out_pods_without_a_required_figure),
		TEST(forgets_a_metric_that_no_longer_comes),
		TEST(keeps_the_greatest_figure),
		TEST(adds_window_and_delta),
		TEST(keeps_the_figures_of_what_stays),
		TEST(keeps_the_figures_of_containers_without_ids),
		TEST(keeps_figures_with_every_metric),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
