/* aggregator/standalone/secret: made once, read ever after, and what is no secret. */
#include "aggregator/standalone/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define TEN     "0123456789"
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN

struct world {
	char directory[64];
	char path[96];
	struct secret secret;
	struct error err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	strcpy(world->directory, "/tmp/tacho-secret-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	(void)snprintf(world->path, sizeof(world->path), "%s/secret", world->directory);
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	int r;

	(void)unlink(world->path);
	r = rmdir(world->directory); /* fails when something else was left behind */
	free(world);
	return r;
}

static void put(const struct world *world, const char *text, mode_t mode)
{
	FILE *file = fopen(world->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(world->path, mode), 0);
}

static void makes_one_and_keeps_it(void **state)
{
	struct world *world = *state;
	struct secret again;
	struct stat status;

	assert_int_equal(secret_ensure(world->path, &world->secret, &world->err), 0);
	assert_int_equal(strlen(world->secret.text), 64);
	assert_int_equal(strspn(world->secret.text, "0123456789abcdef"), 64);
	assert_int_equal(stat(world->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 65);
	assert_int_equal(secret_ensure(world->path, &again, &world->err), 0);
	assert_string_equal(again.text, world->secret.text);
	assert_int_equal(unlink(world->path), 0);
	assert_int_equal(secret_ensure(world->path, &again, &world->err), 0);
	assert_string_not_equal(again.text, world->secret.text);
}

static void reads_what_is_there(void **state)
{
	static const struct {
		const char *text;
		const char *secret; /* NULL = refused with */
		const char *message;
	} CASES[] = {
		{TEN TEN TEN "ab", TEN TEN TEN "ab", NULL},
		{TEN TEN TEN "ab\n", TEN TEN TEN "ab", NULL},
		{TEN TEN TEN "!~", TEN TEN TEN "!~", NULL},
		{HUNDRED HUNDRED TEN TEN TEN TEN TEN "123456",
			HUNDRED HUNDRED TEN TEN TEN TEN TEN "123456", NULL},
		{HUNDRED HUNDRED TEN TEN TEN TEN TEN "123456\n",
			HUNDRED HUNDRED TEN TEN TEN TEN TEN "123456", NULL},
		{HUNDRED HUNDRED TEN TEN TEN TEN TEN "1234567", NULL, "it has 257 characters"},
		{HUNDRED HUNDRED HUNDRED, NULL, "it is longer than 257 bytes"},
		{TEN TEN TEN "a", NULL, "it has 31 characters instead of 32 to 256"},
		{TEN TEN TEN "a\n", NULL, "it has 31 characters"},
		{"", NULL, "it has 0 characters"},
		{"\n", NULL, "it has 0 characters"},
		{TEN TEN TEN TEN " ", NULL, "character 41 is a blank or not ASCII"},
		{TEN TEN TEN TEN "\n\n", NULL, "character 41 is"},
		{TEN "\x7f" TEN TEN TEN, NULL, "character 11 is"},
		{"\xc3\xa9" TEN TEN TEN TEN, NULL, "character 1 is"},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		put(world, CASES[i].text, 0600);
		strcpy(world->secret.text, "untouched");
		if (CASES[i].secret) {
			assert_int_equal(
				secret_ensure(world->path, &world->secret, &world->err), 0);
			assert_string_equal(world->secret.text, CASES[i].secret);
			continue;
		}
		assert_true(secret_ensure(world->path, &world->secret, &world->err) < 0);
		assert_string_equal(world->secret.text, "untouched");
		assert_non_null(strstr(world->err.message, world->path));
		if (!strstr(world->err.message, CASES[i].message))
			fail_msg("%s", world->err.message);
	}
}

static void refuses_what_others_can_read(void **state)
{
	static const mode_t MODES[] = {0644, 0640, 0604, 0620, 0601};
	struct world *world = *state;
	char expected[512];

	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++) {
		put(world, HUNDRED, MODES[i]);
		assert_int_equal(secret_ensure(world->path, &world->secret, &world->err), -EACCES);
		(void)snprintf(expected, sizeof(expected),
			"reading the secret %s: others can read it (mode %03o): chmod 600 %s",
			world->path, (unsigned)MODES[i], world->path);
		assert_string_equal(world->err.message, expected);
	}
	put(world, HUNDRED, 0400);
	assert_int_equal(secret_ensure(world->path, &world->secret, &world->err), 0);
}

static void fails_with_words(void **state)
{
	struct world *world = *state;
	char path[5000];

	(void)snprintf(path, sizeof(path), "%s/a/b", world->directory);
	assert_int_equal(secret_ensure(path, &world->secret, &world->err), -ENOENT);
	assert_non_null(strstr(world->err.message, "making the secret /tmp/"));
	assert_non_null(strstr(world->err.message, "No such file or directory"));
	put(world, "", 0600);
	(void)snprintf(path, sizeof(path), "%s/x", world->path);
	assert_int_equal(secret_ensure(path, &world->secret, &world->err), -ENOTDIR);
	assert_int_equal(chmod(world->directory, 0700), 0);
	assert_true(secret_ensure(world->directory, &world->secret, &world->err) < 0);
	assert_non_null(strstr(world->err.message, "Is a directory"));
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(secret_ensure(path, &world->secret, &world->err), -ENAMETOOLONG);
}

static void a_full_disk_leaves_nothing_half(void **state)
{
	struct world *world = *state;
	struct rlimit limit, none;
	int r;

	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the size of files stands in */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = secret_ensure(world->path, &world->secret, &world->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(world->err.message, "File too large"));
	assert_int_equal(access(world->path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_one_and_keeps_it),
		TEST(reads_what_is_there),
		TEST(refuses_what_others_can_read),
		TEST(fails_with_words),
		TEST(a_full_disk_leaves_nothing_half),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
