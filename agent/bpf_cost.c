#include "agent/bpf_cost.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int bpf_cost_measure(struct error *err)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME);

	if (fd >= 0)
		return fd;
	if (errno == EPERM)
		return error_set(err, EPERM, "needs CAP_SYS_ADMIN");
	return error_errno(err, errno, "asking the kernel to measure BPF programs");
}

/* Whether this open file is a BPF program. */
static int is_program(int folder, const char *name)
{
	char target[64];
	ssize_t length = readlinkat(folder, name, target, sizeof(target) - 1);

	if (length < 0)
		return 0;
	target[length] = '\0';
	return strcmp(target, "anon_inode:bpf-prog") == 0;
}

static int known(const struct bpf_cost *costs, size_t count, uint32_t id)
{
	for (size_t i = 0; i < count; i++)
		if (costs[i].id == id)
			return 1;
	return 0;
}

size_t bpf_cost_read(struct bpf_cost ret_costs[BPF_COST_PROGRAMS])
{
	DIR *files = opendir("/proc/self/fd");
	const struct dirent *entry;
	size_t count = 0;

	while (files && count < BPF_COST_PROGRAMS && (entry = readdir(files))) {
		struct bpf_prog_info info = {0};
		struct bpf_cost *cost = &ret_costs[count];
		uint32_t size = sizeof(info);

		if (!is_program(dirfd(files), entry->d_name) ||
			bpf_obj_get_info_by_fd(atoi(entry->d_name), &info, &size) < 0 ||
			known(ret_costs, count, info.id))
			continue;
		*cost = (struct bpf_cost){
			.id = info.id, .run_ns = info.run_time_ns, .runs = info.run_cnt};
		(void)snprintf(cost->name, sizeof(cost->name), "%s", info.name);
		count++;
	}
	if (files)
		(void)closedir(files);
	return count;
}
