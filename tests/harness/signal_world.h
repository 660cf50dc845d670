/* One signal (agent/signal.h) opened on real cgroups. */
#ifndef TESTS_HARNESS_SIGNAL_WORLD_H
#define TESTS_HARNESS_SIGNAL_WORLD_H

#include "agent/oom_ledger.h"
#include "agent/signal.h"
#include "tests/harness/source_world.h"

struct signal_world {
	struct source_world *cgroups;
	struct telemetry *telemetry;
	struct oom_ledger *ledger;
	struct source *source;
};

/* The window of percentiles. */
#define SIGNAL_WORLD_WINDOW_NS 15000000000ULL

/* Opens it, at the world's top. Skips the running test, with the reason, where it does not load. */
struct signal_world signal_world_open(const struct signal_kind *kind, uint32_t max_cgroups);
void signal_world_close(struct signal_world *world);

/* Makes a cgroup and adds it; the other way round. */
struct cgroup *signal_world_add(struct signal_world *world, const char *name);
void signal_world_remove(struct signal_world *world, struct cgroup *cgroup);

/* All the source says of a cgroup now. */
struct reading signal_world_read(const struct signal_world *world, const struct cgroup *cgroup);

/* One field of it, which must be valid. */
uint64_t signal_world_value(
	const struct signal_world *world, const struct cgroup *cgroup, enum field field);

/* Runs `work` in a process of the cgroup, and returns when that has ended with 0. */
void signal_world_run(const struct signal_world *world, const struct cgroup *cgroup,
	int (*work)(void *context), void *context);

#endif
