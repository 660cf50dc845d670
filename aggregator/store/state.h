/* What the parts of the store share. */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "aggregator/store/interned.h"
#include "aggregator/store/known_node.h"
#include "aggregator/store/label_index.h"
#include "aggregator/store/object_key.h"
#include "aggregator/store/ordered.h"
#include "aggregator/store/pod_join.h"
#include "aggregator/store/round.h"
#include "aggregator/store/store.h"
#include "aggregator/store/text_hash.h"
#include "base/log.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct store {
	struct store_options options; /* never changes */
	struct text_hash_key key;     /* the same */

	/* Two threads write, ingest and kube. Each operation of theirs holds this from its first
	 * look to its end, so that a writer reads what it likes without the lock below. Taken
	 * before that one. */
	pthread_mutex_t writing;
	/* Guards what readers can reach: both sets, the index, the join's links and the known
	 * nodes' columns. A writer holds it for writing while it changes them, some microseconds;
	 * what needs time (checking, allocating, growing tables, freeing) is done before and after.
	 * It prefers the writer: a crowd of readers must not keep a sample waiting. */
	pthread_rwlock_t lock;
	struct ordered nodes; /* struct known_node, by name */
	/* By namespace and name. With options.metadata struct pod_metadata, each pod of Kubernetes,
	 * whether it has figures or not; changed by the kube thread alone. Without, struct
	 * known_pod: those that have a name; of one name the pod to serve first, the one whose uid
	 * was seen last. */
	struct ordered pods;
	int (*compare_pod_key)(const void *key, const void *pod); /* for ordered_seek() in `pods` */
	struct store_totals totals;                               /* without options.metadata */

	/* With options.metadata. */
	struct ordered node_metadata; /* struct node_metadata, by name */
	struct label_index index;
	struct pod_join join;

	/* The writers' own. */
	struct interned texts;
	struct round pod_round, node_round;
	uint64_t containers; /* rows of all nodes */
	uint64_t all_pods;   /* with those that have no name */
	uint64_t hidden;     /* in `pods` behind another of their name */
	struct log_limit expired_log, claimed_log;
	struct {
		struct telemetry_series *catalogs, *catalogs_invalid, *catalogs_too_big,
			*catalogs_beyond_max_nodes, *catalogs_no_memory;
		struct telemetry_series *samples, *samples_stale, *samples_invalid,
			*samples_no_memory, *rows_without_window;
		struct telemetry_series *nodes, *pods, *containers, *hidden, *expired;
		/* with options.metadata */
		struct telemetry_series *metadata_invalid, *metadata_beyond_max_pods,
			*metadata_beyond_max_nodes, *metadata_no_memory;
		struct telemetry_series *pod_metadata, *node_metadata, *joined, *contested;
	} count;
	struct telemetry_histogram *waits; /* of the writers for the lock */
};

/* Takes the lock for writing; what that took is counted. */
void store_lock(struct store *store);

/* Counts why metadata was refused and returns `r` unchanged; `beyond` is for -ENOSPC. */
int store_count_refused(struct store *store, int r, struct telemetry_series *beyond);

#endif
