#include "base/usable_cpus.h"

#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of sched_getaffinity(2), for machines with more CPUs than the C library's cpu_set_t has. */
#define MAX_CPUS 65536

static size_t cpus_of_affinity(void)
{
	cpu_set_t *set = CPU_ALLOC(MAX_CPUS);
	size_t size = CPU_ALLOC_SIZE(MAX_CPUS);
	int count = 1;

	if (set && sched_getaffinity(0, size, set) == 0)
		count = CPU_COUNT_S(size, set);
	CPU_FREE(set);
	return count > 0 ? (size_t)count : 1;
}

/* The first words of a file; false when it can't be read. */
static bool read_line(const char *folder, const char *file, char *line, size_t size)
{
	char path[PATH_MAX];
	bool read = false;
	FILE *stream;

	if (snprintf(path, sizeof(path), "%s/%s", folder, file) >= (int)sizeof(path))
		return false;
	stream = fopen(path, "re");
	if (stream) {
		read = fgets(line, (int)size, stream) != NULL;
		(void)fclose(stream);
	}
	return read;
}

/* Rounded up. "max" and -1, which is v1's "no limit", are no numbers above 0. */
static size_t least(size_t cpus, long long quota_us, long long period_us)
{
	unsigned long long limit;

	if (quota_us <= 0 || period_us <= 0)
		return cpus;
	limit = ((unsigned long long)quota_us + (unsigned long long)period_us - 1) /
		(unsigned long long)period_us;
	return limit < cpus ? (size_t)limit : cpus;
}

/* Kernel's Documentation/admin-guide/cgroup-v2.rst: "$MAX $PERIOD" */
static size_t limit_v2(const char *folder, size_t cpus)
{
	char line[64], *end;
	long long quota_us;

	if (!read_line(folder, "cpu.max", line, sizeof(line)))
		return cpus;
	quota_us = strtoll(line, &end, 10);
	return least(cpus, quota_us, strtoll(end, NULL, 10));
}

static size_t limit_v1(const char *folder, size_t cpus)
{
	char quota[64], period[64];

	if (!read_line(folder, "cpu.cfs_quota_us", quota, sizeof(quota)) ||
		!read_line(folder, "cpu.cfs_period_us", period, sizeof(period)))
		return cpus;
	return least(cpus, strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

/* In a container the path may be the host's, and what we see of the tree may begin at our own
 * cgroup: folders that are not there limit nothing, and the root is looked at in any case. */
static size_t limit_of_path(const char *root, const char *path, size_t cpus,
	size_t (*limit)(const char *folder, size_t cpus))
{
	char folder[PATH_MAX];
	size_t root_length = strlen(root);

	if (snprintf(folder, sizeof(folder), "%s%s", root, path) >= (int)sizeof(folder))
		return cpus;
	for (;;) {
		char *slash;

		cpus = limit(folder, cpus);
		slash = strrchr(folder + root_length, '/');
		if (!slash)
			return cpus;
		*slash = '\0';
	}
}

/* Of "cpu,cpuacct" and the like. */
static bool has_cpu(const char *controllers)
{
	while (*controllers) {
		size_t length = strcspn(controllers, ",");

		if (length == 3 && strncmp(controllers, "cpu", 3) == 0)
			return true;
		controllers += length + (controllers[length] == ',');
	}
	return false;
}

/* One line of /proc/self/cgroup, cgroups(7): "hierarchy-ID:controller-list:cgroup-path" */
static size_t limit_of_line(const char *root, char *line, size_t cpus)
{
	char *controllers = strchr(line, ':'), *path, folder[PATH_MAX];

	line[strcspn(line, "\n")] = '\0';
	path = controllers ? strchr(controllers + 1, ':') : NULL;
	if (!path)
		return cpus;
	*controllers++ = '\0';
	*path++ = '\0';
	if (*controllers == '\0')
		return limit_of_path(root, path, cpus, limit_v2);
	if (!has_cpu(controllers) ||
		snprintf(folder, sizeof(folder), "%s/cpu", root) >= (int)sizeof(folder))
		return cpus;
	return limit_of_path(folder, path, cpus, limit_v1);
}

size_t usable_cpus(const struct usable_cpus_paths *paths)
{
	static const struct usable_cpus_paths KERNEL = {"/proc/self/cgroup", "/sys/fs/cgroup"};
	size_t cpus = cpus_of_affinity(), room = 0;
	char *line = NULL;
	FILE *stream;

	if (!paths)
		paths = &KERNEL;
	stream = fopen(paths->self, "re");
	if (!stream)
		return cpus;
	while (getline(&line, &room, stream) >= 0)
		cpus = limit_of_line(paths->root, line, cpus);
	free(line);
	(void)fclose(stream);
	return cpus;
}
