/* aggregator/store: what is taken, what is served, and walking under change. */
#include "aggregator/store/store.h"

#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
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

#define EXPIRY_NS (15 * NS_PER_SECOND)
#define START_NS  (1000 * NS_PER_SECOND)
#define NO_FIGURE UINT64_MAX /* becomes 0 on the wire */

/* The readers' clock. The store's options have no place for a context. */
static _Atomic uint64_t reader_ns;

static uint64_t read_reader_clock(void)
{
	return atomic_load(&reader_ns);
}

/* --- messages --------------------------------------------------------------------------------- */

#define MOST_PODS       8
#define MOST_CONTAINERS 8

/* A Catalog made of words: "namespace/name@uid container=id container=id; ...". '!' behind the uid
 * makes the pod incomplete. Any part may be empty. */
struct catalog {
	Tacho__V1__Catalog message;
	Tacho__V1__Node node;
	Tacho__V1__Pod pod[MOST_PODS], *pods[MOST_PODS];
	Tacho__V1__Container container[MOST_PODS][MOST_CONTAINERS],
		*containers[MOST_PODS][MOST_CONTAINERS];
	char text[1024];
};

static char *cut(char *text, char at)
{
	char *found = strchr(text, at);

	if (!found)
		return text + strlen(text);
	*found = '\0';
	return found + 1;
}

static void read_pod(struct catalog *catalog, char *text)
{
	size_t p = catalog->message.n_pods++;
	Tacho__V1__Pod *pod = &catalog->pod[p];
	char *rest = cut(text, ' '), *word, *more;

	tacho__v1__pod__init(pod);
	catalog->pods[p] = pod;
	pod->uid = cut(text, '@');
	pod->name = cut(text, '/');
	pod->namespace_ = text;
	if (*pod->uid && pod->uid[strlen(pod->uid) - 1] == '!') {
		pod->uid[strlen(pod->uid) - 1] = '\0';
		pod->incomplete = true;
	}
	pod->containers = catalog->containers[p];
	for (word = strtok_r(rest, " ", &more); word; word = strtok_r(NULL, " ", &more)) {
		Tacho__V1__Container *container = &catalog->container[p][pod->n_containers];

		tacho__v1__container__init(container);
		catalog->containers[p][pod->n_containers++] = container;
		container->id = cut(word, '=');
		container->name = word;
	}
}

static char architecture[] = "arm64";

static const Tacho__V1__Catalog *read_catalog(
	struct catalog *catalog, uint64_t revision, const char *words)
{
	char *pod, *more;

	tacho__v1__catalog__init(&catalog->message);
	tacho__v1__node__init(&catalog->node);
	catalog->node.cpu_millicores = 4000;
	catalog->node.memory_bytes = 8ULL << 30;
	catalog->node.architecture = architecture;
	catalog->message.node = &catalog->node;
	catalog->message.revision = revision;
	catalog->message.pods = catalog->pods;
	assert_true(strlen(words) < sizeof(catalog->text));
	strcpy(catalog->text, words);
	for (pod = strtok_r(catalog->text, ";", &more); pod; pod = strtok_r(NULL, ";", &more))
		read_pod(catalog, pod + strspn(pod, " "));
	return &catalog->message;
}

#define MOST_COLUMNS 8
#define MOST_VALUES  16

struct sample {
	Tacho__V1__Sample message;
	Tacho__V1__Column column[MOST_COLUMNS], *columns[MOST_COLUMNS];
	uint64_t value[MOST_COLUMNS][MOST_VALUES];
	int32_t delta[MOST_VALUES];
};

static void sample_begin(struct sample *sample, uint64_t revision)
{
	tacho__v1__sample__init(&sample->message);
	sample->message.revision = revision;
	sample->message.timestamp_ms = 1700000000000;
	sample->message.window_ms = 15000;
	sample->message.columns = sample->columns;
	sample->message.window_delta_ms = sample->delta;
}

/* Adds a column whose values are first, first + 1, ...; all are "no figure" for NO_FIGURE. */
static void sample_add(struct sample *sample, uint32_t id, size_t count, uint64_t first)
{
	size_t c = sample->message.n_columns++;

	tacho__v1__column__init(&sample->column[c]);
	sample->columns[c] = &sample->column[c];
	sample->column[c].metric = id;
	sample->column[c].n_values = count;
	sample->column[c].values = sample->value[c];
	for (size_t i = 0; i < count; i++)
		sample->value[c][i] = first == NO_FIGURE ? 0 : first + i + 1;
}

#define CPU         1 /* wire ids, see proto/metrics.def */
#define MEMORY      5
#define PIDS        10
#define NODE_CPU    100
#define NODE_MEMORY 102

static void sample_usual(struct sample *sample, uint64_t revision, size_t rows, uint64_t first)
{
	sample_begin(sample, revision);
	sample_add(sample, CPU, rows, first);
	sample_add(sample, MEMORY, rows, first + 1000);
	sample_add(sample, NODE_CPU, 1, first + 2000);
	sample_add(sample, NODE_MEMORY, 1, first + 3000);
}

/* --- the store under test --------------------------------------------------------------------- */

struct world {
	struct store *store;
	struct telemetry *telemetry;
	uint64_t now_ns;
	struct error err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct store_options options = {
		.expiry_ns = EXPIRY_NS,
		.max_nodes = 3,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
			    METRIC_BIT(METRIC_NODE_CPU_USAGE) |
			    METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET),
		.clock = read_reader_clock,
	};

	if (!world)
		return -1;
	world->telemetry = telemetry_new();
	options.telemetry = world->telemetry;
	world->store = store_new(&options, &world->err);
	world->now_ns = START_NS;
	atomic_store(&reader_ns, START_NS);
	*state = world;
	return world->store ? 0 : -1;
}

static int teardown(void **state)
{
	struct world *world = *state;

	store_free(world->store);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static void wait_ns(struct world *world, uint64_t ns)
{
	world->now_ns += ns;
	atomic_store(&reader_ns, world->now_ns);
}

static int try_catalog(struct world *world, const char *node, uint64_t revision, const char *words)
{
	struct catalog catalog;

	memset(&world->err, 0, sizeof(world->err));
	return store_apply_catalog(world->store, node, read_catalog(&catalog, revision, words),
		world->now_ns, &world->err);
}

static void give_catalog(
	struct world *world, const char *node, uint64_t revision, const char *words)
{
	int r = try_catalog(world, node, revision, words);

	if (r != 0)
		fail_msg("\"%s\": %s", words, world->err.message);
}

static void refuse_catalog(struct world *world, const char *node, uint64_t revision,
	const char *words, int result, const char *message)
{
	assert_int_equal(try_catalog(world, node, revision, words), result);
	assert_string_equal(world->err.message, message);
}

static int try_sample(struct world *world, const char *node, const struct sample *sample)
{
	memset(&world->err, 0, sizeof(world->err));
	return store_apply_sample(world->store, node, &sample->message, world->now_ns, &world->err);
}

static void give_sample(
	struct world *world, const char *node, uint64_t revision, size_t rows, uint64_t first)
{
	struct sample sample;

	sample_usual(&sample, revision, rows, first);
	assert_int_equal(try_sample(world, node, &sample), 0);
}

static uint64_t counted(const struct world *world, const char *name, const char *reason)
{
	return telemetry_get(
		telemetry_counter(world->telemetry, name, "", reason ? "reason" : NULL, reason));
}

/* --- what the store serves, as words ---------------------------------------------------------- */

struct words {
	char text[4096];
	size_t length;
	unsigned most; /* objects that are taken; 0 = no limit */
	unsigned taken;
};

__attribute__((format(printf, 2, 3))) static void say(struct words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	words->length += (size_t)vsnprintf(
		words->text + words->length, sizeof(words->text) - words->length, format, args);
	va_end(args);
	assert_true(words->length < sizeof(words->text));
}

/* "namespace/name@uid container=cpu container=cpu; " */
static bool say_pod(void *context, const struct store_pod_view *pod)
{
	struct words *words = context;

	if (words->most && words->taken == words->most)
		return false;
	words->taken++;
	say(words, "%s/%s@%s", pod->namespace, pod->name, pod->uid);
	for (uint32_t i = 0; i < pod->containers; i++) {
		uint64_t cpu;

		assert_true(store_container_value(pod, i, METRIC_CPU_USAGE, &cpu));
		say(words, " %s=%" PRIu64, store_container_name(pod, i), cpu);
	}
	say(words, "; ");
	return true;
}

/* "name=cpu; " */
static bool say_node(void *context, const struct store_node_view *node)
{
	struct words *words = context;
	uint64_t cpu;

	if (words->most && words->taken == words->most)
		return false;
	words->taken++;
	assert_true(store_node_value(node, METRIC_NODE_CPU_USAGE, &cpu));
	say(words, "%s=%" PRIu64 "; ", node->name, cpu);
	return true;
}

static void expect_pods_of(struct world *world, const char *namespace, const char *expected)
{
	struct store_cursor cursor = {0};
	struct words words = {0};

	assert_int_equal(
		store_visit_pods(world->store, namespace, &cursor, SIZE_MAX, say_pod, &words), 0);
	assert_true(cursor.finished);
	store_cursor_free(&cursor);
	assert_string_equal(words.text, expected);
}

static void expect_pods(struct world *world, const char *expected)
{
	expect_pods_of(world, NULL, expected);
}

static void expect_nodes(struct world *world, const char *expected)
{
	struct store_cursor cursor = {0};
	struct words words = {0};

	assert_int_equal(store_visit_nodes(world->store, &cursor, SIZE_MAX, say_node, &words), 0);
	assert_true(cursor.finished);
	store_cursor_free(&cursor);
	assert_string_equal(words.text, expected);
}

/* --- what is served --------------------------------------------------------------------------- */

static void starts_empty(void **state)
{
	struct world *world = *state;
	struct words words = {0};

	expect_pods(world, "");
	expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);
	assert_false(store_get_node(world->store, "n", say_node, &words));
	assert_false(store_get_pod(world->store, "ns", "p", say_pod, &words));
	store_expire(world->store, UINT64_MAX);
}

static void serves_what_came(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/b@u1 main=c1 side=c2; ns/a@u2 main=c3");
	expect_pods(world, "");
	expect_nodes(world, "");
	give_sample(world, "n1", 1, 3, 10);
	expect_pods(world, "ns/a@u2 main=12; ns/b@u1 main=10 side=11; ");
	expect_nodes(world, "n1=2010; ");
	assert_int_equal(store_served_nodes(world->store), 1);
	assert_int_equal(counted(world, "tacho_aggregator_catalogs_total", NULL), 1);
	assert_int_equal(counted(world, "tacho_aggregator_samples_total", NULL), 1);
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 1);
	assert_int_equal(counted(world, "tacho_aggregator_pods", NULL), 2);
	assert_int_equal(counted(world, "tacho_aggregator_containers", NULL), 3);
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
	assert_string_equal(store_container_name(pod, 1), "side");
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
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n1", 1, "ns/p@u main=c1 side=c2");
	sample_usual(&sample, 1, 2, 0);
	sample.message.n_window_delta_ms = 2;
	sample.delta[0] = 500;
	sample.delta[1] = -1000; /* the shortest is the pod's */
	assert_int_equal(try_sample(world, "n1", &sample), 0);
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
	struct world *world = *state;
	struct catalog catalog;

	(void)read_catalog(&catalog, 1, "ns/p@u main=c");
	catalog.message.node = NULL;
	catalog.pod[0].namespace_ = NULL;
	catalog.pod[0].name = NULL;
	catalog.container[0][0].name = NULL;
	catalog.container[0][0].id = NULL;
	assert_int_equal(store_apply_catalog(
				 world->store, "n1", &catalog.message, world->now_ns, &world->err),
		0);
	give_sample(world, "n1", 1, 1, 5);
	expect_pods(world, "");
	assert_true(store_get_node(world->store, "n1", look_at_bare_node, NULL));
	(void)read_catalog(&catalog, 2, "");
	catalog.node.architecture = NULL;
	assert_int_equal(store_apply_catalog(
				 world->store, "n1", &catalog.message, world->now_ns, &world->err),
		0);
	(void)read_catalog(&catalog, 3, "ns/p@u");
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
		struct world *world = *state;

		give_catalog(world, "n", i + 1, CASES[i].catalog);
		give_sample(world, "n", i + 1, CASES[i].rows, 0);
		expect_pods(world, CASES[i].served);
		expect_nodes(world, "n=2000; ");
	}
}

static void leaves_out_pods_without_a_required_figure(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n", 1, "ns/p@u a=1 b=2; ns/q@v c=3");
	sample_usual(&sample, 1, 3, 0);
	sample.value[1][1] = 0; /* the memory of b */
	assert_int_equal(try_sample(world, "n", &sample), 0);
	expect_pods(world, "ns/q@v c=2; ");

	sample_begin(&sample, 1);
	sample_add(&sample, CPU, 3, 0);
	sample_add(&sample, NODE_CPU, 1, 0);
	assert_int_equal(try_sample(world, "n", &sample), 0);
	expect_pods(world, "");
	expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);

	give_sample(world, "n", 1, 3, 0); /* a figure of 0 is one */
	expect_pods(world, "ns/p@u a=0 b=1; ns/q@v c=2; ");
}

static void forgets_a_metric_that_no_longer_comes(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n1", 1, "ns/p@u main=c1 side=c2");
	sample_usual(&sample, 1, 2, 0);
	sample.message.n_window_delta_ms = 2;
	sample.delta[0] = sample.delta[1] = -1000;
	sample_add(&sample, PIDS, 2, 3);
	assert_int_equal(try_sample(world, "n1", &sample), 0);
	sample.message.n_columns--;
	assert_int_equal(try_sample(world, "n1", &sample), 0);
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
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	sample_usual(&sample, 1, 1, 0);
	sample.value[0][0] = UINT64_MAX;
	assert_int_equal(try_sample(world, "n", &sample), 0);
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
	struct world *world = *state;
	uint64_t without = 0;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct sample sample;
		uint32_t window_ms = 0;

		sample_usual(&sample, 1, 1, 0);
		sample.message.window_ms = CASES[i].window_ms;
		sample.message.n_window_delta_ms = CASES[i].with_delta;
		sample.delta[0] = CASES[i].delta_ms;
		assert_int_equal(try_sample(world, "n", &sample), 0);
		assert_int_equal(store_get_pod(world->store, "ns", "p", take_window, &window_ms),
			CASES[i].served_ms != 0);
		assert_int_equal(window_ms, CASES[i].served_ms);
		assert_int_equal(store_served_nodes(world->store), CASES[i].window_ms != 0);
		without += CASES[i].served_ms == 0;
		assert_int_equal(counted(world, "tacho_aggregator_rows_without_window_total", NULL),
			without);
	}
}

/* --- samples that are not taken --------------------------------------------------------------- */

static void drops_samples_of_another_revision(void **state)
{
	struct world *world = *state;
	struct sample sample;

	sample_usual(&sample, 1, 1, 50);
	assert_int_equal(try_sample(world, "n", &sample), -ESTALE);
	assert_string_equal(
		world->err.message, "taking a sample of node n: no catalog of it is known");
	give_catalog(world, "n", 1, "ns/p@u a=1");
	give_sample(world, "n", 1, 1, 5);
	give_catalog(world, "n", 2, "ns/p@u a=1");
	assert_int_equal(try_sample(world, "n", &sample), -ESTALE);
	assert_string_equal(world->err.message,
		"taking a sample of node n: it is of revision 1, the catalog is of 2");
	expect_pods(world, "ns/p@u a=5; ");
	assert_int_equal(
		counted(world, "tacho_aggregator_samples_dropped_total", "unknown_revision"), 2);
	assert_int_equal(counted(world, "tacho_aggregator_samples_total", NULL), 1);
}

static void refuses_columns_that_do_not_fit(void **state)
{
	static const struct {
		uint32_t id;
		size_t count;
		const char *message; /* NULL = taken */
	} CASES[] = {
		{PIDS, 2, NULL},
		{PIDS, 1, "the column of pids has 1 values instead of 2"},
		{PIDS, 3, "the column of pids has 3 values instead of 2"},
		{PIDS, 0, "the column of pids has 0 values instead of 2"},
		{CPU, 2, "the column of cpu_usage comes twice"},
		{NODE_CPU, 1, "the column of node_cpu_usage comes twice"},
		{103, 1, NULL},
		{103, 2, "the column of node_memory_swap has 2 values instead of 1"},
		{103, 0, "the column of node_memory_swap has 0 values instead of 1"},
		{999, 2, NULL}, /* of a newer agent: skipped, whatever its shape */
		{999, 7, NULL},
		{0, 0, NULL},
		{UINT32_MAX, 1, NULL},
	};
	struct world *world = *state;
	uint64_t refused = 0;

	give_catalog(world, "n", 1, "ns/p@u a=1 b=2");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char expected[512];
		struct sample sample;

		give_sample(world, "n", 1, 2, 5);
		sample_usual(&sample, 1, 2, 7);
		sample_add(&sample, CASES[i].id, CASES[i].count, 0);
		assert_int_equal(try_sample(world, "n", &sample), CASES[i].message ? -EINVAL : 0);
		if (CASES[i].message) {
			(void)snprintf(expected, sizeof(expected), "taking a sample of node n: %s",
				CASES[i].message);
			assert_string_equal(world->err.message, expected);
			refused++;
		}
		expect_pods(world, CASES[i].message ? "ns/p@u a=5 b=6; " : "ns/p@u a=7 b=8; ");
		assert_int_equal(
			counted(world, "tacho_aggregator_samples_dropped_total", "invalid"),
			refused);
	}
}

static void skips_an_unknown_metric_that_comes_twice(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	sample_usual(&sample, 1, 1, 5);
	sample_add(&sample, 999, 1, 0);
	sample_add(&sample, 999, 3, 0);
	assert_int_equal(try_sample(world, "n", &sample), 0);
	expect_pods(world, "ns/p@u a=5; ");
}

static void refuses_window_deltas_that_do_not_fit(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n", 1, "ns/p@u a=1 b=2");
	for (size_t count = 0; count <= 4; count++) {
		sample_usual(&sample, 1, 2, 0);
		memset(sample.delta, 0, sizeof(sample.delta));
		sample.message.n_window_delta_ms = count;
		assert_int_equal(
			try_sample(world, "n", &sample), count == 0 || count == 2 ? 0 : -EINVAL);
	}
	assert_string_equal(world->err.message,
		"taking a sample of node n: there are 4 window deltas instead of 2");
}

static void takes_a_sample_of_no_rows(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n", 1, "");
	give_sample(world, "n", 1, 0, 5);
	expect_nodes(world, "n=2005; ");
	sample_usual(&sample, 1, 0, 0);
	sample_add(&sample, CPU, 0, 0);
	assert_int_equal(try_sample(world, "n", &sample), -EINVAL);
	sample_begin(&sample, 1);
	assert_int_equal(try_sample(world, "n", &sample), 0);
	expect_nodes(world, "");
}

static bool take_timestamp(void *context, const struct store_pod_view *pod)
{
	*(uint64_t *)context = pod->timestamp_ms;
	return true;
}

static void takes_a_timestamp_that_went_back(void **state)
{
	struct world *world = *state;
	uint64_t timestamp_ms = 0;
	struct sample sample;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	give_sample(world, "n", 1, 1, 5);
	sample_usual(&sample, 1, 1, 6);
	sample.message.timestamp_ms -= 3600000;
	assert_int_equal(try_sample(world, "n", &sample), 0);
	expect_pods(world, "ns/p@u a=6; ");
	assert_true(store_get_pod(world->store, "ns", "p", take_timestamp, &timestamp_ms));
	assert_int_equal(timestamp_ms, 1700000000000 - 3600000);
}

/* --- catalogs that are not taken -------------------------------------------------------------- */

#define NAME_253                                                                                   \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaa"                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" \
	"aaaa"                                                                                     \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

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
		{"ns/p@u " NAME_253 "=1", NULL},
		{"ns/p@u a" NAME_253 "=1", "pod 0: a container's name is longer than 253 bytes"},
		{"ns/p@u a=" NAME_253, NULL},
		{"ns/p@u a=a" NAME_253, "pod 0: a container's id is longer than 253 bytes"},
		{NAME_253 "/p@u", NULL},
		{"a" NAME_253 "/p@u", "pod 0: its namespace is longer than 253 bytes"},
		{"ns/" NAME_253 "@u", NULL},
		{"ns/a" NAME_253 "@u", "pod 0: its name is longer than 253 bytes"},
		{"ns/p@" NAME_253, NULL},
		{"ns/p@a" NAME_253, "pod 0: its uid is longer than 253 bytes"},
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
	struct world *world = *state;
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char expected[512];

		give_catalog(world, "n", 1, "ns/old@u a=1");
		give_sample(world, "n", 1, 1, 5);
		if (!CASES[i].message) {
			give_catalog(world, "n", 2, CASES[i].words);
			continue;
		}
		(void)snprintf(expected, sizeof(expected), "taking the catalog of node n: %s",
			CASES[i].message);
		refuse_catalog(world, "n", 2, CASES[i].words, -EINVAL, expected);
		refused++;
		expect_pods(world, "ns/old@u a=5; ");
		give_sample(world, "n", 1, 1, 6); /* the revision is the old one too */
		expect_pods(world, "ns/old@u a=6; ");
	}
	assert_int_equal(
		counted(world, "tacho_aggregator_catalogs_refused_total", "invalid"), refused);
}

static void refuses_bad_nodes(void **state)
{
	struct world *world = *state;
	struct catalog catalog;

	refuse_catalog(
		world, "n", 0, "", -EINVAL, "taking the catalog of node n: its revision is 0");
	refuse_catalog(
		world, "", 1, "", -EINVAL, "taking the catalog of node : the node has no name");
	refuse_catalog(world, "a/b", 1, "", -EINVAL,
		"taking the catalog of node a/b: the node's name \"a/b\" has a '/' in it");
	assert_int_equal(try_catalog(world, "a" NAME_253, 1, ""), -EINVAL);
	assert_non_null(strstr(world->err.message, "longer than 253 bytes"));
	(void)read_catalog(&catalog, 1, "");
	catalog.node.architecture = (char[]){"a\nb"};
	assert_int_equal(store_apply_catalog(
				 world->store, "n", &catalog.message, world->now_ns, &world->err),
		-EINVAL);
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 0);
	give_catalog(world, NAME_253, 1, "");
	give_sample(world, NAME_253, 1, 0, 0);
	assert_int_equal(store_served_nodes(world->store), 1);
}

static void bounds_the_nodes(void **state)
{
	struct world *world = *state;

	give_catalog(world, "a", 1, "");
	give_catalog(world, "b", 1, "");
	give_catalog(world, "c", 1, "");
	refuse_catalog(world, "d", 1, "", -ENOSPC,
		"taking the catalog of node d: 3 nodes are known, which is the most");
	assert_int_equal(counted(world, "tacho_aggregator_catalogs_refused_total", "max_nodes"), 1);
	give_catalog(world, "b", 2, "");
	wait_ns(world, EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	give_catalog(world, "d", 1, "");
}

/* --- catalogs at their bounds ----------------------------------------------------------------- */

/* `pods` pods of `containers` containers each, on the heap. */
struct crowd {
	Tacho__V1__Catalog message;
	Tacho__V1__Pod *pod, **pods;
	Tacho__V1__Container *container, **containers;
	char (*name)[32];
};

static void *need(void *memory)
{
	assert_non_null(memory);
	return memory;
}

static void crowd_make(
	struct crowd *crowd, const char *namespace, size_t first, size_t pods, size_t containers)
{
	size_t rows = pods * containers;

	crowd->pod = need(calloc(pods + 1, sizeof(*crowd->pod)));
	crowd->pods = need(calloc(pods + 1, sizeof(*crowd->pods)));
	crowd->container = need(calloc(rows + 1, sizeof(*crowd->container)));
	crowd->containers = need(calloc(rows + 1, sizeof(*crowd->containers)));
	crowd->name = need(calloc(pods + rows + 1, sizeof(*crowd->name)));
	tacho__v1__catalog__init(&crowd->message);
	crowd->message.revision = 1;
	crowd->message.n_pods = pods;
	crowd->message.pods = crowd->pods;
	for (size_t p = 0; p < pods; p++) {
		Tacho__V1__Pod *pod = crowd->pods[p] = &crowd->pod[p];

		tacho__v1__pod__init(pod);
		(void)snprintf(crowd->name[p], sizeof(crowd->name[p]), "p%06zu", first + p);
		pod->namespace_ = need(strdup(namespace));
		pod->name = pod->uid = crowd->name[p];
		pod->n_containers = containers;
		pod->containers = &crowd->containers[p * containers];
	}
	for (size_t c = 0; c < rows; c++) {
		Tacho__V1__Container *container = crowd->containers[c] = &crowd->container[c];

		tacho__v1__container__init(container);
		(void)snprintf(
			crowd->name[pods + c], sizeof(crowd->name[0]), "c%06zu", c % containers);
		container->name = container->id = crowd->name[pods + c];
	}
}

static void crowd_free(struct crowd *crowd)
{
	for (size_t p = 0; p < crowd->message.n_pods; p++)
		free(crowd->pod[p].namespace_);
	free(crowd->pod);
	free(crowd->pods);
	free(crowd->container);
	free(crowd->containers);
	free(crowd->name);
}

static void bounds_the_pods_of_a_node(void **state)
{
	static const struct {
		size_t pods, containers;
		int result;
		const char *message;
	} CASES[] = {
		{STORE_MAX_PODS_PER_NODE, 0, 0, NULL},
		{STORE_MAX_PODS_PER_NODE, 16, 0, NULL},
		{STORE_MAX_PODS_PER_NODE + 1, 0, -E2BIG, "the node has 1025 pods, more than 1024"},
		{1, STORE_MAX_CONTAINERS_PER_NODE, 0, NULL},
		{1, STORE_MAX_CONTAINERS_PER_NODE + 1, -E2BIG,
			"pod 0: the node has more than 16384 containers"},
		{STORE_MAX_PODS_PER_NODE, 17, -E2BIG,
			"pod 963: the node has more than 16384 containers"},
	};
	struct world *world = *state;
	uint64_t refused = 0;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct crowd crowd;

		give_catalog(world, "n", 1, "ns/old@u a=1");
		give_sample(world, "n", 1, 1, 5);
		crowd_make(&crowd, "ns", 0, CASES[i].pods, CASES[i].containers);
		assert_int_equal(store_apply_catalog(world->store, "n", &crowd.message,
					 world->now_ns, &world->err),
			CASES[i].result);
		if (CASES[i].result < 0) {
			assert_non_null(strstr(world->err.message, CASES[i].message));
			expect_pods(world, "ns/old@u a=5; ");
			refused++;
		} else {
			assert_int_equal(
				counted(world, "tacho_aggregator_pods", NULL), CASES[i].pods);
			assert_int_equal(counted(world, "tacho_aggregator_containers", NULL),
				CASES[i].pods * CASES[i].containers);
		}
		crowd_free(&crowd);
	}
	assert_int_equal(
		counted(world, "tacho_aggregator_catalogs_refused_total", "too_big"), refused);
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
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		give_catalog(world, "n", 1, "ns/p@u a=1 b=2; ns/q@v c=3");
		give_sample(world, "n", 1, 3, 0);
		give_catalog(world, "n", 2, CASES[i].catalog);
		expect_pods(world, CASES[i].served);
		expect_nodes(world, "n=2000; ");
	}
}

static void keeps_the_figures_of_containers_without_ids(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n", 1, "s/a.service@1 a=; s/b.service@2 b=");
	give_sample(world, "n", 1, 2, 0);
	give_catalog(world, "n", 2, "s/b.service@2 b=; s/c.service@3 c=");
	expect_pods(world, "s/b.service@2 b=1; ");
	give_catalog(world, "n", 3, "s/b.service@2 = b=");
	expect_pods(world, "s/b.service@2 b=1; ");
}

static void keeps_figures_with_every_metric(void **state)
{
	struct world *world = *state;
	struct sample sample;

	give_catalog(world, "n1", 1, "x/y@v z=9; ns/p@u side=c2 main=c1");
	sample_usual(&sample, 1, 3, 0);
	sample.value[0][1] = sample.value[1][1] = 1002; /* side: 1001 */
	sample.message.n_window_delta_ms = 3;
	sample.delta[0] = 0;
	sample.delta[1] = 500;
	sample.delta[2] = -1000;
	assert_int_equal(try_sample(world, "n1", &sample), 0);
	give_catalog(world, "n1", 2, "ns/p@u main=c1 side=c2");
	assert_true(store_get_pod(world->store, "ns", "p", look_at_pod, NULL));
	assert_true(store_get_node(world->store, "n1", look_at_node, NULL));
}

/* --- expiry ----------------------------------------------------------------------------------- */

static void serves_nothing_older_than_the_expiry(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	give_sample(world, "n", 1, 1, 5);
	wait_ns(world, EXPIRY_NS - 1);
	expect_pods(world, "ns/p@u a=5; ");
	expect_nodes(world, "n=2005; ");
	store_expire(world->store, world->now_ns);
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 1);
	wait_ns(world, 1);
	expect_pods(world, "");
	expect_nodes(world, "");
	assert_int_equal(store_served_nodes(world->store), 0);
	give_sample(world, "n", 1, 1, 6); /* not freed yet */
	expect_pods(world, "ns/p@u a=6; ");
	wait_ns(world, EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 0);
	assert_int_equal(counted(world, "tacho_aggregator_pods", NULL), 0);
	assert_int_equal(counted(world, "tacho_aggregator_containers", NULL), 0);
	assert_int_equal(counted(world, "tacho_aggregator_nodes_expired_total", NULL), 1);
	expect_pods(world, "");
}

static void catalogs_alone_keep_no_figure_alive(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n", 1, "ns/p@u a=1");
	give_sample(world, "n", 1, 1, 5);
	wait_ns(world, EXPIRY_NS - 1);
	give_catalog(world, "n", 2, "ns/p@u a=1");
	expect_pods(world, "ns/p@u a=5; ");
	wait_ns(world, 1);
	store_expire(world->store, world->now_ns);
	expect_pods(world, "");
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 1);
	assert_int_equal(try_catalog(world, "n", 0, ""), -EINVAL); /* no sign of life */
	wait_ns(world, EXPIRY_NS - 1);
	store_expire(world->store, world->now_ns);
	assert_int_equal(counted(world, "tacho_aggregator_nodes", NULL), 0);
}

static void expires_each_node_by_itself(void **state)
{
	struct world *world = *state;

	give_catalog(world, "a", 1, "ns/p@u a=1");
	give_sample(world, "a", 1, 1, 1);
	give_catalog(world, "c", 1, "ns/r@w a=1");
	give_sample(world, "c", 1, 1, 3);
	wait_ns(world, EXPIRY_NS / 2);
	give_catalog(world, "b", 1, "ns/q@v a=1");
	give_sample(world, "b", 1, 1, 2);
	expect_pods(world, "ns/p@u a=1; ns/q@v a=2; ns/r@w a=3; ");
	wait_ns(world, EXPIRY_NS / 2);
	expect_pods(world, "ns/q@v a=2; ");
	store_expire(world->store, world->now_ns);
	expect_nodes(world, "b=2002; ");
	assert_int_equal(counted(world, "tacho_aggregator_nodes_expired_total", NULL), 2);
}

static void serves_a_sample_from_the_readers_future(void **state)
{
	struct world *world = *state;

	world->now_ns += NS_PER_SECOND; /* the reader looked at its clock before the sample came */
	give_catalog(world, "n", 1, "ns/p@u a=1");
	give_sample(world, "n", 1, 1, 5);
	expect_pods(world, "ns/p@u a=5; ");
	store_expire(world->store, START_NS);
	expect_pods(world, "ns/p@u a=5; ");
}

/* --- pods of one name ------------------------------------------------------------------------- */

static void serves_the_pod_that_was_seen_last(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/db-0@old a=1");
	give_sample(world, "n1", 1, 1, 1);
	wait_ns(world, NS_PER_SECOND);
	give_catalog(world, "n2", 1, "ns/db-0@new a=1");
	expect_pods(world, ""); /* it is the newer one, and has no figures yet */
	assert_int_equal(counted(world, "tacho_aggregator_pods_hidden", NULL), 1);
	give_sample(world, "n2", 1, 1, 2);
	expect_pods(world, "ns/db-0@new a=2; ");
	wait_ns(world, NS_PER_SECOND);
	give_catalog(world, "n1", 2, "ns/db-0@old a=1; ns/x@x a=2"); /* seen long before */
	give_sample(world, "n1", 2, 2, 3);
	expect_pods(world, "ns/db-0@new a=2; ns/x@x a=4; ");
	give_catalog(world, "n2", 2, "");
	assert_int_equal(counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
	expect_pods(world, "ns/db-0@old a=3; ns/x@x a=4; ");
}

static void serves_the_other_pod_when_one_expires(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/p@old a=1");
	wait_ns(world, 1);
	give_catalog(world, "n2", 1, "ns/p@new a=1");
	give_sample(world, "n2", 1, 1, 2);
	wait_ns(world, EXPIRY_NS - 1);
	give_sample(world, "n1", 1, 1, 1);
	wait_ns(world, 1);
	expect_pods(world, "");
	store_expire(world->store, world->now_ns);
	expect_pods(world, "ns/p@old a=1; ");
	assert_int_equal(counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
}

static void breaks_ties_by_uid(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/p@u2 a=1");
	give_catalog(world, "n2", 1, "ns/p@u1 a=1; ns/p@u3 b=1");
	give_sample(world, "n1", 1, 1, 10);
	give_sample(world, "n2", 1, 2, 20);
	expect_pods(world, "ns/p@u1 a=20; ");
	assert_int_equal(counted(world, "tacho_aggregator_pods_hidden", NULL), 2);
	give_catalog(world, "n2", 2, "ns/p@u3 b=1");
	expect_pods(world, "ns/p@u2 a=10; ");
	give_catalog(world, "n1", 2, "");
	expect_pods(world, "ns/p@u3 b=21; ");
}

static void bears_one_uid_on_two_nodes(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/p@u a=1");
	give_catalog(world, "n2", 1, "ns/p@u a=1");
	give_sample(world, "n1", 1, 1, 1);
	give_sample(world, "n2", 1, 1, 2);
	expect_pods(world, "ns/p@u a=1; ");
	give_catalog(world, "n1", 2, "ns/p@u a=1"); /* replaced by itself */
	expect_pods(world, "ns/p@u a=1; ");
	give_catalog(world, "n1", 3, "");
	expect_pods(world, "ns/p@u a=2; ");
	give_catalog(world, "n2", 3, "");
	expect_pods(world, "");
	assert_int_equal(counted(world, "tacho_aggregator_pods_hidden", NULL), 0);
}

static void an_incomplete_newer_pod_hides_the_older(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n1", 1, "ns/p@old a=1");
	give_sample(world, "n1", 1, 1, 1);
	wait_ns(world, 1);
	give_catalog(world, "n2", 1, "ns/p@new! a=1");
	give_sample(world, "n2", 1, 1, 2);
	expect_pods(world, "");
}

/* --- walking ---------------------------------------------------------------------------------- */

static void walks_in_order(void **state)
{
	struct world *world = *state;

	give_catalog(world, "n2", 1, "b/a@1 c=1; a/b@2 c=1; a-/a@3 c=1; a/a-b@4 c=1");
	give_sample(world, "n2", 1, 4, 1);
	give_catalog(world, "n10", 1, "a/a@5 c=1; aa/a@6 c=1");
	give_sample(world, "n10", 1, 2, 5);
	expect_pods(
		world, "a/a@5 c=5; a/a-b@4 c=4; a/b@2 c=2; a-/a@3 c=3; aa/a@6 c=6; b/a@1 c=1; ");
	expect_nodes(world, "n10=2005; n2=2001; ");
	expect_pods_of(world, "a", "a/a@5 c=5; a/a-b@4 c=4; a/b@2 c=2; ");
	expect_pods_of(world, "a-", "a-/a@3 c=3; ");
	expect_pods_of(world, "b", "b/a@1 c=1; ");
	expect_pods_of(world, "", "");
	expect_pods_of(world, "0", "");
	expect_pods_of(world, "ab", "");
	expect_pods_of(world, "c", "");
	expect_pods_of(world, "x" NAME_253 NAME_253, "");
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
	struct world *world = *state;
	struct words words = {0};

	give_catalog(world, "n", 1, "b/a@1 c=1; a/b@2 c=1; b/gone@3! c=1; /@4 c=1");
	give_sample(world, "n", 1, 4, 1);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		words = (struct words){0};
		assert_int_equal(store_get_pod(world->store, CASES[i].namespace, CASES[i].name,
					 say_pod, &words),
			*CASES[i].served != '\0');
		assert_string_equal(words.text, CASES[i].served);
	}
	words = (struct words){0};
	assert_true(store_get_node(world->store, "n", say_node, &words));
	assert_false(store_get_node(world->store, "", say_node, &words));
	assert_false(store_get_node(world->store, "m", say_node, &words));
	assert_false(store_get_node(world->store, "nn", say_node, &words));
	assert_string_equal(words.text, "n=2001; ");
}

/* The same walk in pages of every size, by both means of ending one. */
static void walks_page_by_page(void **state)
{
	static const char EXPECTED[] = "a/1@1 c=1; a/3@3 c=3; b/1@4 c=4; b/2@5 c=5; c/1@6 c=6; ";
	struct world *world = *state;

	give_catalog(world, "n", 1,
		"a/1@1 c=1; a/2@2! c=1; a/3@3 c=1; b/1@4 c=1; b/2@5 c=1; c/1@6 c=1; c/2@7! c=1");
	give_sample(world, "n", 1, 7, 1);
	for (unsigned size = 1; size <= 8; size++) {
		for (int by_visitor = 0; by_visitor <= 1; by_visitor++) {
			struct store_cursor cursor = {0};
			struct words words = {.most = by_visitor ? size : 0};
			unsigned pages = 0;

			for (; !cursor.finished; pages++) {
				words.taken = 0;
				assert_int_equal(
					store_visit_pods(world->store, NULL, &cursor,
						by_visitor ? SIZE_MAX : size, say_pod, &words),
					0);
			}
			assert_string_equal(words.text, EXPECTED);
			/* unserved pods count towards `most`, not towards the visitor's own */
			assert_int_equal(pages, ((by_visitor ? 5U : 7U) + size - 1) / size);
			assert_int_equal(store_visit_pods(world->store, NULL, &cursor, SIZE_MAX,
						 say_pod, &words),
				0);
			assert_string_equal(words.text, EXPECTED); /* finished is finished */
			store_cursor_free(&cursor);
		}
	}
}

static void walks_nodes_page_by_page(void **state)
{
	struct world *world = *state;

	give_catalog(world, "b", 1, "");
	give_sample(world, "b", 1, 0, 2);
	give_catalog(world, "a", 1, "");
	give_catalog(world, "c", 1, "");
	give_sample(world, "c", 1, 0, 3);
	for (unsigned size = 1; size <= 4; size++) {
		struct store_cursor cursor = {0};
		struct words words = {.most = size};
		unsigned pages = 0;

		for (; !cursor.finished; pages++) {
			words.taken = 0;
			assert_int_equal(store_visit_nodes(
						 world->store, &cursor, SIZE_MAX, say_node, &words),
				0);
		}
		assert_string_equal(words.text, "b=2002; c=2003; ");
		assert_int_equal(pages, (2 + size - 1) / size);
		store_cursor_free(&cursor);
		words = (struct words){0};
		for (pages = 0; !cursor.finished; pages++)
			assert_int_equal(
				store_visit_nodes(world->store, &cursor, size, say_node, &words),
				0);
		assert_string_equal(words.text, "b=2002; c=2003; ");
		assert_int_equal(pages, (3 + size - 1) / size);
		store_cursor_free(&cursor);
	}
}

static void a_page_of_nothing_moves_nowhere(void **state)
{
	struct world *world = *state;
	struct store_cursor cursor = {0};
	struct words words = {0};

	give_catalog(world, "n", 1, "a/1@1 c=1");
	give_sample(world, "n", 1, 1, 1);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 0, say_pod, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(store_visit_nodes(world->store, &cursor, 0, say_node, &words), 0);
	assert_false(cursor.finished);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(words.text, "a/1@1 c=1; ");
	store_cursor_free(&cursor);
	store_cursor_free(&cursor); /* once more does no harm */
}

/* A page that ends within the pods of one name must neither show another of them nor stand still.
 */
static void a_page_may_end_between_pods_of_one_name(void **state)
{
	struct world *world = *state;
	struct store_cursor cursor = {0};
	struct words words = {0};

	give_catalog(world, "n1", 1, "a/1@1 c=1; a/1@2 c=1; a/1@3 c=1; a/1@4 c=1");
	give_sample(world, "n1", 1, 4, 1);
	give_catalog(world, "n2", 1, "a/2@5 c=1; a/1@6 c=1");
	give_sample(world, "n2", 1, 2, 5);
	for (unsigned page = 0; !cursor.finished; page++) {
		assert_true(page < 3);
		assert_int_equal(
			store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &words), 0);
	}
	assert_string_equal(words.text, "a/1@1 c=1; a/2@5 c=5; ");
	store_cursor_free(&cursor);
}

static void pods_come_and_go_during_a_walk(void **state)
{
	struct world *world = *state;
	struct store_cursor cursor = {0};
	struct words words = {0};

	give_catalog(world, "n", 1, "a/b@1 c=1; a/d@2 c=1; a/f@3 c=1");
	give_sample(world, "n", 1, 3, 1);
	assert_int_equal(store_visit_pods(world->store, "a", &cursor, 2, say_pod, &words), 0);
	/* the one where the cursor stands leaves; before and behind it others come */
	give_catalog(world, "n", 2, "a/a@4 c=1; a/c@5 c=1; a/e@6 c=1; a/f@3 c=1; b/a@7 c=1");
	give_sample(world, "n", 2, 5, 11);
	assert_int_equal(store_visit_pods(world->store, "a", &cursor, 1, say_pod, &words), 0);
	assert_false(cursor.finished);
	give_catalog(world, "n", 3, "b/a@7 c=1");
	assert_int_equal(store_visit_pods(world->store, "a", &cursor, 1, say_pod, &words), 0);
	assert_true(cursor.finished);
	assert_string_equal(words.text, "a/b@1 c=1; a/d@2 c=2; a/e@6 c=13; ");
	store_cursor_free(&cursor);
}

static void a_copy_of_a_cursor_walks_by_itself(void **state)
{
	struct world *world = *state;
	struct store_cursor cursor = {0}, copy = {0};
	struct words words = {0}, again = {0};

	give_catalog(world, "n", 1, "a/1@1 c=1; a/2@2 c=1; a/3@3 c=1");
	give_sample(world, "n", 1, 3, 1);
	assert_int_equal(store_cursor_copy(&cursor, &copy), 0); /* of the beginning */
	assert_int_equal(store_visit_pods(world->store, NULL, &copy, 3, say_pod, &words), 0);
	assert_true(copy.finished);
	store_cursor_free(&copy);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &again), 0);
	assert_int_equal(store_cursor_copy(&cursor, &copy), 0);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &again), 0);
	store_cursor_free(&cursor);
	assert_int_equal(store_visit_pods(world->store, NULL, &copy, 3, say_pod, &again), 0);
	assert_true(copy.finished);
	assert_string_equal(words.text, "a/1@1 c=1; a/2@2 c=2; a/3@3 c=3; ");
	assert_string_equal(again.text, "a/1@1 c=1; a/2@2 c=2; a/2@2 c=2; a/3@3 c=3; ");
	store_cursor_free(&copy);
}

static void a_walk_outlives_the_namespace(void **state)
{
	struct world *world = *state;
	struct store_cursor cursor = {0};
	struct words words = {0};

	give_catalog(world, "n", 1, "a/b@1 c=1; a/d@2 c=1");
	give_sample(world, "n", 1, 2, 1);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &words), 0);
	wait_ns(world, EXPIRY_NS);
	store_expire(world->store, world->now_ns);
	assert_int_equal(store_visit_pods(world->store, NULL, &cursor, 1, say_pod, &words), 0);
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
	uint64_t *values = need(calloc(pods, sizeof(*values)));

	/* neighbours in the order of names stand on different nodes */
	crowd_make(&crowd, "one", 0, pods, 1);
	for (size_t p = 0; p < pods; p++) {
		(void)snprintf(crowd.name[p], sizeof(crowd.name[p]), "p%06zu", p * nodes + node);
		values[p] = p + 1;
	}
	(void)snprintf(name, sizeof(name), "n%05zu", node);
	assert_int_equal(store_apply_catalog(store, name, &crowd.message, START_NS, NULL), 0);
	sample.revision = 1;
	sample.window_ms = 15000;
	sample.n_columns = 2;
	sample.columns = columns;
	cpu.metric = CPU;
	memory.metric = MEMORY;
	cpu.values = memory.values = values;
	cpu.n_values = memory.n_values = pods;
	assert_int_equal(store_apply_sample(store, name, &sample, START_NS, NULL), 0);
	crowd_free(&crowd);
	free(values);
}

static void holds_a_hundred_thousand_pods_of_one_namespace(void **state)
{
	struct world *world = *state;
	struct store_options options = {
		.expiry_ns = EXPIRY_NS,
		.max_nodes = 200,
		.required = METRIC_BIT(METRIC_CPU_USAGE),
		.telemetry = world->telemetry,
		.clock = read_reader_clock,
	};
	struct store *store = store_new(&options, NULL);
	struct store_cursor cursor = {0};
	struct census census = {0};

	assert_non_null(store);
	for (size_t node = 0; node < 200; node++)
		fill_node(store, node, 200, 500);
	while (!cursor.finished)
		assert_int_equal(
			store_visit_pods(store, "one", &cursor, 997, count_pod, &census), 0);
	assert_int_equal(census.pods, 100000);
	assert_string_equal(census.last, "p099999");
	store_cursor_free(&cursor);
	store_expire(store, START_NS + EXPIRY_NS);
	assert_int_equal(counted(world, "tacho_aggregator_pods", NULL), 0);
	assert_int_equal(counted(world, "tacho_aggregator_nodes_expired_total", NULL), 200);
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
				race->store, NULL, &cursor, 2, check_pod_of_race, race);
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
	struct world *world = *state;
	struct race race = {.store = world->store};
	pthread_t reader[READERS];

	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_create(&reader[i], NULL, read_on, &race), 0);
	for (unsigned round = 0; round < 3000 || atomic_load(&race.seen) < 1000; round++) {
		const char *node = round % 2 ? "n1" : "n2";
		unsigned which = round / 2 % 3;
		struct sample sample;

		wait_ns(world, NS_PER_MS);
		give_catalog(world, node, round + 1, CATALOGS[which]);
		sample_usual(&sample, round + 1, ROWS[which], 0);
		for (size_t row = 0; row < ROWS[which]; row++)
			sample.value[0][row] = row / 2 + round + 1;
		if (round % 3 == 0)
			sample_add(&sample, PIDS, ROWS[which], 0);
		assert_int_equal(try_sample(world, node, &sample), 0);
		if (round % 50 == 49) {
			wait_ns(world, EXPIRY_NS);
			store_expire(world->store, world->now_ns);
		}
	}
	atomic_store(&race.done, true);
	for (int i = 0; i < READERS; i++)
		assert_int_equal(pthread_join(reader[i], NULL), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		TEST(keeps_the_figures_of_what_stays),
		TEST(keeps_the_figures_of_containers_without_ids),
		TEST(keeps_figures_with_every_metric),
		TEST(serves_nothing_older_than_the_expiry),
		TEST(catalogs_alone_keep_no_figure_alive),
		TEST(expires_each_node_by_itself),
		TEST(serves_a_sample_from_the_readers_future),
		TEST(serves_the_pod_that_was_seen_last),
		TEST(serves_the_other_pod_when_one_expires),
		TEST(breaks_ties_by_uid),
		TEST(bears_one_uid_on_two_nodes),
		TEST(an_incomplete_newer_pod_hides_the_older),
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

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
