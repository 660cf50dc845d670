/* What custom.metrics.k8s.io serves: a resource for each metric of each kind of thing, as
 * prometheus-adapter lists them. Pure functions on buffers; compact JSON. */
#ifndef API_CUSTOM_DISCOVERY_H
#define API_CUSTOM_DISCOVERY_H

#include "base/buffer.h"

#define CUSTOM_DISCOVERY_GROUP "custom.metrics.k8s.io"

/* /apis/custom.metrics.k8s.io/<version>: APIResourceList, with a newline at its end. */
void custom_discovery_write_resources(const char *version, struct buffer *out);

/* The members of its APIGroup behind kind and apiVersion, which one in a list does not have. */
void custom_discovery_write_group_members(struct buffer *out);

/* /apis/custom.metrics.k8s.io: APIGroup, with a newline at its end. */
void custom_discovery_write_group(struct buffer *out);

/* The group as one item of an APIGroupDiscoveryList. */
void custom_discovery_write_aggregated(struct buffer *out);

#endif
