/* aggregator/store: interned, label_set and label_index, by themselves. */
#include "aggregator/store/label_index.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct text_hash_key KEY = {1, 2};

/* Pods are bytes of a text, sorted by where they stand. */
static const char pods[] = "abcdefghijklmnopqrstuvwxyz";

static void *pod(size_t number)
{
	return (void *)(uintptr_t)&pods[number];
}

static int compare(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

struct world {
	struct interned texts;
	struct label_index index;
};

static struct world make(void)
{
	return (struct world){.texts.key = &KEY, .index.key = &KEY, .index.compare_pods = compare};
}

/* Nothing is left behind. */
static void end(struct world *world)
{
	assert_int_equal(world->index.namespaces.count, 0);
	assert_int_equal(world->index.groups.count, 0);
	assert_int_equal(world->index.postings.count, 0);
	assert_int_equal(world->texts.map.count, 0);
	label_index_free(&world->index);
	interned_free(&world->texts);
}

static void a_text_is_kept_once(void **state)
{
	struct interned texts = {.key = &KEY};
	char copy[] = "app";
	const char *app = interned_keep(&texts, "app"), *empty = interned_keep(&texts, "");

	(void)state;
	assert_string_equal(app, "app");
	assert_ptr_equal(interned_keep(&texts, copy), app);
	assert_ptr_not_equal(empty, app);
	assert_true(interned_hash(app) == text_hash(&KEY, "app"));
	interned_release(&texts, app);
	interned_release(&texts, empty);
	assert_int_equal(texts.map.count, 1);
	assert_ptr_equal(interned_keep(&texts, "app"), app);
	interned_release(&texts, app);
	interned_release(&texts, app);
	assert_int_equal(texts.map.count, 0);
	interned_free(&texts);
}

static void what_is_particular_is_left_out(void **state)
{
	static const struct label ALL[] = {{"app", "db"}, {"apps.kubernetes.io/pod-index", "7"},
		{"batch.kubernetes.io/job-completion-index", "7"},
		{"statefulset.kubernetes.io/pod-name", "db-7"}, {"tier", ""}};
	static const struct label COMMON[] = {{"app", "db"}, {"tier", ""}};
	const struct labels all = {ALL, 5}, common = {COMMON, 2};
	struct interned texts = {.key = &KEY};
	struct label_set *whole = label_set_new(&texts, &all, false);
	struct label_set *part = label_set_new(&texts, &all, true);
	struct label_set *same = label_set_new(&texts, &common, false);

	(void)state;
	assert_true(labels_have_particular(&all));
	assert_false(labels_have_particular(&common));
	assert_true(labels_equal(&whole->labels, &all));
	assert_true(labels_equal(&part->labels, &common));
	assert_int_equal(part->bytes, 3 + 2 + 4);
	assert_true(label_set_equals(part, same));
	assert_false(label_set_equals(whole, same));
	label_set_free(&texts, whole);
	label_set_free(&texts, part);
	label_set_free(&texts, same);
	label_set_free(&texts, NULL);
	assert_int_equal(texts.map.count, 0);
	interned_free(&texts);
}

static struct label_group *enter(
	struct world *world, const char *namespace, const struct labels *labels, size_t number)
{
	struct label_set *set = label_set_new(&world->texts, labels, true);
	struct label_group *group;

	assert_int_equal(label_index_reserve(&world->index, labels->count, NULL), 0);
	assert_int_equal(label_index_enter(&world->index, namespace, set, pod(number), &group), 0);
	if (group->set != set)
		label_set_free(&world->texts, set);
	return group;
}

static void leave(struct world *world, struct label_group *group, size_t number)
{
	label_group_free(&world->texts, label_index_leave(&world->index, group, pod(number)));
}

static void pods_with_the_same_labels_are_a_group(void **state)
{
	static const struct label A[] = {{"app", "a"}, {"tier", "x"}}, B[] = {{"app", "b"}};
	const struct labels a = {A, 2}, b = {B, 1}, none = {0};
	struct world world = make();
	struct label_group *group[6];

	(void)state;
	group[0] = enter(&world, "ns", &a, 0);
	group[1] = enter(&world, "ns", &a, 1);
	group[2] = enter(&world, "other", &a, 2);
	group[3] = enter(&world, "ns", &b, 3);
	group[4] = enter(&world, "ns", &none, 4);
	group[5] = enter(&world, "ns", &none, 5);
	assert_ptr_equal(group[0], group[1]);
	assert_ptr_not_equal(group[0], group[2]);
	assert_ptr_equal(group[4], group[5]);
	assert_int_equal(group[0]->pods.count, 2);
	assert_int_equal(group[0]->namespace->pods, 5);
	assert_int_equal(group[0]->namespace->groups, 3);
	assert_string_equal(group[2]->namespace->name, "other");
	for (size_t i = 0; i < 6; i++)
		leave(&world, group[i], i);
	end(&world);
}

#define GROUPS 400

/* Pod g % 26 is in the group of set g, which has "even", "third" and so on by its number. */
static struct label_group *enter_numbered(struct world *world, unsigned g)
{
	char own[16];
	struct label label[5] = {{"all", "yes"}, {"even", g % 2 ? "no" : "yes"}, {"own", own},
		{"tenth", g % 10 ? "no" : "yes"}, {"third", g % 3 ? "no" : "yes"}};

	(void)snprintf(own, sizeof(own), "%u", g);
	return enter(world, "ns", &(struct labels){label, 5}, g % 26);
}

static enum label_index_answer ask(
	const struct world *world, const struct label *label, size_t count, size_t *ret_groups)
{
	struct label_group *group[LABEL_INDEX_MOST_GROUPS];

	*ret_groups = 0;
	return label_index_find(
		&world->index, "ns", &(struct labels){label, count}, group, ret_groups);
}

/* Groups come and go in an order of their own; the postings are right after each. */
static void finds_by_the_shortest_posting(void **state)
{
	static const struct label EVEN_TENTH[] = {{"even", "no"}, {"tenth", "yes"}};
	static const struct label TENTH_THIRD[] = {
		{"all", "yes"}, {"tenth", "yes"}, {"third", "yes"}};
	static const struct label ALL[] = {{"all", "yes"}}, OWN[] = {{"own", "7"}};
	static const struct label NEVER[] = {{"all", "yes"}, {"even", "never"}};
	struct world world = make();
	static struct label_group *group[GROUPS];
	size_t groups;

	(void)state;
	assert_int_equal(ask(&world, ALL, 1, &groups), LABEL_INDEX_NONE);
	for (unsigned g = 0; g < GROUPS; g++)
		group[g] = enter_numbered(&world, g);
	assert_int_equal(ask(&world, ALL, 1, &groups), LABEL_INDEX_WALK); /* more than the bound */
	assert_int_equal(ask(&world, ALL, 0, &groups), LABEL_INDEX_WALK);
	assert_int_equal(ask(&world, NEVER, 2, &groups), LABEL_INDEX_NONE);
	assert_int_equal(ask(&world, EVEN_TENTH, 2, &groups), LABEL_INDEX_NONE);
	for (unsigned i = 0; i < GROUPS; i++) {
		unsigned g = i * 7 % GROUPS, left = 0;

		for (unsigned other = 0; other < GROUPS; other += 30)
			left += group[other] != NULL;
		assert_int_equal(ask(&world, TENTH_THIRD, 3, &groups),
			left ? LABEL_INDEX_GROUPS : LABEL_INDEX_NONE);
		assert_int_equal(groups, left);
		assert_int_equal(ask(&world, OWN, 1, &groups),
			group[7] ? LABEL_INDEX_GROUPS : LABEL_INDEX_NONE);
		leave(&world, group[g], g % 26);
		group[g] = NULL;
	}
	end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_is_kept_once),
		cmocka_unit_test(what_is_particular_is_left_out),
		cmocka_unit_test(pods_with_the_same_labels_are_a_group),
		cmocka_unit_test(finds_by_the_shortest_posting),
	};

	return cmocka_run_group_tests_name("label_index", tests, NULL, NULL);
}
