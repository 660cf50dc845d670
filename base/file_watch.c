#include "base/file_watch.h"

#include "base/file_stamp.h"

#include <stdlib.h>
#include <string.h>

struct watched {
	char *path;
	struct file_stamp look;
};

struct file_watch {
	size_t count;
	struct watched files[];
};

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
		file->look = file_stamp_of(file->path);
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
		struct file_stamp now = file_stamp_of(watch->files[i].path);

		changed |= !file_stamp_same(&now, &watch->files[i].look);
		watch->files[i].look = now;
	}
	return changed;
}
