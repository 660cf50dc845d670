/* One node: who is measured on it, as its Catalog says, and its columns.
 *
 * Made anew from every Catalog in one piece and never changed after that, but for the columns, the
 * revision of which is the node's. The pods are part of the node's memory. */
#ifndef STORE_NODE_H
#define STORE_NODE_H

#include "aggregator/store/columns.h"
#include "aggregator/store/labels.h"
#include "base/error.h"
#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row: a container. */
struct node_row {
	const char *name; /* "" = not known, or a sandbox */
	const char *id;
};

struct node_pod {
	const char *namespace; /* "" = not known */
	const char *name;      /* "" = not known */
	const char *uid;
	struct node *node;
	uint64_t first_seen_ns; /* when the store first heard of this uid on this node */
	uint16_t first_row, rows;
	/* The containers to serve, as rows: node->listed[first_listed] and so on. */
	uint16_t first_listed, listed;
	bool incomplete;
};

struct node {
	const char *name;
	struct labels labels;
	struct label label[3]; /* behind `labels` */
	uint64_t cpu_millicores, memory_bytes;
	uint64_t revision;
	uint64_t message_ns; /* the last one that was taken; the store's clock */
	uint64_t sample_ns;  /* the same of the last Sample; meaningless before `sampled` */
	bool sampled;

	uint32_t pods, rows;
	struct node_pod *pod;
	struct node_row *row;
	uint16_t *by_uid; /* pods in the order of their uids */
	uint16_t
		*by_key; /* rows; within each pod in the order of what tells its containers apart */
	uint16_t *listed;
	struct columns columns;
};

/* Makes a node out of a Catalog. Pods and containers that `before` (may be NULL) has too, told by
 * the pod's uid and the container's id (its name where it has no id), keep when they were first
 * seen and their figures. `now_ns` is the time of this message. 0; -EINVAL, -E2BIG, -ENOMEM. */
int node_new(const char *name, const Tacho__V1__Catalog *catalog, const struct node *before,
	uint64_t now_ns, struct node **ret_node, struct error *err);
void node_free(struct node *node);

/* The pod of this uid, or NULL. */
const struct node_pod *node_find_pod(const struct node *node, const char *uid);

/* Whether the pod has a name by which it can be asked for. */
static inline bool node_pod_is_named(const struct node_pod *pod)
{
	return *pod->namespace && *pod->name;
}

#endif
