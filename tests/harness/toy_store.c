#include "tests/harness/toy_store.h"

#include "base/clock.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The readers' clock. The store's options have no place for a context. */
static _Atomic uint64_t reader_ns;

uint64_t toy_clock(void)
{
	return atomic_load(&reader_ns);
}

/* --- messages --------------------------------------------------------------------------------- */

static char *cut(char *text, char at)
{
	char *found = strchr(text, at);

	if (!found)
		return text + strlen(text);
	*found = '\0';
	return found + 1;
}

static void read_pod(struct toy_catalog *catalog, char *text)
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

char toy_architecture[] = "arm64";

const Tacho__V1__Catalog *toy_read_catalog(
	struct toy_catalog *catalog, uint64_t revision, const char *words)
{
	char *pod, *more;

	tacho__v1__catalog__init(&catalog->message);
	tacho__v1__node__init(&catalog->node);
	catalog->node.cpu_millicores = 4000;
	catalog->node.memory_bytes = 8ULL << 30;
	catalog->node.architecture = toy_architecture;
	catalog->message.node = &catalog->node;
	catalog->message.revision = revision;
	catalog->message.pods = catalog->pods;
	assert_true(strlen(words) < sizeof(catalog->text));
	strcpy(catalog->text, words);
	for (pod = strtok_r(catalog->text, ";", &more); pod; pod = strtok_r(NULL, ";", &more))
		read_pod(catalog, pod + strspn(pod, " "));
	return &catalog->message;
}

void toy_sample_begin(struct toy_sample *sample, uint64_t revision)
{
	tacho__v1__sample__init(&sample->message);
	sample->message.revision = revision;
	sample->message.timestamp_ms = 1700000000000;
	sample->message.window_ms = 15000;
	sample->message.columns = sample->columns;
	sample->message.window_delta_ms = sample->delta;
}

void toy_sample_add(struct toy_sample *sample, uint32_t id, size_t count, uint64_t first)
{
	size_t c = sample->message.n_columns++;

	tacho__v1__column__init(&sample->column[c]);
	sample->columns[c] = &sample->column[c];
	sample->column[c].metric = id;
	sample->column[c].n_values = count;
	sample->column[c].values = sample->value[c];
	for (size_t i = 0; i < count; i++)
		sample->value[c][i] = first == TOY_NO_FIGURE ? 0 : first + i + 1;
}

void toy_sample_usual(struct toy_sample *sample, uint64_t revision, size_t rows, uint64_t first)
{
	toy_sample_begin(sample, revision);
	toy_sample_add(sample, TOY_CPU, rows, first);
	toy_sample_add(sample, TOY_MEMORY, rows, first + 1000);
	toy_sample_add(sample, TOY_NODE_CPU, 1, first + 2000);
	toy_sample_add(sample, TOY_NODE_MEMORY, 1, first + 3000);
}

/* --- the store under test --------------------------------------------------------------------- */

struct store_options toy_options(void)
{
	return (struct store_options){
		.expiry_ns = TOY_EXPIRY_NS,
		.max_nodes = 3,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
			    METRIC_BIT(METRIC_NODE_CPU_USAGE) |
			    METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET),
		.clock = toy_clock,
	};
}

int toy_setup(void **state)
{
	return toy_setup_with(state, toy_options());
}

int toy_setup_with(void **state, struct store_options options)
{
	struct toy_store *toy = calloc(1, sizeof(*toy));

	if (!toy)
		return -1;
	toy->telemetry = telemetry_new();
	toy->metadata = options.metadata;
	options.telemetry = toy->telemetry;
	toy->store = store_new(&options, &toy->err);
	toy->now_ns = TOY_START_NS;
	atomic_store(&reader_ns, TOY_START_NS);
	*state = toy;
	return toy->store ? 0 : -1;
}

int toy_teardown(void **state)
{
	struct toy_store *toy = *state;

	store_free(toy->store);
	telemetry_free(toy->telemetry);
	free(toy);
	return 0;
}

void toy_wait(struct toy_store *toy, uint64_t ns)
{
	toy->now_ns += ns;
	atomic_store(&reader_ns, toy->now_ns);
}

int toy_try_catalog(struct toy_store *toy, const char *node, uint64_t revision, const char *words)
{
	struct toy_catalog catalog;

	memset(&toy->err, 0, sizeof(toy->err));
	return store_apply_catalog(toy->store, node, toy_read_catalog(&catalog, revision, words),
		toy->now_ns, &toy->err);
}

void toy_give_catalog(struct toy_store *toy, const char *node, uint64_t revision, const char *words)
{
	int r = toy_try_catalog(toy, node, revision, words);

	if (r != 0)
		fail_msg("\"%s\": %s", words, toy->err.message);
}

void toy_refuse_catalog(struct toy_store *toy, const char *node, uint64_t revision,
	const char *words, int result, const char *message)
{
	assert_int_equal(toy_try_catalog(toy, node, revision, words), result);
	assert_string_equal(toy->err.message, message);
}

int toy_try_sample(struct toy_store *toy, const char *node, const struct toy_sample *sample)
{
	memset(&toy->err, 0, sizeof(toy->err));
	return store_apply_sample(toy->store, node, &sample->message, toy->now_ns, &toy->err);
}

void toy_give_sample(
	struct toy_store *toy, const char *node, uint64_t revision, size_t rows, uint64_t first)
{
	struct toy_sample sample;

	toy_sample_usual(&sample, revision, rows, first);
	assert_int_equal(toy_try_sample(toy, node, &sample), 0);
}

uint64_t toy_counted(const struct toy_store *toy, const char *name, const char *reason)
{
	return telemetry_get(
		telemetry_counter(toy->telemetry, name, "", reason ? "reason" : NULL, reason));
}

/* --- what the store serves, as words ---------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void say(
	struct toy_words *words, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	words->length += (size_t)vsnprintf(
		words->text + words->length, sizeof(words->text) - words->length, format, args);
	va_end(args);
	assert_true(words->length < sizeof(words->text));
}

bool toy_say_pod(void *context, const struct store_pod_view *pod)
{
	struct toy_words *words = context;

	if (words->most && words->taken == words->most)
		return false;
	words->taken++;
	say(words, "%s/%s@%s", pod->namespace, pod->name, pod->uid);
	for (uint32_t i = 0; i < pod->containers; i++) {
		uint64_t cpu;

		assert_true(store_container_value(pod, i, METRIC_CPU_USAGE, &cpu));
		say(words, " %s=%" PRIu64, store_container_name(pod, i, NULL), cpu);
	}
	say(words, "; ");
	return true;
}

bool toy_say_node(void *context, const struct store_node_view *node)
{
	struct toy_words *words = context;
	uint64_t cpu;

	if (words->most && words->taken == words->most)
		return false;
	words->taken++;
	assert_true(store_node_value(node, METRIC_NODE_CPU_USAGE, &cpu));
	say(words, "%s=%" PRIu64 "; ", node->name, cpu);
	return true;
}

void toy_expect_pods_of(struct toy_store *toy, const char *namespace, const char *expected)
{
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	assert_int_equal(store_visit_pods(toy->store, namespace, NULL, &cursor, SIZE_MAX,
				 toy_say_pod, &words),
		0);
	assert_true(cursor.finished);
	store_cursor_free(&cursor);
	assert_string_equal(words.text, expected);
}

void toy_expect_pods(struct toy_store *toy, const char *expected)
{
	toy_expect_pods_of(toy, NULL, expected);
}

void toy_expect_nodes(struct toy_store *toy, const char *expected)
{
	struct store_cursor cursor = {0};
	struct toy_words words = {0};

	assert_int_equal(store_visit_nodes(toy->store, &cursor, SIZE_MAX, toy_say_node, &words), 0);
	assert_true(cursor.finished);
	store_cursor_free(&cursor);
	assert_string_equal(words.text, expected);
}
