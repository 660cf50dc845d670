#include "agent/cgroup_tree.h"

#include "agent/cgroup_entry.h"
#include "agent/cgroup_index.h"
#include "agent/cgroup_top.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

/* A node has some hundred containers; the kernel itself is slow long before this many. Folders that
 * are not containers have the same bound. */
#define CGROUPS_MAX 65536

/* systemd nests a slice for each dash in its name; three levels are in use. */
#define SLICE_DEPTH_MAX 16

/* Walked whole this often, whatever inotify says. */
#define FULL_WALK_NS (30 * NS_PER_SECOND)

#define ENTRIES_SIZE 32768

/* Folder times are those of the last tick: at most 10 ms old (HZ=100). */
#define TICK_NS (10 * NS_PER_MS)

enum refusal {
	REFUSAL_LIMIT,
	REFUSAL_DEPTH,
	REFUSAL_COUNT,
};

static const struct {
	const char *label, *words;
} REFUSALS[REFUSAL_COUNT] = {
	[REFUSAL_LIMIT] = {"limit", "there are more than 65536"},
	[REFUSAL_DEPTH] = {"depth", "it is nested deeper than 16 slices"},
};

struct cgroup_tree {
	char *mount; /* the v2 mount point */
	int v2;      /* an fd of it */
	char root[PATH_MAX];
	bool units;

	struct cgroup_index index;
	struct cgroup_folder *top; /* NULL while nothing was found */
	bool full;                 /* read every folder at the next look */
	uint64_t full_due_ns;      /* the next full walk */
	uint64_t round;            /* counts readings of folders */

	/* of the look that goes on */
	uint64_t now_ns;      /* CLOCK_MONOTONIC */
	uint64_t realtime_ns; /* CLOCK_REALTIME at now_ns */
	uint64_t started_ns;  /* CLOCK_REALTIME_COARSE, the clock of the folders' times */
	uint64_t last_ns;     /* now_ns of the look before */
	bool looked;          /* there was a look before */
	struct buffer found;  /* names, each with its NUL, that the folder being read has got */
	char entries[ENTRIES_SIZE];

	bool said_missing, said_unwatched, said_memory, said_refused[REFUSAL_COUNT];
	struct log_limit said_unreadable;
	struct telemetry_series *count, *unwatched, *reads, *errors, *refused[REFUSAL_COUNT];
};

/* --- what can go wrong --------------------------------------------------------------------------
 */

static void say_unreadable(struct cgroup_tree *tree, struct cgroup_folder *folder, int code)
{
	uint64_t held_back = 0;
	char text[128];

	folder->dirty = true;
	telemetry_add(tree->errors, 1);
	if (folder->failed)
		return;
	folder->failed = true;
	if (log_allowed(&tree->said_unreadable, NS_PER_SECOND, &held_back))
		log_warn("looking for cgroups in %s%s: %s; it is tried again each time (%llu more "
			 "like this were held back)",
			tree->mount, folder->path, strerror_r(code, text, sizeof(text)),
			(unsigned long long)held_back);
}

/* The folder is read again the next time. */
static void say_memory(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	folder->dirty = true;
	telemetry_add(tree->errors, 1);
	if (!tree->said_memory)
		log_error("looking for cgroups in %s%s: out of memory; some are not seen",
			tree->mount, folder->path);
	tree->said_memory = true;
}

static void refuse(struct cgroup_tree *tree, const struct cgroup_folder *folder, const char *name,
	enum refusal refusal)
{
	telemetry_add(tree->refused[refusal], 1);
	if (!tree->said_refused[refusal])
		log_warn("cgroup %s%s/%s is left out: %s (said once; the others are counted)",
			tree->mount, folder->path, name, REFUSALS[refusal].words);
	tree->said_refused[refusal] = true;
}

static void say_unwatched(struct cgroup_tree *tree, int code)
{
	char text[128];

	if (!tree->said_unwatched)
		log_warn("watching cgroup folders (inotify): %s; those that are not watched are "
			 "read each time, which costs more CPU%s",
			strerror_r(code, text, sizeof(text)),
			code == ENOSPC ? "; raise fs.inotify.max_user_watches" : "");
	tree->said_unwatched = true;
}

/* --- reading one folder -------------------------------------------------------------------------
 */

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
	const struct cgroup_tree *tree, const struct cgroup_folder *parent, const struct stat *st)
{
	uint64_t changed = to_ns(st->st_ctim), modified = to_ns(st->st_mtim);
	uint64_t born = changed < modified ? changed : modified;
	uint64_t earliest = tree->last_ns + 1, age, created;

	if (!tree->looked || parent->failed)
		return 0;
	if (born >= tree->started_ns)
		return earliest;
	age = tree->realtime_ns - born;
	created = age < tree->now_ns ? tree->now_ns - age : 0;
	if (created + TICK_NS < tree->last_ns)
		return 0; /* an earlier look could not see it */
	return created < earliest ? earliest : created;
}

static void add_entry(struct cgroup_tree *tree, struct cgroup_folder *parent, const char *name,
	const struct stat *st)
{
	struct cgroup_entry entry = cgroup_entry_of(parent->kind, name);
	struct cgroup_folder *folder;
	struct cgroup_leaf *leaf;

	if (entry.kind == CGROUP_ENTRY_SHOWN) {
		if (cgroup_slots_count(&tree->index.slots) >= CGROUPS_MAX) {
			refuse(tree, parent, name, REFUSAL_LIMIT);
			return;
		}
		leaf = cgroup_index_add_leaf(&tree->index, parent, name, &entry, st->st_ino,
			creation_ns(tree, parent, st));
		if (leaf)
			leaf->round = tree->round;
		else
			say_memory(tree, parent);
		return;
	}
	if (parent->depth >= SLICE_DEPTH_MAX || cgroup_index_folders(&tree->index) >= CGROUPS_MAX) {
		refuse(tree, parent, name,
			parent->depth >= SLICE_DEPTH_MAX ? REFUSAL_DEPTH : REFUSAL_LIMIT);
		return;
	}
	folder = cgroup_index_add_folder(&tree->index, parent, name, &entry, st->st_ino);
	if (folder)
		folder->round = tree->round;
	else
		say_memory(tree, parent);
}

static void add_found(struct cgroup_tree *tree, struct cgroup_folder *folder, int fd)
{
	const char *name;

	for (size_t at = 0; at < tree->found.length; at += strlen(name) + 1) {
		struct stat st;

		name = tree->found.data + at;
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno != ENOENT && errno != ENODEV)
				say_unreadable(tree, folder, errno);
		} else if (cgroup_index_knows(&tree->index, st.st_ino)) {
			folder->dirty = true; /* it moved: its old place is seen to first */
		} else if (S_ISDIR(st.st_mode)) {
			add_entry(tree, folder, name, &st);
		}
	}
	if (tree->found.failed)
		say_memory(tree, folder);
}

/* True when it is known; marks it as seen. */
static bool mark_seen(const struct cgroup_tree *tree, const struct cgroup_folder *parent,
	const char *name, uint64_t inode)
{
	struct cgroup_leaf *leaf = cgroup_index_find_leaf(&tree->index, parent, name, inode);
	struct cgroup_folder *folder =
		leaf ? NULL : cgroup_index_find_folder(&tree->index, parent, name, inode);

	if (leaf)
		leaf->round = tree->round;
	if (folder)
		folder->round = tree->round;
	return leaf || folder;
}

static void take_entry(
	struct cgroup_tree *tree, const struct cgroup_folder *folder, const struct dirent64 *dirent)
{
	const char *name = dirent->d_name;
	struct cgroup_entry entry;

	if (name[0] == '.' || (dirent->d_type != DT_DIR && dirent->d_type != DT_UNKNOWN))
		return;
	entry = cgroup_entry_of(folder->kind, name);
	if (entry.kind == CGROUP_ENTRY_OTHER)
		return;
	if (!mark_seen(tree, folder, name, dirent->d_ino))
		buffer_append(&tree->found, name, strlen(name) + 1);
}

/* Marks what is known and collects the names of what is not. 0 or -errno. */
static int read_entries(struct cgroup_tree *tree, const struct cgroup_folder *folder, int fd)
{
	for (;;) {
		ssize_t n = getdents64(fd, tree->entries, sizeof(tree->entries));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *dirent = (const void *)(tree->entries + at);

			take_entry(tree, folder, dirent);
			at += dirent->d_reclen;
		}
	}
}

/* Removes what this reading did not show. */
static void sweep(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	struct cgroup_folder *child, *next_child;
	struct cgroup_leaf *leaf, *next_leaf;

	for (child = folder->folders; child; child = next_child) {
		next_child = child->next;
		if (child->round != tree->round)
			cgroup_index_remove_folder(&tree->index, child);
	}
	for (leaf = folder->leaves; leaf; leaf = next_leaf) {
		next_leaf = leaf->next;
		if (leaf->round != tree->round)
			cgroup_index_remove_leaf(&tree->index, leaf);
	}
}

static void read_folder(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	int fd CLOSE_FD = openat(
		tree->v2, relative(folder->path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	tree->round++;
	buffer_clear(&tree->found);
	telemetry_add(tree->reads, 1);
	r = fd < 0 ? -errno : read_entries(tree, folder, fd);
	if (r == -ENOENT || r == -ENODEV) {
		/* It is being removed, with all that was in it; its parent will show that. */
		buffer_clear(&tree->found);
	} else if (r < 0) {
		say_unreadable(tree, folder, -r);
		return;
	}
	folder->dirty = false;
	sweep(tree, folder);
	add_found(tree, folder, fd);
	folder->failed = folder->failed && folder->dirty;
}

/* --- looking ------------------------------------------------------------------------------------
 */

static void watch_folder(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	int r = cgroup_index_watch(&tree->index, folder, tree->mount);

	/* A folder that just left is no trouble; that there is no inotify was said. */
	if (r < 0 && r != -ENOENT && r != -ENOSYS)
		say_unwatched(tree, -r);
}

/* Reads `folder` if it may have changed, and what is below it. */
static void look(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	/* First watch, then read: what is made in between is seen twice, never missed. */
	if (folder->watch.descriptor < 0) {
		watch_folder(tree, folder);
		folder->dirty = true;
	}
	if (folder->dirty || tree->full)
		read_folder(tree, folder);
	for (struct cgroup_folder *child = folder->folders; child; child = child->next)
		look(tree, child);
}

static void remove_top(struct cgroup_tree *tree)
{
	if (tree->top)
		cgroup_index_remove_folder(&tree->index, tree->top);
	tree->top = NULL;
}

static void set_top(
	struct cgroup_tree *tree, const char *path, enum cgroup_folder_kind kind, uint64_t inode)
{
	remove_top(tree);
	tree->top = cgroup_index_add_top(&tree->index, path, kind, inode);
	if (!tree->top) {
		telemetry_add(tree->errors, 1); /* tried again the next time */
		return;
	}
	tree->said_missing = false;
	log_info(kind == CGROUP_FOLDER_KUBEPODS
			 ? "containers are looked for below %s%s"
			 : "there is no kubepods tree: units are looked for below %s%s",
		tree->mount, path);
}

/* Sees to it that the top is the right one: the kubepods tree can come, go, and come anew. */
static void settle_top(struct cgroup_tree *tree)
{
	char path[PATH_MAX];
	uint64_t inode;

	if (tree->top && cgroup_top_inode(tree->v2, tree->top->path) != tree->top->inode)
		remove_top(tree);
	if (tree->top && tree->top->kind == CGROUP_FOLDER_KUBEPODS)
		return;
	if (cgroup_top_find(tree->v2, tree->root, path, &inode)) {
		set_top(tree, path, CGROUP_FOLDER_KUBEPODS, inode);
		return;
	}
	if (tree->top)
		return;
	inode = tree->units ? cgroup_top_inode(tree->v2, tree->root) : 0;
	if (inode) {
		set_top(tree, tree->root, CGROUP_FOLDER_UNITS, inode);
		return;
	}
	if (!tree->said_missing)
		log_warn("there is no kubepods tree below %s%s: no containers are seen until there "
			 "is one",
			tree->mount, tree->root);
	tree->said_missing = true;
}

void cgroup_tree_refresh(struct cgroup_tree *tree, uint64_t now_ns)
{
	struct timespec coarse;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
	tree->started_ns = to_ns(coarse);
	tree->realtime_ns = clock_realtime_ns();
	tree->now_ns = now_ns;
	if (!cgroup_index_mark_reported(&tree->index) || now_ns >= tree->full_due_ns)
		tree->full = true;
	settle_top(tree);
	if (tree->top)
		look(tree, tree->top);
	if (tree->full)
		tree->full_due_ns = now_ns + FULL_WALK_NS;
	tree->full = false;
	tree->last_ns = now_ns;
	tree->looked = true;
	telemetry_set(tree->count, cgroup_slots_count(&tree->index.slots));
	telemetry_set(tree->unwatched, cgroup_index_unwatched(&tree->index));
}

void cgroup_tree_mark_changed(struct cgroup_tree *tree)
{
	tree->full = true;
}

/* --- making, asking -----------------------------------------------------------------------------
 */

static void register_telemetry(struct cgroup_tree *tree, struct telemetry *telemetry)
{
	tree->count = telemetry_gauge(
		telemetry, "tacho_agent_cgroups", "Containers or units that are seen.", NULL, NULL);
	tree->unwatched = telemetry_gauge(telemetry, "tacho_agent_cgroup_folders_unwatched",
		"Cgroup folders without an inotify watch: they are read each time.", NULL, NULL);
	tree->reads = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_reads_total",
		"Cgroup folders that were read in looking for containers.", NULL, NULL);
	tree->errors = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_errors_total",
		"Cgroup folders that could not be read, or not wholly.", NULL, NULL);
	for (size_t i = 0; i < REFUSAL_COUNT; i++)
		tree->refused[i] = telemetry_counter(telemetry, "tacho_agent_cgroups_refused_total",
			"Cgroups left out, by reason; counted at each reading of their folder.",
			"reason", REFUSALS[i].label);
}

struct cgroup_tree *cgroup_tree_new(const struct cgroup_tree_options *options,
	const struct cgroup_tree_events *events, struct error *err)
{
	struct cgroup_tree *tree = calloc(1, sizeof(*tree));
	int r;

	if (!tree || !(tree->mount = strdup(options->hierarchy->v2))) {
		free(tree);
		error_errno(err, ENOMEM, "opening the cgroup tree");
		return NULL;
	}
	tree->units = options->units;
	tree->full = true;
	register_telemetry(tree, options->telemetry);
	tree->index.watch.fd = -1;
	tree->v2 = open(tree->mount, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (tree->v2 < 0) {
		error_errno(err, errno, "opening the cgroup tree %s", tree->mount);
		cgroup_tree_free(tree);
		return NULL;
	}
	if (cgroup_top_root(tree->v2, options->root, tree->root, err) < 0) {
		cgroup_tree_free(tree);
		return NULL;
	}
	r = cgroup_index_init(&tree->index, events);
	if (r < 0)
		say_unwatched(tree, -r);
	return tree;
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	remove_top(tree);
	cgroup_index_fini(&tree->index);
	buffer_free(&tree->found);
	file_close(&tree->v2);
	free(tree->mount);
	free(tree);
}

uint32_t cgroup_tree_slots(const struct cgroup_tree *tree)
{
	return tree->index.slots.used;
}

struct cgroup *cgroup_tree_at(const struct cgroup_tree *tree, uint32_t slot)
{
	return slot < tree->index.slots.used ? tree->index.slots.at[slot] : NULL;
}

uint32_t cgroup_tree_count(const struct cgroup_tree *tree)
{
	return cgroup_slots_count(&tree->index.slots);
}

const char *cgroup_tree_top(const struct cgroup_tree *tree)
{
	return tree->top && tree->top->kind == CGROUP_FOLDER_KUBEPODS ? tree->top->path : "";
}
