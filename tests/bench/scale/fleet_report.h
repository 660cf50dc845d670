/* What the fleet says of itself: one JSON object a line, as README.md has it. */
#ifndef SCALE_FLEET_REPORT_H
#define SCALE_FLEET_REPORT_H

#include "tests/bench/scale/fleet_agent.h"
#include "tests/bench/scale/fleet_world.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Fill in the first part, the rest with zero. */
struct fleet_report {
	FILE *out;
	bool progress; /* a line for people on standard error, too */
	const struct world *world;
	const struct fleet_wire *wire;
	uint64_t run_ns; /* CLOCK_MONOTONIC of `run` */

	/* Kept by who runs the agents. */
	uint64_t lines;         /* of input that were taken */
	uint64_t late;          /* ticks that came more than FLEET_LATE_NS after their time */
	uint64_t worst_late_ns; /* since the last line */
	uint64_t skipped;       /* ticks that were not made at all */

	uint64_t next_ns;
	bool complete;
	uint64_t waiting_since_ns; /* while not complete: since `run`, or the loss */
	struct telemetry_series *connected, *dropped, *connects;
};

#define FLEET_LATE_NS 100000000ULL

/* After `run_ns` was set. */
void fleet_report_begin(struct fleet_report *report);

/* Writes what is due: an event as soon as all agents are connected or one no longer is, and the
 * figures each second. */
void fleet_report_look(struct fleet_report *report, uint64_t now_ns);

/* The last line. */
void fleet_report_end(struct fleet_report *report, uint64_t now_ns);

#endif
