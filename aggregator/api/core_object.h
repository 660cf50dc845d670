/* v1 Nodes, Pods and Namespaces as JSON, as far as the store knows them. */
#ifndef API_CORE_OBJECT_H
#define API_CORE_OBJECT_H

#include "aggregator/store/store.h"
#include "base/buffer.h"

#include <stdbool.h>

/* Each appends one object. `typed`: with kind and apiVersion, which an item of a list lacks. */

/* With capacity and allocatable: `kubectl top node` takes its percentages of them. */
void core_object_write_node(const struct store_node_view *node, bool typed, struct buffer *out);
void core_object_write_pod(const struct store_pod_view *pod, bool typed, struct buffer *out);
void core_object_write_namespace(const char *name, bool typed, struct buffer *out);

#endif
