/* What all containers of a pod have counted, those that are gone included: a pod's counters must
 * not go back when a container restarts. And when each container started.
 *
 * It is told of each look, and adds what each counter grew by. A pod is kept for LEDGER_KEEP_NS
 * after it was last seen, for between two tries a crashing pod has no container at all. */
#ifndef AGENT_EXPORT_LEDGER_H
#define AGENT_EXPORT_LEDGER_H

#include "agent/reading.h"
#include "agent/roster.h"
#include "base/telemetry.h"

#include <stdint.h>

#define LEDGER_MAX_FIELDS 12
#define LEDGER_MAX_PODS   2048 /* further ones have no counters of their own; counted */
#define LEDGER_KEEP_NS    (3600 * 1000000000ULL)

struct export_ledger;

/* What is kept for `fields`, at most LEDGER_MAX_FIELDS of them. `v2` is the cgroup v2 mount point:
 * start times come from there. NULL when memory is short. */
struct export_ledger *export_ledger_new(
	field_set fields, const char *v2, struct telemetry *telemetry);
void export_ledger_free(struct export_ledger *ledger);

/* One look: of row's cgroup the reading is at its slot, which may be beyond `count`. */
void export_ledger_add(struct export_ledger *ledger, const struct roster *roster,
	const struct reading *readings, uint32_t count, uint64_t now_ns);

/* What a pod's containers have counted of `field` since the agent first saw it: from 0 on, so that
 * an agent that starts anew is a counter that begins anew. False when no container ever told. */
bool export_ledger_pod(
	const struct export_ledger *ledger, const char *uid, enum field field, uint64_t *ret_value);

/* When the cgroup of a row of the last look was made, in ms since 1970; 0 = not known. */
uint64_t export_ledger_started_ms(const struct export_ledger *ledger, const struct cgroup *cgroup);

#endif
