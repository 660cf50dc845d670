#include "agent/cgroup_watch.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* Enough for some hundred events a read; more are read by the next. */
#define EVENTS_SIZE 16384

/* Bounds one call: a machine that makes cgroups faster than we read is walked whole instead. */
#define READS_MAX 64

int cgroup_watch_open(struct cgroup_watch *watch)
{
	watch->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	return watch->fd < 0 ? -errno : 0;
}

void cgroup_watch_close(struct cgroup_watch *watch)
{
	if (watch->fd >= 0)
		(void)close(watch->fd);
	watch->fd = -1;
}

int cgroup_watch_add(const struct cgroup_watch *watch, const char *path)
{
	int descriptor;

	if (watch->fd < 0)
		return -ENOSYS;
	descriptor = inotify_add_watch(
		watch->fd, path, IN_CREATE | IN_DELETE | IN_MOVE | IN_ONLYDIR | IN_DONT_FOLLOW);
	return descriptor < 0 ? -errno : descriptor;
}

void cgroup_watch_remove(const struct cgroup_watch *watch, int descriptor)
{
	if (descriptor >= 0)
		(void)inotify_rm_watch(watch->fd, descriptor);
}

/* False on overflow. */
static bool report(const char *events, size_t size,
	void (*changed)(void *context, int descriptor, bool ended), void *context)
{
	struct inotify_event event;

	for (size_t at = 0; at + sizeof(event) <= size; at += sizeof(event) + event.len) {
		memcpy(&event, events + at, sizeof(event));
		if (event.mask & IN_Q_OVERFLOW)
			return false;
		if (event.mask & (IN_ISDIR | IN_IGNORED))
			changed(context, event.wd, event.mask & IN_IGNORED);
	}
	return true;
}

bool cgroup_watch_read(const struct cgroup_watch *watch,
	void (*changed)(void *context, int descriptor, bool ended), void *context)
{
	char events[EVENTS_SIZE];
	bool complete = true;

	if (watch->fd < 0)
		return true;
	for (int i = 0; i < READS_MAX; i++) {
		ssize_t n = read(watch->fd, events, sizeof(events));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return complete && errno == EAGAIN;
		complete = report(events, (size_t)n, changed, context) && complete;
	}
	return false;
}
