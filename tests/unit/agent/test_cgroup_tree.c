/* agent/cgroup_tree: what is found and how changes are seen. The tree is any folder tree, so most
 * tests make one of their own; inodes, times and inotify are tested on real cgroups too. */
#include "agent/cgroup_tree.h"
#include "base/clock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
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

#define UID_A       "0a1b2c3d-1111-2222-3333-444455556666"
#define SLICE_UID_A "0a1b2c3d_1111_2222_3333_444455556666"
#define HASH        "0123456789abcdef0123456789abcdef"
#define ID_A        HASH HASH
#define ID_B        HASH "ffffffffffffffffffffffffffffffff"
#define POD_A       "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" SLICE_UID_A ".slice"

struct world {
	struct hierarchy hierarchy; /* v2 is a folder of our own */
	struct telemetry *telemetry;
	struct cgroup_tree *tree;
	uint32_t added, removed;
	char last_added[512]; /* path */
	char last_removed[512];
};

static void on_added(void *context, struct cgroup *cgroup)
{
	struct world *world = context;

	assert_ptr_equal(cgroup_tree_at(world->tree, cgroup->slot), cgroup);
	assert_null(cgroup->user);
	cgroup->user = world;
	world->added++;
	(void)snprintf(world->last_added, sizeof(world->last_added), "%s", cgroup->path);
}

static void on_removed(void *context, struct cgroup *cgroup)
{
	struct world *world = context;

	assert_ptr_equal(cgroup->user, world);
	world->removed++;
	(void)snprintf(world->last_removed, sizeof(world->last_removed), "%s", cgroup->path);
}

/* --- folders ------------------------------------------------------------------------------------
 */

static void make(const struct world *world, const char *path)
{
	char full[8192];

	(void)snprintf(full, sizeof(full), "%s/%s", world->hierarchy.v2, path);
	if (mkdir(full, 0700) == 0)
		return;
	for (char *slash = full + strlen(world->hierarchy.v2) + 1; (slash = strchr(slash, '/'));
		*slash++ = '/') {
		*slash = '\0';
		assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
	}
	assert_true(mkdir(full, 0700) == 0 || errno == EEXIST);
}

/* Removes one empty folder. */
static void drop(const struct world *world, const char *path)
{
	char full[8192];

	(void)snprintf(full, sizeof(full), "%s/%s", world->hierarchy.v2, path);
	assert_int_equal(rmdir(full), 0);
}

static int remove_folder(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type == FTW_DP || type == FTW_D)
		(void)rmdir(path);
	return 0;
}

/* Removes `path` and all folders below it; cgroup folders too, whose files go with them. */
static void drop_all(const struct world *world, const char *path)
{
	char full[8192];

	(void)snprintf(full, sizeof(full), "%s/%s", world->hierarchy.v2, path);
	(void)nftw(full, remove_folder, 16, FTW_DEPTH | FTW_PHYS);
}

/* A pod's folder (cgroupfs driver) by number, and a container's in it. */
static const char *pod_path(char out[256], uint32_t pod)
{
	(void)snprintf(out, 256, "kubepods/pod%08x-0000-0000-0000-000000000000", pod);
	return out;
}

static const char *container_path(char out[256], uint32_t pod, uint32_t container)
{
	char folder[256];

	(void)snprintf(out, 256, "%.100s/%08x%08x000000000000000000000000000000000000000000000000",
		pod_path(folder, pod), pod, container);
	return out;
}

/* --- the tree -----------------------------------------------------------------------------------
 */

static struct cgroup_tree *open_tree(struct world *world, const char *root, bool units)
{
	const struct cgroup_tree_options options = {
		.hierarchy = &world->hierarchy,
		.root = root,
		.units = units,
		.telemetry = world->telemetry,
	};
	const struct cgroup_tree_events events = {on_added, on_removed, world};
	struct error err;

	world->added = world->removed = 0;
	world->tree = cgroup_tree_new(&options, &events, &err);
	assert_non_null(world->tree);
	return world->tree;
}

static void refresh(const struct world *world)
{
	cgroup_tree_refresh(world->tree, clock_monotonic_ns());
}

static void close_tree(struct world *world)
{
	uint32_t count = cgroup_tree_count(world->tree), removed = world->removed;

	cgroup_tree_free(world->tree);
	assert_int_equal(world->removed, removed + count);
	world->tree = NULL;
}

static struct cgroup *find(const struct world *world, const char *path)
{
	for (uint32_t i = 0; i < cgroup_tree_slots(world->tree); i++) {
		struct cgroup *cgroup = cgroup_tree_at(world->tree, i);

		if (cgroup && strcmp(cgroup->path, path) == 0)
			return cgroup;
	}
	return NULL;
}

static uint64_t refused(const struct world *world, const char *reason)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_agent_cgroups_refused_total", "", "reason", reason));
}

static uint64_t counter(const struct world *world, const char *name)
{
	return telemetry_get(telemetry_counter(world->telemetry, name, "", NULL, NULL));
}

static uint32_t open_fds(void)
{
	uint32_t count = 0;
	DIR *folder = opendir("/proc/self/fd");

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

/* The watches of every inotify fd of this process. */
static uint32_t watches(void)
{
	uint32_t count = 0;

	for (int fd = 3; fd < 64; fd++) {
		char line[512];
		FILE *file;

		(void)snprintf(line, sizeof(line), "/proc/self/fdinfo/%d", fd);
		file = fopen(line, "r");
		while (file && fgets(line, sizeof(line), file))
			count += strncmp(line, "inotify wd", 10) == 0;
		if (file)
			(void)fclose(file);
	}
	return count;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	world->telemetry = telemetry_new();
	/* a memory file system where there is one: some tests make very many folders */
	(void)snprintf(world->hierarchy.v2, sizeof(world->hierarchy.v2), "%s/tacho-test-XXXXXX",
		access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	*state = world;
	return world->telemetry && mkdtemp(world->hierarchy.v2) ? 0 : -1;
}

/* The same with a real cgroup in place of the folder; v2 stays "" where that is not possible. */
static int set_up_real(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct hierarchy machine;

	if (!world)
		return -1;
	world->telemetry = telemetry_new();
	*state = world;
	if (!world->telemetry)
		return -1;
	if (hierarchy_find("/proc/self/mountinfo", &machine, NULL) < 0)
		return 0;
	(void)snprintf(world->hierarchy.v2, sizeof(world->hierarchy.v2), "%.4000s/tacho-test-%d",
		machine.v2, (int)getpid());
	if (mkdir(world->hierarchy.v2, 0700) < 0)
		world->hierarchy.v2[0] = '\0';
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	cgroup_tree_free(world->tree);
	if (world->hierarchy.v2[0])
		drop_all(world, "");
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static void need_cgroups(const struct world *world)
{
	if (!world->hierarchy.v2[0]) {
		print_message("skipped: cgroups can't be made here\n");
		skip();
	}
}

/* --- what is found ------------------------------------------------------------------------------
 */

static void finds_the_containers_of_the_systemd_driver(void **state)
{
	static const struct {
		const char *path, *uid, *id; /* uid NULL: not a container */
	} CASES[] = {
		{"/" POD_A "/cri-containerd-" ID_A ".scope", UID_A, ID_A},
		{"/" POD_A "/crio-" ID_B ".scope", UID_A, ID_B},
		{"/kubepods.slice/kubepods-pod" HASH ".slice/docker-" ID_A ".scope", HASH, ID_A},
		{"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" HASH
		 ".slice/docker-" ID_B ".scope",
			HASH, ID_B},
		/* conmon, mounts, crun's own child, and a cluster in a container */
		{"/" POD_A "/crio-conmon-" ID_A ".scope", NULL, NULL},
		{"/" POD_A "/var-lib-x.mount", NULL, NULL},
		{"/" POD_A "/crio-" ID_B ".scope/container", NULL, NULL},
		{"/" POD_A "/crio-" ID_B ".scope/" POD_A "/crio-" ID_A ".scope", NULL, NULL},
		{"/" POD_A "/" POD_A "/crio-" ID_A ".scope", NULL, NULL},
		/* an id that is not in a pod; a tree that is not the node's own */
		{"/kubepods.slice/" ID_A, NULL, NULL},
		{"/kubepods.slice/kubepods-burstable.slice/crio-" ID_A ".scope", NULL, NULL},
		{"/system.slice/docker-" ID_A ".scope/" POD_A "/crio-" ID_A ".scope", NULL, NULL},
		{"/kubepods/pod" UID_A "/" ID_A, NULL, NULL},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		make(world, CASES[i].path + 1);
	open_tree(world, "", true);
	assert_string_equal(cgroup_tree_top(world->tree), "");
	refresh(world);
	assert_string_equal(cgroup_tree_top(world->tree), "/kubepods.slice");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct cgroup *cgroup = find(world, CASES[i].path);

		assert_int_equal(cgroup != NULL, CASES[i].uid != NULL);
		if (!cgroup)
			continue;
		assert_string_equal(cgroup->pod_uid, CASES[i].uid);
		assert_string_equal(cgroup->container_id, CASES[i].id);
		assert_int_equal(cgroup->created_ns, 0);
		assert_null(cgroup->unit);
	}
	assert_int_equal(cgroup_tree_count(world->tree), 4);
	assert_int_equal(world->added, 4);
	close_tree(world);
}

static void finds_the_containers_of_the_cgroupfs_driver(void **state)
{
	struct world *world = *state;

	make(world, "kubepods/pod" UID_A "/" ID_A);
	make(world, "kubepods/burstable/pod" HASH "/" ID_B);
	make(world, "kubepods/besteffort/burstable/pod" HASH "/" ID_A);
	make(world, "kubepods/besteffort/pod" HASH "x/" ID_A);
	open_tree(world, "/", false);
	refresh(world);
	assert_string_equal(cgroup_tree_top(world->tree), "/kubepods");
	assert_int_equal(cgroup_tree_count(world->tree), 2);
	assert_non_null(find(world, "/kubepods/pod" UID_A "/" ID_A));
	assert_non_null(find(world, "/kubepods/burstable/pod" HASH "/" ID_B));
	close_tree(world);
}

static void finds_the_top_below_a_root(void **state)
{
	static const struct {
		const char *folder, *root, *top;
	} CASES[] = {
		{"kubepods.slice", "", "/kubepods.slice"},
		{"kubepods.slice", "/", "/kubepods.slice"},
		{"kubepods", "", "/kubepods"},
		{"kubelet.slice/kubelet-kubepods.slice", "",
			"/kubelet.slice/kubelet-kubepods.slice"},
		{"kubelet/kubepods", "", "/kubelet/kubepods"},
		{"a/b/kubepods", "/a/b", "/a/b/kubepods"},
		{"a/b/kubepods.slice", "/a/b/", "/a/b/kubepods.slice"},
		{"kubelet.slice/kubelet-kubepods.slice", "/kubelet.slice",
			"/kubelet.slice/kubelet-kubepods.slice"},
		{"kubelet.slice/kubelet-kubepods.slice", "/kubelet",
			"/kubelet.slice/kubelet-kubepods.slice"},
		{"a.slice/a-b_c.slice/a-b_c-kubepods.slice", "/a/b-c",
			"/a.slice/a-b_c.slice/a-b_c-kubepods.slice"},
		{"a.slice/a-b.slice/a-b-kubepods.slice", "//a.slice//a-b.slice/",
			"/a.slice/a-b.slice/a-b-kubepods.slice"},
		{"a/kubepods", "", ""},
		{"kubelet/x", "/kubelet", ""},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		make(world, CASES[i].folder);
		open_tree(world, CASES[i].root, false);
		refresh(world);
		assert_string_equal(cgroup_tree_top(world->tree), CASES[i].top);
		close_tree(world);
		drop_all(world, "");
		make(world, "");
	}
}

static void refuses_a_root_that_is_none(void **state)
{
	static const struct {
		const char *root, *message;
	} CASES[] = {
		{"/nowhere", "--cgroup-root /nowhere: there is no such folder in the cgroup tree"},
		{"kubelet", "it must be a path like /kubelet.slice"},
		{"/a/../b", "it must be a path like /kubelet.slice"},
		{"/./a", "it must be a path like /kubelet.slice"},
	};
	struct world *world = *state;
	const struct cgroup_tree_events events = {on_added, on_removed, world};
	struct cgroup_tree_options options = {
		.hierarchy = &world->hierarchy,
		.telemetry = world->telemetry,
	};
	struct hierarchy gone = {.v2 = "/nowhere"};
	uint32_t fds = open_fds();
	char root[6000];
	struct error err;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		options.root = CASES[i].root;
		assert_null(cgroup_tree_new(&options, &events, &err));
		assert_non_null(strstr(err.message, CASES[i].message));
	}
	memset(root, 'a', sizeof(root) - 1);
	root[0] = '/';
	root[sizeof(root) - 1] = '\0';
	options.root = root;
	assert_null(cgroup_tree_new(&options, &events, &err));
	options.root = "";
	options.hierarchy = &gone;
	assert_null(cgroup_tree_new(&options, &events, &err));
	assert_string_equal(
		err.message, "opening the cgroup tree /nowhere: No such file or directory");
	assert_int_equal(open_fds(), fds);
}

/* The name of the folder above. The text is overwritten by the next call. */
static const char *slice_of(const char *path)
{
	static char copy[256];
	char *slash;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	*strrchr(copy, '/') = '\0';
	slash = strrchr(copy, '/');
	return slash ? slash + 1 : copy;
}

static void shows_units_where_there_is_no_kubepods(void **state)
{
	static const struct {
		const char *path, *unit; /* NULL: not shown */
	} CASES[] = {
		{"/init.scope", "init.scope"},
		{"/batch", "batch"},
		{"/batch/inner", NULL},
		{"/dev-hugepages.mount", NULL},
		{"/system.slice", NULL},
		{"/system.slice/ssh.service", "ssh.service"},
		{"/system.slice/ssh.service/x.service", NULL},
		{"/system.slice/boot.mount", NULL},
		{"/system.slice/plain", NULL},
		{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service"},
		{"/user.slice/user-1000.slice/session-1.scope", "session-1.scope"},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/a.service", NULL},
		{"/user.slice/user-1000.slice/user@1000.service", "user@1000.service"},
		{"/odd name", "odd\\x20name"},
		{"/system.slice/od\x01.service", "od\\x01.service"},
	};
	struct world *world = *state;
	uint32_t shown = 0;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		make(world, CASES[i].path + 1);
	open_tree(world, "", false);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 0);
	close_tree(world);
	open_tree(world, "", true);
	refresh(world);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct cgroup *cgroup = find(world, CASES[i].path);

		assert_int_equal(cgroup != NULL, CASES[i].unit != NULL);
		if (!cgroup)
			continue;
		shown++;
		assert_string_equal(cgroup->unit, CASES[i].unit);
		assert_string_equal(cgroup->slice, slice_of(CASES[i].path));
		assert_int_equal(strncmp(cgroup->pod_uid, "cgroup-", 7), 0);
		assert_string_equal(cgroup->container_id, "");
	}
	assert_int_equal(cgroup_tree_count(world->tree), shown);
	assert_string_equal(cgroup_tree_top(world->tree), "");
	close_tree(world);
}

static void bounds_the_depth_of_slices(void **state)
{
	struct world *world = *state;
	char path[512] = "";
	size_t length = 0;

	for (int i = 0; i < 17; i++) {
		length += (size_t)snprintf(path + length, sizeof(path) - length, "s%d.slice/", i);
		(void)snprintf(path + length, sizeof(path) - length, "u%d.service", i);
		make(world, path);
	}
	open_tree(world, "", true);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 16);
	assert_int_equal(refused(world, "depth"), 1);
	close_tree(world);
}

static void shows_nothing_of_an_empty_tree(void **state)
{
	struct world *world = *state;

	open_tree(world, "", true);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 0);
	assert_int_equal(cgroup_tree_slots(world->tree), 0);
	assert_null(cgroup_tree_at(world->tree, 0));
	close_tree(world);
}

/* --- coming and going ---------------------------------------------------------------------------
 */

static void follows_what_comes_and_goes(void **state)
{
	struct world *world = *state;
	char a[256], b[256], c[256], pod[256];
	uint32_t slot;

	make(world, container_path(a, 1, 1));
	open_tree(world, "", false);
	refresh(world);
	assert_int_equal(world->added, 1);

	make(world, container_path(b, 1, 2));
	refresh(world);
	assert_int_equal(world->added, 2);
	assert_string_equal(world->last_added + 1, b);

	/* a new pod, and its container a moment after the pod was looked into */
	make(world, pod_path(pod, 2));
	refresh(world);
	make(world, container_path(c, 2, 1));
	refresh(world);
	assert_int_equal(world->added, 3);
	assert_string_equal(world->last_added + 1, c);

	slot = find(world, world->last_added)->slot;
	drop(world, c);
	refresh(world);
	assert_int_equal(world->removed, 1);
	assert_string_equal(world->last_removed + 1, c);
	assert_null(cgroup_tree_at(world->tree, slot));
	drop(world, pod);
	refresh(world);

	/* the slot is used again */
	make(world, container_path(c, 3, 1));
	refresh(world);
	assert_int_equal(cgroup_tree_at(world->tree, slot)->slot, slot);
	assert_int_equal(cgroup_tree_slots(world->tree), 3);

	drop_all(world, pod_path(pod, 1));
	refresh(world);
	assert_int_equal(world->removed, 3);
	assert_int_equal(cgroup_tree_count(world->tree), 1);
	close_tree(world);
}

static void reads_nothing_when_nothing_changes(void **state)
{
	struct world *world = *state;
	char path[256], file[8192];
	uint64_t reads, now = clock_monotonic_ns();

	make(world, container_path(path, 1, 1));
	open_tree(world, "", false);
	cgroup_tree_refresh(world->tree, now);
	reads = counter(world, "tacho_agent_cgroup_folder_reads_total");
	assert_int_equal(reads, 2);
	(void)snprintf(file, sizeof(file), "%s/kubepods/file", world->hierarchy.v2);
	(void)close(open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	(void)unlink(file);
	cgroup_tree_refresh(world->tree, now + 30 * NS_PER_SECOND - 1);
	assert_int_equal(counter(world, "tacho_agent_cgroup_folder_reads_total"), reads);
	cgroup_tree_refresh(world->tree, now + 30 * NS_PER_SECOND);
	assert_int_equal(counter(world, "tacho_agent_cgroup_folder_reads_total"), reads + 2);
	cgroup_tree_mark_changed(world->tree);
	cgroup_tree_refresh(world->tree, now + 31 * NS_PER_SECOND);
	assert_int_equal(counter(world, "tacho_agent_cgroup_folder_reads_total"), reads + 4);
	close_tree(world);
}

static void switches_when_kubepods_appears_and_vanishes(void **state)
{
	struct world *world = *state;

	make(world, "system.slice/ssh.service");
	open_tree(world, "", true);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 1);

	make(world, "kubepods/pod" UID_A "/" ID_A);
	refresh(world);
	assert_string_equal(world->last_removed, "/system.slice/ssh.service");
	assert_string_equal(cgroup_tree_top(world->tree), "/kubepods");
	assert_int_equal(cgroup_tree_count(world->tree), 1);

	drop_all(world, "kubepods");
	make(world, POD_A "/crio-" ID_B ".scope");
	refresh(world);
	assert_string_equal(cgroup_tree_top(world->tree), "/kubepods.slice");
	assert_string_equal(world->last_added, "/" POD_A "/crio-" ID_B ".scope");

	drop_all(world, "kubepods.slice");
	refresh(world);
	assert_string_equal(cgroup_tree_top(world->tree), "");
	assert_string_equal(world->last_added, "/system.slice/ssh.service");
	assert_int_equal(world->added - world->removed, 1);
	close_tree(world);
}

static void reads_each_time_without_inotify(void **state)
{
	struct world *world = *state;
	struct rlimit before, few;
	char path[256];
	int lowest;

	/* One fd more, for the mount: none is left for inotify. */
	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){(rlim_t)lowest + 1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	open_tree(world, "", false);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

	make(world, container_path(path, 1, 1));
	refresh(world);
	assert_int_equal(world->added, 1);
	make(world, container_path(path, 1, 2));
	refresh(world);
	assert_int_equal(world->added, 2);
	drop(world, path);
	refresh(world);
	assert_int_equal(world->removed, 1);
	assert_int_equal(telemetry_get(telemetry_gauge(world->telemetry,
				 "tacho_agent_cgroup_folders_unwatched", "", NULL, NULL)),
		2);
	close_tree(world);
}

static void tries_an_unreadable_folder_again(void **state)
{
	struct world *world = *state;
	struct rlimit before, few;
	char path[256];
	int lowest;

	make(world, container_path(path, 1, 1));
	open_tree(world, "", false);
	refresh(world);
	make(world, container_path(path, 1, 2));

	lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	(void)close(lowest);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = (struct rlimit){(rlim_t)lowest, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	refresh(world);
	refresh(world);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(counter(world, "tacho_agent_cgroup_folder_errors_total"), 2);
	assert_int_equal(world->added, 1);
	assert_int_equal(world->removed, 0);

	/* It may have been there for long: its creation is not known. */
	refresh(world);
	assert_int_equal(world->added, 2);
	assert_int_equal(find(world, world->last_added)->created_ns, 0);
	make(world, container_path(path, 1, 3));
	refresh(world);
	assert_int_not_equal(find(world, world->last_added)->created_ns, 0);
	close_tree(world);
}

static void leaks_nothing_under_churn(void **state)
{
	struct world *world = *state;
	uint32_t fds = open_fds();
	char path[256];

	make(world, "kubepods");
	open_tree(world, "", false);
	refresh(world);
	for (uint32_t round = 0; round < 20; round++) {
		for (uint32_t pod = 0; pod < 50; pod++) {
			make(world, container_path(path, round * 50 + pod, 1));
			make(world, container_path(path, round * 50 + pod, 2));
		}
		refresh(world);
		assert_int_equal(cgroup_tree_count(world->tree), 100);
		assert_int_equal(watches(), 51);
		for (uint32_t pod = 0; pod < 50; pod++)
			drop_all(world, pod_path(path, round * 50 + pod));
	}
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 0);
	assert_int_equal(cgroup_tree_slots(world->tree), 100);
	assert_int_equal(world->added, 2000);
	assert_int_equal(watches(), 1);
	close_tree(world);
	assert_int_equal(open_fds(), fds);
}

static void finds_ten_thousand(void **state)
{
	struct world *world = *state;
	char path[256];

	for (uint32_t pod = 0; pod < 1000; pod++)
		for (uint32_t container = 0; container < 10; container++)
			make(world, container_path(path, pod, container));
	open_tree(world, "", false);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 10000);
	drop(world, container_path(path, 999, 9));
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 9999);
	cgroup_tree_mark_changed(world->tree);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 9999);
	assert_int_equal(world->added, 10000);
	close_tree(world);
}

static void stops_at_65536(void **state)
{
	struct world *world = *state;
	char path[256], full[8192];

	make(world, container_path(path, 1, 0));
	for (uint32_t i = 1; i < 65537; i++) {
		(void)snprintf(full, sizeof(full), "%s/%s", world->hierarchy.v2,
			container_path(path, 1, i));
		assert_int_equal(mkdir(full, 0700), 0);
	}
	open_tree(world, "", false);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 65536);
	assert_int_equal(refused(world, "limit"), 1);
	/* The one that found no room is taken when there is some. */
	drop(world, find(world, world->last_added)->path + 1);
	cgroup_tree_mark_changed(world->tree);
	refresh(world);
	assert_int_equal(cgroup_tree_count(world->tree), 65536);
	assert_int_equal(refused(world, "limit"), 1);
	close_tree(world);
}

/* --- real cgroups -------------------------------------------------------------------------------
 */

static uint64_t inode_of(const struct world *world, const char *path)
{
	char full[8192];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", world->hierarchy.v2, path);
	assert_int_equal(stat(full, &st), 0);
	return st.st_ino;
}

static void follows_real_cgroups(void **state)
{
	struct world *world = *state;
	char a[256], b[256], pod[256];
	uint64_t first, reads;

	need_cgroups(world);
	make(world, container_path(a, 1, 1));
	open_tree(world, "", false);
	refresh(world);
	first = find(world, world->last_added)->id;
	assert_int_equal(first, inode_of(world, a));

	/* inotify tells of mkdir and of rmdir: only what changed is read */
	reads = counter(world, "tacho_agent_cgroup_folder_reads_total");
	make(world, container_path(b, 1, 2));
	refresh(world);
	assert_int_equal(world->added, 2);
	drop(world, b);
	refresh(world);
	assert_int_equal(world->removed, 1);
	assert_int_equal(counter(world, "tacho_agent_cgroup_folder_reads_total"), reads + 2);

	/* the same name between two looks is another cgroup */
	drop(world, a);
	make(world, a);
	refresh(world);
	assert_int_equal(world->removed, 2);
	assert_int_equal(world->added, 3);
	assert_int_not_equal(find(world, world->last_added)->id, first);

	/* so is a whole pod's */
	drop_all(world, pod_path(pod, 1));
	make(world, a);
	refresh(world);
	assert_int_equal(world->added, 4);
	assert_int_equal(world->removed, 3);
	assert_int_equal(cgroup_tree_count(world->tree), 1);
	assert_int_equal(find(world, world->last_added)->id, inode_of(world, a));
	close_tree(world);
}

static void leaks_no_watch_of_removed_cgroups(void **state)
{
	struct world *world = *state;
	char path[256];

	need_cgroups(world);
	make(world, "kubepods");
	open_tree(world, "", false);
	refresh(world);
	for (uint32_t round = 0; round < 10; round++) {
		for (uint32_t pod = 0; pod < 5; pod++)
			make(world, container_path(path, pod, round));
		refresh(world);
		assert_int_equal(watches(), 6);
		for (uint32_t pod = 0; pod < 5; pod++)
			drop_all(world, pod_path(path, pod));
	}
	refresh(world);
	assert_int_equal(watches(), 1);
	close_tree(world);
}

static void knows_when_a_cgroup_was_made(void **state)
{
	struct world *world = *state;
	uint64_t before, after, looked, created;
	char path[256];

	need_cgroups(world);
	make(world, "kubepods");
	open_tree(world, "", false);
	refresh(world);
	refresh(world);
	assert_int_equal(usleep(50000), 0);
	before = clock_monotonic_ns();
	make(world, container_path(path, 1, 1));
	(void)inode_of(world, path); /* what a runtime does to move a process in */
	after = clock_monotonic_ns();
	assert_int_equal(usleep(50000), 0);
	refresh(world);
	created = find(world, world->last_added)->created_ns;
	/* the kernel's times have the grain of its tick */
	assert_in_range(created, before - 11 * NS_PER_MS, after + NS_PER_MS);

	/* that nobody looked up before we did: between the looks */
	looked = clock_monotonic_ns();
	cgroup_tree_refresh(world->tree, looked);
	make(world, container_path(path, 1, 2));
	refresh(world);
	assert_in_range(
		find(world, world->last_added)->created_ns, looked + 1, clock_monotonic_ns());
	close_tree(world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
#define REAL(name) cmocka_unit_test_setup_teardown(name, set_up_real, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(finds_the_containers_of_the_systemd_driver),
		TEST(finds_the_containers_of_the_cgroupfs_driver),
		TEST(finds_the_top_below_a_root),
		TEST(refuses_a_root_that_is_none),
		TEST(shows_units_where_there_is_no_kubepods),
		TEST(bounds_the_depth_of_slices),
		TEST(shows_nothing_of_an_empty_tree),
		TEST(follows_what_comes_and_goes),
		TEST(reads_nothing_when_nothing_changes),
		TEST(switches_when_kubepods_appears_and_vanishes),
		TEST(reads_each_time_without_inotify),
		TEST(tries_an_unreadable_folder_again),
		TEST(leaks_nothing_under_churn),
		TEST(finds_ten_thousand),
		TEST(stops_at_65536),
		REAL(follows_real_cgroups),
		REAL(leaks_no_watch_of_removed_cgroups),
		REAL(knows_when_a_cgroup_was_made),
	};

	return cmocka_run_group_tests_name("cgroup_tree", tests, NULL, NULL);
}
