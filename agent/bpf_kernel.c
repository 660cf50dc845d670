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

/* What libbpf said first of what fails now: it hands no more than an error number on. Its printer
 * is the process's own and takes no context. */
static _Thread_local char first_warning[200];

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
	if (level == LIBBPF_WARN && !first_warning[0])
		(void)snprintf(first_warning, sizeof(first_warning), "%.199s", text);
	return 0;
}

void bpf_kernel_quiet(void)
{
	first_warning[0] = '\0';
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

/* Which of the capabilities the process lacks, "CAP_A and CAP_B"; "" = none. */
static void name_lacking(bool network, char *text, size_t size)
{
	const struct {
		const char *name;
		unsigned capability;
		bool needed;
	} NEEDED[] = {
		{"CAP_BPF", CAP_BPF, true},
		{"CAP_PERFMON", CAP_PERFMON, true},
		{"CAP_NET_ADMIN", CAP_NET_ADMIN, network},
	};
	/* stands for the first two */
	bool all = has_capability(CAP_SYS_ADMIN);
	size_t length = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++) {
		if (!NEEDED[i].needed || has_capability(NEEDED[i].capability) ||
			(all && NEEDED[i].capability != CAP_NET_ADMIN))
			continue;
		length += (size_t)snprintf(text + length, size - length, "%s%s",
			length > 0 ? " and " : "", NEEDED[i].name);
	}
}

static int explain(int code, const char *what, bool network, struct error *err)
{
	char lacking[64];

	if (code == KERNEL_ENOTSUPP)
		return error_set(err, EOPNOTSUPP, "%s: the kernel does not support it", what);
	if (code != EPERM && code != EACCES && first_warning[0])
		return error_errno(err, code, "%s: %s", what, first_warning);
	if (code != EPERM && code != EACCES)
		return error_errno(err, code, "%s", what);
	name_lacking(network, lacking, sizeof(lacking));
	if (*lacking)
		return error_errno(err, code, "%s: this process lacks %s", what, lacking);
	return error_errno(err, code,
		"%s: %s are there, but something else forbids it (a "
		"seccomp filter, a security module, kernel lockdown)",
		what,
		network ? "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN" : "CAP_BPF and CAP_PERFMON");
}

int bpf_kernel_explain(int code, const char *what, struct error *err)
{
	return explain(code, what, false, err);
}

int bpf_kernel_explain_network(int code, const char *what, struct error *err)
{
	return explain(code, what, true, err);
}

bool bpf_kernel_may_see_packets(void)
{
	return has_capability(CAP_NET_ADMIN);
}

int bpf_kernel_trace_arguments(const char *tracepoint, struct error *err)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	char name[128];
	int id, count = -ENOENT;

	if (!btf)
		return error_errno(err, errno, "the kernel has no type information");
	(void)snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);
	/* a typedef of a pointer to a function, whose first argument is not the program's */
	type = id > 0 ? btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type) : NULL;
	type = type ? btf__type_by_id(btf, type->type) : NULL;
	if (type && btf_is_func_proto(type))
		count = btf_vlen(type) - 1;
	btf__free(btf);
	if (count < 0)
		return error_set(err, ENOENT, "the kernel has no tracepoint %s", tracepoint);
	return count;
}
