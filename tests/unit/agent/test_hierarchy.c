/* agent/hierarchy: mountinfo of unified, hybrid and odd machines, and of this one. */
#include "agent/hierarchy.h"
#include "base/file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char folder[64]; /* stands for "@" in the mountinfo of the cases */
	char mountinfo[128];
};

static void write_file(const char *path, const char *text)
{
	assert_int_equal(file_write(path, 0600, text, strlen(text), NULL), 0);
}

static void make_mount(const struct world *world, const char *name, const char *controllers)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", world->folder, name);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/%s/cgroup.controllers", world->folder, name);
	write_file(path, controllers);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	(void)snprintf(world->folder, sizeof(world->folder), "/tmp/tacho-test-XXXXXX");
	if (!mkdtemp(world->folder))
		return -1;
	(void)snprintf(world->mountinfo, sizeof(world->mountinfo), "%s/mountinfo", world->folder);
	make_mount(world, "full", "cpuset cpu io memory hugetlb pids\n");
	make_mount(world, "bare", "hugetlb\n");
	make_mount(world, "none", "");
	make_mount(world, "with space", "memory\n");
	make_mount(world, "like", "memory2 xmemory\n");
	return 0;
}

static int tear_down(void **state)
{
	static const char *const NAMES[] = {"full", "bare", "none", "with space", "like"};
	struct world *world = *state;
	char path[256];

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		(void)snprintf(
			path, sizeof(path), "%s/%s/cgroup.controllers", world->folder, NAMES[i]);
		(void)unlink(path);
		(void)snprintf(path, sizeof(path), "%s/%s", world->folder, NAMES[i]);
		(void)rmdir(path);
	}
	(void)unlink(world->mountinfo);
	(void)rmdir(world->folder);
	free(world);
	return 0;
}

/* Copies `text` with the world's folder for each "@". */
static void expand(const struct world *world, const char *text, char *out, size_t size)
{
	size_t length = 0;

	for (; *text && length + sizeof(world->folder) < size; text++) {
		if (*text == '@')
			length +=
				(size_t)snprintf(out + length, size - length, "%s", world->folder);
		else
			out[length++] = *text;
	}
	out[length] = '\0';
}

static int find(const struct world *world, const char *mountinfo, struct hierarchy *ret_hierarchy,
	struct error *err)
{
	char text[8192];

	expand(world, mountinfo, text, sizeof(text));
	write_file(world->mountinfo, text);
	return hierarchy_find(world->mountinfo, ret_hierarchy, err);
}

#define TMPFS     "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
#define V1_CPU    "32 31 0:29 / @/v1cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
#define V1_MEMORY "35 31 0:32 / @/v1memory rw,relatime shared:7 - cgroup cgroup rw,memory\n"

static void finds_the_trees(void **state)
{
	static const struct {
		const char *mountinfo, *v2, *memory_v1;
	} CASES[] = {
		/* unified */
		{"25 30 0:22 / @/full rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			"@/full", ""},
		/* no optional field, several, and a field that looks like the end */
		{"25 30 0:22 / @/full rw - cgroup2 cgroup2 rw\n", "@/full", ""},
		{"25 30 0:22 / @/full rw shared:4 master:2 unbindable - cgroup2 none rw\n",
			"@/full", ""},
		/* unified, with a v1 memory mount that does nothing */
		{V1_MEMORY "25 30 0:22 / @/full rw - cgroup2 cgroup2 rw\n", "@/full", ""},
		/* hybrid */
		{TMPFS V1_CPU V1_MEMORY "38 31 0:38 / @/bare rw - cgroup2 cgroup2 rw\n", "@/bare",
			"@/v1memory"},
		{"38 31 0:38 / @/none rw - cgroup2 cgroup2 rw\n" V1_CPU V1_MEMORY, "@/none",
			"@/v1memory"},
		{"38 31 0:38 / @/like rw - cgroup2 cgroup2 rw\n" V1_MEMORY, "@/like", "@/v1memory"},
		/* no memory anywhere */
		{"38 31 0:38 / @/none rw - cgroup2 cgroup2 rw\n" V1_CPU, "@/none", ""},
		/* a named v1 hierarchy is not the memory controller */
		{"38 31 0:38 / @/none rw - cgroup2 cgroup2 rw\n"
		 "40 31 0:37 / @/x rw - cgroup cgroup rw,name=memory\n",
			"@/none", ""},
		/* a container's view; escapes; the first of two */
		{"38 31 0:38 /../.. @/full rw - cgroup2 cgroup2 rw\n", "@/full", ""},
		{"38 31 0:38 / @/with\\040space rw - cgroup2 cgroup2 rw\n", "@/with space", ""},
		{"38 31 0:38 / @/full rw - cgroup2 cgroup2 rw\n"
		 "39 31 0:38 / @/bare rw - cgroup2 cgroup2 rw\n",
			"@/full", ""},
		/* lines that are none */
		{"\nx\n38 31 0:38 / @/bare rw\n38 31 0:38 / @/bare rw -\n"
		 "38 31 0:38 / @/bare rw - cgroup2\n38 31 0:38 / bare rw - cgroup2 cgroup2 rw\n"
		 "38 31 0:38 / @/full rw - cgroup2 cgroup2 rw",
			"@/full", ""},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct hierarchy found;
		struct error err = {""};
		char v2[256], memory_v1[256];

		assert_int_equal(find(*state, CASES[i].mountinfo, &found, &err), 0);
		expand(*state, CASES[i].v2, v2, sizeof(v2));
		expand(*state, CASES[i].memory_v1, memory_v1, sizeof(memory_v1));
		assert_string_equal(found.v2, v2);
		assert_string_equal(found.memory_v1, memory_v1);
		assert_int_equal(hierarchy_is_hybrid(&found), memory_v1[0] != '\0');
		assert_string_equal(err.message, "");
	}
}

static void prefers_systemds_mount(void **state)
{
	struct hierarchy found;
	struct error err;

	if (access("/sys/fs/cgroup/unified/cgroup.controllers", R_OK) < 0) {
		print_message("skipped: there is no /sys/fs/cgroup/unified here\n");
		skip();
	}
	assert_int_equal(find(*state,
				 "38 31 0:38 / @/full rw - cgroup2 cgroup2 rw\n"
				 "39 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"
				 "40 31 0:38 / @/bare rw - cgroup2 cgroup2 rw\n",
				 &found, &err),
		0);
	assert_string_equal(found.v2, "/sys/fs/cgroup/unified");
}

static void says_what_is_missing(void **state)
{
	struct hierarchy found = {.v2 = "untouched"};
	struct error err;

	assert_int_equal(find(*state, TMPFS V1_MEMORY, &found, &err), -ENOENT);
	assert_non_null(strstr(err.message, "has no cgroup2 mount"));
	assert_int_equal(find(*state, "", &found, &err), -ENOENT);
	assert_int_equal(
		find(*state, "38 31 0:38 / @/gone rw - cgroup2 cgroup2 rw\n", &found, &err),
		-ENOENT);
	assert_non_null(strstr(err.message, "/gone/cgroup.controllers: No such file"));
	assert_int_equal(hierarchy_find("/nowhere/mountinfo", &found, &err), -ENOENT);
	assert_string_equal(err.message, "finding the cgroup mounts: reading /nowhere/mountinfo: "
					 "No such file or directory");
	assert_string_equal(found.v2, "untouched");
}

static void passes_over_a_mount_point_that_is_too_long(void **state)
{
	struct hierarchy found;
	struct error err;
	char text[8192], name[4200];

	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(text, sizeof(text),
		"1 2 0:1 / /%s rw - cgroup2 cgroup2 rw\n1 2 0:1 / @/full rw - cgroup2 cgroup2 rw\n",
		name);
	assert_int_equal(find(*state, text, &found, &err), 0);
	assert_non_null(strstr(found.v2, "/full"));
}

static void reads_this_machine(void **state)
{
	struct hierarchy found;
	struct error err;
	char path[8192];
	int r;

	(void)state;
	r = hierarchy_find("/proc/self/mountinfo", &found, &err);
	if (r == -ENOENT) {
		print_message("skipped: %s\n", err.message);
		skip();
	}
	assert_int_equal(r, 0);
	(void)snprintf(path, sizeof(path), "%s/cgroup.procs", found.v2);
	assert_int_equal(access(path, R_OK), 0);
	if (hierarchy_is_hybrid(&found)) {
		(void)snprintf(path, sizeof(path), "%s/memory.usage_in_bytes", found.memory_v1);
		assert_int_equal(access(path, R_OK), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_trees),
		cmocka_unit_test(prefers_systemds_mount),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(passes_over_a_mount_point_that_is_too_long),
		cmocka_unit_test(reads_this_machine),
	};

	return cmocka_run_group_tests_name("hierarchy", tests, set_up, tear_down);
}
