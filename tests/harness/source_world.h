/* Cgroups for the tests of the counter sources: real ones of our own, or folders of plain files
 * that look like them. */
#ifndef TESTS_HARNESS_SOURCE_WORLD_H
#define TESTS_HARNESS_SOURCE_WORLD_H

#include "agent/cgroup_tree.h"
#include "agent/hierarchy.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct source_world;

/* Real cgroups below "/tacho-test-<pid>-<n>" of this machine's hierarchies, with all controllers
 * switched on. Fails the running cmocka test when they can't be made. */
struct source_world *source_world_real(void);

/* Folders below /tmp. With `hybrid` there is a v1 memory hierarchy besides. `controllers` is what
 * cgroup.controllers says; NULL = no such file. */
struct source_world *source_world_fake(bool hybrid, const char *controllers);

/* Removes all that was made; processes in it must have ended. */
void source_world_free(struct source_world *world);

const struct hierarchy *source_world_hierarchy(const struct source_world *world);

/* The folder that all others are in, below the mount points: "/tacho-test-1-1"; "" for fake ones.
 */
const char *source_world_top(const struct source_world *world);

/* Makes a cgroup `name` ("a", "a/b") with its parents; in the v1 memory hierarchy too, unless
 * `v2_only`. The slot is the lowest that is free. Lives until it is forgotten, or the end. */
struct cgroup *source_world_make(struct source_world *world, const char *name, bool v2_only);

struct cgroup *source_world_at(const struct source_world *world, uint32_t slot);

/* Makes the folder that `v2_only` left out. */
void source_world_make_v1(struct source_world *world, const struct cgroup *cgroup);

/* Removes the folders; the struct stays until source_world_forget(). */
void source_world_remove(struct source_world *world, const struct cgroup *cgroup);
void source_world_forget(struct source_world *world, struct cgroup *cgroup);

/* Writes a file of the cgroup; in the v1 hierarchy with `v1`. */
void source_world_write(struct source_world *world, const struct cgroup *cgroup, bool v1,
	const char *file, const void *text, size_t length);

/* The number behind `key` in a file of the cgroup ("" = the whole file), read anew. False when it
 * isn't there. */
bool source_world_number(struct source_world *world, const struct cgroup *cgroup, bool v1,
	const char *file, const char *key, uint64_t *ret_value);

/* Starts a process in the cgroup (v2, and v1 memory) that runs `work`, then waits to be killed.
 * Returns when `work` is done. */
pid_t source_world_run(struct source_world *world, const struct cgroup *cgroup,
	void (*work)(void *context), void *context);
void source_world_kill(pid_t pid);

#endif
