#include "base/file_watch.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* All 0: there is no such file. */
struct look {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified,
		changed; /* `changed` can't be set back, as cp -p does `modified` */
};

struct watched {
	char *path;
	struct look look;
};

struct file_watch {
	size_t count;
	struct watched files[];
};

static struct look look_at(const char *path)
{
	struct look look = {0};
	struct stat info;

	if (stat(path, &info) < 0)
		return look;
	look.device = info.st_dev;
	look.inode = info.st_ino;
	look.size = info.st_size;
	look.modified = info.st_mtim;
	look.changed = info.st_ctim;
	return look;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same(const struct look *a, const struct look *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}

struct file_watch *file_watch_new(const char *const *paths, size_t count)
{
	struct file_watch *watch = calloc(1, sizeof(*watch) + count * sizeof(watch->files[0]));

	if (!watch)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		struct watched *file = &watch->files[watch->count];

		if (!paths[i] || !paths[i][0])
			continue;
		file->path = strdup(paths[i]);
		if (!file->path) {
			file_watch_free(watch);
			return NULL;
		}
		file->look = look_at(file->path);
		watch->count++;
	}
	return watch;
}

void file_watch_free(struct file_watch *watch)
{
	if (!watch)
		return;
	for (size_t i = 0; i < watch->count; i++)
		free(watch->files[i].path);
	free(watch);
}

bool file_watch_changed(struct file_watch *watch)
{
	bool changed = false;

	for (size_t i = 0; i < watch->count; i++) {
		struct look now = look_at(watch->files[i].path);

		changed |= !same(&now, &watch->files[i].look);
		watch->files[i].look = now;
	}
	return changed;
}
