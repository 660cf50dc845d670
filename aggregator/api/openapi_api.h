/* /openapi/v2 and /openapi/v3: where kube-apiserver and kubectl fetch the OpenAPI documents. */
#ifndef API_OPENAPI_API_H
#define API_OPENAPI_API_H

#include "aggregator/api/router.h"

#include <stdbool.h>

/* With `custom` also that of custom.metrics.k8s.io. */
void openapi_api_add_routes(struct router *router, bool custom);

#endif
