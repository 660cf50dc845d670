/* A small text file that others replace while we run (a token, certificates): its text is read
 * again when the file has changed. One thread at a time. */
#ifndef BASE_FOLLOWED_FILE_H
#define BASE_FOLLOWED_FILE_H

#include "base/error.h"
#include "base/file_stamp.h"

#include <stdbool.h>
#include <stddef.h>

struct followed_file {
	char *path; /* owned */
	size_t max; /* bytes; a longer file is refused */
	char *text; /* terminated, owned; NULL until it was read */
	struct file_stamp seen;
};

/* Keeps a copy of the path and reads the file. 0 or -errno: -EFBIG when it is too long, -EINVAL
 * when a NUL is in it. On failure there is nothing to free. Blocks on the disk. */
int followed_file_open(struct followed_file *file, const char *path, size_t max, struct error *err);

/* Wipes and frees the text. A zeroed one is fine. */
void followed_file_close(struct followed_file *file);

/* Whether the file is another one, or was written, since `text` was read: one stat(2). False when
 * it is gone: what we have stays. */
bool followed_file_changed(const struct followed_file *file);

/* Reads it again in any case. 1 when `text` is another now, 0 when it is the same, -errno when it
 * can't be read: `text` stays then. */
int followed_file_read(struct followed_file *file, struct error *err);

#endif
