/* base/followed_file: read again when it has changed, and what can't be read changes nothing. */
#include "base/followed_file.h"

#include "tests/harness/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
	*state = scratch_new();
	return 0;
}

static int teardown(void **state)
{
	scratch_free(*state);
	return 0;
}

static void follows(void **state)
{
	struct followed_file file;
	const char *path = scratch_write(*state, "f", "one");
	struct error err;

	assert_int_equal(followed_file_open(&file, path, 100, &err), 0);
	assert_string_equal(file.text, "one");
	assert_false(followed_file_changed(&file));
	assert_int_equal(followed_file_read(&file, &err), 0);
	(void)scratch_write(*state, "f", "other");
	assert_true(followed_file_changed(&file));
	assert_string_equal(file.text, "one");
	assert_int_equal(followed_file_read(&file, &err), 1);
	assert_string_equal(file.text, "other");
	assert_false(followed_file_changed(&file));
	followed_file_close(&file);
	assert_null(file.text);
	followed_file_close(&file);
}

/* As the kubelet does it: a link to a folder that is replaced as a whole. */
static void follows_links(void **state)
{
	struct followed_file file;
	struct error err;
	char link_path[256], next_path[256];

	(void)snprintf(link_path, sizeof(link_path), "%s", scratch_path(*state, "token"));
	(void)snprintf(next_path, sizeof(next_path), "%s", scratch_path(*state, "next"));
	(void)scratch_write(*state, "a", "aaa");
	(void)scratch_write(*state, "b", "bbb");
	assert_int_equal(symlink("a", link_path), 0);
	assert_int_equal(followed_file_open(&file, link_path, 100, &err), 0);
	assert_int_equal(symlink("b", next_path), 0);
	assert_int_equal(rename(next_path, link_path), 0);
	assert_true(followed_file_changed(&file));
	assert_int_equal(followed_file_read(&file, &err), 1);
	assert_string_equal(file.text, "bbb");
	followed_file_close(&file);
}

static void keeps_what_it_has(void **state)
{
	struct followed_file file;
	const char *path = scratch_write(*state, "f", "12345");
	struct error err;

	assert_int_equal(followed_file_open(&file, path, 5, &err), 0); /* at the bound */
	(void)scratch_write(*state, "f", "123456");
	assert_true(followed_file_changed(&file));
	assert_int_equal(followed_file_read(&file, &err), -EFBIG);
	assert_string_equal(file.text, "12345");
	assert_int_equal(unlink(path), 0);
	assert_false(followed_file_changed(&file));
	assert_int_equal(followed_file_read(&file, &err), -ENOENT);
	assert_non_null(strstr(err.message, path));
	assert_string_equal(file.text, "12345");
	followed_file_close(&file);
}

static void opens_only_what_is_text(void **state)
{
	struct followed_file file;
	const char *path = scratch_path(*state, "nul");
	FILE *out = fopen(path, "w");
	struct error err;

	assert_non_null(out);
	assert_int_equal(fwrite("a\0b", 1, 3, out), 3);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(followed_file_open(&file, path, 100, &err), -EINVAL);
	assert_int_equal(followed_file_open(&file, scratch_path(*state, "no"), 100, &err), -ENOENT);
	assert_int_equal(followed_file_open(&file, scratch_path(*state, ""), 100, &err), -EISDIR);
	(void)scratch_write(*state, "empty", "");
	assert_int_equal(followed_file_open(&file, scratch_path(*state, "empty"), 0, &err), 0);
	assert_string_equal(file.text, "");
	followed_file_close(&file);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(follows),
		TEST(follows_links),
		TEST(keeps_what_it_has),
		TEST(opens_only_what_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
