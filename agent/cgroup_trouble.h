/* What can go wrong in looking for cgroups: said once, counted each time. */
#ifndef AGENT_CGROUP_TROUBLE_H
#define AGENT_CGROUP_TROUBLE_H

#include "agent/cgroup_index.h"
#include "base/log.h"
#include "base/telemetry.h"

#include <stdbool.h>

/* A node has some hundred containers; the kernel itself is slow long before this many. Folders that
 * are not containers have the same bound. */
#define CGROUPS_MAX 65536

/* systemd nests a slice for each dash in its name; three levels are in use. */
#define CGROUP_DEPTH_MAX 16

/* Which of them a cgroup is beyond. */
enum cgroup_refusal {
	CGROUP_REFUSAL_LIMIT,
	CGROUP_REFUSAL_DEPTH,
	CGROUP_REFUSAL_COUNT,
};

/* A zeroed one, and cgroup_trouble_init(); there is nothing to free. */
struct cgroup_trouble {
	const char *mount; /* the v2 mount point, for what is said; the owner's */
	struct telemetry_series *errors, *refused[CGROUP_REFUSAL_COUNT];
	struct log_limit said_unreadable;
	bool said_memory, said_unwatched, said_refused[CGROUP_REFUSAL_COUNT];
};

void cgroup_trouble_init(
	struct cgroup_trouble *trouble, const char *mount, struct telemetry *telemetry);

/* The folder could not be read, or not wholly (`code` is an errno), or memory was short for what is
 * in it: it is read again the next time. */
void cgroup_trouble_unreadable(
	struct cgroup_trouble *trouble, struct cgroup_folder *folder, int code);
void cgroup_trouble_memory(struct cgroup_trouble *trouble, struct cgroup_folder *folder);

/* `name` in the folder is beyond a bound. */
void cgroup_trouble_refused(struct cgroup_trouble *trouble, const struct cgroup_folder *folder,
	const char *name, enum cgroup_refusal refusal);

/* A folder, or any, can't be watched by inotify. */
void cgroup_trouble_unwatched(struct cgroup_trouble *trouble, int code);

#endif
