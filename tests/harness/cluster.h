/* A made-up cluster in a store: nodes, pods and containers with the figures that a test names, or
 * thousands of them. A failure ends the program: it is the test's own. */
#ifndef HARNESS_CLUSTER_H
#define HARNESS_CLUSTER_H

#include "aggregator/store/store.h"

#include <stddef.h>
#include <stdint.h>

#define CLUSTER_NO_FIGURE UINT64_MAX

struct cluster_usage {
	uint64_t cpu_nanocores, memory_bytes;
	uint64_t swap_bytes; /* CLUSTER_NO_FIGURE where there is none */
};

struct cluster_container {
	const char *name;
	struct cluster_usage usage;
};

struct cluster_pod {
	const char *namespace, *name;
	const struct cluster_container *container;
	size_t containers;
};

struct cluster_node {
	const char *name;
	struct cluster_usage usage;
	uint64_t timestamp_ms;
	uint32_t window_ms;
	const struct cluster_pod *pod;
	size_t pods;
};

/* A store that serves what has CPU and memory, and nothing expires in. */
struct store *cluster_store(struct telemetry *telemetry);

/* Applies a catalog and a sample. */
void cluster_put(struct store *store, const struct cluster_node *node);

struct cluster_shape {
	uint32_t first_node, nodes; /* node-00000 … */
	uint32_t pods, containers;  /* of each node, of each pod */
	uint32_t namespaces;
	uint32_t seed; /* of the figures */
};

/* Puts as many nodes, with figures of all widths; every third pod swaps. */
void cluster_fill(struct store *store, const struct cluster_shape *shape);

#endif
