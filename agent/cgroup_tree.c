#include "agent/cgroup_tree.h"

#include "agent/cgroup_slots.h"
#include "agent/cgroup_top.h"
#include "agent/cgroup_watch.h"
#include "base/buffer.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* A failed add leaves hh.tbl NULL; the handle has to be named `hh` for that. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>
#include <utlist.h>

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

enum folder_kind {
	FOLDER_KUBEPODS, /* holds QoS levels, and pods that are guaranteed */
	FOLDER_QOS,      /* holds pods */
	FOLDER_POD,      /* holds containers */
	FOLDER_UNITS,    /* the top when units are shown: slices, units, other cgroups */
	FOLDER_SLICE,    /* holds slices and units */
};

struct folder;

struct watched {
	int descriptor; /* -1: not watched, so looked into each time */
	struct folder *folder;
	UT_hash_handle hh; /* tree->watched, by descriptor */
};

/* A folder that is looked into. */
struct folder {
	struct folder *parent; /* NULL for the top */
	struct folder *folders, *prev, *next;
	struct leaf *leaves;
	enum folder_kind kind;
	int depth;
	char *path; /* below the v2 mount point; "" is the mount point */
	char pod_uid[POD_UID_SIZE];
	uint64_t inode;
	uint64_t round; /* the last reading of the parent that showed it */
	bool dirty;     /* to be read at the next look */
	bool failed;    /* was not readable, which was said */
	struct watched watch;
	UT_hash_handle hh; /* tree->by_inode */
};

/* A cgroup that is shown. */
struct leaf {
	struct cgroup cgroup; /* first: the tree's user sees only this */
	char unit[CGROUP_UNIT_NAME_SIZE], slice[CGROUP_UNIT_NAME_SIZE];
	struct folder *parent;
	struct leaf *prev, *next;
	uint64_t round;
	UT_hash_handle hh; /* tree->leaves, by cgroup.id */
};

struct cgroup_tree {
	struct cgroup_tree_events events;
	char *mount; /* the v2 mount point */
	int v2;      /* an fd of it */
	char root[PATH_MAX];
	bool units;

	struct folder *top;     /* NULL while nothing was found */
	struct folder *folders; /* all, by inode */
	struct leaf *leaves;    /* all, by id */
	struct watched *watched;
	struct cgroup_watch watch;
	struct cgroup_slots slots;

	bool full;            /* read every folder at the next look */
	uint64_t full_due_ns; /* the next full walk */
	uint64_t round;       /* counts readings of folders */

	/* of the look that goes on */
	uint64_t now_ns;      /* CLOCK_MONOTONIC */
	uint64_t realtime_ns; /* CLOCK_REALTIME at now_ns */
	uint64_t started_ns;  /* CLOCK_REALTIME_COARSE, the clock of the folders' times */
	uint64_t last_ns;     /* now_ns of the look before */
	bool looked;          /* there was a look before */
	struct buffer found;  /* names, each with its NUL, that the folder being read has got */
	char entries[ENTRIES_SIZE];

	bool said_missing, said_unwatched, said_limit, said_depth, said_name, said_memory;
	struct log_limit said_unreadable;
	struct telemetry_series *count, *unwatched, *reads, *errors;
	struct telemetry_series *refused_limit, *refused_depth, *refused_name;
};

/* --- what an entry of a folder is ---------------------------------------------------------------
 */

enum entry_kind {
	ENTRY_OTHER,
	ENTRY_FOLDER,
	ENTRY_CGROUP,
};

struct entry {
	enum entry_kind kind;
	enum folder_kind folder_kind;
	char pod_uid[POD_UID_SIZE];
	char container_id[CONTAINER_ID_SIZE];
	bool unit;
};

static struct entry classify(const struct folder *folder, const char *name)
{
	struct entry entry = {.kind = ENTRY_OTHER};

	switch (folder->kind) {
	case FOLDER_KUBEPODS:
		if (cgroup_name_is_qos(name))
			return (struct entry){ENTRY_FOLDER, .folder_kind = FOLDER_QOS};
		/* fall through */
	case FOLDER_QOS:
		entry.folder_kind = FOLDER_POD;
		if (cgroup_name_is_pod(name, entry.pod_uid))
			entry.kind = ENTRY_FOLDER;
		return entry;
	case FOLDER_POD:
		if (cgroup_name_is_container(name, entry.container_id))
			entry.kind = ENTRY_CGROUP;
		memcpy(entry.pod_uid, folder->pod_uid, sizeof(entry.pod_uid));
		return entry;
	case FOLDER_UNITS:
	case FOLDER_SLICE:
		entry.unit = true;
		entry.folder_kind = FOLDER_SLICE;
		if (cgroup_name_is_slice(name))
			entry.kind = ENTRY_FOLDER;
		else if (folder->kind == FOLDER_UNITS ? cgroup_name_is_top_level(name)
						      : cgroup_name_is_unit(name))
			entry.kind = ENTRY_CGROUP;
		return entry;
	}
	return entry;
}

/* --- what can go wrong --------------------------------------------------------------------------
 */

static void say_unreadable(struct cgroup_tree *tree, struct folder *folder, int code)
{
	uint64_t held_back = 0;
	char text[128];

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
static void say_memory(struct cgroup_tree *tree, struct folder *folder)
{
	folder->dirty = true;
	telemetry_add(tree->errors, 1);
	if (!tree->said_memory)
		log_error("looking for cgroups in %s%s: out of memory; some are not seen",
			tree->mount, folder->path);
	tree->said_memory = true;
}

static void say_refused(const struct cgroup_tree *tree, const struct folder *folder,
	const char *name, struct telemetry_series *series, bool *said, const char *why)
{
	telemetry_add(series, 1);
	if (!*said)
		log_warn("cgroup %s%s/%s is left out: %s (said once; the others are counted)",
			tree->mount, folder->path, name, why);
	*said = true;
}

/* --- coming and going ---------------------------------------------------------------------------
 */

static const char *relative(const char *path)
{
	return path[0] ? path + 1 : ".";
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static struct leaf *find_leaf(const struct cgroup_tree *tree, uint64_t inode)
{
	struct leaf *leaf;

	HASH_FIND(hh, tree->leaves, &inode, sizeof(inode), leaf);
	return leaf;
}

static struct folder *find_folder(const struct cgroup_tree *tree, uint64_t inode)
{
	struct folder *folder;

	HASH_FIND(hh, tree->folders, &inode, sizeof(inode), folder);
	return folder;
}

static struct watched *find_watched(const struct cgroup_tree *tree, int descriptor)
{
	struct watched *watched;

	HASH_FIND_INT(tree->watched, &descriptor, watched);
	return watched;
}

static void forget_leaf(struct cgroup_tree *tree, struct leaf *leaf)
{
	tree->events.removed(tree->events.context, &leaf->cgroup);
	cgroup_slots_release(&tree->slots, &leaf->cgroup);
	HASH_DEL(tree->leaves, leaf);
	DL_DELETE(leaf->parent->leaves, leaf);
	free(leaf->cgroup.path);
	free(leaf);
}

/* Without telling the kernel. */
static void forget_watch(struct cgroup_tree *tree, struct folder *folder)
{
	if (folder->watch.descriptor < 0)
		return;
	HASH_DEL(tree->watched, &folder->watch);
	folder->watch.descriptor = -1;
}

static void forget_folder(struct cgroup_tree *tree, struct folder *folder)
{
	struct folder *child, *next_child;
	struct leaf *leaf, *next_leaf;

	DL_FOREACH_SAFE(folder->folders, child, next_child)
	forget_folder(tree, child);
	DL_FOREACH_SAFE(folder->leaves, leaf, next_leaf)
	forget_leaf(tree, leaf);
	cgroup_watch_remove(&tree->watch, folder->watch.descriptor);
	forget_watch(tree, folder);
	HASH_DEL(tree->folders, folder);
	if (folder->parent)
		DL_DELETE(folder->parent->folders, folder);
	else
		tree->top = NULL;
	free(folder->path);
	free(folder);
}

/* When the cgroup was made, from its folder's times: the kernel sets them when the folder is first
 * looked up, which is after mkdir and before the first process moves in. They are set anew when the
 * inode was dropped from the cache: then they say nothing, and the earliest moment is taken, for a
 * span that is too long makes a rate too low but never absurd. */
static uint64_t creation_ns(
	const struct cgroup_tree *tree, const struct folder *parent, const struct stat *st)
{
	uint64_t changed =
		(uint64_t)st->st_ctim.tv_sec * NS_PER_SECOND + (uint64_t)st->st_ctim.tv_nsec;
	uint64_t modified =
		(uint64_t)st->st_mtim.tv_sec * NS_PER_SECOND + (uint64_t)st->st_mtim.tv_nsec;
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

/* A unit's pod is as long-lived as its cgroup, so the cgroup's id says which pod it is. */
static void name_unit(struct leaf *leaf, const struct folder *parent, const char *name)
{
	cgroup_name_of_unit(name, leaf->unit);
	cgroup_name_of_unit(base_name(parent->path), leaf->slice);
	leaf->cgroup.unit = leaf->unit;
	leaf->cgroup.slice = leaf->slice;
	(void)snprintf(leaf->cgroup.pod_uid, sizeof(leaf->cgroup.pod_uid), "cgroup-%" PRIu64,
		leaf->cgroup.id);
}

static void add_leaf(struct cgroup_tree *tree, struct folder *parent, const char *name,
	const struct entry *entry, const struct stat *st)
{
	struct leaf *leaf;

	if (cgroup_slots_count(&tree->slots) >= CGROUPS_MAX) {
		say_refused(tree, parent, name, tree->refused_limit, &tree->said_limit,
			"there are more than 65536");
		return;
	}
	leaf = calloc(1, sizeof(*leaf));
	if (!leaf || asprintf(&leaf->cgroup.path, "%s/%s", parent->path, name) < 0) {
		free(leaf);
		say_memory(tree, parent);
		return;
	}
	leaf->parent = parent;
	leaf->round = tree->round;
	leaf->cgroup.id = st->st_ino;
	leaf->cgroup.created_ns = creation_ns(tree, parent, st);
	memcpy(leaf->cgroup.pod_uid, entry->pod_uid, sizeof(leaf->cgroup.pod_uid));
	memcpy(leaf->cgroup.container_id, entry->container_id, sizeof(leaf->cgroup.container_id));
	if (entry->unit)
		name_unit(leaf, parent, name);
	HASH_ADD(hh, tree->leaves, cgroup.id, sizeof(leaf->cgroup.id), leaf);
	if (leaf->hh.tbl && cgroup_slots_take(&tree->slots, &leaf->cgroup) == 0) {
		DL_APPEND(parent->leaves, leaf);
		tree->events.added(tree->events.context, &leaf->cgroup);
		return;
	}
	if (leaf->hh.tbl)
		HASH_DEL(tree->leaves, leaf);
	free(leaf->cgroup.path);
	free(leaf);
	say_memory(tree, parent);
}

/* NULL when memory is short. */
static struct folder *add_folder(struct cgroup_tree *tree, struct folder *parent, const char *path,
	enum folder_kind kind, uint64_t inode)
{
	struct folder *folder = calloc(1, sizeof(*folder));

	if (!folder)
		return NULL;
	folder->path = strdup(path);
	folder->parent = parent;
	folder->kind = kind;
	folder->depth = parent ? parent->depth + 1 : 0;
	folder->inode = inode;
	folder->round = tree->round;
	folder->dirty = true;
	folder->watch.descriptor = -1;
	folder->watch.folder = folder;
	if (folder->path)
		HASH_ADD(hh, tree->folders, inode, sizeof(folder->inode), folder);
	if (!folder->hh.tbl) {
		free(folder->path);
		free(folder);
		return NULL;
	}
	if (parent)
		DL_APPEND(parent->folders, folder);
	return folder;
}

static void add_child(struct cgroup_tree *tree, struct folder *parent, const char *name,
	const struct entry *entry, uint64_t inode)
{
	struct folder *folder = NULL;
	char *path;

	if (parent->depth >= SLICE_DEPTH_MAX) {
		say_refused(tree, parent, name, tree->refused_depth, &tree->said_depth,
			"it is nested deeper than 16 slices");
		return;
	}
	if (HASH_COUNT(tree->folders) >= CGROUPS_MAX) {
		say_refused(tree, parent, name, tree->refused_limit, &tree->said_limit,
			"there are more than 65536");
		return;
	}
	if (asprintf(&path, "%s/%s", parent->path, name) >= 0) {
		folder = add_folder(tree, parent, path, entry->folder_kind, inode);
		free(path);
	}
	if (!folder) {
		say_memory(tree, parent);
		return;
	}
	memcpy(folder->pod_uid, entry->pod_uid, sizeof(folder->pod_uid));
}

/* --- reading one folder -------------------------------------------------------------------------
 */

/* True when `name` in `folder` is known under this inode; marks it as seen. */
static bool mark_seen(const struct cgroup_tree *tree, const struct folder *folder, const char *name,
	uint64_t inode)
{
	struct leaf *leaf = find_leaf(tree, inode);
	struct folder *child = leaf ? NULL : find_folder(tree, inode);

	if (leaf && leaf->parent == folder && strcmp(base_name(leaf->cgroup.path), name) == 0) {
		leaf->round = tree->round;
		return true;
	}
	if (child && child->parent == folder && strcmp(base_name(child->path), name) == 0) {
		child->round = tree->round;
		return true;
	}
	return false;
}

static void take_entry(
	struct cgroup_tree *tree, const struct folder *folder, const struct dirent64 *entry)
{
	struct entry what;

	if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
		return;
	what = classify(folder, entry->d_name);
	if (what.kind == ENTRY_OTHER)
		return;
	if (what.unit && !cgroup_name_is_printable(entry->d_name)) {
		say_refused(tree, folder, entry->d_name, tree->refused_name, &tree->said_name,
			"its name has characters that can't be shown");
		return;
	}
	if (!mark_seen(tree, folder, entry->d_name, entry->d_ino))
		buffer_append(&tree->found, entry->d_name, strlen(entry->d_name) + 1);
}

/* Marks what is known and collects the names of what is not. 0 or -errno. */
static int read_entries(struct cgroup_tree *tree, const struct folder *folder, int fd)
{
	buffer_clear(&tree->found);
	for (;;) {
		ssize_t n = getdents64(fd, tree->entries, sizeof(tree->entries));

		if (n < 0)
			return -errno;
		if (n == 0)
			return 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *entry = (const void *)(tree->entries + at);

			take_entry(tree, folder, entry);
			at += entry->d_reclen;
		}
	}
}

static void sweep(struct cgroup_tree *tree, struct folder *folder)
{
	struct folder *child, *next_child;
	struct leaf *leaf, *next_leaf;

	DL_FOREACH_SAFE(folder->folders, child, next_child)
	if (child->round != tree->round)
		forget_folder(tree, child);
	DL_FOREACH_SAFE(folder->leaves, leaf, next_leaf)
	if (leaf->round != tree->round)
		forget_leaf(tree, leaf);
}

static void add_found(struct cgroup_tree *tree, struct folder *folder, int fd)
{
	const char *name;

	for (size_t at = 0; at < tree->found.length; at += strlen(name) + 1) {
		struct entry entry;
		struct stat st;

		name = tree->found.data + at;
		entry = classify(folder, name);
		if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno != ENOENT && errno != ENODEV) {
				folder->dirty = true;
				say_unreadable(tree, folder, errno);
			}
			continue;
		}
		if (!S_ISDIR(st.st_mode))
			continue;
		/* An inode that moved here is forgotten at its old place first. */
		if (find_leaf(tree, st.st_ino) || find_folder(tree, st.st_ino))
			folder->dirty = true;
		else if (entry.kind == ENTRY_CGROUP)
			add_leaf(tree, folder, name, &entry, &st);
		else
			add_child(tree, folder, name, &entry, st.st_ino);
	}
	if (tree->found.failed)
		say_memory(tree, folder);
}

static void read_folder(struct cgroup_tree *tree, struct folder *folder)
{
	int fd CLOSE_FD = openat(
		tree->v2, relative(folder->path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	tree->round++;
	telemetry_add(tree->reads, 1);
	r = fd < 0 ? -errno : read_entries(tree, folder, fd);
	if (r == -ENOENT || r == -ENODEV) {
		/* It is being removed, with all that was in it; its parent will show that. */
		buffer_clear(&tree->found);
	} else if (r < 0) {
		folder->dirty = true;
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

static void watch_folder(struct cgroup_tree *tree, struct folder *folder)
{
	struct watched *watched = &folder->watch;
	char *path;
	int descriptor;

	if (asprintf(&path, "%s%s", tree->mount, folder->path) < 0)
		return;
	descriptor = cgroup_watch_add(&tree->watch, path);
	free(path);
	if (descriptor < 0) {
		if (descriptor != -ENOENT && descriptor != -ENOSYS)
			say_unwatched(tree, -descriptor);
		return;
	}
	watched->descriptor = descriptor;
	HASH_ADD_INT(tree->watched, descriptor, watched);
	if (!watched->hh.tbl) {
		cgroup_watch_remove(&tree->watch, descriptor);
		watched->descriptor = -1;
	}
}

static void mark_dirty(void *context, int descriptor, bool ended)
{
	struct cgroup_tree *tree = context;
	struct watched *watched = find_watched(tree, descriptor);

	if (!watched)
		return; /* of a folder that left */
	watched->folder->dirty = true;
	if (ended)
		forget_watch(tree, watched->folder);
}

/* Reads `folder` if it may have changed, and what is below it. */
static void look(struct cgroup_tree *tree, struct folder *folder)
{
	struct folder *child, *next;

	/* First watch, then read: what is made in between is seen twice, never missed. */
	if (folder->watch.descriptor < 0) {
		watch_folder(tree, folder);
		folder->dirty = true;
	}
	if (folder->dirty || tree->full)
		read_folder(tree, folder);
	DL_FOREACH_SAFE(folder->folders, child, next)
	look(tree, child);
}

static void set_top(
	struct cgroup_tree *tree, const char *path, enum folder_kind kind, uint64_t inode)
{
	tree->top = add_folder(tree, NULL, path, kind, inode);
	if (!tree->top) {
		telemetry_add(tree->errors, 1);
		return;
	}
	tree->said_missing = false;
	log_info(kind == FOLDER_KUBEPODS ? "containers are looked for below %s%s"
					 : "no kubepods tree: units are looked for below %s%s",
		tree->mount, path);
}

/* Sees to it that the top is the right one: the kubepods tree can come, go, and come anew. */
static void settle_top(struct cgroup_tree *tree)
{
	struct folder *top = tree->top;
	char path[PATH_MAX];
	uint64_t inode;

	if (top && cgroup_top_inode(tree->v2, top->path) != top->inode) {
		forget_folder(tree, top);
		top = NULL;
	}
	if (top && top->kind == FOLDER_KUBEPODS)
		return;
	if (cgroup_top_find(tree->v2, tree->root, path, &inode)) {
		if (top)
			forget_folder(tree, top);
		set_top(tree, path, FOLDER_KUBEPODS, inode);
		return;
	}
	if (top)
		return;
	inode = tree->units ? cgroup_top_inode(tree->v2, tree->root) : 0;
	if (inode) {
		set_top(tree, tree->root, FOLDER_UNITS, inode);
		return;
	}
	if (!tree->said_missing)
		log_warn("no kubepods tree below %s%s: no containers are seen until there is one",
			tree->mount, tree->root);
	tree->said_missing = true;
}

static uint64_t folder_clock_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME_COARSE, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

void cgroup_tree_refresh(struct cgroup_tree *tree, uint64_t now_ns)
{
	tree->now_ns = now_ns;
	tree->started_ns = folder_clock_ns();
	tree->realtime_ns = clock_realtime_ns();
	if (!cgroup_watch_read(&tree->watch, mark_dirty, tree) || now_ns >= tree->full_due_ns)
		tree->full = true;
	settle_top(tree);
	if (tree->top)
		look(tree, tree->top);
	if (tree->full) {
		tree->full = false;
		tree->full_due_ns = now_ns + FULL_WALK_NS;
	}
	tree->last_ns = now_ns;
	tree->looked = true;
	telemetry_set(tree->count, cgroup_slots_count(&tree->slots));
	telemetry_set(tree->unwatched, HASH_COUNT(tree->folders) - HASH_COUNT(tree->watched));
}

void cgroup_tree_mark_changed(struct cgroup_tree *tree)
{
	tree->full = true;
}

/* --- making, asking -----------------------------------------------------------------------------
 */

static void register_telemetry(struct cgroup_tree *tree, struct telemetry *telemetry)
{
	static const char *const REFUSED = "tacho_agent_cgroups_refused_total";
	static const char *const REFUSED_HELP =
		"Cgroups that a look left out, by reason; counted at each reading of the folder.";

	tree->count = telemetry_gauge(
		telemetry, "tacho_agent_cgroups", "Containers or units that are seen.", NULL, NULL);
	tree->unwatched = telemetry_gauge(telemetry, "tacho_agent_cgroup_folders_unwatched",
		"Cgroup folders without an inotify watch: they are read each time.", NULL, NULL);
	tree->reads = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_reads_total",
		"Cgroup folders that were read in looking for containers.", NULL, NULL);
	tree->errors = telemetry_counter(telemetry, "tacho_agent_cgroup_folder_errors_total",
		"Cgroup folders that could not be read, or not wholly.", NULL, NULL);
	tree->refused_limit =
		telemetry_counter(telemetry, REFUSED, REFUSED_HELP, "reason", "limit");
	tree->refused_depth =
		telemetry_counter(telemetry, REFUSED, REFUSED_HELP, "reason", "depth");
	tree->refused_name = telemetry_counter(telemetry, REFUSED, REFUSED_HELP, "reason", "name");
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
	tree->events = *events;
	tree->units = options->units;
	tree->full = true;
	tree->watch.fd = -1;
	register_telemetry(tree, options->telemetry);
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
	r = cgroup_watch_open(&tree->watch);
	if (r < 0)
		say_unwatched(tree, -r);
	return tree;
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	if (tree->top)
		forget_folder(tree, tree->top);
	cgroup_slots_free(&tree->slots);
	buffer_free(&tree->found);
	cgroup_watch_close(&tree->watch);
	file_close(&tree->v2);
	free(tree->mount);
	free(tree);
}

uint32_t cgroup_tree_slots(const struct cgroup_tree *tree)
{
	return tree->slots.used;
}

struct cgroup *cgroup_tree_at(const struct cgroup_tree *tree, uint32_t slot)
{
	return slot < tree->slots.used ? tree->slots.at[slot] : NULL;
}

uint32_t cgroup_tree_count(const struct cgroup_tree *tree)
{
	return cgroup_slots_count(&tree->slots);
}

const char *cgroup_tree_top(const struct cgroup_tree *tree)
{
	return tree->top && tree->top->kind == FOLDER_KUBEPODS ? tree->top->path : "";
}
