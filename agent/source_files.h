/* The universal source: the cgroup's files, opened when they are first needed, held, and read again
 * with pread. One read a file and look, and only of files that the asked fields need.
 *
 * Costs per cgroup: 3 µs for cpu.stat, 10 µs for memory.stat, 1 µs for a file of one number; and
 * 5.5 KB of kernel memory a held file. */
#ifndef AGENT_SOURCE_FILES_H
#define AGENT_SOURCE_FILES_H

#include "agent/hierarchy.h"
#include "agent/source.h"
#include "base/error.h"
#include "base/telemetry.h"

/* `wanted` are the fields that will ever be asked for: only their files are opened. Raises the
 * soft limit of open files to the hard one. When fds run short, files are opened for each reading
 * (openat, read, close): said once, counted. A controller that is absent makes its fields absent:
 * said once. NULL and a message when the mount point can't be opened. */
struct source *source_files_new(const struct hierarchy *hierarchy, field_set wanted,
	struct telemetry *telemetry, struct error *err);

#endif
