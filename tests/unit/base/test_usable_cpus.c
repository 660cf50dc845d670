/* base/usable_cpus: the CPUs that a cgroup's limits leave, by files of the test's. */
#include "base/usable_cpus.h"

#include "tests/harness/scratch.h"

#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct file {
	const char *name, *text;
};

#define MAX_FILES 6

/* With its folders. */
static void write_file(struct scratch *scratch, const struct file *file)
{
	char folder[256];

	for (const char *slash = strchr(file->name, '/'); slash; slash = strchr(slash + 1, '/')) {
		(void)snprintf(
			folder, sizeof(folder), "%.*s", (int)(slash - file->name), file->name);
		(void)mkdir(scratch_path(scratch, folder), 0700);
	}
	(void)scratch_write(scratch, file->name, file->text);
}

static size_t cpus_with(const char *self, const struct file *files)
{
	struct scratch *scratch = scratch_new();
	struct usable_cpus_paths paths = {
		.self = scratch_write(scratch, "self", self), .root = scratch_path(scratch, "")};
	size_t cpus;

	for (size_t i = 0; i < MAX_FILES && files[i].name; i++)
		write_file(scratch, &files[i]);
	cpus = usable_cpus(&paths);
	scratch_free(scratch);
	return cpus;
}

static size_t machine(void)
{
	const struct file none[MAX_FILES] = {{NULL, NULL}};

	return cpus_with("", none);
}

#define V2 "0::/pods/a\n"
#define V1 "7:memory:/m\n3:cpu,cpuacct:/pods/a\n1:name=systemd:/s\n"

static void limits_are_rounded_up_and_the_least_counts(void **state)
{
	static const struct {
		const char *self;
		size_t cpus; /* SIZE_MAX: all */
		struct file files[MAX_FILES];
	} CASES[] = {
		{V2, SIZE_MAX, {{NULL, NULL}}},
		{V2, SIZE_MAX, {{"pods/a/cpu.max", "max 100000\n"}}},
		{V2, 1, {{"pods/a/cpu.max", "50000 100000\n"}}},
		{V2, 1, {{"pods/a/cpu.max", "100000 100000\n"}}},
		{V2, 2, {{"pods/a/cpu.max", "100001 100000\n"}}},
		{V2, SIZE_MAX, {{"pods/a/cpu.max", "6400000000 100000\n"}}},
		/* above us */
		{V2, 1, {{"pods/a/cpu.max", "max 100000\n"}, {"pods/cpu.max", "10000 50000\n"}}},
		{V2, 1, {{"pods/a/cpu.max", "200000 100000\n"}, {"pods/cpu.max", "1 1\n"}}},
		/* a container that sees its own cgroup as the root of all */
		{"0::/\n", 1, {{"cpu.max", "100000 100000\n"}}},
		{"0::/../../host/path\n", 1, {{"cpu.max", "100000 100000\n"}}},
		/* what makes no sense limits nothing */
		{V2, SIZE_MAX, {{"pods/a/cpu.max", ""}}},
		{V2, SIZE_MAX, {{"pods/a/cpu.max", "100000\n"}}},
		{V2, SIZE_MAX, {{"pods/a/cpu.max", "100000 0\n"}}},
		{V2, SIZE_MAX, {{"pods/a/cpu.max", "-5 100000\n"}}},
		{"nonsense\n0:\n", SIZE_MAX, {{"cpu.max", "1 1\n"}}},
		/* v1 */
		{V1, SIZE_MAX,
			{{"cpu/pods/a/cpu.cfs_quota_us", "-1\n"},
				{"cpu/pods/a/cpu.cfs_period_us", "100000\n"}}},
		{V1, 1,
			{{"cpu/pods/a/cpu.cfs_quota_us", "90000\n"},
				{"cpu/pods/a/cpu.cfs_period_us", "100000\n"}}},
		{V1, 1,
			{{"cpu/cpu.cfs_quota_us", "90000\n"},
				{"cpu/cpu.cfs_period_us", "100000\n"}}},
		{"4:cpuset:/a\n", SIZE_MAX,
			{{"cpu/a/cpu.cfs_quota_us", "90000\n"},
				{"cpu/a/cpu.cfs_period_us", "100000\n"}}},
	};
	size_t all = machine();

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		size_t cpus = cpus_with(CASES[i].self, CASES[i].files);

		if (cpus != (CASES[i].cpus < all ? CASES[i].cpus : all))
			fail_msg("case %zu: %zu of %zu", i, cpus, all);
	}
}

/* In a child: the test goes on with all. */
static void the_scheduler_has_the_last_word(void **state)
{
	const struct file none[MAX_FILES] = {{NULL, NULL}};
	int status = -1;
	pid_t child = fork();

	(void)state;
	if (child == 0) {
		cpu_set_t all, one;

		if (sched_getaffinity(0, sizeof(all), &all) < 0)
			_exit(2);
		CPU_ZERO(&one);
		for (size_t i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
			if (CPU_ISSET(i, &all))
				CPU_SET(i, &one);
		if (sched_setaffinity(0, sizeof(one), &one) < 0)
			_exit(2);
		_exit(cpus_with("", none) == 1 ? 0 : 1);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void the_kernel_says_at_least_one(void **state)
{
	(void)state;
	assert_true(usable_cpus(NULL) >= 1);
	assert_true(usable_cpus(NULL) <= machine());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_are_rounded_up_and_the_least_counts),
		cmocka_unit_test(the_scheduler_has_the_last_word),
		cmocka_unit_test(the_kernel_says_at_least_one),
	};

	return cmocka_run_group_tests_name("usable_cpus", tests, NULL, NULL);
}
