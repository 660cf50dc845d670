#include "aggregator/store/columns_update.h"
#include "aggregator/store/named_pods.h"
#include "aggregator/store/node_register.h"
#include "aggregator/store/state.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>

/* --- catalogs --------------------------------------------------------------------------------- */

static void count_change(
	struct store *store, const struct known_node *before, const struct known_node *after)
{
	store->all_pods += (after ? after->pods : 0) - (uint64_t)(before ? before->pods : 0);
	store->containers += (after ? after->rows : 0) - (uint64_t)(before ? before->rows : 0);
	telemetry_set(store->count.nodes, store->nodes.count);
	telemetry_set(store->count.pods, store->all_pods);
	telemetry_set(store->count.containers, store->containers);
	telemetry_set(store->count.hidden, store->hidden);
	if (!store->options.metadata)
		return;
	telemetry_set(store->count.joined, store->join.joined);
	telemetry_set(store->count.contested, store->join.contested);
}

/* What can be done before the lock is taken. 0 or -ENOMEM. */
static int prepare(struct store *store, const struct known_node *before, struct known_node *node)
{
	uint64_t held_back;
	int claimed;

	if (!store->options.metadata)
		return 0;
	node->metadata = before ? before->metadata : node_register_find(store, node->name);
	claimed = pod_join_prepare_pods(&store->join, before, node);
	if (claimed > 0 && log_allowed(&store->claimed_log, NS_PER_SECOND, &held_back))
		log_warn(
			"node %s reports %d pods that another node reported first; that one's are served; "
			"%" PRIu64 " more such lines were held back",
			node->name, claimed, held_back);
	return claimed < 0 ? claimed : 0;
}

/* Puts `node` in the place of `before`, or where it belongs when that is NULL. The lock is held. 0,
 * or -ENOMEM: then nothing has changed. */
static int exchange(struct store *store, const struct known_node *before, struct known_node *node)
{
	int r = before ? 0 : ordered_insert(&store->nodes, node);

	if (r < 0)
		return r;
	if (store->options.metadata)
		pod_join_exchange_pods(&store->join, before, node);
	else
		r = named_pods_exchange(store, before, node);
	if (r == 0 && before)
		(void)ordered_replace(&store->nodes, node);
	else if (r < 0 && !before)
		(void)ordered_remove(&store->nodes, node);
	return r;
}

static int apply_catalog(struct store *store, const char *name, const Tacho__V1__Catalog *catalog,
	uint64_t now_ns, struct error *err)
{
	struct known_node *before = known_node_find(&store->nodes, name), *node;
	int r;

	if (!before && store->nodes.count >= store->options.max_nodes)
		return error_set(err, ENOSPC, "%" PRIu32 " nodes are known, which is the most",
			store->options.max_nodes);
	r = known_node_new(
		name, catalog, before, &store->key, !store->options.metadata, now_ns, &node, err);
	if (r < 0)
		return r;
	r = prepare(store, before, node);
	if (r == 0) {
		store_lock(store);
		r = exchange(store, before, node);
		(void)pthread_rwlock_unlock(&store->lock);
	}
	if (r < 0) {
		(void)error_errno(err, -r, "sorting in %" PRIu32 " pods", node->pods);
		known_node_free(node);
		return r;
	}
	count_change(store, before, node);
	known_node_free(before);
	return 0;
}

int store_apply_catalog(struct store *store, const char *node, const Tacho__V1__Catalog *catalog,
	uint64_t now_ns, struct error *err)
{
	int r;

	(void)pthread_mutex_lock(&store->writing);
	r = apply_catalog(store, node, catalog, now_ns, err);
	(void)pthread_mutex_unlock(&store->writing);
	if (r == 0) {
		telemetry_add(store->count.catalogs, 1);
		return 0;
	}
	if (r == -E2BIG)
		telemetry_add(store->count.catalogs_too_big, 1);
	else if (r == -ENOSPC)
		telemetry_add(store->count.catalogs_beyond_max_nodes, 1);
	else if (r == -ENOMEM)
		telemetry_add(store->count.catalogs_no_memory, 1);
	else
		telemetry_add(store->count.catalogs_invalid, 1);
	return error_context(err, r, "taking the catalog of node %.*s", STORE_MAX_NAME, node);
}

/* --- samples ---------------------------------------------------------------------------------- */

static int apply_sample(struct store *store, const char *name, const Tacho__V1__Sample *sample,
	uint64_t now_ns, struct error *err)
{
	struct known_node *node = known_node_find(&store->nodes, name);
	struct columns_update update;
	uint32_t without_window;
	int r;

	if (!node)
		return error_set(err, ESTALE, "no catalog of it is known");
	if (node->revision != sample->revision)
		return error_set(err, ESTALE,
			"it is of revision %" PRIu64 ", the catalog is of %" PRIu64,
			sample->revision, node->revision);
	r = columns_prepare(&node->columns, sample, &update, err);
	if (r < 0)
		return r;
	store_lock(store);
	without_window = columns_commit(&node->columns, &update);
	node->message_ns = now_ns;
	node->sample_ns = now_ns;
	node->sampled = true;
	(void)pthread_rwlock_unlock(&store->lock);
	columns_update_free(&update);
	telemetry_add(store->count.rows_without_window, without_window);
	return 0;
}

int store_apply_sample(struct store *store, const char *node, const Tacho__V1__Sample *sample,
	uint64_t now_ns, struct error *err)
{
	int r;

	(void)pthread_mutex_lock(&store->writing);
	r = apply_sample(store, node, sample, now_ns, err);
	(void)pthread_mutex_unlock(&store->writing);
	if (r == 0) {
		telemetry_add(store->count.samples, 1);
		return 0;
	}
	if (r == -ESTALE)
		telemetry_add(store->count.samples_stale, 1);
	else if (r == -ENOMEM)
		telemetry_add(store->count.samples_no_memory, 1);
	else
		telemetry_add(store->count.samples_invalid, 1);
	return error_context(err, r, "taking a sample of node %.*s", STORE_MAX_NAME, node);
}

/* --- expiry ----------------------------------------------------------------------------------- */

/* Takes the node out; returns where the next one stands. */
static struct ordered_place forget(struct store *store, struct known_node *node)
{
	const struct object_key key = {.name = node->name};
	struct ordered_place next;

	store_lock(store);
	if (store->options.metadata)
		pod_join_exchange_pods(&store->join, node, NULL);
	else
		(void)named_pods_exchange(store, node, NULL);
	(void)ordered_remove(&store->nodes, node);
	(void)pthread_rwlock_unlock(&store->lock);
	next = ordered_seek(&store->nodes, &key, known_node_compare_key);
	count_change(store, node, NULL);
	known_node_free(node);
	return next;
}

void store_expire(struct store *store, uint64_t now_ns)
{
	struct ordered_place place = {0, 0};
	uint64_t held_back;
	struct known_node *node;

	(void)pthread_mutex_lock(&store->writing);
	while ((node = ordered_at(&store->nodes, place))) {
		if (now_ns < node->message_ns ||
			now_ns - node->message_ns < store->options.expiry_ns) {
			place = ordered_next(&store->nodes, place);
			continue;
		}
		telemetry_add(store->count.expired, 1);
		if (log_allowed(&store->expired_log, NS_PER_SECOND, &held_back))
			log_warn("node %s is forgotten: nothing came from it for %u ms; %" PRIu64
				 " more were since the last such line",
				node->name, (unsigned)((now_ns - node->message_ns) / NS_PER_MS),
				held_back);
		place = forget(store, node);
	}
	(void)pthread_mutex_unlock(&store->writing);
}
