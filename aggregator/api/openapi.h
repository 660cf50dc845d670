/* The OpenAPI documents of metrics.k8s.io, from one table of its types: what `kubectl explain`
 * reads. Pure functions on buffers. */
#ifndef API_OPENAPI_H
#define API_OPENAPI_H

#include "base/buffer.h"

/* Each appends compact JSON without a newline. */
void openapi_write_v2(struct buffer *out); /* Swagger 2.0: every version in one document */
/* OpenAPI 3.0 of one version, "v1" or "v1beta1". */
void openapi_write_v3(const char *version, struct buffer *out);

#endif
