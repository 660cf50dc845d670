/* ObjectMeta and metrics objects in protobuf (generated.proto of k8s.io/apimachinery and
 * k8s.io/metrics; the subset is in proto/kubernetes.proto). */
#ifndef API_PROTOBUF_OBJECT_H
#define API_PROTOBUF_OBJECT_H

#include "aggregator/api/writer.h"

/* Each appends one whole item of a list (tag, length, message); the one of metadata as the list's
 * field `item_field`. */
void protobuf_object_metadata(
	struct writer *writer, const struct object *object, int item_field, struct buffer *out);
void protobuf_object_metrics(
	struct writer *writer, const struct object *object, struct buffer *out);

/* The most bytes that these append: names and labels as they are, figures at their widest. */
size_t protobuf_object_metadata_bound(const struct object *object);
size_t protobuf_object_metrics_bound(const struct object *object);

/* At least the sum of these over all pods of the total. */
size_t protobuf_object_metadata_bound_of_pods(const struct store_totals *totals);
size_t protobuf_object_metrics_bound_of_pods(const struct store_totals *totals);

#endif
