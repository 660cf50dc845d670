#include "agent/bpf_kernel.h"

#include "base/log.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel's error number for something that it does not support, unknown to libc. */
#define KERNEL_ENOTSUPP 524

static int to_debug_log(enum libbpf_print_level level, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static int to_debug_log(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[512];
	size_t length;

	if (level == LIBBPF_DEBUG) /* several hundred lines a program */
		return 0;
	(void)vsnprintf(text, sizeof(text), format, args);
	length = strcspn(text, "\n");
	text[length] = '\0';
	log_debug("%s", text);
	return 0;
}

void bpf_kernel_quiet(void)
{
	(void)libbpf_set_print(to_debug_log);
}

int bpf_kernel_find_function(const char *const *names, size_t count, struct error *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int found = -ENOENT;

	if (!btf)
		return error_errno(err, errno,
			"the kernel has no type information (/sys/kernel/btf/vmlinux, "
			"CONFIG_DEBUG_INFO_BTF)");
	for (size_t i = 0; i < count && found < 0; i++)
		if (btf__find_by_name_kind(btf, names[i], BTF_KIND_FUNC) > 0)
			found = (int)i;
	btf__free(btf);
	if (found < 0)
		return error_set(err, ENOENT,
			"this kernel is too old, or built without what is needed: it has no "
			"function %s; Linux 6.1 and later have it",
			names[count - 1]);
	return found;
}

static bool has_capability(unsigned capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	return data[capability / 32].effective >> (capability % 32) & 1;
}

int bpf_kernel_explain(int code, const char *what, struct error *err)
{
	bool all = has_capability(CAP_SYS_ADMIN); /* stands for both */
	bool bpf = all || has_capability(CAP_BPF);
	bool perfmon = all || has_capability(CAP_PERFMON);

	if (code == KERNEL_ENOTSUPP)
		return error_set(err, EOPNOTSUPP, "%s: the kernel does not support it", what);
	if (code != EPERM && code != EACCES)
		return error_errno(err, code, "%s", what);
	if (bpf && perfmon)
		return error_errno(err, code,
			"%s: CAP_BPF and CAP_PERFMON are there, but something else forbids it (a "
			"seccomp filter, a security module, kernel lockdown)",
			what);
	return error_errno(err, code, "%s: this process lacks %s", what,
		bpf       ? "CAP_PERFMON"
		: perfmon ? "CAP_BPF"
			  : "CAP_BPF and CAP_PERFMON");
}
