/* What is served, and how readers see it. All of it needs the store's lock, for reading. */
#ifndef STORE_VIEW_H
#define STORE_VIEW_H

#include "aggregator/store/pod_metadata.h"
#include "aggregator/store/state.h"

/* One item of the store's set of pods, whichever kind it is. */
struct listed_pod {
	const char *namespace, *name, *uid;
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
			.labels = &metadata->set->labels,
			.known = metadata->pod,
		};
	return (struct listed_pod){
		.namespace = pod->namespace,
		.name = pod->name,
		.uid = pod->uid,
		.labels = &pod->node->labels,
		.known = pod,
	};
}

bool view_node_is_served(const struct store *store, const struct known_node *node, uint64_t now_ns);
bool view_pod_is_served(const struct store *store, const struct listed_pod *pod, uint64_t now_ns);

/* Of one that is served. */
struct store_node_view view_node(const struct store *store, const struct known_node *node);
struct store_pod_view view_pod(const struct listed_pod *pod);

#endif
