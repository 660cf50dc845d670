#include "base/followed_file.h"

#include "base/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

/* The stamp is taken before the bytes: what changes in between is seen the next time. */
static int read_text(const struct followed_file *file, struct file_stamp *ret_seen, char **ret_text,
	struct error *err)
{
	struct buffer bytes = {0};
	const struct file_stamp seen = file_stamp_of(file->path);
	int r;

	r = file_read(file->path, file->max, &bytes, err);
	if (r == 0 && memchr(bytes.data, '\0', bytes.length))
		r = error_set(err, EINVAL, "reading %s: it is not text", file->path);
	if (r == 0 && !buffer_terminate(&bytes))
		r = error_errno(err, ENOMEM, "reading %s", file->path);
	if (r < 0) {
		if (bytes.data)
			explicit_bzero(bytes.data, bytes.capacity);
		buffer_free(&bytes);
		return r;
	}
	*ret_seen = seen;
	*ret_text = bytes.data;
	return 0;
}

int followed_file_open(struct followed_file *file, const char *path, size_t max, struct error *err)
{
	int r;

	*file = (struct followed_file){.path = strdup(path), .max = max};
	if (!file->path)
		return error_errno(err, ENOMEM, "reading %s", path);
	r = followed_file_read(file, err);
	if (r < 0)
		followed_file_close(file);
	return r < 0 ? r : 0;
}

void followed_file_close(struct followed_file *file)
{
	wipe(file->text);
	free(file->path);
	*file = (struct followed_file){0};
}

bool followed_file_changed(const struct followed_file *file)
{
	const struct file_stamp now = file_stamp_of(file->path);

	return file_stamp_is_there(&now) && !file_stamp_same(&now, &file->seen);
}

int followed_file_read(struct followed_file *file, struct error *err)
{
	struct file_stamp seen;
	char *text = NULL;
	int r = read_text(file, &seen, &text, err);

	if (r < 0)
		return r;
	file->seen = seen;
	if (file->text && strcmp(file->text, text) == 0) {
		wipe(text);
		return 0;
	}
	wipe(file->text);
	file->text = text;
	return 1;
}
