/* A container or unit of this node, as the cgroup tree shows it, and who is told of it. */
#ifndef AGENT_CGROUP_H
#define AGENT_CGROUP_H

#include "agent/cgroup_name.h"

#include <stdint.h>

/* One container, or one unit. Owned by the tree; lives from `added` to the end of `removed`. */
struct cgroup {
	uint64_t id;   /* the kernel's: the inode of the folder in the v2 tree */
	uint32_t slot; /* dense: below cgroup_tree_slots(); reused after removal */
	/* CLOCK_MONOTONIC of its creation, or 0 when that is not known: it was there before the
	 * agent looked for the first time, or an earlier look could not see it. Lies between the
	 * last look that did not find it and the one that did; rather too early than too late. */
	uint64_t created_ns;
	char *path;                           /* below the v2 mount point, with a leading slash */
	char pod_uid[POD_UID_SIZE];           /* of a unit: "cgroup-<id>" */
	char container_id[CONTAINER_ID_SIZE]; /* "" for a unit */
	const char *unit;  /* a unit's name (cgroup_name_of_unit); NULL for a container */
	const char *slice; /* the folder above a unit, likewise; "" at the top */
	void *user;        /* the tree's user's own */
};

struct cgroup_tree_events {
	void (*added)(void *context, struct cgroup *cgroup);
	/* `cgroup` is freed, and its slot is free again, when this returns. */
	void (*removed)(void *context, struct cgroup *cgroup);
	void *context;
};

#endif
