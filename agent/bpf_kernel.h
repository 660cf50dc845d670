/* What this kernel and this process can do with BPF, in words fit for the log. */
#ifndef AGENT_BPF_KERNEL_H
#define AGENT_BPF_KERNEL_H

#include "base/error.h"

#include <stddef.h>

/* Sends libbpf's own messages to the debug log. For the whole process; idempotent. */
void bpf_kernel_quiet(void);

/* Looks for the functions `names` in the kernel's type information. Returns the index of the first
 * one that it has; -ENOENT when it has none (the kernel is too old: the message says so), -errno
 * when there is no type information. Takes about 10 ms, and a few megabytes while it runs. */
int bpf_kernel_find_function(const char *const *names, size_t count, struct error *err);

/* Writes why `what` ("loading the BPF program") failed with the positive errno `code`; for EPERM,
 * which capability the process lacks. Returns -code. */
int bpf_kernel_explain(int code, const char *what, struct error *err);

#endif
