/* The part of the core API (/api/v1) that kubectl reads beside the metrics: nodes, pods and
 * namespaces, as the store knows them. For standalone mode, where there is no kube-apiserver. */
#ifndef API_CORE_API_H
#define API_CORE_API_H

#include "aggregator/api/router.h"
#include "aggregator/store/store.h"

/* Adds the routes. `store` must outlive the router. */
void core_api_add_routes(struct router *router, struct store *store);

#endif
