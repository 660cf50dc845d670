/* base/error: messages, contexts, and messages that are too long. */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void says_what_failed(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(error_set(&err, EINVAL, "%s is %d", "x", 7), -EINVAL);
	assert_string_equal(err.message, "x is 7");
	assert_int_equal(error_errno(&err, ENOENT, "reading %s", "/x"), -ENOENT);
	assert_string_equal(err.message, "reading /x: No such file or directory");
	assert_int_equal(error_context(&err, -ENOENT, "starting %d", 3), -ENOENT);
	assert_string_equal(err.message, "starting 3: reading /x: No such file or directory");
}

static void needs_nobody_to_listen(void **state)
{
	(void)state;
	assert_int_equal(error_set(NULL, EINVAL, "x"), -EINVAL);
	assert_int_equal(error_errno(NULL, EIO, "x"), -EIO);
	assert_int_equal(error_context(NULL, -EIO, "x"), -EIO);
}

static void keeps_errno(void **state)
{
	struct error err;

	(void)state;
	errno = EBUSY;
	(void)error_set(&err, EINVAL, "x");
	(void)error_errno(&err, 9999, "x");
	assert_string_equal(err.message, "x: Unknown error 9999");
	assert_int_equal(errno, EBUSY);
}

static void cuts_what_is_too_long(void **state)
{
	struct error err;
	char text[1000];

	(void)state;
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	(void)error_set(&err, EINVAL, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	(void)error_context(&err, -EINVAL, "first");
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	assert_memory_equal(err.message, "first: aaa", 10);
	(void)error_errno(&err, ENOENT, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	(void)error_context(&err, -EINVAL, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_failed),
		cmocka_unit_test(needs_nobody_to_listen),
		cmocka_unit_test(keeps_errno),
		cmocka_unit_test(cuts_what_is_too_long),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
