/* One node: who is measured on it, as its Catalog says, and its columns.
 *
 * Made anew from every Catalog in one piece and never changed after that, but for the columns, the
 * revision of which is the node's. The pods are part of the node's memory. */
#ifndef STORE_KNOWN_NODE_H
#define STORE_KNOWN_NODE_H

#include "aggregator/store/columns.h"
#include "aggregator/store/labels.h"
#include "aggregator/store/ordered.h"
#include "aggregator/store/text_hash.h"
#include "aggregator/store/totals.h"
#include "base/error.h"
#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One row: a container. */
struct known_row {
	const char *name; /* "" = not known, or a sandbox */
	/* A hash of its id, of its name where it has no id: what tells it apart within its pod.
	 * 0 = nothing of it is known. */
	uint64_t key : 56;
	uint64_t name_length : 8; /* STORE_MAX_NAME at most */
};

/* What a list reads of it where Kubernetes says the names stands first. */
struct known_pod {
	struct known_node *node;
	uint16_t first_row, rows;
	/* The containers to serve, as rows: node->listed[first_listed] and so on. */
	uint16_t first_listed, listed;
	uint32_t listed_bytes; /* of the names of the containers to serve */
	bool incomplete;
	uint8_t namespace_length, name_length;
	const char *namespace; /* "" = not known */
	const char *name;      /* "" = not known */
	const char *uid;
	uint64_t first_seen_ns; /* when the store first heard of this uid on this node */
	uint64_t claim;         /* pod_join's: among nodes with this uid the least was first */
};

struct node_metadata;

struct known_node {
	/* What a list reads for each pod: a cache line, and the next with the columns' first. */
	struct known_row *row;
	uint16_t *listed;
	/* What Kubernetes says of it; NULL = it does not know it, or the store has no metadata. The
	 * store's lock guards it. */
	const struct node_metadata *metadata;
	uint64_t sample_ns; /* when the last Sample was taken; meaningless before `sampled` */
	const char *name;
	struct known_pod *pod;
	uint32_t pods, rows;
	bool sampled;
	struct columns columns;

	struct labels labels;
	struct label label[3]; /* behind `labels` */
	uint64_t cpu_millicores, memory_bytes;
	uint64_t revision;
	uint64_t message_ns;        /* the last one that was taken; the store's clock */
	uint16_t *by_uid;           /* pods in the order of their uids */
	uint16_t *by_key;           /* rows; within each pod in the order of their keys */
	struct store_totals totals; /* of the pods that have a name and something to list */
};

/* Makes a node out of a Catalog. Pods and containers that `before` (may be NULL) has too, told by
 * the pod's uid and the container's id (its name where it has no id), keep when they were first
 * seen and their figures. `key` is that of all nodes' containers. Without `with_names` the names of
 * pods are checked, but not kept. `now_ns` is the time of this message. 0; -EINVAL, -E2BIG,
 * -ENOMEM.
 */
int known_node_new(const char *name, const Tacho__V1__Catalog *catalog,
	const struct known_node *before, const struct text_hash_key *key, bool with_names,
	uint64_t now_ns, struct known_node **ret_node, struct error *err);
void known_node_free(struct known_node *node);

/* The pod of this uid, or NULL. */
const struct known_pod *known_node_find_pod(const struct known_node *node, const char *uid);

/* The order of struct known_node by name, and where a struct object_key stands in it; the one of
 * this name in a set of that order, or NULL. */
int known_node_compare(const void *a, const void *b);
int known_node_compare_key(const void *key, const void *node);
struct known_node *known_node_find(const struct ordered *nodes, const char *name);

/* What the pod adds to the totals under a namespace and name of so many bytes and these labels. */
struct store_totals known_pod_totals(
	const struct known_pod *pod, size_t name_bytes, size_t labels, uint64_t label_bytes);

/* Whether the pod has a name by which it can be asked for. */
static inline bool known_pod_is_named(const struct known_pod *pod)
{
	return *pod->namespace && *pod->name;
}

#endif
