/* What stands above the API's groups: the list of paths, /api, /apis and /version. */
#ifndef API_ROOT_API_H
#define API_ROOT_API_H

#include "aggregator/api/router.h"

#include <stdbool.h>

/* Adds the routes; /api only with `core`, custom.metrics.k8s.io in /apis only with
 * `custom`. */
void root_api_add_routes(struct router *router, bool core, bool custom);

#endif
