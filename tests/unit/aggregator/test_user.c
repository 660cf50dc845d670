/* aggregator/kube/user: who someone is, and its bounds. */
#include "aggregator/kube/user.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void is_nobody_at_first(void **state)
{
	struct user user = {0};

	(void)state;
	assert_null(user.name);
	assert_false(user_in_group(&user, ""));
	assert_null(user_extra_value(&user, ""));
	user_free(&user);
	user_free(&user);
}

static void sets_and_adds(void **state)
{
	struct user user = {0};
	char name[] = "jane";

	(void)state;
	assert_int_equal(user_set_name(&user, name), 0);
	name[0] = 'x';
	assert_string_equal(user.name, "jane");
	assert_int_equal(user_set_name(&user, "joe"), 0);
	assert_string_equal(user.name, "joe");
	assert_int_equal(user_set_uid(&user, "1-2"), 0);
	assert_int_equal(user_add_group(&user, "a"), 0);
	assert_int_equal(user_add_group(&user, "b"), 0);
	assert_true(user_in_group(&user, "a"));
	assert_true(user_in_group(&user, "b"));
	assert_false(user_in_group(&user, "A"));
	assert_int_equal(user_add_extra(&user, "k", "1"), 0);
	assert_int_equal(user_add_extra(&user, "k", "2"), 0);
	assert_int_equal(user_add_extra(&user, "l", ""), 0);
	assert_string_equal(user_extra_value(&user, "k"), "1");
	assert_string_equal(user_extra_value(&user, "l"), "");
	assert_null(user_extra_value(&user, "m"));
	user_free(&user);
	assert_null(user.name);
	assert_int_equal(user.group_count, 0);
}

static void is_bounded(void **state)
{
	struct user user = {0}, copy = {0};
	char text[32];

	(void)state;
	for (int i = 0; i < USER_MAX_GROUPS; i++) {
		(void)snprintf(text, sizeof(text), "group-%d", i);
		assert_int_equal(user_add_group(&user, text), 0);
	}
	assert_int_equal(user_add_group(&user, "one more"), -E2BIG);
	for (int i = 0; i < USER_MAX_EXTRA; i++)
		assert_int_equal(user_add_extra(&user, "k", "v"), 0);
	assert_int_equal(user_add_extra(&user, "k", "v"), -E2BIG);
	assert_int_equal(user_copy(&user, &copy), 0);
	assert_null(copy.name);
	assert_int_equal(copy.group_count, USER_MAX_GROUPS);
	assert_string_equal(copy.groups[USER_MAX_GROUPS - 1], text);
	assert_ptr_not_equal(copy.groups[0], user.groups[0]);
	assert_int_equal(copy.extra_count, USER_MAX_EXTRA);
	user_free(&user);
	assert_true(user_in_group(&copy, "group-0"));
	user_free(&copy);
}

/* A copy is one piece of memory, and behaves as any other. */
static void a_copy_can_be_changed(void **state)
{
	struct user user = {0}, copy = {0}, again = {0};

	(void)state;
	assert_int_equal(user_copy(&user, &copy), 0); /* of nobody */
	assert_null(copy.name);
	assert_int_equal(user_add_group(&copy, "a"), 0);
	assert_int_equal(user_copy(&copy, &again), 0);
	assert_int_equal(user_set_name(&again, "jane"), 0);
	assert_true(user_in_group(&again, "a"));
	user_free(&copy);
	assert_int_equal(user_copy(&again, &copy), 0);
	assert_int_equal(user_add_extra(&copy, "k", "v"), 0);
	assert_int_equal(user_set_uid(&copy, "1"), 0);
	assert_string_equal(copy.name, "jane");
	assert_string_equal(user_extra_value(&copy, "k"), "v");
	assert_null(user_extra_value(&again, "k"));
	user_free(&copy);
	user_free(&again);
}

static void copies_all(void **state)
{
	struct user user = {0}, copy = {0};

	(void)state;
	assert_int_equal(user_set_name(&user, "n"), 0);
	assert_int_equal(user_set_uid(&user, "u"), 0);
	assert_int_equal(user_add_group(&user, GROUP_AUTHENTICATED), 0);
	assert_int_equal(user_add_extra(&user, "k", "v"), 0);
	assert_int_equal(user_copy(&user, &copy), 0);
	user_free(&user);
	assert_string_equal(copy.name, "n");
	assert_string_equal(copy.uid, "u");
	assert_true(user_in_group(&copy, "system:authenticated"));
	assert_string_equal(user_extra_value(&copy, "k"), "v");
	user_free(&copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_nobody_at_first),
		cmocka_unit_test(sets_and_adds),
		cmocka_unit_test(is_bounded),
		cmocka_unit_test(copies_all),
		cmocka_unit_test(a_copy_can_be_changed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
