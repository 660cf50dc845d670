/* Small whole files: secrets, certificates, pseudo-files. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/buffer.h"
#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

/* Closes on leaving the scope: `int fd CLOSE_FD = -1;` */
void file_close(const int *fd);
#define CLOSE_FD __attribute__((cleanup(file_close)))

/* Opens /dev/null for each of standard input, output and error that is closed, so that nothing else
 * gets its number: a log line is not to land in a connection. For main, before anything is opened.
 */
void file_hold_standard(void);

/* Appends the whole file to `out`. Reads at most `max` bytes: a longer file is -EFBIG. 0 or
 * -errno. May block on the disk. */
int file_read(const char *path, size_t max, struct buffer *out, struct error *err);

/* Writes the file anew under a temporary name beside it, syncs it, then renames it into place: a
 * reader sees the old bytes or the new, never half, and a full disk leaves the old file. 0 or
 * -errno. May block. */
int file_write(const char *path, mode_t mode, const void *data, size_t size, struct error *err);

#endif
