/* Whose figures are whose: the pods that agents measure and the pods that Kubernetes says there
 * are, joined by the uid that a pod's cgroup carries.
 *
 * Either may come first. When several claim one uid, one is served:
 * - of the nodes that measure it, the one that claimed it first, until it has it no more: uids are
 *   kube-apiserver's, so the other is mistaken or not honest;
 * - of the pods of Kubernetes, the one whose own uid it is, else (static pods, by an annotation
 * that who makes a pod can write) the one that was put first. The store's lock guards the links and
 * `metadata`, which readers look into; the rest is the writers'. */
#ifndef STORE_POD_JOIN_H
#define STORE_POD_JOIN_H

#include "aggregator/store/hash_map.h"
#include "aggregator/store/known_node.h"
#include "aggregator/store/pod_metadata.h"
#include "aggregator/store/text_hash.h"
#include "aggregator/store/totals.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pod_join {
	const struct text_hash_key *key; /* must outlive it */
	struct hash_map metadata;        /* struct pod_metadata, by each of its uids */
	struct hash_map pods;            /* struct known_pod, by uid */
	uint64_t claims;                 /* numbers given to known pods */
	uint32_t orders;                 /* and to metadata */
	size_t joined;                   /* metadata that has figures */
	size_t contested;                /* known pods whose uid another node claimed first */
	struct store_totals totals;      /* of what is joined */
};

/* Zero-initialise with `key` set. */
void pod_join_free(struct pod_join *join);

/* Makes room for one more pod of Kubernetes, and tells its number: that of `before`, of which it
 * may take the place, when it is the same pod. 0 or -ENOMEM. */
int pod_join_prepare_metadata(struct pod_join *join, const struct pod_metadata *before,
	struct pod_metadata *pod, pthread_rwlock_t *readers);

/* The lock is held. The pod has its group and set. */
void pod_join_add_metadata(struct pod_join *join, struct pod_metadata *pod);
void pod_join_remove_metadata(struct pod_join *join, struct pod_metadata *pod);

/* Makes room for the node's pods and numbers them; those that `before` (may be NULL), which it is
 * to replace, has too keep their numbers. Returns how many of the others another node has already,
 * or -ENOMEM. */
int pod_join_prepare_pods(
	struct pod_join *join, const struct known_node *before, struct known_node *node);

/* The pods of `node` are there, those of `before` are not any more; either may be NULL. The lock is
 * held. */
void pod_join_exchange_pods(
	struct pod_join *join, const struct known_node *before, struct known_node *node);

/* Whether there is a pod of Kubernetes of this metadata.uid. */
bool pod_join_has(const struct pod_join *join, const char *uid);

#endif
