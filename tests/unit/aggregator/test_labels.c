/* aggregator/store/labels: finding a key among sorted ones, comparing. */
#include "aggregator/store/labels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void finds_nothing_in_an_empty_set(void **state)
{
	static const struct labels NONE = {0};

	(void)state;
	assert_null(labels_get(&NONE, "a"));
	assert_null(labels_get(&NONE, ""));
}

static void finds_each_key_in_sets_of_every_size(void **state)
{
	static const struct label ITEMS[] = {
		{"", "empty"}, {"a", "1"}, {"a-", "2"}, {"a.b/c", "3"}, {"a0", ""}, {"b", "5"}};
	static const char *const OTHERS[] = {"A", "a,", "a.", "a.b/", "a.b/cd", "aa", "c"};

	(void)state;
	for (size_t count = 1; count <= sizeof(ITEMS) / sizeof(ITEMS[0]); count++) {
		const struct labels labels = {.item = ITEMS, .count = count};

		for (size_t i = 0; i < sizeof(ITEMS) / sizeof(ITEMS[0]); i++) {
			const char *value = labels_get(&labels, ITEMS[i].key);

			if (i < count)
				assert_string_equal(value, ITEMS[i].value);
			else
				assert_null(value);
		}
		for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
			assert_null(labels_get(&labels, OTHERS[i]));
	}
}

static void sets_are_equal_or_not(void **state)
{
	static const struct label A[] = {{"a", "1"}, {"b", "2"}}, B[] = {{"a", "1"}, {"b", ""}},
				  C[] = {{"a", "1"}, {"c", "2"}};
	const struct labels none = {0}, a = {A, 2}, b = {B, 2}, c = {C, 2}, part = {A, 1};

	(void)state;
	assert_true(labels_equal(&none, &none));
	assert_true(labels_equal(&a, &a));
	assert_true(labels_equal(&(struct labels){C, 1}, &part));
	assert_false(labels_equal(&none, &part));
	assert_false(labels_equal(&part, &a));
	assert_false(labels_equal(&a, &b));
	assert_false(labels_equal(&a, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_an_empty_set),
		cmocka_unit_test(finds_each_key_in_sets_of_every_size),
		cmocka_unit_test(sets_are_equal_or_not),
	};

	return cmocka_run_group_tests_name("labels", tests, NULL, NULL);
}
