/* How many processes the OOM killer ended in a container, for as long as its pod is there.
 *
 * The kernel counts for a cgroup, and a kill often is the end of one: the container starts again in
 * another. So the ledger keeps an account for each container in which somebody was killed whose
 * cgroup is gone: by the pod's uid and the container's name, or by its id as long as no name is
 * known. What a container's figure says is its account and what its cgroup counts. Who counts, BPF
 * or the files, is all the same here.
 *
 * Bounded: OOM_LEDGER_MAX accounts; what is beyond is lost and counted. An account is forgotten
 * when no container of its pod was seen for OOM_LEDGER_KEEP_NS. One thread. */
#ifndef AGENT_OOM_LEDGER_H
#define AGENT_OOM_LEDGER_H

#include "agent/cgroup.h"
#include "base/clock.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OOM_LEDGER_MAX       1024
/* As long as export_ledger keeps a pod: a crashing one has no container for 5 minutes and more
 * between two tries. */
#define OOM_LEDGER_KEEP_NS   (3600 * NS_PER_SECOND)
/* In a pod with an account, a container without a name has no figure for so long: it may be the
 * account's. */
#define OOM_LEDGER_NAMING_NS (10 * NS_PER_SECOND)

struct oom_ledger;

/* NULL when memory is short. */
struct oom_ledger *oom_ledger_new(struct telemetry *telemetry);
void oom_ledger_free(struct oom_ledger *ledger);

/* A cgroup comes. -ENOMEM: it has no figure then. */
int oom_ledger_enter(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns);

/* What the kernel counted in the cgroup up to now. */
void oom_ledger_note(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t kills);

/* A cgroup goes: what was noted last goes to its container's account. */
void oom_ledger_leave(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns);

/* Kills in a container whose cgroup came and went between two looks. */
void oom_ledger_stray(struct oom_ledger *ledger, const char *pod_uid, const char *container_id,
	uint64_t kills, uint64_t now_ns);

/* Asks for the names that are missing: `name_of` returns NULL while it does not know. */
void oom_ledger_name(struct oom_ledger *ledger,
	const char *(*name_of)(void *context, const char *pod_uid, const char *container_id),
	void *context);

/* True when an account has no name yet: worth looking again. */
bool oom_ledger_unnamed(const struct oom_ledger *ledger);

/* All kills in the cgroup's container. False as long as it is not known which container it is.
 * *ret_before is what this said before the container's cgroup came, when this is the first time
 * for it, and else UINT64_MAX. */
bool oom_ledger_total(struct oom_ledger *ledger, const struct cgroup *cgroup, uint64_t now_ns,
	uint64_t *ret_total, uint64_t *ret_before);

/* Once a look: forgets the accounts of pods that are gone. */
void oom_ledger_forget(struct oom_ledger *ledger, uint64_t now_ns);

/* Accounts that are kept. */
size_t oom_ledger_accounts(const struct oom_ledger *ledger);

#endif
