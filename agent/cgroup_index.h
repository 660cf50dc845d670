/* The folders and cgroups that are known: as a tree, and by inode, watch and slot. Tells of each
 * cgroup that is added or removed. */
#ifndef AGENT_CGROUP_INDEX_H
#define AGENT_CGROUP_INDEX_H

#include "agent/cgroup.h"
#include "agent/cgroup_entry.h"
#include "agent/cgroup_slots.h"
#include "agent/cgroup_watch.h"

#include <stdbool.h>
#include <stdint.h>

/* A failed add leaves hh.tbl NULL; the handle has to be named `hh` for that. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct cgroup_folder;

struct cgroup_watched {
	int descriptor; /* -1: not watched */
	struct cgroup_folder *folder;
	UT_hash_handle hh; /* index->watched, by descriptor */
};

/* A folder that is looked into. */
struct cgroup_folder {
	struct cgroup_folder *parent; /* NULL for the top */
	struct cgroup_folder *folders, *prev, *next;
	struct cgroup_leaf *leaves;
	enum cgroup_folder_kind kind;
	int depth;  /* 0 for the top */
	char *path; /* below the v2 mount point; "" is the mount point */
	char pod_uid[POD_UID_SIZE];
	uint64_t inode;
	uint64_t round; /* the last reading of the parent that showed it */
	bool dirty;     /* to be read at the next look; so when new */
	bool failed;    /* was not readable the last time, which was said */
	struct cgroup_watched watch;
	UT_hash_handle hh; /* index->folders, by inode */
};

struct cgroup_unit_names {
	char unit[CGROUP_UNIT_NAME_SIZE], slice[CGROUP_UNIT_NAME_SIZE];
};

/* A cgroup that is shown. */
struct cgroup_leaf {
	struct cgroup cgroup;            /* first: others see only this */
	struct cgroup_unit_names *names; /* of a unit; else NULL */
	struct cgroup_folder *parent;
	struct cgroup_leaf *prev, *next;
	uint64_t round;
	UT_hash_handle hh; /* index->leaves, by cgroup.id */
};

struct cgroup_index {
	struct cgroup_folder *folders;
	struct cgroup_leaf *leaves;
	struct cgroup_watched *watched;
	struct cgroup_watch watch;
	struct cgroup_slots slots;
	struct cgroup_tree_events events;
};

/* 0, or -errno when there is no inotify here: the index works, cgroup_index_watch() doesn't. */
int cgroup_index_init(struct cgroup_index *index, const struct cgroup_tree_events *events);

/* Frees everything but the folders: remove the top before. */
void cgroup_index_fini(struct cgroup_index *index);

/* Adds the folder `name` of `parent`, or the top at `path` with no parent. NULL when memory is
 * short. */
struct cgroup_folder *cgroup_index_add_folder(struct cgroup_index *index,
	struct cgroup_folder *parent, const char *name, const struct cgroup_entry *entry,
	uint64_t inode);
struct cgroup_folder *cgroup_index_add_top(
	struct cgroup_index *index, const char *path, enum cgroup_folder_kind kind, uint64_t inode);

/* Removes the folder, its watch, and all that is below it. */
void cgroup_index_remove_folder(struct cgroup_index *index, struct cgroup_folder *folder);

/* Adds the cgroup `name` of `parent`, gives it a slot, calls `added`. NULL when memory is short. */
struct cgroup_leaf *cgroup_index_add_leaf(struct cgroup_index *index, struct cgroup_folder *parent,
	const char *name, const struct cgroup_entry *entry, uint64_t inode, uint64_t created_ns);
void cgroup_index_remove_leaf(struct cgroup_index *index, struct cgroup_leaf *leaf);

/* Known folder `name` of `parent` with this inode, or NULL; the same for a cgroup. */
struct cgroup_folder *cgroup_index_find_folder(const struct cgroup_index *index,
	const struct cgroup_folder *parent, const char *name, uint64_t inode);
struct cgroup_leaf *cgroup_index_find_leaf(const struct cgroup_index *index,
	const struct cgroup_folder *parent, const char *name, uint64_t inode);

/* True when anything is known by this inode. */
bool cgroup_index_knows(const struct cgroup_index *index, uint64_t inode);

/* Watches the folder, which is at `mount` and its path. 0 or -errno. */
int cgroup_index_watch(struct cgroup_index *index, struct cgroup_folder *folder, const char *mount);

/* Marks the folders dirty that inotify reported. False when reports were lost: any can be. */
bool cgroup_index_mark_reported(struct cgroup_index *index);

/* The number of folders; of those without a watch, which must be looked at each time. */
uint32_t cgroup_index_folders(const struct cgroup_index *index);
uint32_t cgroup_index_unwatched(const struct cgroup_index *index);

#endif
