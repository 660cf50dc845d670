/* The readers' half of the store. */
#include "aggregator/store/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* How many pods before its visit each part of a pod is fetched. */
#define FETCH_POD     24
#define FETCH_TEXT    16
#define FETCH_FIGURES 8

/* --- what is served --------------------------------------------------------------------------- */

static bool is_fresh(const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	/* The sample may have come between reading the clock and taking the lock. */
	return node->sampled &&
	       (now_ns < node->sample_ns || now_ns - node->sample_ns < store->options.expiry_ns);
}

static bool node_is_served(
	const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	return is_fresh(store, node, now_ns) &&
	       columns_node_complete(&node->columns, store->options.required);
}

static bool pod_is_served(const struct store *store, const struct known_pod *pod, uint64_t now_ns)
{
	const uint16_t *listed = pod->node->listed + pod->first_listed;

	if (pod->incomplete || pod->listed == 0 || !is_fresh(store, pod->node, now_ns))
		return false;
	for (uint16_t i = 0; i < pod->listed; i++)
		if (!columns_row_complete(&pod->node->columns, listed[i], store->options.required))
			return false;
	return true;
}

/* --- views ------------------------------------------------------------------------------------ */

static struct store_node_view view_node(const struct known_node *node)
{
	return (struct store_node_view){
		.name = node->name,
		.labels = &node->labels,
		.cpu_millicores = node->cpu_millicores,
		.memory_bytes = node->memory_bytes,
		.timestamp_ms = node->columns.timestamp_ms,
		.window_ms = node->columns.window_ms,
		.opaque = node,
	};
}

static struct store_pod_view view_pod(const struct known_pod *pod)
{
	const struct known_node *node = pod->node;
	uint32_t window_ms = UINT32_MAX;

	for (uint16_t i = 0; i < pod->listed; i++) {
		uint32_t row_ms = node->columns.row_window_ms[node->listed[pod->first_listed + i]];

		if (row_ms < window_ms)
			window_ms = row_ms;
	}
	return (struct store_pod_view){
		.namespace = pod->namespace,
		.name = pod->name,
		.uid = pod->uid,
		.node = node->name,
		.labels = &node->labels,
		.timestamp_ms = node->columns.timestamp_ms,
		.window_ms = window_ms,
		.containers = pod->listed,
		.opaque = pod,
	};
}

bool store_node_value(const struct store_node_view *node, enum metric metric, uint64_t *ret_value)
{
	return columns_node_value(
		&((const struct known_node *)node->opaque)->columns, metric, ret_value);
}

static uint16_t row_of(const struct store_pod_view *view, uint32_t container)
{
	const struct known_pod *pod = view->opaque;

	return pod->node->listed[pod->first_listed + container];
}

bool store_container_value(const struct store_pod_view *pod, uint32_t container, enum metric metric,
	uint64_t *ret_value)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;

	return columns_value(&node->columns, row_of(pod, container), metric, ret_value);
}

const char *store_container_name(const struct store_pod_view *pod, uint32_t container)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;

	return node->row[row_of(pod, container)].name;
}

/* --- cursors ---------------------------------------------------------------------------------- */

void store_cursor_free(struct store_cursor *cursor)
{
	free(cursor->namespace);
	free(cursor->name);
	*cursor = (struct store_cursor){0};
}

/* Makes room for the longest key, so that moving on can't fail. */
static int cursor_prepare(struct store_cursor *cursor)
{
	if (!cursor->namespace)
		cursor->namespace = malloc(STORE_MAX_NAME + 1);
	if (!cursor->name)
		cursor->name = malloc(STORE_MAX_NAME + 1);
	if (!cursor->namespace || !cursor->name)
		return -ENOMEM;
	if (!cursor->started)
		*cursor->namespace = *cursor->name = '\0';
	return 0;
}

int store_cursor_copy(const struct store_cursor *cursor, struct store_cursor *ret_copy)
{
	struct store_cursor copy = {0};

	if (cursor_prepare(&copy) < 0) {
		store_cursor_free(&copy);
		return -ENOMEM;
	}
	if (cursor->started) {
		memcpy(copy.namespace, cursor->namespace, strlen(cursor->namespace) + 1);
		memcpy(copy.name, cursor->name, strlen(cursor->name) + 1);
	}
	copy.started = cursor->started;
	copy.finished = cursor->finished;
	*ret_copy = copy;
	return 0;
}

static void cursor_move(struct store_cursor *cursor, const char *namespace, const char *name)
{
	memcpy(cursor->namespace, namespace, strlen(namespace) + 1);
	memcpy(cursor->name, name, strlen(name) + 1);
	cursor->started = true;
}

/* --- walking ---------------------------------------------------------------------------------- */

int store_visit_nodes(struct store *store, struct store_cursor *cursor, size_t most,
	store_node_visitor visitor, void *context)
{
	uint64_t now_ns = store->options.clock();
	const struct known_node *node, *passed = NULL;
	struct ordered_place place;
	struct store_key key;

	if (cursor->finished)
		return 0;
	if (cursor_prepare(cursor) < 0)
		return -ENOMEM;
	key = (struct store_key){.name = cursor->name, .behind = cursor->started};
	(void)pthread_rwlock_rdlock(&store->lock);
	place = ordered_seek(&store->nodes, &key, store_compare_node_key);
	while ((node = ordered_at(&store->nodes, place)) && most > 0) {
		if (node_is_served(store, node, now_ns)) {
			const struct store_node_view view = view_node(node);

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

static bool has_name(const struct known_pod *pod, const char *namespace, const char *name)
{
	return strcmp(pod->name, name) == 0 && strcmp(pod->namespace, namespace) == 0;
}

/* The pod at `place` while that is in `namespace` (NULL: any), else NULL. */
static const struct known_pod *pod_at(
	const struct store *store, struct ordered_place place, const char *namespace)
{
	const struct known_pod *pod = ordered_at(&store->pods, place);

	return pod && (!namespace || strcmp(pod->namespace, namespace) == 0) ? pod : NULL;
}

/* Neighbours in the order of names lie anywhere in memory, and a pod is some ten cache lines that
 * point at each other. So they are fetched while the pods before it are visited, each step some
 * pods after the one that it reads from. A long walk takes a third of the time by this. */
static void fetch_ahead(const struct store *store, struct ordered_place place)
{
	const struct known_pod *pod = ordered_ahead(&store->pods, place, FETCH_POD);

	if (pod)
		__builtin_prefetch(pod);
	pod = ordered_ahead(&store->pods, place, FETCH_TEXT);
	if (pod) {
		__builtin_prefetch(pod->namespace);
		__builtin_prefetch(pod->namespace + 64);
		__builtin_prefetch(pod->node);
		__builtin_prefetch(&pod->node->columns);
	}
	pod = ordered_ahead(&store->pods, place, FETCH_FIGURES);
	if (pod) {
		const struct columns *columns = &pod->node->columns;

		__builtin_prefetch(&pod->node->row[pod->first_row]);
		__builtin_prefetch(&pod->node->listed[pod->first_listed]);
		__builtin_prefetch(&columns->row_window_ms[pod->first_row]);
		__builtin_prefetch(&columns->value[pod->first_row]);
		__builtin_prefetch(&columns->value[pod->first_row + columns->rows]);
	}
}

int store_visit_pods(struct store *store, const char *namespace, const struct labels *having,
	struct store_cursor *cursor, size_t most, store_pod_visitor visitor, void *context)
{
	uint64_t now_ns = store->options.clock();
	const struct known_pod *pod, *passed = NULL;
	struct ordered_place place;
	struct store_key key;

	(void)having; /* no index yet */
	if (cursor->finished)
		return 0;
	if (cursor_prepare(cursor) < 0)
		return -ENOMEM;
	if (cursor->started)
		key = (struct store_key){cursor->namespace, cursor->name, true};
	else
		key = (struct store_key){namespace ? namespace : "", "", false};
	(void)pthread_rwlock_rdlock(&store->lock);
	place = ordered_seek(&store->pods, &key, store_compare_pod_key);
	while ((pod = pod_at(store, place, namespace)) && most > 0) {
		bool hidden;

		fetch_ahead(store, place);
		hidden = passed && has_name(pod, passed->namespace, passed->name);

		if (!hidden && pod_is_served(store, pod, now_ns)) {
			const struct store_pod_view view = view_pod(pod);

			if (!visitor(context, &view))
				break;
		}
		passed = pod;
		most--;
		place = ordered_next(&store->pods, place);
	}
	if (passed)
		cursor_move(cursor, passed->namespace, passed->name);
	cursor->finished = !pod;
	(void)pthread_rwlock_unlock(&store->lock);
	return 0;
}

bool store_get_node(
	struct store *store, const char *name, store_node_visitor visitor, void *context)
{
	const struct store_key key = {.name = name};
	uint64_t now_ns = store->options.clock();
	const struct known_node *node;
	bool served;

	(void)pthread_rwlock_rdlock(&store->lock);
	node = ordered_at(&store->nodes, ordered_seek(&store->nodes, &key, store_compare_node_key));
	served = node && strcmp(node->name, name) == 0 && node_is_served(store, node, now_ns);
	if (served) {
		const struct store_node_view view = view_node(node);

		(void)visitor(context, &view);
	}
	(void)pthread_rwlock_unlock(&store->lock);
	return served;
}

bool store_get_pod(struct store *store, const char *namespace, const char *name,
	store_pod_visitor visitor, void *context)
{
	const struct store_key key = {namespace, name, false};
	uint64_t now_ns = store->options.clock();
	const struct known_pod *pod;
	bool served;

	(void)pthread_rwlock_rdlock(&store->lock);
	pod = ordered_at(&store->pods, ordered_seek(&store->pods, &key, store_compare_pod_key));
	served = pod && has_name(pod, namespace, name) && pod_is_served(store, pod, now_ns);
	if (served) {
		const struct store_pod_view view = view_pod(pod);

		(void)visitor(context, &view);
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
		served += node_is_served(store, node, now_ns);
	(void)pthread_rwlock_unlock(&store->lock);
	return served;
}

struct store_totals store_totals(struct store *store)
{
	struct store_totals totals;

	(void)pthread_rwlock_rdlock(&store->lock);
	totals = store->totals;
	(void)pthread_rwlock_unlock(&store->lock);
	return totals;
}
