#include "aggregator/store/node_register.h"

#include "aggregator/store/labels_check.h"
#include "aggregator/store/object_name.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int node_register_compare(const void *a, const void *b)
{
	return strcmp(
		((const struct node_metadata *)a)->name, ((const struct node_metadata *)b)->name);
}

static int compare_key(const void *key, const void *item)
{
	return object_key_compare(key, NULL, ((const struct node_metadata *)item)->name);
}

struct node_metadata *node_register_find(const struct store *store, const char *name)
{
	const struct object_key key = {.name = name};
	struct node_metadata *node = ordered_at(
		&store->node_metadata, ordered_seek(&store->node_metadata, &key, compare_key));

	return node && strcmp(node->name, name) == 0 ? node : NULL;
}

static void free_node(struct store *store, struct node_metadata *node)
{
	if (!node)
		return;
	label_set_free(&store->texts, node->set);
	free(node);
}

void node_register_free(struct store *store)
{
	struct ordered_place place = {0, 0};
	struct node_metadata *node;

	while ((node = ordered_at(&store->node_metadata, place))) {
		place = ordered_next(&store->node_metadata, place);
		free_node(store, node);
	}
	ordered_free(&store->node_metadata);
}

/* --- putting ---------------------------------------------------------------------------------- */

static struct node_metadata *make_node(
	struct store *store, const char *name, const struct labels *labels)
{
	size_t size = strlen(name) + 1;
	struct node_metadata *node = malloc(sizeof(*node) + size);

	if (!node)
		return NULL;
	memcpy(node->name, name, size);
	node->generation = store->node_round.generation;
	node->set = label_set_new(&store->texts, labels, false);
	if (node->set)
		return node;
	free(node);
	return NULL;
}

/* Says to the node, if an agent runs on it, what Kubernetes says of it. The lock is held. */
static void link_node(struct store *store, const char *name, const struct node_metadata *metadata)
{
	struct known_node *node = known_node_find(&store->nodes, name);

	if (node)
		node->metadata = metadata;
}

static int put_node(
	struct store *store, const char *name, const struct labels *labels, struct error *err)
{
	struct node_metadata *before, *node;
	int r = *name ? object_name_check("its name", name, err)
		      : error_set(err, EINVAL, "its name is empty");

	if (r == 0)
		r = labels_check(labels, err);
	if (r < 0)
		return r;
	before = node_register_find(store, name);
	if (before && labels_equal(&before->set->labels, labels)) {
		before->generation = store->node_round.generation;
		return 0;
	}
	if (!before && store->node_metadata.count >= store->options.max_nodes)
		return error_set(err, ENOSPC, "%" PRIu32 " nodes are known, which is the most",
			store->options.max_nodes);
	node = make_node(store, name, labels);
	if (!node)
		return error_errno(err, ENOMEM, "keeping %zu labels", labels->count);
	store_lock(store);
	if (before)
		(void)ordered_replace(&store->node_metadata, node);
	else
		r = ordered_insert(&store->node_metadata, node);
	if (r == 0)
		link_node(store, name, node);
	(void)pthread_rwlock_unlock(&store->lock);
	free_node(store, r == 0 ? before : node);
	return r == 0 ? 0 : error_errno(err, -r, "sorting it in");
}

int store_put_node(
	struct store *store, const char *name, const struct labels *labels, struct error *err)
{
	int r;

	(void)pthread_mutex_lock(&store->writing);
	r = put_node(store, name, labels, err);
	telemetry_set(store->count.node_metadata, store->node_metadata.count);
	(void)pthread_mutex_unlock(&store->writing);
	if (r == 0)
		return 0;
	(void)store_count_refused(store, r, store->count.metadata_beyond_max_nodes);
	return error_context(err, r, "taking node %.*s", STORE_MAX_NAME, name);
}

/* --- removing --------------------------------------------------------------------------------- */

/* Takes it out of everything; it is not freed. */
static void take_out(struct store *store, const struct node_metadata *node)
{
	store_lock(store);
	(void)ordered_remove(&store->node_metadata, node);
	link_node(store, node->name, NULL);
	(void)pthread_rwlock_unlock(&store->lock);
	telemetry_set(store->count.node_metadata, store->node_metadata.count);
}

void store_remove_node(struct store *store, const char *name)
{
	struct node_metadata *node;

	(void)pthread_mutex_lock(&store->writing);
	node = node_register_find(store, name);
	if (node)
		take_out(store, node);
	free_node(store, node);
	(void)pthread_mutex_unlock(&store->writing);
}

void store_begin_nodes(struct store *store)
{
	(void)pthread_mutex_lock(&store->writing);
	round_begin(&store->node_round);
	(void)pthread_mutex_unlock(&store->writing);
}

/* Some thousands at the most: they need no more than one hold of `writing`. */
void store_end_nodes(struct store *store)
{
	struct ordered_place place = {0, 0};
	struct node_metadata *node;
	bool begun;

	(void)pthread_mutex_lock(&store->writing);
	begun = round_end(&store->node_round);
	while (begun && (node = ordered_at(&store->node_metadata, place))) {
		const struct object_key key = {.name = node->name};

		if (!round_missed(&store->node_round, node->generation)) {
			place = ordered_next(&store->node_metadata, place);
			continue;
		}
		take_out(store, node);
		place = ordered_seek(&store->node_metadata, &key, compare_key);
		free_node(store, node);
	}
	(void)pthread_mutex_unlock(&store->writing);
}

size_t store_known_nodes(struct store *store)
{
	size_t nodes;

	(void)pthread_rwlock_rdlock(&store->lock);
	nodes = store->node_metadata.count;
	(void)pthread_rwlock_unlock(&store->lock);
	return nodes;
}
