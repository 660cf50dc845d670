/* base/file_watch: every way in which a file is renewed. */
#include "base/file_watch.h"

#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* More than a tick of any file system's clock here. */
#define TICK_MS 50

struct world {
	struct scratch *scratch;
	const char *first, *second;
	struct file_watch *watch;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->scratch = scratch_new();
	world->first = scratch_write(world->scratch, "first", "one");
	world->second = scratch_write(world->scratch, "second", "two");
	world->watch =
		file_watch_new((const char *const[]){world->first, NULL, "", world->second}, 4);
	assert_non_null(world->watch);
	wait_ms(TICK_MS);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	file_watch_free(world->watch);
	scratch_free(world->scratch);
	free(world);
	return 0;
}

static void write_in_place(const char *path, const char *text)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void expect_one_change(struct file_watch *watch)
{
	assert_true(file_watch_changed(watch));
	assert_false(file_watch_changed(watch));
}

static void files_that_stay_have_not_changed(void **state)
{
	struct world *world = *state;
	char *text = scratch_read(world->first); /* being read is no change */

	assert_false(file_watch_changed(world->watch));
	free(text);
	assert_false(file_watch_changed(world->watch));
}

static void sees_new_bytes_of_the_same_length(void **state)
{
	struct world *world = *state;

	write_in_place(world->second, "TWO");
	expect_one_change(world->watch);
	wait_ms(TICK_MS);
	write_in_place(world->first, "ONE");
	expect_one_change(world->watch);
}

static void sees_a_file_that_is_renamed_into_place(void **state)
{
	struct world *world = *state;
	const char *beside = scratch_write(world->scratch, "beside", "one");

	assert_int_equal(rename(beside, world->first), 0);
	expect_one_change(world->watch);
}

static void sees_times_that_were_set_back(void **state)
{
	struct world *world = *state;
	struct stat info;

	assert_int_equal(stat(world->first, &info), 0);
	write_in_place(world->first, "ONE");
	assert_int_equal(utimensat(AT_FDCWD, world->first,
				 (const struct timespec[]){info.st_atim, info.st_mtim}, 0),
		0);
	expect_one_change(world->watch);
}

static void sees_files_go_and_come(void **state)
{
	struct world *world = *state;

	assert_int_equal(unlink(world->first), 0);
	expect_one_change(world->watch);
	(void)scratch_write(world->scratch, "first", "one");
	expect_one_change(world->watch);
}

/* As kubelet does: file -> ..data/file, ..data -> a folder of its own for each version. */
static void sees_a_mounted_secret_renewed(void **state)
{
	struct world *world = *state;
	const char *data = scratch_path(world->scratch, "..data");
	const char *fresh = scratch_path(world->scratch, "..data_tmp");
	const char *file = scratch_path(world->scratch, "tls.crt");
	struct file_watch *watch;

	assert_int_equal(mkdir(scratch_path(world->scratch, "v1"), 0700), 0);
	assert_int_equal(mkdir(scratch_path(world->scratch, "v2"), 0700), 0);
	(void)scratch_write(world->scratch, "v1/tls.crt", "certificate 1");
	(void)scratch_write(world->scratch, "v2/tls.crt", "certificate 2");
	assert_int_equal(symlink("v1", data), 0);
	assert_int_equal(symlink("..data/tls.crt", file), 0);
	watch = file_watch_new(&file, 1);
	assert_non_null(watch);
	assert_false(file_watch_changed(watch));
	assert_int_equal(symlink("v2", fresh), 0);
	assert_int_equal(rename(fresh, data), 0);
	expect_one_change(watch);
	file_watch_free(watch);
}

static void nothing_to_watch_never_changes(void **state)
{
	struct file_watch *watch = file_watch_new(NULL, 0);

	(void)state;
	assert_non_null(watch);
	assert_false(file_watch_changed(watch));
	file_watch_free(watch);
	file_watch_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(files_that_stay_have_not_changed),
		T(sees_new_bytes_of_the_same_length),
		T(sees_a_file_that_is_renamed_into_place),
		T(sees_times_that_were_set_back),
		T(sees_files_go_and_come),
		T(sees_a_mounted_secret_renewed),
		cmocka_unit_test(nothing_to_watch_never_changes),
	};

	return cmocka_run_group_tests_name("file_watch", tests, NULL, NULL);
}
