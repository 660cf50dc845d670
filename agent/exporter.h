/* The agent's own /metrics, for Prometheus.
 *
 * It is told of each look, and copies nothing until somebody asks. Then the look is copied, and the
 * page written a slice of a millisecond at a time between the loop's other turns. All who ask for
 * the same page before the next look get the same bytes. */
#ifndef AGENT_EXPORTER_H
#define AGENT_EXPORTER_H

#include "agent/export_address.h"
#include "agent/export_snapshot.h"
#include "base/error.h"
#include "base/telemetry.h"
#include "proto/metric.h"

#include <event2/event.h>
#include <stdint.h>

#define EXPORTER_PAGE_MAX (16U * 1024 * 1024) /* bytes; a page beyond is 503, and counted */
#define EXPORTER_SLICE_NS (1000 * 1000ULL)

struct exporter_options {
	struct export_flags flags; /* export_flags_check() must have taken them */
	metric_set metrics;
	const char *v2;     /* the cgroup v2 mount point */
	const char *device; /* export_text_new() */
	struct telemetry *telemetry;
};

struct exporter;

/* Listens from now on. The strings must outlive it. NULL and a message: an address in use, a
 * certificate that can't be read. */
struct exporter *exporter_start(
	const struct exporter_options *options, struct event_base *base, struct error *err);
/* NULL is fine. */
void exporter_stop(struct exporter *exporter);

/* After each look: what it saw, valid until the next call. NULL: it failed, and there is nothing to
 * show. Any other use of what `look` points to must be over when the next look begins. */
void exporter_look(struct exporter *exporter, const struct export_look *look);

uint16_t exporter_port(const struct exporter *exporter);

#endif
