/* Tells which cgroup folders had a folder made or removed in them: inotify on cgroupfs.
 *
 * The kernel reports mkdir and rmdir of cgroups, by whomever, to a watch on the parent. It does not
 * take a watch away when its own folder is removed (6.18 and before: kernfs keeps the link count of
 * a removed folder), so each watch must be removed by hand or it is leaked until the end. */
#ifndef AGENT_CGROUP_WATCH_H
#define AGENT_CGROUP_WATCH_H

#include <stdbool.h>

struct cgroup_watch {
	int fd; /* -1: no inotify here; then nothing can be watched */
};

/* 0, or -errno: the watch is usable nevertheless, cgroup_watch_add() then fails with -ENOSYS. */
int cgroup_watch_open(struct cgroup_watch *watch);
void cgroup_watch_close(struct cgroup_watch *watch);

/* Watches the folder at `path`: a descriptor >= 0 or -errno; -ENOSPC is the user's limit of
 * watches. Look into the folder afterwards: what was made in it before is not reported. */
int cgroup_watch_add(const struct cgroup_watch *watch, const char *path);
void cgroup_watch_remove(const struct cgroup_watch *watch, int descriptor);

/* Calls `changed` for each report since the last time, with `ended` when the kernel took the watch
 * away. Never blocks. False when reports were lost: then any folder may have changed. */
bool cgroup_watch_read(const struct cgroup_watch *watch,
	void (*changed)(void *context, int descriptor, bool ended), void *context);

#endif
