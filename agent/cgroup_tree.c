#include "agent/cgroup_tree.h"

#include "agent/cgroup_index.h"
#include "agent/cgroup_scan.h"
#include "agent/cgroup_top.h"
#include "agent/cgroup_trouble.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* Walked whole this often, whatever inotify says. */
#define FULL_WALK_NS (30 * NS_PER_SECOND)

struct cgroup_tree {
	char *mount; /* the v2 mount point */
	int v2;      /* an fd of it */
	char root[PATH_MAX];
	bool units;

	struct cgroup_index index;
	struct cgroup_trouble trouble;
	struct cgroup_scan scan;
	struct cgroup_folder *top; /* NULL while nothing was found */
	bool full;                 /* read every folder at the next look */
	uint64_t full_due_ns;      /* the next full walk */
	bool said_missing;
	struct telemetry_series *count, *unwatched;
};

/* --- looking ---------------------------------------------------------------------------------- */

static void watch_folder(struct cgroup_tree *tree, struct cgroup_folder *folder)
{
	int r = cgroup_index_watch(&tree->index, folder, tree->mount);

	/* A folder that just left is no trouble; that there is no inotify was said. */
	if (r < 0 && r != -ENOENT && r != -ENOSYS)
		cgroup_trouble_unwatched(&tree->trouble, -r);
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
		cgroup_scan_folder(&tree->scan, folder);
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
		telemetry_add(tree->trouble.errors, 1); /* tried again the next time */
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
	cgroup_scan_begin(&tree->scan, now_ns);
	if (!cgroup_index_mark_reported(&tree->index) || now_ns >= tree->full_due_ns)
		tree->full = true;
	settle_top(tree);
	if (tree->top)
		look(tree, tree->top);
	if (tree->full)
		tree->full_due_ns = now_ns + FULL_WALK_NS;
	tree->full = false;
	cgroup_scan_end(&tree->scan);
	telemetry_set(tree->count, cgroup_slots_count(&tree->index.slots));
	telemetry_set(tree->unwatched, cgroup_index_unwatched(&tree->index));
}

void cgroup_tree_mark_changed(struct cgroup_tree *tree)
{
	tree->full = true;
}

/* --- making, asking --------------------------------------------------------------------------- */

static void register_telemetry(struct cgroup_tree *tree, struct telemetry *telemetry)
{
	tree->count = telemetry_gauge(
		telemetry, "tacho_agent_cgroups", "Containers or units that are seen.", NULL, NULL);
	tree->unwatched = telemetry_gauge(telemetry, "tacho_agent_cgroup_folders_unwatched",
		"Cgroup folders without an inotify watch: they are read each time.", NULL, NULL);
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
	cgroup_trouble_init(&tree->trouble, tree->mount, options->telemetry);
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
	cgroup_scan_init(&tree->scan, tree->v2, &tree->index, &tree->trouble, options->telemetry);
	r = cgroup_index_init(&tree->index, events);
	if (r < 0)
		cgroup_trouble_unwatched(&tree->trouble, -r);
	return tree;
}

void cgroup_tree_free(struct cgroup_tree *tree)
{
	if (!tree)
		return;
	remove_top(tree);
	cgroup_index_fini(&tree->index);
	cgroup_scan_free(&tree->scan);
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
