#include "agent/hierarchy.h"

#include "base/buffer.h"
#include "base/file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A node with thousands of pods has some ten thousand mounts of some hundred bytes. */
#define MOUNTINFO_MAX   ((size_t)16 << 20)
#define CONTROLLERS_MAX ((size_t)4096)

/* One line of mountinfo: proc_pid_mountinfo(5), whose field numbers are in brackets. */
struct mount {
	char *point;   /* (5), unescaped */
	char *type;    /* (9) */
	char *options; /* (11), the superblock's */
};

/* Space, tab, newline and backslash are written as three octal digits. In place. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *from = text; *from; to++) {
		if (from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' &&
			from[2] <= '7' && from[3] >= '0' && from[3] <= '7') {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0'));
			from += 4;
		} else {
			*to = *from++;
		}
	}
	*to = '\0';
}

/* Takes `line` apart in place. False when it is not a mount. */
static bool parse_mount(char *line, struct mount *ret_mount)
{
	struct mount mount = {0};
	char *rest = line, *field;
	int number = 0;

	/* Any number of optional fields stands between (6) and the lone dash. */
	while ((field = strsep(&rest, " "))) {
		number++;
		if (number == 5)
			mount.point = field;
		if (number > 6 && strcmp(field, "-") == 0)
			break;
	}
	if (!field)
		return false;
	mount.type = strsep(&rest, " ");
	(void)strsep(&rest, " "); /* (10), the source, says nothing about cgroups */
	mount.options = strsep(&rest, " ");
	if (!mount.type || !mount.options || mount.point[0] != '/')
		return false;
	unescape(mount.point);
	*ret_mount = mount;
	return true;
}

/* True when `word` is one of `list`, whose words are divided by any of `separators`. */
static bool has_word(const char *list, const char *separators, const char *word)
{
	size_t length;

	for (; *list; list += length) {
		list += strspn(list, separators);
		length = strcspn(list, separators);
		if (length == strlen(word) && memcmp(list, word, length) == 0)
			return true;
	}
	return false;
}

/* Which of several v2 mounts is the better one: systemd's places first, then the one found first.
 */
static int rank(const char *point)
{
	if (strcmp(point, "/sys/fs/cgroup") == 0)
		return 3;
	if (strcmp(point, "/sys/fs/cgroup/unified") == 0)
		return 2;
	return point[0] ? 1 : 0;
}

static void keep(char to[4096], const char *point)
{
	(void)snprintf(to, 4096, "%s", point);
}

/* Longer mount points than PATH_MAX can't be opened: they are passed over. */
static void take_mount(const struct mount *mount, struct hierarchy *hierarchy)
{
	if (strlen(mount->point) >= sizeof(hierarchy->v2))
		return;
	if (strcmp(mount->type, "cgroup2") == 0 && rank(mount->point) > rank(hierarchy->v2))
		keep(hierarchy->v2, mount->point);
	if (strcmp(mount->type, "cgroup") == 0 && !hierarchy->memory_v1[0] &&
		has_word(mount->options, ",", "memory"))
		keep(hierarchy->memory_v1, mount->point);
}

static int read_mounts(const char *mountinfo, struct hierarchy *hierarchy, struct error *err)
{
	struct buffer text = {0};
	char *rest, *line;
	int r;

	r = file_read(mountinfo, MOUNTINFO_MAX, &text, err);
	if (r == 0 && !buffer_terminate(&text))
		r = error_errno(err, ENOMEM, "reading %s", mountinfo);
	for (rest = text.data; r == 0 && (line = strsep(&rest, "\n"));) {
		struct mount mount;

		if (parse_mount(line, &mount))
			take_mount(&mount, hierarchy);
	}
	buffer_free(&text);
	return r;
}

/* 1, 0 or -errno. */
static int v2_has_memory(const char *v2, struct error *err)
{
	struct buffer controllers = {0};
	char path[4096 + sizeof("/cgroup.controllers")];
	const char *list;
	int r;

	(void)snprintf(path, sizeof(path), "%s/cgroup.controllers", v2);
	r = file_read(path, CONTROLLERS_MAX, &controllers, err);
	if (r == 0) {
		list = buffer_terminate(&controllers);
		r = list ? has_word(list, " \n", "memory")
			 : error_errno(err, ENOMEM, "reading %s", path);
	}
	buffer_free(&controllers);
	return r;
}

int hierarchy_find(const char *mountinfo, struct hierarchy *ret_hierarchy, struct error *err)
{
	struct hierarchy found = {0};
	int r;

	r = read_mounts(mountinfo, &found, err);
	if (r < 0)
		return error_context(err, r, "finding the cgroup mounts");
	if (!found.v2[0])
		return error_set(err, ENOENT,
			"finding the cgroup mounts: %s has no cgroup2 mount; tacho reads cgroup v2",
			mountinfo);
	r = v2_has_memory(found.v2, err);
	if (r < 0)
		return error_context(err, r, "finding the controllers of cgroup v2");
	if (r > 0)
		found.memory_v1[0] = '\0';
	*ret_hierarchy = found;
	return 0;
}
