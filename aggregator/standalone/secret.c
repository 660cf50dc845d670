#include "aggregator/standalone/secret.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANDOM_BYTES 32

static int check_mode(const char *path, struct error *err)
{
	struct stat status;

	if (stat(path, &status) < 0)
		return error_errno(err, errno, "reading the secret %s", path);
	if (status.st_mode & 077)
		return error_set(err, EACCES,
			"reading the secret %s: others can read it (mode %03o): chmod 600 %s", path,
			(unsigned)status.st_mode & 0777, path);
	return 0;
}

static int check_text(const char *path, const char *text, size_t length, struct secret *ret_secret,
	struct error *err)
{
	if (length < SECRET_MIN_LENGTH || length > SECRET_MAX_LENGTH)
		return error_set(err, EINVAL,
			"reading the secret %s: it has %zu characters instead of %d to %d: remove "
			"the file and a new one is made",
			path, length, SECRET_MIN_LENGTH, SECRET_MAX_LENGTH);
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return error_set(err, EINVAL,
				"reading the secret %s: character %zu is a blank or not ASCII",
				path, i + 1);
	memcpy(ret_secret->text, text, length);
	ret_secret->text[length] = '\0';
	return 0;
}

static int read_secret(const char *path, struct secret *ret_secret, struct error *err)
{
	struct buffer bytes = {0};
	size_t length;
	int r = check_mode(path, err);

	if (r == 0)
		r = file_read(path, SECRET_MAX_LENGTH + 1, &bytes, err);
	if (r == 0) {
		length = bytes.length;
		if (length > 0 && bytes.data[length - 1] == '\n')
			length--;
		r = check_text(path, bytes.data, length, ret_secret, err);
	}
	if (bytes.data)
		explicit_bzero(bytes.data, bytes.capacity);
	buffer_free(&bytes);
	return r;
}

/* Makes the file, whole or not at all; one that came meanwhile stays. */
static int make_secret(const char *path, struct error *err)
{
	char temporary[4096], text[2 * RANDOM_BYTES + 2];
	unsigned char random[RANDOM_BYTES];
	int r = snprintf(temporary, sizeof(temporary), "%s.new-%ld", path, (long)getpid());

	if (r < 0 || (size_t)r >= sizeof(temporary))
		return error_errno(err, ENAMETOOLONG, "making the secret %.64s", path);
	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return error_errno(err, errno, "making the secret %s", path);
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(text + 2 * i, 3, "%02x", random[i]);
	text[2 * RANDOM_BYTES] = '\n';
	r = file_write(temporary, 0600, text, 2 * RANDOM_BYTES + 1, err);
	explicit_bzero(random, sizeof(random));
	explicit_bzero(text, sizeof(text));
	if (r < 0)
		return error_context(err, r, "making the secret %s", path);
	/* Unlike a rename this does not replace the file of another process. */
	if (link(temporary, path) < 0 && errno != EEXIST)
		r = error_errno(err, errno, "making the secret %s", path);
	(void)unlink(temporary);
	return r;
}

int secret_ensure(const char *path, struct secret *ret_secret, struct error *err)
{
	int r;

	if (access(path, F_OK) < 0) {
		if (errno != ENOENT)
			return error_errno(err, errno, "reading the secret %s", path);
		r = make_secret(path, err);
		if (r < 0)
			return r;
	}
	return read_secret(path, ret_secret, err);
}
