/* Who is measured: pods and containers in row order, with their names; what a Catalog says.
 *
 * A row is a container whose figures are sent. The sandbox of a pod is none: it is the oldest
 * cgroup of a pod that has a log folder, and has no log link itself. Any other container without a
 * name makes its pod incomplete for a while (ROSTER_NAMING_NS); then it is taken for something
 * that Kubernetes does not know as a container, and left out. A pod that the node knows no name of
 * is sent with its uid and its containers' ids alone. */
#ifndef AGENT_ROSTER_H
#define AGENT_ROSTER_H

#include "agent/cgroup_tree.h"
#include "agent/log_names.h"
#include "agent/node.h"
#include "base/buffer.h"

#include <stdbool.h>
#include <stdint.h>

/* The kubelet makes a container's log link as it starts it; a name that is not there after this
 * will not come. */
#define ROSTER_NAMING_NS (10 * 1000000000ULL)

struct roster_row {
	struct cgroup *cgroup;
	const char *container; /* name; "" = unknown */
};

struct roster_pod {
	const char *namespace; /* "" = unknown */
	const char *name;      /* "" = unknown */
	const char *uid;
	uint32_t first_row, rows;
	bool incomplete;
};

struct roster {
	uint64_t revision; /* changes with the rows and names; never 0 once updated */
	struct roster_pod *pods;
	struct roster_row *rows;
	uint32_t pod_count, row_count;
	uint32_t left_out; /* pods that went beyond the bounds */
	bool unnamed;      /* something has no name yet: worth looking again */
};

struct roster_builder;

/* `names` may be NULL: then only units have names. NULL when memory is short. */
struct roster_builder *roster_builder_new(const struct log_names *names);
void roster_builder_free(struct roster_builder *builder);

/* From now on pods that an aggregator would not take (proto/bounds.h) are left out, so that the
 * others are served: always the same ones, as long as the pods are the same. */
void roster_builder_bound(struct roster_builder *builder);

/* Builds the roster anew from the tree and the names. The result is the builder's; its strings are
 * the tree's and the names': valid until either is refreshed. When memory is short the answer is
 * NULL, and the last one is gone. */
const struct roster *roster_build(
	struct roster_builder *builder, const struct cgroup_tree *tree, uint64_t now_ns);

/* Appends the wire's Message with the Catalog of `roster`; `out` is failed when memory is short. */
void roster_encode(
	const struct roster *roster, const struct node_capacity *capacity, struct buffer *out);

#endif
