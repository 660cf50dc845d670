/* A snapshot as Prometheus reads it: text format 0.0.4, or OpenMetrics 1.0.0.
 *
 * A metric of proto/metrics.def is written under its Prometheus name, as the kernel's own counter
 * or level: seconds, bytes, times. What is counted by packet is the pod's, as in cAdvisor. No
 * sample has a timestamp: each is of the last look, and without one Prometheus notices at once when
 * a series ends. */
#ifndef AGENT_EXPORT_TEXT_H
#define AGENT_EXPORT_TEXT_H

#include "agent/export_snapshot.h"
#include "base/buffer.h"
#include "base/telemetry.h"
#include "proto/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum export_format {
	EXPORT_TEXT,        /* 0.0.4 */
	EXPORT_OPENMETRICS, /* 1.0.0 */
	EXPORT_FORMATS
};

/* Which families. */
enum export_part {
	EXPORT_ALL,      /* /metrics: both, and the agent's own */
	EXPORT_CADVISOR, /* /metrics/cadvisor: what cAdvisor has */
	EXPORT_RESOURCE, /* /metrics/resource: what the kubelet has there */
	EXPORT_PARTS
};

struct export_text;

/* `device` stands in the label of metrics of block devices. NULL when memory is short. */
struct export_text *export_text_new(
	metric_set metrics, const char *device, struct telemetry *telemetry);
void export_text_free(struct export_text *text);

/* The fields that a ledger must keep. */
field_set export_text_fields(const struct export_text *text);

/* Begins anew. */
void export_text_begin(struct export_text *text, enum export_part part, enum export_format format);

/* Appends to `out` for at least one sample, and until `until_ns` (CLOCK_MONOTONIC). True when all
 * is written. The snapshot must be the same from the beginning to the end. */
bool export_text_step(struct export_text *text, const struct export_snapshot *snapshot,
	uint64_t until_ns, struct buffer *out);

/* For Content-Type. */
const char *export_text_type(enum export_format format);

#endif
