/* What one look saw, copied, so that it can be written out while the next looks are taken: labels
 * as text, and readings.
 *
 * Labels are cAdvisor's: container, image, namespace, pod, id (the cgroup's path), name (the
 * container's id). The node does not know images; a label there must be, for rules tell containers
 * from pods by image!="": it is EXPORT_IMAGE. A pod without a name is left out. */
#ifndef AGENT_EXPORT_SNAPSHOT_H
#define AGENT_EXPORT_SNAPSHOT_H

#include "agent/export_ledger.h"
#include "agent/node.h"
#include "agent/reading.h"
#include "agent/roster.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

#define EXPORT_IMAGE "unknown"

/* What there is to copy; valid until the next look. */
struct export_look {
	const struct roster *roster;
	const struct reading *readings; /* by slot */
	uint32_t count;                 /* of them */
	const struct reading *node;
	struct node_capacity capacity;
	uint64_t timestamp_ms; /* since 1970 */
};

/* A piece of `text`: labels without braces. */
struct export_labels {
	uint32_t start, length;
};

struct export_row {
	struct export_labels labels; /* begins with those that outlive a restart: `lasting` bytes */
	uint32_t lasting;
	bool newest;         /* of its container: no later row of the pod has its name */
	uint64_t started_ms; /* 0 = not known */
	struct reading reading;
};

struct export_pod {
	struct export_labels labels;         /* namespace and pod */
	struct export_labels network_labels; /* of a pod's cgroup in cAdvisor's way */
	uint32_t first_row, rows;
	uint64_t total[FIELD_COUNT]; /* export_ledger_pod() */
	field_set told;              /* which of them there are */
};

/* Zero-initialise. */
struct export_snapshot {
	struct buffer text;
	struct export_row *rows;
	struct export_pod *pods;
	uint32_t row_count, pod_count, row_capacity, pod_capacity;
	struct reading node;
	struct node_capacity capacity;
	uint64_t timestamp_ms;
};

/* Replaces what was in it; `fields` is what the ledger keeps. 0 or -ENOMEM. */
int export_snapshot_take(struct export_snapshot *snapshot, const struct export_look *look,
	const struct export_ledger *ledger, field_set fields);
void export_snapshot_free(struct export_snapshot *snapshot);

#endif
