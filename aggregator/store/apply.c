#include "aggregator/store/state.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* --- order ------------------------------------------------------------------------------------ */

int store_compare_node_key(const void *key, const void *item)
{
	const struct store_key *wanted = key;
	const struct known_node *node = item;
	int order = strcmp(wanted->name, node->name);

	return order ? order : wanted->behind;
}

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct known_node *)a)->name, ((const struct known_node *)b)->name);
}

int store_compare_pod_key(const void *key, const void *item)
{
	const struct store_key *wanted = key;
	const struct known_pod *pod = item;
	int order = strcmp(wanted->namespace, pod->namespace);

	if (order == 0)
		order = strcmp(wanted->name, pod->name);
	return order ? order : wanted->behind;
}

static int compare_pods(const void *a, const void *b)
{
	const struct known_pod *left = a, *right = b;
	const struct store_key key = {left->namespace, left->name, false};
	int order = store_compare_pod_key(&key, right);

	if (order == 0) /* seen later: stands before the other */
		order = (left->first_seen_ns < right->first_seen_ns) -
			(left->first_seen_ns > right->first_seen_ns);
	if (order == 0)
		order = strcmp(left->uid, right->uid);
	return order ? order : compare_nodes(left->node, right->node);
}

/* --- life ------------------------------------------------------------------------------------- */

#define REFUSED_NAME "tacho_aggregator_catalogs_refused_total"
#define REFUSED_HELP "Catalogs that were not taken"
#define DROPPED_NAME "tacho_aggregator_samples_dropped_total"
#define DROPPED_HELP "Samples that were not taken"

static void register_telemetry(struct store *store)
{
	struct telemetry *t = store->options.telemetry;

	store->count.catalogs = telemetry_counter(
		t, "tacho_aggregator_catalogs_total", "Catalogs that were taken", NULL, NULL);
	store->count.catalogs_invalid =
		telemetry_counter(t, REFUSED_NAME, REFUSED_HELP, "reason", "invalid");
	store->count.catalogs_too_big =
		telemetry_counter(t, REFUSED_NAME, REFUSED_HELP, "reason", "too_big");
	store->count.catalogs_beyond_max_nodes =
		telemetry_counter(t, REFUSED_NAME, REFUSED_HELP, "reason", "max_nodes");
	store->count.catalogs_no_memory =
		telemetry_counter(t, REFUSED_NAME, REFUSED_HELP, "reason", "no_memory");
	store->count.samples = telemetry_counter(
		t, "tacho_aggregator_samples_total", "Samples that were taken", NULL, NULL);
	store->count.samples_stale =
		telemetry_counter(t, DROPPED_NAME, DROPPED_HELP, "reason", "unknown_revision");
	store->count.samples_invalid =
		telemetry_counter(t, DROPPED_NAME, DROPPED_HELP, "reason", "invalid");
	store->count.samples_no_memory =
		telemetry_counter(t, DROPPED_NAME, DROPPED_HELP, "reason", "no_memory");
	store->count.rows_without_window = telemetry_counter(t,
		"tacho_aggregator_rows_without_window_total",
		"Rows of samples left out because their window was not positive", NULL, NULL);
	store->count.nodes =
		telemetry_gauge(t, "tacho_aggregator_nodes", "Nodes that are known", NULL, NULL);
	store->count.pods =
		telemetry_gauge(t, "tacho_aggregator_pods", "Pods that are known", NULL, NULL);
	store->count.containers = telemetry_gauge(
		t, "tacho_aggregator_containers", "Containers that are known", NULL, NULL);
	store->count.hidden = telemetry_gauge(t, "tacho_aggregator_pods_hidden",
		"Pods not served because a newer one has the same namespace and name", NULL, NULL);
	store->count.expired = telemetry_counter(t, "tacho_aggregator_nodes_expired_total",
		"Nodes forgotten because nothing came from them", NULL, NULL);
}

struct store *store_new(const struct store_options *options, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));
	pthread_rwlockattr_t attributes;

	if (!store) {
		(void)error_errno(err, ENOMEM, "making the store");
		return NULL;
	}
	store->options = *options;
	if (!store->options.clock)
		store->options.clock = clock_monotonic_ns;
	store->nodes.compare = compare_nodes;
	store->pods.compare = compare_pods;
	(void)pthread_rwlockattr_init(&attributes);
	(void)pthread_rwlockattr_setkind_np(
		&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&store->lock, &attributes);
	(void)pthread_rwlockattr_destroy(&attributes);
	register_telemetry(store);
	return store;
}

void store_free(struct store *store)
{
	struct ordered_place place = {0, 0};
	struct known_node *node;

	if (!store)
		return;
	while ((node = ordered_at(&store->nodes, place))) {
		place = ordered_next(&store->nodes, place);
		known_node_free(node);
	}
	ordered_free(&store->nodes);
	ordered_free(&store->pods);
	(void)pthread_rwlock_destroy(&store->lock);
	free(store);
}

/* --- the writer ------------------------------------------------------------------------------- */

static struct known_node *find_node(const struct store *store, const char *name)
{
	const struct store_key key = {.name = name};
	struct known_node *node = ordered_at(
		&store->nodes, ordered_seek(&store->nodes, &key, store_compare_node_key));

	return node && strcmp(node->name, name) == 0 ? node : NULL;
}

/* Whether another pod of the same name is in the set. */
static bool shares_its_name(const struct store *store, const struct known_pod *pod)
{
	const struct store_key key = {pod->namespace, pod->name, false};
	struct ordered_place place = ordered_seek(&store->pods, &key, store_compare_pod_key);
	const struct known_pod *first = ordered_at(&store->pods, place);

	if (first == pod)
		first = ordered_at(&store->pods, ordered_next(&store->pods, place));
	return first && store_compare_pod_key(&key, first) == 0;
}

/* Whether the pod stands in the set where a pod of `other`, the same node before or after a
 * catalog, stood or will stand. `other` may be NULL. */
static bool stays(const struct known_pod *pod, const struct known_node *other)
{
	const struct known_pod *like = other ? known_node_find_pod(other, pod->uid) : NULL;

	return like && compare_pods(pod, like) == 0;
}

/* Takes those of the node's first `count` pods out of the set that do not stay. */
static void remove_pods(struct store *store, const struct known_node *node, uint32_t count,
	const struct known_node *other)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct known_pod *pod = &node->pod[i];

		if (!known_pod_is_named(pod) || stays(pod, other))
			continue;
		store->hidden -= shares_its_name(store, pod);
		(void)ordered_remove(&store->pods, pod);
	}
}

/* Puts those of the node's pods into the set that were not there before. 0, or -ENOMEM: then none
 * of them is. */
static int insert_pods(
	struct store *store, struct known_node *node, const struct known_node *before)
{
	for (uint32_t i = 0; i < node->pods; i++) {
		struct known_pod *pod = &node->pod[i];

		if (!known_pod_is_named(pod) || stays(pod, before))
			continue;
		if (ordered_insert(&store->pods, pod) < 0) {
			remove_pods(store, node, i, before);
			return -ENOMEM;
		}
		store->hidden += shares_its_name(store, pod);
	}
	return 0;
}

static void take_off(struct store_totals *from, const struct store_totals *totals)
{
	from->pods -= totals->pods;
	from->containers -= totals->containers;
	from->name_bytes -= totals->name_bytes;
	from->labels -= totals->labels;
	from->label_bytes -= totals->label_bytes;
}

static void put_on(struct store_totals *to, const struct store_totals *totals)
{
	to->pods += totals->pods;
	to->containers += totals->containers;
	to->name_bytes += totals->name_bytes;
	to->labels += totals->labels;
	to->label_bytes += totals->label_bytes;
}

/* Puts `node` in the place of `before`, or where it belongs when that is NULL. The lock is held. 0,
 * or -ENOMEM: then nothing has changed. */
static int exchange(struct store *store, const struct known_node *before, struct known_node *node)
{
	int r = insert_pods(store, node, before);

	if (r < 0)
		return r;
	if (!before) {
		r = ordered_insert(&store->nodes, node);
		if (r < 0)
			remove_pods(store, node, node->pods, NULL);
		return r;
	}
	remove_pods(store, before, before->pods, node);
	for (uint32_t i = 0; i < node->pods; i++)
		if (known_pod_is_named(&node->pod[i]) && stays(&node->pod[i], before))
			(void)ordered_replace(&store->pods, &node->pod[i]);
	(void)ordered_replace(&store->nodes, node);
	return 0;
}

static void count_change(
	struct store *store, const struct known_node *before, const struct known_node *after)
{
	store->all_pods += (after ? after->pods : 0) - (uint64_t)(before ? before->pods : 0);
	store->containers += (after ? after->rows : 0) - (uint64_t)(before ? before->rows : 0);
	telemetry_set(store->count.nodes, store->nodes.count);
	telemetry_set(store->count.pods, store->all_pods);
	telemetry_set(store->count.containers, store->containers);
	telemetry_set(store->count.hidden, store->hidden);
}

static int apply_catalog(struct store *store, const char *name, const Tacho__V1__Catalog *catalog,
	uint64_t now_ns, struct error *err)
{
	struct known_node *before = find_node(store, name), *node;
	int r;

	if (!before && store->nodes.count >= store->options.max_nodes)
		return error_set(err, ENOSPC, "%" PRIu32 " nodes are known, which is the most",
			store->options.max_nodes);
	r = known_node_new(name, catalog, before, now_ns, &node, err);
	if (r < 0)
		return r;
	(void)pthread_rwlock_wrlock(&store->lock);
	r = exchange(store, before, node);
	if (r == 0 && before)
		take_off(&store->totals, &before->totals);
	if (r == 0)
		put_on(&store->totals, &node->totals);
	(void)pthread_rwlock_unlock(&store->lock);
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
	int r = apply_catalog(store, node, catalog, now_ns, err);

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

static int apply_sample(struct store *store, const char *name, const Tacho__V1__Sample *sample,
	uint64_t now_ns, struct error *err)
{
	struct known_node *node = find_node(store, name);
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
	(void)pthread_rwlock_wrlock(&store->lock);
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
	int r = apply_sample(store, node, sample, now_ns, err);

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

/* Takes the node out; returns where the next one stands. */
static struct ordered_place forget(struct store *store, struct known_node *node)
{
	const struct store_key key = {.name = node->name};
	struct ordered_place next;

	(void)pthread_rwlock_wrlock(&store->lock);
	remove_pods(store, node, node->pods, NULL);
	(void)ordered_remove(&store->nodes, node);
	take_off(&store->totals, &node->totals);
	(void)pthread_rwlock_unlock(&store->lock);
	next = ordered_seek(&store->nodes, &key, store_compare_node_key);
	count_change(store, node, NULL);
	known_node_free(node);
	return next;
}

void store_expire(struct store *store, uint64_t now_ns)
{
	struct ordered_place place = {0, 0};
	uint64_t held_back;
	struct known_node *node;

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
}
