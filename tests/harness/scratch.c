#include "tests/harness/scratch.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct path {
	struct path *next;
	char text[];
};

struct scratch {
	char folder[64];
	struct path *paths;
};

struct scratch *scratch_new(void)
{
	struct scratch *scratch = calloc(1, sizeof(*scratch));

	assert_non_null(scratch);
	(void)snprintf(scratch->folder, sizeof(scratch->folder), "/tmp/tacho-test-XXXXXX");
	assert_non_null(mkdtemp(scratch->folder));
	return scratch;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *position)
{
	(void)status;
	(void)type;
	(void)position;
	(void)remove(path);
	return 0;
}

void scratch_free(struct scratch *scratch)
{
	if (!scratch)
		return;
	(void)nftw(scratch->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	while (scratch->paths) {
		struct path *path = scratch->paths;

		scratch->paths = path->next;
		free(path);
	}
	free(scratch);
}

const char *scratch_path(struct scratch *scratch, const char *name)
{
	size_t size = strlen(scratch->folder) + strlen(name) + 2;
	struct path *path = malloc(sizeof(*path) + size);

	assert_non_null(path);
	(void)snprintf(path->text, size, "%s%s%s", scratch->folder, *name ? "/" : "", name);
	path->next = scratch->paths;
	scratch->paths = path;
	return path->text;
}

const char *scratch_write(struct scratch *scratch, const char *name, const char *text)
{
	const char *path = scratch_path(scratch, name);
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), 0600), 0);
	assert_int_not_equal(fputs(text, file), EOF);
	assert_int_equal(fclose(file), 0);
	return path;
}

char *scratch_read(const char *path)
{
	FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	if (file)
		(void)fclose(file);
	assert_non_null(text);
	return text;
}
