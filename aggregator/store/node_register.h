/* The nodes that Kubernetes says there are. The public part is in store.h. */
#ifndef STORE_NODE_REGISTER_H
#define STORE_NODE_REGISTER_H

#include "aggregator/store/node_metadata.h"
#include "aggregator/store/state.h"

/* For `node_metadata` of the store. */
int node_register_compare(const void *a, const void *b);

/* The one of this name, or NULL. */
struct node_metadata *node_register_find(const struct store *store, const char *name);

/* When the store is freed. */
void node_register_free(struct store *store);

#endif
