/* What each container and node of the fleet shows at a time: README.md, "Figures that can be
 * checked". */
#ifndef SCALE_FLEET_FIGURES_H
#define SCALE_FLEET_FIGURES_H

#include "agent/figures.h"
#include "proto/metric.h"

#include <stdint.h>

/* That all rates are said to be taken over. */
#define FLEET_WINDOW_MS 15000

/* What is known as `h` there. */
uint64_t fleet_container_hash(const char *namespace, const char *pod, unsigned container);
uint64_t fleet_node_hash(const char *node);

uint64_t fleet_cpu_nanocores(uint64_t hash, uint64_t timestamp_ms);
uint64_t fleet_memory_bytes(uint64_t hash);

/* The metrics of one scope that are `wanted`. Those that README.md says nothing of are plausible,
 * and differ between containers and from second to second as figures do. */
void fleet_figures(metric_set wanted, enum metric_scope scope, uint64_t hash, uint64_t timestamp_ms,
	struct figures *ret_figures);

#endif
