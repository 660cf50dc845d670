/* What the two halves of the store share: apply.c writes, walk.c reads. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "aggregator/store/known_node.h"
#include "aggregator/store/ordered.h"
#include "aggregator/store/store.h"
#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store {
	struct store_options options; /* never changes */
	/* Guards everything that can be reached from the two sets. The writer alone changes it, so
	 * the writer reads without it. It prefers the writer: a crowd of readers must not keep a
	 * sample waiting. */
	pthread_rwlock_t lock;
	struct ordered nodes; /* struct known_node, by name */
	/* The pods that have a name, by namespace and name; of one name the pod to serve first:
	 * the one whose uid was seen last. */
	struct ordered pods;
	struct store_totals totals;

	/* The writer's own. */
	uint64_t containers; /* rows of all nodes */
	uint64_t all_pods;   /* with those that have no name */
	uint64_t hidden;     /* in `pods` behind another of their name */
	struct log_limit expired_log;
	struct {
		struct telemetry_series *catalogs, *catalogs_invalid, *catalogs_too_big,
			*catalogs_beyond_max_nodes, *catalogs_no_memory;
		struct telemetry_series *samples, *samples_stale, *samples_invalid,
			*samples_no_memory, *rows_without_window;
		struct telemetry_series *nodes, *pods, *containers, *hidden, *expired;
	} count;
};

/* What a set is asked for; nodes have no namespace. */
struct store_key {
	const char *namespace, *name;
	bool behind; /* stands behind everything of this name instead of before it */
};

/* For ordered_seek(): where a struct store_key stands to a node, to a pod. */
int store_compare_node_key(const void *key, const void *node);
int store_compare_pod_key(const void *key, const void *pod);

#endif
