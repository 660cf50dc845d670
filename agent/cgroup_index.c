#include "agent/cgroup_index.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

int cgroup_index_init(struct cgroup_index *index, const struct cgroup_tree_events *events)
{
	*index = (struct cgroup_index){.events = *events};
	return cgroup_watch_open(&index->watch);
}

void cgroup_index_fini(struct cgroup_index *index)
{
	cgroup_slots_free(&index->slots);
	cgroup_watch_close(&index->watch);
}

/* --- folders ------------------------------------------------------------------------------------
 */

/* Takes over `path`, which may be NULL for want of memory. */
static struct cgroup_folder *add_folder(
	struct cgroup_index *index, char *path, enum cgroup_folder_kind kind, uint64_t inode)
{
	struct cgroup_folder *folder = path ? calloc(1, sizeof(*folder)) : NULL;

	if (folder) {
		folder->path = path;
		folder->kind = kind;
		folder->inode = inode;
		folder->dirty = true;
		folder->watch.descriptor = -1;
		folder->watch.folder = folder;
		HASH_ADD(hh, index->folders, inode, sizeof(folder->inode), folder);
		if (folder->hh.tbl)
			return folder;
	}
	free(folder);
	free(path);
	return NULL;
}

static char *join(const char *path, const char *name)
{
	char *joined;

	return asprintf(&joined, "%s/%s", path, name) < 0 ? NULL : joined;
}

struct cgroup_folder *cgroup_index_add_top(
	struct cgroup_index *index, const char *path, enum cgroup_folder_kind kind, uint64_t inode)
{
	return add_folder(index, strdup(path), kind, inode);
}

struct cgroup_folder *cgroup_index_add_folder(struct cgroup_index *index,
	struct cgroup_folder *parent, const char *name, const struct cgroup_entry *entry,
	uint64_t inode)
{
	struct cgroup_folder *folder =
		add_folder(index, join(parent->path, name), entry->folder_kind, inode);

	if (!folder)
		return NULL;
	folder->parent = parent;
	folder->depth = parent->depth + 1;
	memcpy(folder->pod_uid, entry->pod_uid, sizeof(folder->pod_uid));
	DL_APPEND(parent->folders, folder);
	return folder;
}

/* The kernel's side is not touched. */
static void forget_watch(struct cgroup_index *index, struct cgroup_watched *watched)
{
	if (watched->descriptor < 0)
		return;
	HASH_DEL(index->watched, watched);
	watched->descriptor = -1;
}

void cgroup_index_remove_folder(struct cgroup_index *index, struct cgroup_folder *folder)
{
	while (folder->folders)
		cgroup_index_remove_folder(index, folder->folders);
	while (folder->leaves)
		cgroup_index_remove_leaf(index, folder->leaves);
	cgroup_watch_remove(&index->watch, folder->watch.descriptor);
	forget_watch(index, &folder->watch);
	HASH_DEL(index->folders, folder);
	if (folder->parent)
		DL_DELETE(folder->parent->folders, folder);
	free(folder->path);
	free(folder);
}

/* --- cgroups ------------------------------------------------------------------------------------
 */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A unit's pod lives as long as its cgroup, so the cgroup's id says which pod it is. */
static int name_unit(struct cgroup_leaf *leaf, const struct cgroup_folder *parent, const char *name)
{
	struct cgroup_unit_names *names = malloc(sizeof(*names));

	if (!names)
		return -1;
	cgroup_name_of_unit(name, names->unit);
	cgroup_name_of_unit(base_name(parent->path), names->slice);
	leaf->names = names;
	leaf->cgroup.unit = names->unit;
	leaf->cgroup.slice = names->slice;
	(void)snprintf(leaf->cgroup.pod_uid, sizeof(leaf->cgroup.pod_uid), "cgroup-%" PRIu64,
		leaf->cgroup.id);
	return 0;
}

static void free_leaf(struct cgroup_leaf *leaf)
{
	if (!leaf)
		return;
	free(leaf->cgroup.path);
	free(leaf->names);
	free(leaf);
}

struct cgroup_leaf *cgroup_index_add_leaf(struct cgroup_index *index, struct cgroup_folder *parent,
	const char *name, const struct cgroup_entry *entry, uint64_t inode, uint64_t created_ns)
{
	struct cgroup_leaf *leaf = calloc(1, sizeof(*leaf));
	char *path = join(parent->path, name);

	if (!leaf || !path) {
		free(path);
		goto out;
	}
	leaf->parent = parent;
	leaf->cgroup.id = inode;
	leaf->cgroup.created_ns = created_ns;
	leaf->cgroup.path = path;
	memcpy(leaf->cgroup.pod_uid, parent->pod_uid, sizeof(leaf->cgroup.pod_uid));
	if (entry->unit && name_unit(leaf, parent, name) < 0)
		goto out;
	memcpy(leaf->cgroup.container_id, entry->container_id, sizeof(leaf->cgroup.container_id));
	HASH_ADD(hh, index->leaves, cgroup.id, sizeof(leaf->cgroup.id), leaf);
	if (!leaf->hh.tbl)
		goto out;
	if (cgroup_slots_take(&index->slots, &leaf->cgroup) < 0) {
		HASH_DEL(index->leaves, leaf);
		goto out;
	}
	DL_APPEND(parent->leaves, leaf);
	index->events.added(index->events.context, &leaf->cgroup);
	return leaf;
out:
	free_leaf(leaf);
	return NULL;
}

void cgroup_index_remove_leaf(struct cgroup_index *index, struct cgroup_leaf *leaf)
{
	index->events.removed(index->events.context, &leaf->cgroup);
	cgroup_slots_release(&index->slots, &leaf->cgroup);
	HASH_DEL(index->leaves, leaf);
	DL_DELETE(leaf->parent->leaves, leaf);
	free_leaf(leaf);
}

/* --- finding ------------------------------------------------------------------------------------
 */

static struct cgroup_folder *folder_by_inode(const struct cgroup_index *index, uint64_t inode)
{
	struct cgroup_folder *folder;

	HASH_FIND(hh, index->folders, &inode, sizeof(inode), folder);
	return folder;
}

static struct cgroup_leaf *leaf_by_inode(const struct cgroup_index *index, uint64_t inode)
{
	struct cgroup_leaf *leaf;

	HASH_FIND(hh, index->leaves, &inode, sizeof(inode), leaf);
	return leaf;
}

struct cgroup_folder *cgroup_index_find_folder(const struct cgroup_index *index,
	const struct cgroup_folder *parent, const char *name, uint64_t inode)
{
	struct cgroup_folder *folder = folder_by_inode(index, inode);

	return folder && folder->parent == parent && strcmp(base_name(folder->path), name) == 0
		       ? folder
		       : NULL;
}

struct cgroup_leaf *cgroup_index_find_leaf(const struct cgroup_index *index,
	const struct cgroup_folder *parent, const char *name, uint64_t inode)
{
	struct cgroup_leaf *leaf = leaf_by_inode(index, inode);

	return leaf && leaf->parent == parent && strcmp(base_name(leaf->cgroup.path), name) == 0
		       ? leaf
		       : NULL;
}

bool cgroup_index_knows(const struct cgroup_index *index, uint64_t inode)
{
	return folder_by_inode(index, inode) || leaf_by_inode(index, inode);
}

uint32_t cgroup_index_folders(const struct cgroup_index *index)
{
	return HASH_COUNT(index->folders);
}

/* --- watches ------------------------------------------------------------------------------------
 */

int cgroup_index_watch(struct cgroup_index *index, struct cgroup_folder *folder, const char *mount)
{
	struct cgroup_watched *watched = &folder->watch;
	char *path;
	int descriptor;

	if (asprintf(&path, "%s%s", mount, folder->path) < 0)
		return -ENOMEM;
	descriptor = cgroup_watch_add(&index->watch, path);
	free(path);
	if (descriptor < 0)
		return descriptor;
	watched->descriptor = descriptor;
	HASH_ADD_INT(index->watched, descriptor, watched);
	if (watched->hh.tbl)
		return 0;
	watched->descriptor = -1;
	cgroup_watch_remove(&index->watch, descriptor);
	return -ENOMEM;
}

static void mark_reported(void *context, int descriptor, bool ended)
{
	struct cgroup_index *index = context;
	struct cgroup_watched *watched;

	HASH_FIND_INT(index->watched, &descriptor, watched);
	if (!watched)
		return; /* of a folder that left */
	watched->folder->dirty = true;
	if (ended)
		forget_watch(index, watched);
}

bool cgroup_index_mark_reported(struct cgroup_index *index)
{
	return cgroup_watch_read(&index->watch, mark_reported, index);
}

uint32_t cgroup_index_unwatched(const struct cgroup_index *index)
{
	return HASH_COUNT(index->folders) - HASH_COUNT(index->watched);
}
