/* The OpenAPI documents of custom.metrics.k8s.io. */
#ifndef API_CUSTOM_OPENAPI_H
#define API_CUSTOM_OPENAPI_H

#include "base/buffer.h"

/* Appends OpenAPI 3.0 of one version, "v1beta2" or "v1beta1": compact JSON without a newline. */
void custom_openapi_write(const char *version, struct buffer *out);

#endif
