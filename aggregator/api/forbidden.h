/* 403: what is said to someone who may not do what they asked for, in Kubernetes' words. */
#ifndef API_FORBIDDEN_H
#define API_FORBIDDEN_H

#include "aggregator/api/status.h"
#include "aggregator/kube/reviews.h"

/* `attributes` is what request_attributes_make() made, with a user; it must outlive the status.
 * `reason` is the authorizer's and may be "". */
struct status forbidden_status(const struct access_attributes *attributes, const char *reason);

#endif
