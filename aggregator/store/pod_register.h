/* The pods that Kubernetes says there are. The public part is in store.h. */
#ifndef STORE_POD_REGISTER_H
#define STORE_POD_REGISTER_H

#include "aggregator/store/state.h"

/* When the store is freed. */
void pod_register_free(struct store *store);

#endif
