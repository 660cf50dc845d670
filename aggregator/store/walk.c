/* The readers' half of the store. */
#include "aggregator/store/cursor.h"
#include "aggregator/store/having_walk.h"
#include "aggregator/store/pod_walk.h"
#include "aggregator/store/state.h"
#include "aggregator/store/view.h"

#include <errno.h>
#include <string.h>

int store_visit_nodes(struct store *store, struct store_cursor *cursor, size_t most,
	store_node_visitor visitor, void *context)
{
	uint64_t now_ns = store->options.clock();
	const struct known_node *node, *passed = NULL;
	struct ordered_place place;
	struct object_key key;

	if (cursor->finished)
		return 0;
	if (cursor_prepare(cursor) < 0)
		return -ENOMEM;
	key = (struct object_key){.name = cursor->name, .behind = cursor->started};
	(void)pthread_rwlock_rdlock(&store->lock);
	place = ordered_seek(&store->nodes, &key, known_node_compare_key);
	while ((node = ordered_at(&store->nodes, place)) && most > 0) {
		if (view_node_is_served(store, node, now_ns)) {
			const struct store_node_view view = view_node(store, node);

			if (!visitor(context, &view))
				break;
		}
		passed = node;
		most--;
		place = ordered_next(&store->nodes, place);
	}
	if (passed)
		cursor_move(cursor, "", passed->name);
	cursor->finished = !node;
	(void)pthread_rwlock_unlock(&store->lock);
	return 0;
}

int store_visit_pods(struct store *store, const char *namespace, const struct labels *having,
	struct store_cursor *cursor, size_t most, store_pod_visitor visitor, void *context)
{
	const struct pod_walk walk = {
		.store = store,
		.now_ns = store->options.clock(),
		.namespace = namespace,
		.cursor = cursor,
		.most = most,
		.visitor = visitor,
		.context = context,
	};

	if (cursor->finished)
		return 0;
	if (cursor_prepare(cursor) < 0)
		return -ENOMEM;
	(void)pthread_rwlock_rdlock(&store->lock);
	if (!having || !having_walk(&walk, having))
		pod_walk(&walk);
	(void)pthread_rwlock_unlock(&store->lock);
	return 0;
}

bool store_get_node(
	struct store *store, const char *name, store_node_visitor visitor, void *context)
{
	uint64_t now_ns = store->options.clock();
	const struct known_node *node;
	bool served;

	(void)pthread_rwlock_rdlock(&store->lock);
	node = known_node_find(&store->nodes, name);
	served = node && view_node_is_served(store, node, now_ns);
	if (served) {
		const struct store_node_view view = view_node(store, node);

		(void)visitor(context, &view);
	}
	(void)pthread_rwlock_unlock(&store->lock);
	return served;
}

bool store_get_pod(struct store *store, const char *namespace, const char *name,
	store_pod_visitor visitor, void *context)
{
	const struct object_key key = {namespace, name, false};
	uint64_t now_ns = store->options.clock();
	const void *item;
	bool served = false;

	(void)pthread_rwlock_rdlock(&store->lock);
	item = ordered_at(&store->pods, ordered_seek(&store->pods, &key, store->compare_pod_key));
	if (item && store->compare_pod_key(&key, item) == 0) {
		const struct listed_pod pod = view_listed(store, item);

		served = view_pod_is_served(store, &pod, now_ns);
		if (served) {
			const struct store_pod_view view = view_pod(&pod);

			(void)visitor(context, &view);
		}
	}
	(void)pthread_rwlock_unlock(&store->lock);
	return served;
}

size_t store_served_nodes(struct store *store)
{
	uint64_t now_ns = store->options.clock();
	struct ordered_place place = {0, 0};
	const struct known_node *node;
	size_t served = 0;

	(void)pthread_rwlock_rdlock(&store->lock);
	for (; (node = ordered_at(&store->nodes, place));
		place = ordered_next(&store->nodes, place))
		served += view_node_is_served(store, node, now_ns);
	(void)pthread_rwlock_unlock(&store->lock);
	return served;
}

struct store_totals store_totals(struct store *store)
{
	struct store_totals totals;

	(void)pthread_rwlock_rdlock(&store->lock);
	totals = store->options.metadata ? store->join.totals : store->totals;
	(void)pthread_rwlock_unlock(&store->lock);
	return totals;
}
