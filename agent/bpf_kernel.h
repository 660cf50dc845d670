/* What this kernel and this process can do with BPF, in words fit for the log. */
#ifndef AGENT_BPF_KERNEL_H
#define AGENT_BPF_KERNEL_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Sends libbpf's own messages to the debug log, for the whole process, and forgets those so far
 * that bpf_kernel_explain() would tell. */
void bpf_kernel_quiet(void);

/* Looks for the functions `names` in the kernel's type information. Returns the index of the first
 * one that it has; -ENOENT when it has none (the kernel is too old: the message says so), -errno
 * when there is no type information. Takes about 10 ms, and a few megabytes while it runs. */
int bpf_kernel_find_function(const char *const *names, size_t count, struct error *err);

/* How many arguments a BTF tracepoint hands to a program; -ENOENT when the kernel has none of that
 * name. Takes as long. */
int bpf_kernel_trace_arguments(const char *tracepoint, struct error *err);

/* Writes why `what` ("loading the BPF program") failed with the positive errno `code`; for EPERM,
 * which capability the process lacks; else what libbpf said first since bpf_kernel_quiet(). Returns
 * -code. */
int bpf_kernel_explain(int code, const char *what, struct error *err);

/* The same for a program that sees packets: it needs CAP_NET_ADMIN too. */
int bpf_kernel_explain_network(int code, const char *what, struct error *err);

/* Whether this process has CAP_NET_ADMIN: a program of cgroup_skb loads without, but can't be
 * attached. */
bool bpf_kernel_may_see_packets(void);

#endif
