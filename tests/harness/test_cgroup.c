#include "tests/harness/test_cgroup.h"

#include "tests/harness/wait.h"

#include <dirent.h>
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
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Others make cgroups for tests too: what we sweep away has our name. */
#define PREFIX "tacho-integration-"

struct test_cgroups {
	char v2[256];
	char v1[256]; /* "" where memory is in v2 */
	char root[64];
	const char *logs;
	enum test_driver driver;
};

static bool file_has_word(const char *folder, const char *name, const char *word)
{
	char path[1100], *text;
	bool found = false;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	text = scratch_read(path);
	for (char *rest = text, *part; !found && (part = strsep(&rest, " \n"));)
		found = strcmp(part, word) == 0;
	free(text);
	return found;
}

/* Mount point of the v2 tree, and of the v1 memory hierarchy if there is one. */
static void find_mounts(struct test_cgroups *cgroups)
{
	char *mounts = scratch_read("/proc/self/mounts");

	for (char *rest = mounts, *line; (line = strsep(&rest, "\n"));) {
		char point[256], type[32], options[256];

		if (sscanf(line, "%*s %255s %31s %255s", point, type, options) != 3)
			continue;
		if (strcmp(type, "cgroup2") == 0 && !cgroups->v2[0])
			memcpy(cgroups->v2, point, sizeof(point));
		if (strcmp(type, "cgroup") == 0 && strstr(options, ",memory"))
			memcpy(cgroups->v1, point, sizeof(point));
	}
	free(mounts);
	assert_true(cgroups->v2[0]);
	if (file_has_word(cgroups->v2, "cgroup.controllers", "memory"))
		cgroups->v1[0] = '\0';
}

/* Hands the controllers of a v2 folder on to those inside of it, where there are any. */
static void hand_on(const char *folder)
{
	static const char *const CONTROLLERS[] = {"cpu", "memory", "io", "pids"};
	char path[1100], word[16];

	(void)snprintf(path, sizeof(path), "%s/cgroup.subtree_control", folder);
	for (size_t i = 0; i < sizeof(CONTROLLERS) / sizeof(CONTROLLERS[0]); i++) {
		int fd, length;

		if (!file_has_word(folder, "cgroup.controllers", CONTROLLERS[i]))
			continue;
		fd = open(path, O_WRONLY | O_CLOEXEC);
		length = snprintf(word, sizeof(word), "+%s", CONTROLLERS[i]);
		assert_int_equal(write(fd, word, (size_t)length), length);
		(void)close(fd);
	}
}

/* Makes all the folders of `path` below `mount`. */
static void make_folders(const char *mount, const char *path, bool controllers)
{
	char folder[1024];
	size_t length = strlen(mount);

	(void)snprintf(folder, sizeof(folder), "%s%s/", mount, path);
	for (char *slash = folder + length; slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (slash > folder + length)
			(void)mkdir(folder, 0755);
		if (controllers && slash[1])
			hand_on(folder);
		*slash = '/';
		if (!slash[1])
			break;
	}
}

/* The kernel may need a moment to see that a cgroup is empty. */
static bool is_removed(void *context)
{
	const char *folder = context;

	return rmdir(folder) == 0 || access(folder, F_OK) < 0;
}

static void remove_folder(const char *mount, const char *path)
{
	char folder[1024];

	if (!*mount)
		return;
	(void)snprintf(folder, sizeof(folder), "%s%s", mount, path);
	if (!wait_until(is_removed, folder, 20000))
		print_message("could not remove %s\n", folder);
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)position;
	if (type == FTW_DP)
		(void)rmdir(path);
	return 0;
}

static bool is_tree_removed(void *context)
{
	const char *folder = context;

	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return access(folder, F_OK) < 0;
}

/* The kernel may need a moment to see that a cgroup is empty, as above. */
static void remove_tree(const char *mount, const char *root, unsigned timeout_ms)
{
	char folder[1024];

	(void)snprintf(folder, sizeof(folder), "%s%s", mount, root);
	if (!wait_until(is_tree_removed, folder, timeout_ms))
		print_message("could not remove %s\n", folder);
}

/* What a test left that was killed, or whose set-up failed. */
static void sweep(const char *mount)
{
	DIR *folder = opendir(mount);
	const struct dirent *entry;

	while (folder && (entry = readdir(folder))) {
		char path[300];
		int pid;

		if (sscanf(entry->d_name, PREFIX "%d-%*u", &pid) != 1 || kill(pid, 0) == 0)
			continue;
		(void)snprintf(path, sizeof(path), "/%s", entry->d_name);
		remove_tree(mount, path, 0);
	}
	if (folder)
		(void)closedir(folder);
}

struct test_cgroups *test_cgroups_new(struct scratch *scratch, enum test_driver driver)
{
	static unsigned number;
	struct test_cgroups *cgroups = calloc(1, sizeof(*cgroups));
	char path[512];

	assert_non_null(cgroups);
	find_mounts(cgroups);
	cgroups->driver = driver;
	sweep(cgroups->v2);
	if (cgroups->v1[0])
		sweep(cgroups->v1);
	(void)snprintf(
		cgroups->root, sizeof(cgroups->root), "/" PREFIX "%d-%u", (int)getpid(), ++number);
	make_folders(cgroups->v2, cgroups->root, true);
	if (cgroups->v1[0])
		make_folders(cgroups->v1, cgroups->root, false);
	(void)snprintf(path, sizeof(path), "%s%s", cgroups->v2, cgroups->root);
	assert_int_equal(access(path, W_OK), 0);

	cgroups->logs = scratch_path(scratch, "log");
	(void)mkdir(cgroups->logs, 0755);
	(void)mkdir(scratch_path(scratch, "log/pods"), 0755);
	(void)mkdir(scratch_path(scratch, "log/containers"), 0755);
	return cgroups;
}

void test_cgroups_free(struct test_cgroups *cgroups)
{
	if (!cgroups)
		return;
	remove_tree(cgroups->v2, cgroups->root, 2000);
	if (cgroups->v1[0])
		remove_tree(cgroups->v1, cgroups->root, 2000);
	free(cgroups);
}

const char *test_cgroups_root(const struct test_cgroups *cgroups)
{
	return cgroups->root;
}

const char *test_cgroups_log_root(const struct test_cgroups *cgroups)
{
	return cgroups->logs;
}

static void random_hex(char *out, size_t digits)
{
	static const char DIGITS[] = "0123456789abcdef";
	unsigned char bytes[64];

	assert_true(digits <= sizeof(bytes));
	assert_int_equal(getrandom(bytes, digits, 0), digits);
	for (size_t i = 0; i < digits; i++)
		out[i] = DIGITS[bytes[i] % 16];
	out[digits] = '\0';
}

static void random_uid(char out[40])
{
	random_hex(out, 36);
	out[8] = out[13] = out[18] = out[23] = '-';
}

/* The folder of a burstable pod as the driver names it, without the container's. */
static void pod_path(const struct test_cgroups *cgroups, const char *uid, char *out, size_t size)
{
	char escaped[40];

	if (cgroups->driver == TEST_DRIVER_CGROUPFS) {
		(void)snprintf(out, size, "%s/kubepods/burstable/pod%s", cgroups->root, uid);
		return;
	}
	(void)snprintf(escaped, sizeof(escaped), "%s", uid);
	for (char *dash = escaped; (dash = strchr(dash, '-'));)
		*dash = '_';
	(void)snprintf(out, size,
		"%s/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod%s.slice",
		cgroups->root, escaped);
}

static void log_paths(const struct test_cgroups *cgroups, const struct test_container *container,
	char pod[512], char folder[640], char file[768], char link_path[768])
{
	(void)snprintf(pod, 512, "%s/pods/%s_%s_%s", cgroups->logs, container->namespace,
		container->pod, container->uid);
	(void)snprintf(folder, 640, "%s/%s", pod, container->name);
	(void)snprintf(file, 768, "%s/0.log", folder);
	(void)snprintf(link_path, 768, "%s/containers/%s_%s_%s-%s.log", cgroups->logs,
		container->pod, container->namespace, container->name, container->id);
}

static void make_logs(const struct test_cgroups *cgroups, const struct test_container *container)
{
	char pod[512], folder[640], file[768], link_path[768];
	int fd;

	log_paths(cgroups, container, pod, folder, file, link_path);
	(void)mkdir(pod, 0755);
	(void)mkdir(folder, 0755);
	fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	(void)close(fd);
	assert_int_equal(symlink(file, link_path), 0);
}

void test_container_make(struct test_cgroups *cgroups, const char *namespace, const char *pod,
	const char *uid, const char *name, struct test_container *ret_container)
{
	struct test_container *made = ret_container;
	char folder[400];

	memset(made, 0, sizeof(*made));
	(void)snprintf(made->namespace, sizeof(made->namespace), "%s", namespace);
	(void)snprintf(made->pod, sizeof(made->pod), "%s", pod);
	(void)snprintf(made->name, sizeof(made->name), "%s", name);
	random_hex(made->id, 64);
	if (uid)
		(void)snprintf(made->uid, sizeof(made->uid), "%s", uid);
	else
		random_uid(made->uid);
	pod_path(cgroups, made->uid, folder, sizeof(folder));
	(void)snprintf(made->path, sizeof(made->path),
		cgroups->driver == TEST_DRIVER_SYSTEMD ? "%s/cri-containerd-%s.scope" : "%s/%s",
		folder, made->id);
	make_logs(cgroups, made);

	make_folders(cgroups->v2, made->path, true);
	(void)snprintf(made->procs_v2, sizeof(made->procs_v2), "%s%s/cgroup.procs", cgroups->v2,
		made->path);
	made->join[0] = made->procs_v2;
	if (cgroups->v1[0]) {
		make_folders(cgroups->v1, made->path, false);
		(void)snprintf(made->procs_v1, sizeof(made->procs_v1), "%s%s/cgroup.procs",
			cgroups->v1, made->path);
		made->join[1] = made->procs_v1;
	}
	assert_int_equal(access(made->procs_v2, W_OK), 0);
}

void test_container_remove(struct test_cgroups *cgroups, const struct test_container *container)
{
	char pod[512], folder[640], file[768], link_path[768], parent[1024];

	pod_path(cgroups, container->uid, folder, sizeof(folder));
	for (int i = 0; i < 2; i++) {
		const char *mount = i == 0 ? cgroups->v2 : cgroups->v1;

		remove_folder(mount, container->path);
		(void)snprintf(parent, sizeof(parent), "%s%s", mount, folder);
		if (*mount)
			(void)rmdir(parent); /* stays while another container is in it */
	}
	log_paths(cgroups, container, pod, folder, file, link_path);
	(void)unlink(link_path);
	(void)unlink(file);
	(void)rmdir(folder);
	(void)rmdir(pod);
}

/* The number behind `key` ("" for a file of one number). */
static uint64_t read_number(const char *mount, const struct test_container *container,
	const char *file, const char *key)
{
	char path[1024], *text, *found;
	uint64_t value;

	(void)snprintf(path, sizeof(path), "%s%s/%s", mount, container->path, file);
	text = scratch_read(path);
	found = strstr(text, key);
	assert_non_null(found);
	assert_int_equal(sscanf(found + strlen(key), "%" SCNu64, &value), 1);
	free(text);
	return value;
}

uint64_t test_container_cpu_usec(
	const struct test_cgroups *cgroups, const struct test_container *container)
{
	return read_number(cgroups->v2, container, "cpu.stat", "usage_usec");
}

uint64_t test_container_working_set(
	const struct test_cgroups *cgroups, const struct test_container *container)
{
	bool hybrid = cgroups->v1[0] != '\0';
	const char *mount = hybrid ? cgroups->v1 : cgroups->v2;
	uint64_t usage = read_number(
		mount, container, hybrid ? "memory.usage_in_bytes" : "memory.current", "");
	uint64_t inactive = read_number(
		mount, container, "memory.stat", hybrid ? "total_inactive_file" : "inactive_file");

	return usage > inactive ? usage - inactive : 0;
}
