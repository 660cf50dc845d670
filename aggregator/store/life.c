#include "aggregator/store/named_pods.h"
#include "aggregator/store/node_register.h"
#include "aggregator/store/pod_metadata.h"
#include "aggregator/store/pod_register.h"
#include "aggregator/store/state.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define REFUSED_NAME "tacho_aggregator_catalogs_refused_total"
#define REFUSED_HELP "Catalogs that were not taken"
#define DROPPED_NAME "tacho_aggregator_samples_dropped_total"
#define DROPPED_HELP "Samples that were not taken"

/* To a tenth of a millisecond nobody minds; beyond one, a list holds up samples. */
static const struct telemetry_bucket WAITS[] = {
	{10 * NS_PER_MS / 1000, "0.00001"},
	{100 * NS_PER_MS / 1000, "0.0001"},
	{NS_PER_MS, "0.001"},
	{10 * NS_PER_MS, "0.01"},
	{100 * NS_PER_MS, "0.1"},
};

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
	store->waits = telemetry_histogram(t, "tacho_aggregator_store_wait_seconds",
		"How long who writes to the store waited for who reads it", NULL, NULL, WAITS,
		sizeof(WAITS) / sizeof(WAITS[0]));
}

#define METADATA_NAME "tacho_aggregator_metadata_refused_total"
#define METADATA_HELP "Pods and nodes of Kubernetes that were not taken"

static void register_metadata_telemetry(struct store *store)
{
	struct telemetry *t = store->options.telemetry;

	store->count.metadata_invalid =
		telemetry_counter(t, METADATA_NAME, METADATA_HELP, "reason", "invalid");
	store->count.metadata_beyond_max_pods =
		telemetry_counter(t, METADATA_NAME, METADATA_HELP, "reason", "max_pods");
	store->count.metadata_beyond_max_nodes =
		telemetry_counter(t, METADATA_NAME, METADATA_HELP, "reason", "max_nodes");
	store->count.metadata_no_memory =
		telemetry_counter(t, METADATA_NAME, METADATA_HELP, "reason", "no_memory");
	store->count.pod_metadata = telemetry_gauge(t, "tacho_aggregator_metadata_pods",
		"Pods that Kubernetes says there are", NULL, NULL);
	store->count.node_metadata = telemetry_gauge(t, "tacho_aggregator_metadata_nodes",
		"Nodes that Kubernetes says there are", NULL, NULL);
	store->count.joined = telemetry_gauge(t, "tacho_aggregator_pods_joined",
		"Pods of Kubernetes that an agent measures", NULL, NULL);
	store->count.contested = telemetry_gauge(t, "tacho_aggregator_pods_contested",
		"Pods not served because another node claimed their uid first", NULL, NULL);
}

void store_lock(struct store *store)
{
	uint64_t since_ns;

	if (pthread_rwlock_trywrlock(&store->lock) == 0) {
		telemetry_observe(store->waits, 0);
		return;
	}
	since_ns = clock_monotonic_ns();
	(void)pthread_rwlock_wrlock(&store->lock);
	telemetry_observe(store->waits, clock_monotonic_ns() - since_ns);
}

int store_count_refused(struct store *store, int r, struct telemetry_series *beyond)
{
	if (r == -EINVAL)
		telemetry_add(store->count.metadata_invalid, 1);
	else if (r == -ENOSPC)
		telemetry_add(beyond, 1);
	else if (r < 0)
		telemetry_add(store->count.metadata_no_memory, 1);
	return r;
}

static void make_locks(struct store *store)
{
	pthread_rwlockattr_t attributes;
	pthread_mutexattr_t spinning;

	(void)pthread_rwlockattr_init(&attributes);
	(void)pthread_rwlockattr_setkind_np(
		&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void)pthread_rwlock_init(&store->lock, &attributes);
	(void)pthread_rwlockattr_destroy(&attributes);
	/* Held for microseconds, thousands of times one after the other while kube lists: who waits
	 * for it in the kernel would hardly ever find it free. */
	(void)pthread_mutexattr_init(&spinning);
	(void)pthread_mutexattr_settype(&spinning, PTHREAD_MUTEX_ADAPTIVE_NP);
	(void)pthread_mutex_init(&store->writing, &spinning);
	(void)pthread_mutexattr_destroy(&spinning);
}

struct store *store_new(const struct store_options *options, struct error *err)
{
	struct store *store = calloc(1, sizeof(*store));

	if (!store) {
		(void)error_errno(err, ENOMEM, "making the store");
		return NULL;
	}
	if (text_hash_key_make(&store->key, err) < 0) {
		free(store);
		return NULL;
	}
	store->options = *options;
	if (!store->options.clock)
		store->options.clock = clock_monotonic_ns;
	store->nodes.compare = known_node_compare;
	store->pods.compare = options->metadata ? pod_metadata_compare : named_pods_compare;
	store->compare_pod_key =
		options->metadata ? pod_metadata_compare_key : named_pods_compare_key;
	store->node_metadata.compare = node_register_compare;
	store->index.key = store->join.key = store->texts.key = &store->key;
	store->index.compare_pods = pod_metadata_compare_in_group;
	make_locks(store);
	register_telemetry(store);
	if (options->metadata)
		register_metadata_telemetry(store);
	return store;
}

void store_free(struct store *store)
{
	struct ordered_place place = {0, 0};
	struct known_node *node;

	if (!store)
		return;
	pod_register_free(store);
	node_register_free(store);
	while ((node = ordered_at(&store->nodes, place))) {
		place = ordered_next(&store->nodes, place);
		known_node_free(node);
	}
	ordered_free(&store->nodes);
	ordered_free(&store->pods);
	pod_join_free(&store->join);
	label_index_free(&store->index);
	interned_free(&store->texts);
	(void)pthread_mutex_destroy(&store->writing);
	(void)pthread_rwlock_destroy(&store->lock);
	free(store);
}
