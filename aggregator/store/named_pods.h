/* The set of pods where there is no Kubernetes: those that have a name, as agents say. */
#ifndef STORE_NAMED_PODS_H
#define STORE_NAMED_PODS_H

#include "aggregator/store/state.h"

/* The order of struct known_pod in store->pods, and where a struct object_key stands in it. */
int named_pods_compare(const void *a, const void *b);
int named_pods_compare_key(const void *key, const void *pod);

/* Puts the pods of `node` in the place of those of `before`, the same node until now; either may be
 * NULL. The lock is held. 0, or -ENOMEM: then nothing has changed. */
int named_pods_exchange(
	struct store *store, const struct known_node *before, struct known_node *node);

#endif
