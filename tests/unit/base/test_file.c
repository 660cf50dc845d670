/* base/file: whole files, bounds, and writing that leaves the old file or the new one. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
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
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char directory[64];
	char path[96];
	struct error err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	strcpy(world->directory, "/tmp/tacho-file-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	(void)snprintf(world->path, sizeof(world->path), "%s/file", world->directory);
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	int r;

	(void)unlink(world->path);
	r = rmdir(world->directory); /* fails when a temporary file was left behind */
	free(world);
	return r;
}

static void expect(struct world *world, const char *data, size_t size)
{
	struct buffer bytes = {0};

	assert_int_equal(file_read(world->path, size, &bytes, &world->err), 0);
	assert_int_equal(bytes.length, size);
	if (size)
		assert_memory_equal(bytes.data, data, size);
	buffer_free(&bytes);
}

static void writes_and_reads_every_size(void **state)
{
	static const size_t SIZES[] = {0, 1, 4095, 4096, 4097, 8192, 70000};
	struct world *world = *state;
	char *data = malloc(70000);

	assert_non_null(data);
	for (size_t i = 0; i < 70000; i++)
		data[i] = (char)(i * 7);
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		assert_int_equal(file_write(world->path, 0600, data, SIZES[i], &world->err), 0);
		expect(world, data, SIZES[i]);
	}
	free(data);
}

static void reads_up_to_the_bound(void **state)
{
	struct world *world = *state;
	struct buffer bytes = {0};

	assert_int_equal(file_write(world->path, 0600, "12345", 5, &world->err), 0);
	assert_int_equal(file_read(world->path, 5, &bytes, &world->err), 0);
	assert_int_equal(file_read(world->path, 5, &bytes, &world->err), 0); /* appends */
	assert_int_equal(bytes.length, 10);
	buffer_clear(&bytes);
	assert_int_equal(file_read(world->path, 4, &bytes, &world->err), -EFBIG);
	assert_non_null(strstr(world->err.message, ": it is longer than 4 bytes"));
	buffer_free(&bytes);
	bytes.limit = 100; /* too little for one step of reading */
	assert_int_equal(file_read(world->path, 5, &bytes, &world->err), -ENOMEM);
	buffer_free(&bytes);
}

static void reads_files_that_say_they_are_empty(void **state)
{
	struct world *world = *state;
	struct buffer bytes = {0};

	assert_int_equal(file_read("/proc/self/status", 65536, &bytes, &world->err), 0);
	assert_true(bytes.length > 100);
	buffer_free(&bytes);
}

static void reading_fails_with_words(void **state)
{
	struct world *world = *state;
	struct buffer bytes = {0};
	char expected[256];

	assert_int_equal(file_read(world->path, 5, &bytes, &world->err), -ENOENT);
	(void)snprintf(
		expected, sizeof(expected), "reading %s: No such file or directory", world->path);
	assert_string_equal(world->err.message, expected);
	assert_int_equal(file_read(world->directory, 5, &bytes, &world->err), -EISDIR);
	buffer_free(&bytes);
}

static void sets_the_mode_whatever_was_there(void **state)
{
	static const mode_t MODES[] = {0600, 0644, 0640};
	struct world *world = *state;
	mode_t mask = umask(0777); /* does not count */
	struct stat status;

	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++) {
		assert_int_equal(file_write(world->path, MODES[i], "x", 1, &world->err), 0);
		assert_int_equal(stat(world->path, &status), 0);
		assert_int_equal(status.st_mode & 07777, MODES[i]);
	}
	(void)umask(mask);
}

static void writing_fails_with_words(void **state)
{
	struct world *world = *state;
	char path[5000];

	(void)snprintf(path, sizeof(path), "%s/a/b", world->directory);
	assert_int_equal(file_write(path, 0600, "x", 1, &world->err), -ENOENT);
	assert_non_null(strstr(world->err.message, "writing /tmp/"));
	assert_non_null(strstr(world->err.message, "/a/b: No such file or directory"));
	assert_int_equal(file_write(world->directory, 0600, "x", 1, &world->err), -EISDIR);
	/* the temporary name stands beside the folder and must be gone */
	(void)snprintf(path, sizeof(path), "ls -d %s.* >/dev/null 2>&1", world->directory);
	assert_int_not_equal(system(path), 0);
	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(file_write(path, 0600, "x", 1, &world->err), -ENAMETOOLONG);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
	struct world *world = *state;
	struct rlimit limit, none;
	char data[4096] = {1};
	int r;

	assert_int_equal(file_write(world->path, 0600, "old", 3, &world->err), 0);
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the size of files stands in */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = file_write(world->path, 0600, data, sizeof(data), &world->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(world->err.message, "/file: File too large"));
	expect(world, "old", 3);
}

static int opened_by_close_fd(void)
{
	int fd CLOSE_FD = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int none CLOSE_FD = -1;

	assert_int_equal(none, -1);
	return fd;
}

static void closes_on_leaving_the_scope(void **state)
{
	int fd = opened_by_close_fd();

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* In a process of its own: what is closed here is gone. 0 when all is well. */
static int hold_without(bool input, bool output, bool errors)
{
	struct stat null, status;
	const bool closed[] = {input, output, errors};
	int next;

	for (int fd = 0; fd < 3; fd++)
		if (closed[fd])
			(void)close(fd);
	file_hold_standard();
	if (stat("/dev/null", &null) < 0)
		return 1;
	for (int fd = 0; fd < 3; fd++)
		if (closed[fd] && (fstat(fd, &status) < 0 || status.st_rdev != null.st_rdev))
			return 2;
	if (output && write(STDOUT_FILENO, "x", 1) == 1)
		return 3;
	next = open("/dev/null", O_RDONLY);
	return next > STDERR_FILENO ? 0 : 4;
}

static void nothing_takes_the_place_of_standard_files(void **state)
{
	(void)state;
	for (unsigned which = 0; which < 8; which++) {
		int status;
		pid_t pid = fork();

		if (pid == 0)
			_exit(hold_without(which & 1, which & 2, which & 4));
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_and_reads_every_size),
		TEST(reads_up_to_the_bound),
		TEST(reads_files_that_say_they_are_empty),
		TEST(reading_fails_with_words),
		TEST(sets_the_mode_whatever_was_there),
		TEST(writing_fails_with_words),
		TEST(a_full_disk_leaves_the_old_file),
		TEST(closes_on_leaving_the_scope),
		TEST(nothing_takes_the_place_of_standard_files),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
