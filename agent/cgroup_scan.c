#include "agent/cgroup_scan.h"

#include "base/clock.h"
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* Folder times are those of the last tick: at most 10 ms old (HZ=100). */
#define TICK_NS (10 * NS_PER_MS)

/* --- what is new ------------------------------------------------------------------------------ */

/* openat() wants a relative path. */
static const char *relative(const char *path)
{
	return path[0] ? path + 1 : ".";
}

static uint64_t to_ns(struct timespec time)
{
	return (uint64_t)time.tv_sec * NS_PER_SECOND + (uint64_t)time.tv_nsec;
}

/* When the cgroup was made, from its folder's times: the kernel sets them when the folder is first
 * looked up, which is after mkdir and before the first process moves in. They are set anew when the
 * inode was dropped from the cache: then they say nothing, and the earliest moment is taken, for a
 * span that is too long makes a rate too low but never absurd. */
static uint64_t creation_ns(
	const struct cgroup_scan *scan, const struct cgroup_folder *parent, const struct stat *st)
{
	uint64_t changed = to_ns(st->st_ctim), modified = to_ns(st->st_mtim);
	uint64_t born = changed < modified ? changed : modified;
	uint64_t earliest = scan->last_ns + 1, age, created;

	if (!scan->looked || parent->failed)
		return 0;
	if (born >= scan->started_ns)
		return earliest;
	age = scan->realtime_ns - born;
	created = age < scan->now_ns ? scan->now_ns - age : 0;
	if (created + TICK_NS < scan->last_ns)
		return 0; /* an earlier look could not see it */
	return created < earliest ? earliest : created;
}

static void add_entry(struct cgroup_scan *scan, struct cgroup_folder *parent, const char *name,
	const struct stat *st)
{
	struct cgroup_entry entry = cgroup_entry_of(parent->kind, name);
	struct cgroup_folder *folder;
	struct cgroup_leaf *leaf;

	if (entry.kind == CGROUP_ENTRY_SHOWN) {
		if (cgroup_slots_count(&scan->index->slots) >= CGROUPS_MAX) {
			cgroup_trouble_refused(scan->trouble, parent, name, CGROUP_REFUSAL_LIMIT);
			return;
		}
		leaf = cgroup_index_add_leaf(scan->index, parent, name, &entry, st->st_ino,
			creation_ns(scan, parent, st));
		if (leaf)
			leaf->round = scan->round;
		else
			cgroup_trouble_memory(scan->trouble, parent);
		return;
	}
	if (parent->depth >= CGROUP_DEPTH_MAX || cgroup_index_folders(scan->index) >= CGROUPS_MAX) {
		cgroup_trouble_refused(scan->trouble, parent, name,
			parent->depth >= CGROUP_DEPTH_MAX ? CGROUP_REFUSAL_DEPTH
							  : CGROUP_REFUSAL_LIMIT);
		return;
	}
	folder = cgroup_index_add_folder(scan->index, parent, name, &entry, st->st_ino);
	if (folder)
		folder->round = scan->round;
	else
		cgroup_trouble_memory(scan->trouble, parent);
}

static void add_found(struct cgroup_scan *scan, struct cgroup_folder *folder, int fd)
{
	const char *name;

	for (size_t at = 0; at < scan->found.length; at += strlen(name) + 1) {
		struct stat st;

		name = scan->found.data + at;
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno != ENOENT && errno != ENODEV)
				cgroup_trouble_unreadable(scan->trouble, folder, errno);
		} else if (cgroup_index_knows(scan->index, st.st_ino)) {
			folder->dirty = true; /* it moved: its old place is seen to first */
		} else if (S_ISDIR(st.st_mode)) {
			add_entry(scan, folder, name, &st);
		}
	}
	if (scan->found.failed)
		cgroup_trouble_memory(scan->trouble, folder);
}

/* True when it is known; marks it as seen. */
static bool mark_seen(const struct cgroup_scan *scan, const struct cgroup_folder *parent,
	const char *name, uint64_t inode)
{
	struct cgroup_leaf *leaf = cgroup_index_find_leaf(scan->index, parent, name, inode);
	struct cgroup_folder *folder =
		leaf ? NULL : cgroup_index_find_folder(scan->index, parent, name, inode);

	if (leaf)
		leaf->round = scan->round;
	if (folder)
		folder->round = scan->round;
	return leaf || folder;
}

static void take_entry(
	struct cgroup_scan *scan, const struct cgroup_folder *folder, const struct dirent64 *dirent)
{
	const char *name = dirent->d_name;
	struct cgroup_entry entry;

	if (name[0] == '.' || (dirent->d_type != DT_DIR && dirent->d_type != DT_UNKNOWN))
		return;
	entry = cgroup_entry_of(folder->kind, name);
	if (entry.kind == CGROUP_ENTRY_OTHER)
		return;
	if (!mark_seen(scan, folder, name, dirent->d_ino))
		buffer_append(&scan->found, name, strlen(name) + 1);
}

/* Marks what is known and collects the names of what is not. 0 or -errno. */
static int read_entries(struct cgroup_scan *scan, const struct cgroup_folder *folder, int fd)
{
	for (;;) {
		ssize_t n = getdents64(fd, scan->entries, sizeof(scan->entries));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *dirent = (const void *)(scan->entries + at);

			take_entry(scan, folder, dirent);
			at += dirent->d_reclen;
		}
	}
}

/* Removes what this reading did not show. */
static void sweep(struct cgroup_scan *scan, struct cgroup_folder *folder)
{
	struct cgroup_folder *child, *next_child;
	struct cgroup_leaf *leaf, *next_leaf;

	for (child = folder->folders; child; child = next_child) {
		next_child = child->next;
		if (child->round != scan->round)
			cgroup_index_remove_folder(scan->index, child);
	}
	for (leaf = folder->leaves; leaf; leaf = next_leaf) {
		next_leaf = leaf->next;
		if (leaf->round != scan->round)
			cgroup_index_remove_leaf(scan->index, leaf);
	}
}

void cgroup_scan_folder(struct cgroup_scan *scan, struct cgroup_folder *folder)
{
	int fd CLOSE_FD = openat(
		scan->v2, relative(folder->path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	scan->round++;
	buffer_clear(&scan->found);
	telemetry_add(scan->reads, 1);
	r = fd < 0 ? -errno : read_entries(scan, folder, fd);
	if (r == -ENOENT || r == -ENODEV) {
		/* It is being removed, with all that was in it; its parent will show that. */
		buffer_clear(&scan->found);
	} else if (r < 0) {
		cgroup_trouble_unreadable(scan->trouble, folder, -r);
		return;
	}
	folder->dirty = false;
	sweep(scan, folder);
	add_found(scan, folder, fd);
	folder->failed = folder->failed && folder->dirty;
}

/* --- a look ----------------------------------------------------------------------------------- */

void cgroup_scan_init(struct cgroup_scan *scan, int v2, struct cgroup_index *index,
	struct cgroup_trouble *trouble, struct telemetry *telemetry)
{
	scan->v2 = v2;
	scan->index = index;
	scan->trouble = trouble;
	scan->reads = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_reads_total",
		"Cgroup folders that were read in looking for containers.", NULL, NULL);
}

void cgroup_scan_free(struct cgroup_scan *scan)
{
	buffer_free(&scan->found);
}

void cgroup_scan_begin(struct cgroup_scan *scan, uint64_t now_ns)
{
	struct timespec coarse;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	scan->started_ns = to_ns(coarse);
	scan->realtime_ns = clock_realtime_ns();
	scan->now_ns = now_ns;
}

void cgroup_scan_end(struct cgroup_scan *scan)
{
	scan->last_ns = scan->now_ns;
	scan->looked = true;
}
