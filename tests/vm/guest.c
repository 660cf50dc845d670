#include "tests/vm/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define CONTROLLERS "+cpu +memory +io +pids +cpuset +hugetlb"

static void file_path(char ret_path[static 4096], const char *cgroup, const char *file)
{
	if (snprintf(ret_path, 4096, "%s%s/%s", GUEST_CGROUPS, cgroup, file) >= 4096)
		fail_msg("%s/%s: too long a path", cgroup, file);
}

static FILE *open_file(const char *cgroup, const char *file)
{
	char path[4096];
	FILE *stream;

	file_path(path, cgroup, file);
	stream = fopen(path, "re");
	if (!stream)
		fail_msg("%s: %s", path, strerror(errno));
	return stream;
}

uint64_t guest_cgroup_make(const char *cgroup)
{
	char part[4096], path[4096];
	struct stat status;
	const char *slash = cgroup;

	for (;;) {
		slash = strchr(slash + 1, '/');
		snprintf(part, sizeof(part), "%.*s",
			slash ? (int)(slash - cgroup) : (int)strlen(cgroup), cgroup);
		file_path(path, part, "");
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			fail_msg("%s: %s", path, strerror(errno));
		if (!slash)
			break;
		guest_cgroup_write(part, "cgroup.subtree_control", CONTROLLERS);
	}
	assert_int_equal(stat(path, &status), 0);
	return status.st_ino;
}

void guest_cgroup_remove(const char *cgroup)
{
	char path[4096];

	file_path(path, cgroup, "");
	for (int i = 0; rmdir(path) < 0; i++) {
		/* Busy as long as a killed process has not left altogether. */
		if (errno != EBUSY || i == 200)
			fail_msg("removing %s: %s", path, strerror(errno));
		guest_wait_ms(10);
	}
}

void guest_cgroup_write(const char *cgroup, const char *file, const char *text)
{
	char path[4096];
	int fd;

	file_path(path, cgroup, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("writing %s into %s: %s", text, path, strerror(errno));
	close(fd);
}

void guest_cgroup_freeze(const char *cgroup, bool frozen)
{
	guest_cgroup_write(cgroup, "cgroup.freeze", frozen ? "1" : "0");
	for (int i = 0; guest_keyed(cgroup, "cgroup.events", "frozen") != frozen; i++) {
		if (i == 1000)
			fail_msg("%s does not freeze", cgroup);
		guest_wait_ms(10);
	}
}

bool guest_cgroup_has(const char *cgroup, const char *file)
{
	char path[4096];

	file_path(path, cgroup, file);
	return access(path, R_OK) == 0;
}

uint64_t guest_number(const char *cgroup, const char *file)
{
	FILE *stream = open_file(cgroup, file);
	char word[32];
	uint64_t value = UINT64_MAX;

	if (fscanf(stream, "%31s", word) != 1)
		fail_msg("%s/%s is empty", cgroup, file);
	fclose(stream);
	if (strcmp(word, "max") != 0)
		assert_int_equal(sscanf(word, "%" SCNu64, &value), 1);
	return value;
}

uint64_t guest_keyed(const char *cgroup, const char *file, const char *key)
{
	FILE *stream = open_file(cgroup, file);
	char word[128];
	uint64_t value, found = 0;

	while (fscanf(stream, "%127s %" SCNu64, word, &value) == 2)
		if (strcmp(word, key) == 0)
			found = value;
	fclose(stream);
	return found;
}

uint64_t guest_io(const char *cgroup, const char *key)
{
	FILE *stream = open_file(cgroup, "io.stat");
	size_t length = strlen(key);
	char word[128];
	uint64_t sum = 0;

	while (fscanf(stream, "%127s", word) == 1)
		if (strncmp(word, key, length) == 0 && word[length] == '=')
			sum += strtoull(word + length + 1, NULL, 10);
	fclose(stream);
	return sum;
}

uint64_t guest_pressure(const char *path, const char *line)
{
	FILE *stream = fopen(path, "re");
	char word[16];
	uint64_t total, found = UINT64_MAX;

	if (!stream)
		fail_msg("%s: %s", path, strerror(errno));
	while (fscanf(stream, "%15s %*s %*s %*s total=%" SCNu64, word, &total) == 2)
		if (strcmp(word, line) == 0)
			found = total;
	fclose(stream);
	if (found == UINT64_MAX)
		fail_msg("%s has no line %s", path, line);
	return found;
}

struct guest_load guest_load_start(
	const char *cgroup, void (*work)(const void *argument, int ready), const void *argument)
{
	struct guest_load load;
	int ends[2];
	char byte;

	fflush(NULL);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	load.pid = fork();
	assert_true(load.pid >= 0);
	if (load.pid == 0) {
		char path[4096];
		int fd;

		close(ends[0]);
		guest_need(setpgid(0, 0) == 0, "a process group");
		guest_need(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "to die with the test");
		snprintf(path, sizeof(path), GUEST_CGROUPS "%s/cgroup.procs", cgroup);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		guest_need(fd >= 0 && write(fd, "0", 1) == 1, path);
		close(fd);
		work(argument, ends[1]);
		for (;;)
			pause();
	}
	close(ends[1]);
	if (read(ends[0], &byte, 1) != 1)
		fail_msg("the load in %s ended before it was ready", cgroup);
	close(ends[0]);
	return load;
}

void guest_ready(int ready)
{
	guest_need(write(ready, "", 1) == 1, "someone who waits for the load");
	close(ready);
}

void guest_load_stop(struct guest_load load)
{
	kill(-load.pid, SIGKILL);
	assert_int_equal(waitpid(load.pid, NULL, 0), load.pid);
}

void guest_need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "a load needs %s: %s\n", what, strerror(errno));
	_exit(1);
}

void guest_wait_ms(unsigned int milliseconds)
{
	struct timespec span = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};

	while (nanosleep(&span, &span) < 0 && errno == EINTR)
		;
}
