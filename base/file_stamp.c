#include "base/file_stamp.h"

struct file_stamp file_stamp_of(const char *path)
{
	struct file_stamp stamp = {0};
	struct stat info;

	if (stat(path, &info) < 0)
		return stamp;
	stamp.device = info.st_dev;
	stamp.inode = info.st_ino;
	stamp.size = info.st_size;
	stamp.modified = info.st_mtim;
	stamp.changed = info.st_ctim;
	return stamp;
}

bool file_stamp_is_there(const struct file_stamp *stamp)
{
	return stamp->inode != 0;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       same_time(&a->modified, &b->modified) && same_time(&a->changed, &b->changed);
}
