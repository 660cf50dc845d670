/* A node's look as /metrics is given it: pods and containers with counters that a test sets. */
#ifndef TESTS_HARNESS_EXPORT_WORLD_H
#define TESTS_HARNESS_EXPORT_WORLD_H

#include "agent/export_snapshot.h"

#include <stdint.h>

struct export_world {
	struct roster roster;
	struct cgroup *cgroups; /* of row r: the r-th, at slot r */
	char (*names)[80];      /* of pods */
	char (*uids)[POD_UID_SIZE];
	struct reading *readings; /* by slot */
	struct reading node;
	uint32_t pods, rows;
};

/* `pods` pods "pod-0" … in namespace "shop", each with containers "app" and "proxy" when
 * `containers` is 2, else "app" alone. Every field of every container is read: that with the number
 * f of the row r is (r + 1) x 1,000,000,000 + f. Fails the running cmocka test. */
void export_world_make(struct export_world *world, uint32_t pods, uint32_t containers);
void export_world_free(struct export_world *world);

/* What there is to look at now, at 1700000000.500 s since 1970. */
struct export_look export_world_look(const struct export_world *world);

/* The row's container is another from now on, as after a restart: all of its counters are 0. */
void export_world_restart(struct export_world *world, uint32_t row);

#endif
