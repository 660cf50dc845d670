#include "agent/privileges.h"

#include "base/log.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Not every libc header knows them. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

static const struct {
	int capability;
	const char *name;
	const char *without;
	bool network;
} KEPT[] = {
	{CAP_BPF, "CAP_BPF",
		"BPF programs can't be loaded: counters are read from files, which takes the agent "
		"three to four times the CPU time"},
	{CAP_PERFMON, "CAP_PERFMON",
		"BPF programs can't read kernel memory: counters are read from files, which takes "
		"the agent three to four times the CPU time"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH",
		"folders that only root may read (often /var/log/pods) stay closed unless the agent "
		"runs as root: their containers have no names"},
	{CAP_NET_ADMIN, "CAP_NET_ADMIN",
		"packets can't be counted: the network's bytes and packets are absent (drops and "
		"TCP need it not)",
		.network = true},
};

#define KEPT_COUNT (sizeof(KEPT) / sizeof(KEPT[0]))

int privileges_drop(bool network, struct error *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint64_t keep = 0, held;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(err, errno, "setting no_new_privs");
	if (syscall(SYS_capget, &header, data) < 0)
		return error_errno(err, errno, "reading the process's capabilities");
	held = data[0].permitted | (uint64_t)data[1].permitted << 32;
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		uint64_t bit = (uint64_t)1 << KEPT[i].capability;

		if (KEPT[i].network && !network)
			continue;
		keep |= held & bit;
		if (!(held & bit) && !(KEPT[i].capability == CAP_DAC_READ_SEARCH && geteuid() == 0))
			log_warn("%s is missing: %s", KEPT[i].name, KEPT[i].without);
	}
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted = data[i].effective = (uint32_t)(keep >> (32 * i));
		data[i].inheritable = 0;
	}
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return error_errno(err, errno, "clearing the ambient capabilities");
	if (syscall(SYS_capset, &header, data) < 0)
		return error_errno(err, errno, "dropping capabilities");
	return 0;
}
