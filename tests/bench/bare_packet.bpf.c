// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A program that does nothing with a packet: what the kernel's measuring itself costs. */
#include "bpf/vmlinux.h"

#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("cgroup_skb/egress")
int nothing(struct __sk_buff *packet)
{
	(void)packet;
	return 1;
}
