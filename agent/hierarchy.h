/* Where this machine's cgroups are: read once at start from /proc/self/mountinfo. */
#ifndef AGENT_HIERARCHY_H
#define AGENT_HIERARCHY_H

#include "base/error.h"

#include <stdbool.h>

struct hierarchy {
	char v2[4096];        /* mount point of the cgroup v2 tree, without a trailing slash */
	char memory_v1[4096]; /* mount point of the v1 memory controller; "" unless hybrid */
};

/* Finds the v2 tree (unified, or the `unified/` of a hybrid host) and, where the v2 tree has no
 * memory controller, the v1 memory hierarchy. A v2 mount whose root is not the hierarchy's root
 * (a container's view) is taken as it is. `mountinfo` is "/proc/self/mountinfo" but in tests.
 * 0, or -ENOENT when there is no cgroup v2 at all, or -errno. */
int hierarchy_find(const char *mountinfo, struct hierarchy *ret_hierarchy, struct error *err);

/* True when memory is read from the v1 hierarchy. */
static inline bool hierarchy_is_hybrid(const struct hierarchy *hierarchy)
{
	return hierarchy->memory_v1[0] != '\0';
}

#endif
