/* What is served, and how readers see it. All of it needs the store's lock, for reading. */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "aggregator/store/pod_metadata.h"
#include "aggregator/store/state.h"

/* One item of the store's set of pods, whichever kind it is. */
struct listed_pod {
	const char *namespace, *name, *uid;
	size_t namespace_length, name_length;
	const struct labels *labels;
	const struct known_pod *known; /* NULL: nobody measures it */
};

static inline struct listed_pod view_listed(const struct store *store, const void *item)
{
	const struct pod_metadata *metadata = item;
	const struct known_pod *pod = item;

	if (store->options.metadata)
		return (struct listed_pod){
			.namespace = pod_metadata_namespace(metadata),
			.name = pod_metadata_name(metadata),
			.uid = pod_metadata_uid(metadata),
			.namespace_length = metadata->group->namespace->name_length,
			.name_length = pod_metadata_name_length(metadata),
			.labels = &metadata->set->labels,
			.known = metadata->pod,
		};
	return (struct listed_pod){
		.namespace = pod->namespace,
		.name = pod->name,
		.uid = pod->uid,
		.namespace_length = pod->namespace_length,
		.name_length = pod->name_length,
		.labels = &pod->node->labels,
		.known = pod,
	};
}

bool view_node_is_served(const struct store *store, const struct known_node *node, uint64_t now_ns);

/* Of one that is served. */
struct store_node_view view_node(const struct store *store, const struct known_node *node);

/* The rest is asked for each pod of a list, and in the header for that. */

static inline bool view_node_is_fresh(
	const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	/* The sample may have come between reading the clock and taking the lock. */
	return node->sampled &&
	       (now_ns < node->sample_ns || now_ns - node->sample_ns < store->options.expiry_ns);
}

/* Where Kubernetes says which nodes there are, others are not served. */
static inline bool view_node_is_known(const struct store *store, const struct known_node *node)
{
	return !store->options.metadata || node->metadata;
}

static inline bool view_pod_is_served(
	const struct store *store, const struct listed_pod *listed, uint64_t now_ns)
{
	const struct known_pod *pod = listed->known;
	const uint16_t *row;

	if (!pod || pod->incomplete || pod->listed == 0 || !view_node_is_known(store, pod->node) ||
		!view_node_is_fresh(store, pod->node, now_ns))
		return false;
	row = pod->node->listed + pod->first_listed;
	for (uint16_t i = 0; i < pod->listed; i++)
		if (!columns_row_complete(&pod->node->columns, row[i], store->options.required))
			return false;
	return true;
}

/* Of one that is served. */
static inline struct store_pod_view view_pod(const struct listed_pod *listed)
{
	const struct known_pod *pod = listed->known;
	const struct known_node *node = pod->node;
	uint32_t window_ms = UINT32_MAX;

	for (uint16_t i = 0; i < pod->listed; i++) {
		uint32_t row_ms = node->columns.row_window_ms[node->listed[pod->first_listed + i]];

		if (row_ms < window_ms)
			window_ms = row_ms;
	}
	return (struct store_pod_view){
		.namespace = listed->namespace,
		.name = listed->name,
		.namespace_length = listed->namespace_length,
		.name_length = listed->name_length,
		.uid = listed->uid,
		.node = node->name,
		.labels = listed->labels,
		.timestamp_ms = node->columns.timestamp_ms,
		.window_ms = window_ms,
		.containers = pod->listed,
		.opaque = pod,
	};
}

#endif
