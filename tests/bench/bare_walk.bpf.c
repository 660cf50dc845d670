// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A cgroup iterator that does nothing: what walking alone costs. */
#include "bpf/vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("iter.s/cgroup")
int bare_walk(struct bpf_iter__cgroup *ctx)
{
	(void)ctx;
	return 0;
}
