/* Where the node's own kubepods tree stands: below the root of the cgroups or, as the kubelet's
 * --cgroup-root makes it, below a prefix. */
#ifndef AGENT_CGROUP_TOP_H
#define AGENT_CGROUP_TOP_H

#include "base/error.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

/* Checks `root` ("", "/", "/a/b" with or without a trailing slash) and writes it without a trailing
 * slash. It may be written as the kubelet's flag ("/kubelet" with the systemd driver too) or as the
 * folder's path ("/kubelet.slice"). `v2` is an fd of the v2 mount. 0, or -errno when it is not
 * a path or there is no such folder. */
int cgroup_top_root(int v2, const char *root, char ret_root[PATH_MAX], struct error *err);

/* Finds the kubepods folder below `root` now: its path below the mount and its inode. False when
 * there is none. Costs a few stat(2). */
bool cgroup_top_find(int v2, const char *root, char ret_path[PATH_MAX], uint64_t *ret_inode);

/* Inode of the folder at `path` below the mount ("" is the mount itself), or 0. */
uint64_t cgroup_top_inode(int v2, const char *path);

#endif
