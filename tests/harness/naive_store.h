/* What the store must serve, worked out anew each time from a few flat tables: the rules of store.h
 * as plainly as they can be said, for random operations to be held against. The world is small:
 * some nodes, uids, namespaces and names, all numbers here. Pods have one container. */
#ifndef HARNESS_NAIVE_STORE_H
#define HARNESS_NAIVE_STORE_H

#include "aggregator/store/labels.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NAIVE_NODES      3
#define NAIVE_UIDS       6
#define NAIVE_NAMESPACES 2
#define NAIVE_NAMES      4
#define NAIVE_SLOTS      (NAIVE_NAMESPACES * NAIVE_NAMES) /* namespace and name */
#define NAIVE_LABEL_SETS 6

/* A pod of one agent. */
struct naive_row {
	bool there;
	int slot; /* what the agent calls it */
	uint64_t first_seen_ns, claim;
	bool incomplete, has_figures;
	uint64_t cpu;
};

struct naive_node {
	bool there, sampled;
	uint64_t message_ns, sample_ns;
	struct naive_row row[NAIVE_UIDS];
	/* of Kubernetes */
	bool known, marked;
	int labels;
};

/* A pod of Kubernetes. */
struct naive_pod {
	bool there, marked;
	int uid, cgroup_uid, labels;
	uint64_t order;
};

struct naive_store {
	bool metadata;
	uint64_t expiry_ns, now_ns;
	struct naive_node node[NAIVE_NODES];
	struct naive_pod pod[NAIVE_SLOTS]; /* by slot */
	uint64_t claims, orders;
};

/* The label sets that pods and nodes have. */
extern const struct labels NAIVE_LABELS[NAIVE_LABEL_SETS];

/* The agent of `node` sends a catalog: row[uid] of those that are there, of which slot and
 * incomplete count. */
void naive_catalog(struct naive_store *naive, int node, const struct naive_row row[NAIVE_UIDS]);

/* It sends a sample; the pod of each uid has the CPU first + uid. */
void naive_sample(struct naive_store *naive, int node, uint64_t first);
void naive_expire(struct naive_store *naive);

/* Kubernetes says that the pod is there. */
void naive_put(struct naive_store *naive, int slot, int uid, int cgroup_uid, int labels);

/* What is served in this slot: its row and its uid; NULL: nothing. */
const struct naive_row *naive_served(const struct naive_store *naive, int slot, int *ret_uid);
bool naive_node_served(const struct naive_store *naive, int node);

/* The row that is joined with the pod of Kubernetes in this slot, served or not; or NULL. */
const struct naive_row *naive_joined(
	const struct naive_store *naive, int slot, const struct naive_node **ret_node);

/* Rows whose uid another node claimed first. */
size_t naive_contested(const struct naive_store *naive);

#endif
