/* What is counted of lists and watches. */
#ifndef KUBE_REFLECTOR_TALLY_H
#define KUBE_REFLECTOR_TALLY_H

#include "aggregator/kube/call_end.h"
#include "base/telemetry.h"

struct reflector_tally {
	/* Of one resource. */
	struct telemetry_series *objects, *synced, *lists, *watches, *events, *bytes, *last_event;
	/* Of all. */
	struct telemetry_series *ended[CALL_END_COUNT];
	struct telemetry_series *left_out;
};

/* `resource` must outlive the telemetry. */
void reflector_tally_register(
	struct reflector_tally *tally, struct telemetry *telemetry, const char *resource);

#endif
