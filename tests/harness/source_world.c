#include "tests/harness/source_world.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
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
#include <unistd.h>

#include <cmocka.h>

#define CGROUPS_MAX 1024
#define PATH_SIZE   8192

struct source_world {
	struct hierarchy hierarchy;
	char top[64];
	char temporary[64]; /* of fake ones */
	bool real;
	struct cgroup *cgroups[CGROUPS_MAX]; /* [slot] */
};

/* Reads at most size - 1 bytes; "" when the file can't be read. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, size - 1);

	text[n > 0 ? n : 0] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void write_file(const char *path, const void *text, size_t length)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	(void)close(fd);
}

static void find_mounts(struct hierarchy *hierarchy)
{
	FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[4096], point[256], type[32], options[256], path[PATH_SIZE], controllers[256];

	assert_non_null(mounts);
	while (fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %255s %31s %255s", point, type, options) != 3)
			continue;
		if (strcmp(type, "cgroup2") == 0 && !hierarchy->v2[0])
			(void)strcpy(hierarchy->v2, point);
		if (strcmp(type, "cgroup") == 0 && strstr(options, ",memory") &&
			!hierarchy->memory_v1[0])
			(void)strcpy(hierarchy->memory_v1, point);
	}
	(void)fclose(mounts);
	assert_true(hierarchy->v2[0] != '\0');
	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", hierarchy->v2);
	read_text(path, controllers, sizeof(controllers));
	if (strstr(controllers, "memory"))
		hierarchy->memory_v1[0] = '\0';
}

/* Hands the controllers of a real v2 folder on to those inside of it. */
static void hand_on(const char *folder)
{
	char path[PATH_SIZE + 64], controllers[256], word[64];

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", folder);
	read_text(path, controllers, sizeof(controllers));
	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
	for (char *rest = controllers, *name; (name = strsep(&rest, " \n")) != NULL;) {
		int fd = open(path, O_WRONLY | O_CLOEXEC);

		(void)snprintf(word, sizeof(word), "+%s", name);
		if (fd >= 0 && *name && write(fd, word, strlen(word)) < 0)
			print_message("%s: %s: %s\n", path, word, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
	}
}

/* Makes the folders of `path` ("/a/b") below `mount`. */
static void make_folders(const struct source_world *world, const char *mount, const char *path)
{
	char folder[PATH_SIZE];

	for (const char *end = path; *end;) {
		if (world->real && mount == world->hierarchy.v2) {
			(void)snprintf(
				folder, sizeof(folder), "%s%.*s", mount, (int)(end - path), path);
			hand_on(folder);
		}
		end += 1 + strcspn(end + 1, "/");
		(void)snprintf(folder, sizeof(folder), "%s%.*s", mount, (int)(end - path), path);
		if (mkdir(folder, 0755) < 0)
			assert_int_equal(errno, EEXIST);
	}
}

struct source_world *source_world_real(void)
{
	static unsigned number;
	struct source_world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->real = true;
	find_mounts(&world->hierarchy);
	(void)snprintf(
		world->top, sizeof(world->top), "/tacho-test-%d-%u", (int)getpid(), ++number);
	make_folders(world, world->hierarchy.v2, world->top);
	if (hierarchy_is_hybrid(&world->hierarchy))
		make_folders(world, world->hierarchy.memory_v1, world->top);
	return world;
}

struct source_world *source_world_fake(bool hybrid, const char *controllers)
{
	struct source_world *world = calloc(1, sizeof(*world));
	char path[PATH_SIZE];

	assert_non_null(world);
	(void)strcpy(world->temporary, "/tmp/tacho-test-XXXXXX");
	assert_non_null(mkdtemp(world->temporary));
	(void)snprintf(world->hierarchy.v2, sizeof(world->hierarchy.v2), "%s/v2", world->temporary);
	assert_int_equal(mkdir(world->hierarchy.v2, 0755), 0);
	if (hybrid) {
		(void)snprintf(world->hierarchy.memory_v1, sizeof(world->hierarchy.memory_v1),
			"%s/v1", world->temporary);
		assert_int_equal(mkdir(world->hierarchy.memory_v1, 0755), 0);
	}
	if (controllers) {
		(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", world->hierarchy.v2);
		write_file(path, controllers, strlen(controllers));
	}
	return world;
}

static int remove_file(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	(void)remove(path);
	return 0;
}

/* A cgroup's own files go with its folder, and can't be removed before. */
static int remove_cgroup(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)place;
	for (int i = 0; type == FTW_DP && i < 200 && rmdir(path) < 0 && errno == EBUSY; i++)
		(void)usleep(5000); /* its last process is still going */
	return 0;
}

static void remove_tree(const struct source_world *world, const char *mount, const char *path)
{
	char folder[PATH_SIZE];

	if (!*mount)
		return;
	(void)snprintf(folder, sizeof(folder), "%s%s", mount, path);
	(void)nftw(folder, world->real ? remove_cgroup : remove_file, 16, FTW_DEPTH | FTW_PHYS);
}

void source_world_free(struct source_world *world)
{
	for (uint32_t slot = 0; slot < CGROUPS_MAX; slot++)
		if (world->cgroups[slot])
			source_world_forget(world, world->cgroups[slot]);
	if (world->real) {
		remove_tree(world, world->hierarchy.memory_v1, world->top);
		remove_tree(world, world->hierarchy.v2, world->top);
	} else {
		remove_tree(world, world->temporary, "");
	}
	free(world);
}

const struct hierarchy *source_world_hierarchy(const struct source_world *world)
{
	return &world->hierarchy;
}

const char *source_world_top(const struct source_world *world)
{
	return world->top;
}

static void path_of(const struct source_world *world, const struct cgroup *cgroup, bool v1,
	const char *file, char path[PATH_SIZE])
{
	(void)snprintf(path, PATH_SIZE, "%s%s%s%s",
		v1 ? world->hierarchy.memory_v1 : world->hierarchy.v2, cgroup->path,
		*file ? "/" : "", file);
}

struct cgroup *source_world_make(struct source_world *world, const char *name, bool v2_only)
{
	struct cgroup *cgroup = calloc(1, sizeof(*cgroup));
	char path[PATH_SIZE];
	struct stat status;

	assert_non_null(cgroup);
	while (world->cgroups[cgroup->slot])
		assert_true(++cgroup->slot < CGROUPS_MAX);
	world->cgroups[cgroup->slot] = cgroup;
	assert_true(asprintf(&cgroup->path, "%s/%s", world->top, name) > 0);
	make_folders(world, world->hierarchy.v2, cgroup->path);
	if (hierarchy_is_hybrid(&world->hierarchy) && !v2_only)
		source_world_make_v1(world, cgroup);
	path_of(world, cgroup, false, "", path);
	assert_int_equal(stat(path, &status), 0);
	cgroup->id = status.st_ino;
	return cgroup;
}

struct cgroup *source_world_at(const struct source_world *world, uint32_t slot)
{
	return world->cgroups[slot];
}

void source_world_make_v1(struct source_world *world, const struct cgroup *cgroup)
{
	make_folders(world, world->hierarchy.memory_v1, cgroup->path);
}

void source_world_remove(struct source_world *world, const struct cgroup *cgroup)
{
	remove_tree(world, world->hierarchy.memory_v1, cgroup->path);
	remove_tree(world, world->hierarchy.v2, cgroup->path);
}

void source_world_forget(struct source_world *world, struct cgroup *cgroup)
{
	world->cgroups[cgroup->slot] = NULL;
	free(cgroup->path);
	free(cgroup);
}

void source_world_write(struct source_world *world, const struct cgroup *cgroup, bool v1,
	const char *file, const void *text, size_t length)
{
	char path[PATH_SIZE];

	path_of(world, cgroup, v1, file, path);
	write_file(path, text, length);
}

bool source_world_number(struct source_world *world, const struct cgroup *cgroup, bool v1,
	const char *file, const char *key, uint64_t *ret_value)
{
	char path[PATH_SIZE], text[16384], line_key[128], *found = text;

	path_of(world, cgroup, v1, file, path);
	read_text(path, text + 1, sizeof(text) - 1);
	text[0] = '\n';
	(void)snprintf(line_key, sizeof(line_key), "\n%s%s", key, *key ? " " : "");
	found = strstr(text, line_key);
	return found && sscanf(found + strlen(line_key), "%" SCNu64, ret_value) == 1;
}

static void join(const struct source_world *world, const struct cgroup *cgroup, bool v1)
{
	char path[PATH_SIZE];
	int fd;

	path_of(world, cgroup, v1, "cgroup.procs", path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		_exit(1);
	(void)close(fd);
}

pid_t source_world_run(struct source_world *world, const struct cgroup *cgroup,
	void (*work)(void *context), void *context)
{
	int done[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(done, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a test fails */
		join(world, cgroup, false);
		if (hierarchy_is_hybrid(&world->hierarchy))
			join(world, cgroup, true);
		if (work)
			work(context);
		if (write(done[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			(void)pause();
	}
	(void)close(done[1]);
	assert_int_equal(read(done[0], &byte, 1), 1);
	(void)close(done[0]);
	return pid;
}

void source_world_kill(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	(void)waitpid(pid, NULL, 0);
}
