/* What BPF programs of this process cost, by the kernel's own clock around each run. */
#ifndef AGENT_BPF_COST_H
#define AGENT_BPF_COST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define BPF_COST_PROGRAMS 32

struct bpf_cost {
	uint32_t id; /* the kernel's, of the program */
	char name[32];
	uint64_t run_ns; /* since it was loaded, as long as somebody had the kernel measure */
	uint64_t runs;
};

/* Has the kernel measure every BPF program of this machine (BPF_STATS_RUN_TIME, some 20 ns a run)
 * until the fd that is returned is closed. -errno and the reason: it needs CAP_SYS_ADMIN. */
int bpf_cost_measure(struct error *err);

/* The programs that this process has open. Returns how many. */
size_t bpf_cost_read(struct bpf_cost ret_costs[BPF_COST_PROGRAMS]);

#endif
