/* aggregator/store: every allocation of an operation fails once, and then nothing has changed. The
 * Makefile has the linker wrap the allocating functions. */
#include "tests/harness/toy_metadata.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* How many allocations may still succeed; only while `armed`. */
static bool armed;
static unsigned left;

static bool fails(void)
{
	if (!armed)
		return false;
	if (left == 0)
		return true;
	left--;
	return false;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails() ? NULL : __real_reallocarray(old, count, size);
}

static bool say_node(void *context, const struct store_node_view *node)
{
	struct toy_words *words = context;

	words->length +=
		(size_t)snprintf(words->text + words->length, sizeof(words->text) - words->length,
			"%s, %zu labels; ", node->name, node->labels->count);
	return true;
}

/* Everything that can be asked for, in words. */
static void describe(struct toy_store *world, struct toy_words *words)
{
	static const struct label FRONT = {"tier", "front"};
	static const struct labels HAVING = {&FRONT, 1};
	struct store_totals totals = store_totals(world->store);
	struct store_cursor cursor = {0};

	*words = (struct toy_words){0};
	(void)store_visit_pods(world->store, NULL, NULL, &cursor, SIZE_MAX, toy_say_pod, words);
	store_cursor_free(&cursor);
	(void)store_visit_pods(world->store, "ns", &HAVING, &cursor, SIZE_MAX, toy_say_pod, words);
	store_cursor_free(&cursor);
	(void)store_visit_nodes(world->store, &cursor, SIZE_MAX, say_node, words);
	store_cursor_free(&cursor);
	(void)snprintf(words->text + words->length, sizeof(words->text) - words->length,
		"%zu %zu %zu %zu %zu %d", (size_t)totals.pods, (size_t)totals.label_bytes,
		store_known_nodes(world->store), (size_t)totals.name_bytes,
		(size_t)toy_counted(world, "tacho_aggregator_pods_contested", NULL),
		store_has_pod(world->store, "9"));
}

static int catalog(struct toy_store *world, const char *words)
{
	return toy_try_catalog(world, "n", 1, words);
}

static int other_catalog(struct toy_store *world, const char *words)
{
	return toy_try_catalog(world, "m", 1, words);
}

static void changes_nothing_when_memory_is_short(void **state)
{
	static const struct {
		int (*work)(struct toy_store *world, const char *words);
		const char *words;
	} CASES[] = {
		{toy_try_pod, "ns/c@9 app=new tier=front"},         /* a new group */
		{toy_try_pod, "new/c@9 app=new tier=front zone=a"}, /* a new namespace */
		{toy_try_pod, "ns/c@9 app=a tier=front"},           /* into a group */
		{toy_try_pod, "ns/a@9 app=a tier=front"},           /* in the place of another */
		{toy_try_pod, "ns/a@1 app=b tier=back"},            /* with other labels */
		{toy_try_pod, "ns/c@9:3 app=a job-name=x tier=front"},
		{toy_try_node, "m zone=a"},
		{toy_try_node, "n zone=a"},
		{catalog, "/@1 c=1; /@3 c=1; /@9 c=1"},
		{other_catalog, "/@1 c=1; /@9 c=1"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct toy_words before, after;
		struct toy_store *world;
		unsigned failed = 0;
		int r;

		assert_int_equal(toy_metadata_setup(state), 0);
		world = *state;
		toy_put_pod(world, "ns/a@1 app=a tier=front");
		toy_put_pod(world, "ns/b@2 app=b tier=back");
		toy_put_pod(world, "ns/d@3 app=b");
		toy_give_node(world, "n", "/@1 c=1; /@2 c=1; /@3 c=1", 3, 1);
		describe(world, &before);
		do {
			left = failed;
			armed = true;
			r = CASES[i].work(world, CASES[i].words);
			armed = false;
			describe(world, &after);
			if (r == 0)
				break;
			assert_int_equal(r, -ENOMEM);
			assert_string_equal(after.text, before.text);
			failed++;
		} while (failed < 1000);
		assert_int_equal(r, 0);
		assert_true(failed > 1);
		assert_string_not_equal(after.text, before.text);
		toy_teardown(state);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_nothing_when_memory_is_short),
	};

	return cmocka_run_group_tests_name("store: short of memory", tests, NULL, NULL);
}
