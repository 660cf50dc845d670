#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_STEP 4096

void file_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

void file_hold_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY); /* writing still fails, as it should */
	while (fd >= 0 && fd <= STDERR_FILENO);
	file_close(&fd);
}

int file_read(const char *path, size_t max, struct buffer *out, struct error *err)
{
	int fd CLOSE_FD = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t total = 0;

	if (fd < 0)
		return error_errno(err, errno, "reading %s", path);
	for (;;) {
		char *to = buffer_reserve(out, READ_STEP);
		ssize_t n;

		if (!to)
			return error_errno(err, ENOMEM, "reading %s", path);
		n = read(fd, to, READ_STEP);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_errno(err, errno, "reading %s", path);
		if (n == 0)
			return 0;
		total += (size_t)n;
		if (total > max)
			return error_set(
				err, EFBIG, "reading %s: it is longer than %zu bytes", path, max);
		out->length += (size_t)n;
	}
}

static int write_all(int fd, const char *data, size_t size)
{
	while (size > 0) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

int file_write(const char *path, mode_t mode, const void *data, size_t size, struct error *err)
{
	char temporary[4096];
	int fd, r;

	r = snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path);
	if (r < 0 || (size_t)r >= sizeof(temporary))
		return error_errno(err, ENAMETOOLONG, "writing %s", path);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, errno, "writing %s", path);
	r = fchmod(fd, mode) < 0 ? -errno : write_all(fd, data, size);
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlink(temporary);
		return error_errno(err, -r, "writing %s", path);
	}
	return 0;
}
