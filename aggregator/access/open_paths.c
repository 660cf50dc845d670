#include "aggregator/access/open_paths.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct open_paths {
	char **path; /* without the slash in front, as Kubernetes compares them */
	size_t count;
};

static const char *without_slash(const char *path)
{
	return path + (*path == '/');
}

struct open_paths *open_paths_new(const struct string_list *more, struct error *err)
{
	struct open_paths *paths = calloc(1, sizeof(*paths));
	size_t count = more ? more->count : 0;

	if (paths)
		paths->path = calloc(count + 1, sizeof(*paths->path));
	if (!paths || !paths->path)
		goto no_memory;
	for (size_t i = 0; i < count; i++) {
		const char *path = without_slash(more->item[i]), *star = strchr(path, '*');

		if (star && star[1]) {
			(void)error_set(err, EINVAL,
				"a path that is always allowed may have a * at its end only: %s",
				more->item[i]);
			open_paths_free(paths);
			return NULL;
		}
		paths->path[i] = strdup(path);
		if (!paths->path[i])
			goto no_memory;
		paths->count++;
	}
	return paths;
no_memory:
	(void)error_errno(err, ENOMEM, "reading the paths that are always allowed");
	open_paths_free(paths);
	return NULL;
}

void open_paths_free(struct open_paths *paths)
{
	if (!paths)
		return;
	for (size_t i = 0; i < paths->count; i++)
		free(paths->path[i]);
	free(paths->path);
	free(paths);
}

static bool matches(const char *open, const char *path)
{
	size_t length = strlen(open);

	if (length > 0 && open[length - 1] == '*')
		return strncmp(path, open, length - 1) == 0;
	return strcmp(path, open) == 0;
}

bool open_paths_have(const struct open_paths *paths, const char *path)
{
	if (open_paths_are_probes(path))
		return true;
	for (size_t i = 0; i < paths->count; i++)
		if (matches(paths->path[i], without_slash(path)))
			return true;
	return false;
}

bool open_paths_are_probes(const char *path)
{
	return strcmp(path, "/healthz") == 0 || strcmp(path, "/livez") == 0 ||
	       strcmp(path, "/readyz") == 0;
}
