/* The containers of this node as the cgroup tree shows them, as they come and go.
 *
 * The kubepods tree is anchored on the node's own root and the walk ends at the first container: a
 * kubepods tree inside a container is part of that container. Without a kubepods tree, and only
 * when asked (standalone), every systemd unit or top-level cgroup is a pod of one container. */
#ifndef AGENT_CGROUP_TREE_H
#define AGENT_CGROUP_TREE_H

#include "agent/cgroup.h"
#include "agent/hierarchy.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stdint.h>

struct cgroup_tree_options {
	const struct hierarchy *hierarchy;
	/* --cgroup-root: where kubepods stands, below the v2 root; "" or "/a/b". Both the folder's
	 * path ("/kubelet.slice") and the kubelet's flag ("/kubelet") will do. */
	const char *root;
	bool units; /* without kubepods, show units and top-level cgroups */
	struct telemetry *telemetry;
};

struct cgroup_tree;

/* NULL and a message when the root can't be opened or memory is short. Does not look yet. */
struct cgroup_tree *cgroup_tree_new(const struct cgroup_tree_options *options,
	const struct cgroup_tree_events *events, struct error *err);
void cgroup_tree_free(struct cgroup_tree *tree); /* calls `removed` for each */

/* Looks for changes, when there may be any: inotify tells; without it, and every 30 s in any case,
 * the tree is walked. `now_ns` is CLOCK_MONOTONIC. Containers that are found call `added`, those
 * that left call `removed`; what can't be read is logged once and counted, and is looked at again
 * the next time. At most 65,536 cgroups are held. Costs 2 µs when nothing changed, about 1.5 µs
 * a container when it walks. */
void cgroup_tree_refresh(struct cgroup_tree *tree, uint64_t now_ns);

/* Makes the next refresh walk: for a reader that found a cgroup gone. */
void cgroup_tree_mark_changed(struct cgroup_tree *tree);

/* One more than the highest slot that was ever in use; a slot may be empty (NULL). */
uint32_t cgroup_tree_slots(const struct cgroup_tree *tree);
struct cgroup *cgroup_tree_at(const struct cgroup_tree *tree, uint32_t slot);

/* The number of containers and units. */
uint32_t cgroup_tree_count(const struct cgroup_tree *tree);

/* The top that is walked, below the v2 root: "/kubepods.slice"; "" when units are shown or nothing
 * was found yet. */
const char *cgroup_tree_top(const struct cgroup_tree *tree);

#endif
