#include "agent/cgroup_top.h"

#include "agent/cgroup_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A path that is put together; `full` when it did not fit. */
struct path {
	char text[PATH_MAX];
	size_t length;
	bool full;
};

static void append(struct path *path, const char *text, size_t length)
{
	if (path->full || length >= sizeof(path->text) - path->length) {
		path->full = true;
		return;
	}
	memcpy(path->text + path->length, text, length);
	path->length += length;
	path->text[path->length] = '\0';
}

static void append_string(struct path *path, const char *text)
{
	append(path, text, strlen(text));
}

/* openat() and fstatat() want a relative path. */
static const char *relative(const char *path)
{
	return path[0] ? path + 1 : ".";
}

uint64_t cgroup_top_inode(int v2, const char *path)
{
	struct stat st;

	if (fstatat(v2, relative(path), &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	return st.st_ino;
}

/* The folder that systemd makes of the kubelet's "/a/b-c": "/a.slice/a-b_c.slice"; the name of its
 * last slice without ".slice" goes to `ret_stem`. "-" nests slices, so the kubelet writes "_" for
 * it. */
static void as_slices(const char *root, struct path *ret_folder, struct path *ret_stem)
{
	*ret_folder = (struct path){0};
	*ret_stem = (struct path){0};
	while (*root == '/') {
		size_t length = strcspn(++root, "/");

		if (ret_stem->length > 0)
			append_string(ret_stem, "-");
		for (size_t i = 0; i < length; i++)
			append(ret_stem, root[i] == '-' ? "_" : root + i, 1);
		append_string(ret_folder, "/");
		append(ret_folder, ret_stem->text, ret_stem->length);
		append_string(ret_folder, ".slice");
		ret_folder->full |= ret_stem->full;
		root += length;
	}
}

int cgroup_top_root(int v2, const char *root, char ret_root[PATH_MAX], struct error *err)
{
	struct path clean = {0}, slices, stem;

	for (const char *at = root; *at;) {
		size_t length = strcspn(at, "/");

		if ((at == root && *at != '/') || (length == 1 && at[0] == '.') ||
			(length == 2 && at[0] == '.' && at[1] == '.'))
			return error_set(err, EINVAL,
				"--cgroup-root %s: it must be a path like /kubelet.slice, without "
				". and ..",
				root);
		if (length > 0) {
			append_string(&clean, "/");
			append(&clean, at, length);
		}
		at += length;
		at += *at == '/';
	}
	as_slices(clean.text, &slices, &stem);
	if (clean.full)
		return error_errno(err, ENAMETOOLONG, "--cgroup-root %s", root);
	if (!cgroup_top_inode(v2, clean.text) &&
		(slices.full || !cgroup_top_inode(v2, slices.text)))
		return error_set(err, ENOENT,
			"--cgroup-root %s: there is no such folder in the cgroup tree", root);
	memcpy(ret_root, clean.text, clean.length + 1);
	return 0;
}

static bool try(
	int v2, const char *folder, const char *name, char ret_path[PATH_MAX], uint64_t *ret_inode)
{
	struct path path = {0};
	uint64_t inode;

	append_string(&path, folder);
	append_string(&path, "/");
	append_string(&path, name);
	inode = path.full ? 0 : cgroup_top_inode(v2, path.text);
	if (!inode)
		return false;
	memcpy(ret_path, path.text, path.length + 1);
	*ret_inode = inode;
	return true;
}

/* "<stem>-kubepods.slice" in `folder`. */
static bool try_nested(int v2, const char *folder, const char *stem, size_t length,
	char ret_path[PATH_MAX], uint64_t *ret_inode)
{
	struct path name = {0};

	append(&name, stem, length);
	append_string(&name, "-kubepods.slice");
	return !name.full && try(v2, folder, name.text, ret_path, ret_inode);
}

bool cgroup_top_find(int v2, const char *root, char ret_path[PATH_MAX], uint64_t *ret_inode)
{
	const char *last = strrchr(root, '/');
	struct path slices, stem;

	if (try(v2, root, "kubepods.slice", ret_path, ret_inode) ||
		try(v2, root, "kubepods", ret_path, ret_inode))
		return true;
	if (!last) /* kind runs the kubelet with --cgroup-root=/kubelet */
		return try(v2, "/kubelet.slice", "kubelet-kubepods.slice", ret_path, ret_inode) ||
		       try(v2, "/kubelet", "kubepods", ret_path, ret_inode);
	if (cgroup_name_is_slice(last + 1) &&
		try_nested(v2, root, last + 1, strlen(last + 1) - strlen(".slice"), ret_path,
			ret_inode))
		return true;
	as_slices(root, &slices, &stem);
	return !slices.full &&
	       try_nested(v2, slices.text, stem.text, stem.length, ret_path, ret_inode);
}
