/* By what it is told that a file has changed without reading it: one stat(2).
 *
 * It follows symbolic links, for Kubernetes renews a mounted secret by swapping one. Told are
 * another file behind the path, another size or time, and a file that comes or goes; not a second
 * change within the same tick of the file system's clock (some milliseconds) that keeps the size.
 */
#ifndef BASE_FILE_STAMP_H
#define BASE_FILE_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>

/* All 0: there is no such file. */
struct file_stamp {
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed; /* can't be set back, as cp -p does `modified` */
};

/* May block on the disk. */
struct file_stamp file_stamp_of(const char *path);

bool file_stamp_is_there(const struct file_stamp *stamp);
bool file_stamp_same(const struct file_stamp *a, const struct file_stamp *b);

#endif
