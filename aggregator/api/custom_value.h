/* MetricValue and MetricValueList of custom.metrics.k8s.io in JSON and protobuf (k8s.io/metrics,
 * pkg/apis/custom_metrics). v1beta2 has a field for the metric's identifier where v1beta1 has two
 * apart, and one of the two says `windowSeconds` where the other says `window`. */
#ifndef API_CUSTOM_VALUE_H
#define API_CUSTOM_VALUE_H

#include "aggregator/api/custom_metric.h"
#include "base/buffer.h"

#include <stddef.h>
#include <stdint.h>

struct custom_value {
	struct custom_metric metric;
	/* What is described; of something without a namespace that is "". */
	const char *kind, *api_version, *namespace, *name;
	uint64_t timestamp_seconds;
	uint32_t window_ms;
	uint64_t figure; /* in steps of the metric's unit */
};

/* What stands before, between and behind the items of a list in JSON. */
void custom_value_begin_json(bool v1beta1, struct buffer *out);
void custom_value_json(const struct custom_value *value, struct buffer *out);
void custom_value_end_json(struct buffer *out);

/* The same in protobuf: the envelope of items that have so many bytes, and an item (tag, length,
 * message). */
void custom_value_begin_protobuf(bool v1beta1, size_t items_bytes, struct buffer *out);
void custom_value_protobuf(const struct custom_value *value, struct buffer *out);

/* The most bytes that custom_value_protobuf() appends for it, whatever figure and times it has. */
size_t custom_value_protobuf_bound(const struct custom_value *value);

#endif
