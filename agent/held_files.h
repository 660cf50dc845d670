/* The files of cgroups, held open as far as file descriptors reach.
 *
 * A file is opened when it is first asked for. A part of the process's descriptors is left to the
 * rest of it; when the others are used up, or the kernel says so, files are opened for one reading
 * and closed after it. */
#ifndef AGENT_HELD_FILES_H
#define AGENT_HELD_FILES_H

#include "agent/cgroup_tree.h"
#include "agent/field_files.h"
#include "agent/hierarchy.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct held_files;

/* `files` must outlive the result. Raises the soft limit of open files to the hard one. NULL and a
 * message when a mount point can't be opened or memory is short. */
struct held_files *held_files_new(const struct hierarchy *hierarchy, const struct field_file *files,
	size_t count, struct telemetry *telemetry, struct error *err);
void held_files_free(struct held_files *held);

/* Makes room for slots below `slots`. 0 or -ENOMEM. */
int held_files_reserve(struct held_files *held, uint32_t slots);

/* An fd of files[file] of the cgroup, or -errno; -ENOENT as well when the cgroup's folder was made
 * anew. Call held_files_put() when it was read, and held_files_leave() before going on to another
 * cgroup. */
int held_files_get(struct held_files *held, const struct cgroup *cgroup, size_t file);
void held_files_put(struct held_files *held, const struct cgroup *cgroup, size_t file, int fd);
void held_files_leave(struct held_files *held);

/* Closes one file, or all of a cgroup, or all. */
void held_files_drop(struct held_files *held, const struct cgroup *cgroup, size_t file);
void held_files_drop_cgroup(struct held_files *held, uint32_t slot);
void held_files_drop_all(struct held_files *held);

/* True unless the cgroup's folder is gone, or another one is in its place. */
bool held_files_cgroup_exists(struct held_files *held, const struct cgroup *cgroup);

#endif
