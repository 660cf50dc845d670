/* The node as a whole: its counters and its capacity.
 *
 * CPU from the v2 root's cpu.stat. Memory from the root's memory.stat (anon + file as usage, for
 * the root has no memory.current); where there is none (hybrid), the same sums from
 * /proc/meminfo: AnonPages + Cached + Buffers + SwapCached, and Inactive(file). Swap from
 * /proc/meminfo: SwapTotal − SwapFree. Pressure from /proc/pressure. */
#ifndef AGENT_NODE_H
#define AGENT_NODE_H

#include "agent/hierarchy.h"
#include "agent/reading.h"
#include "base/error.h"

#include <stdint.h>

struct node;

struct node_capacity {
	uint32_t cpus;            /* online */
	uint64_t memory_bytes;    /* MemTotal */
	const char *architecture; /* Kubernetes' word: amd64, arm64, … */
};

/* `proc` is "/proc" but in tests. Opens the files and holds them. NULL and a message when
 * /proc/meminfo can't be read. */
struct node *node_new(const struct hierarchy *hierarchy, const char *proc, struct error *err);
void node_free(struct node *node);

/* Reads the fields of pressure among `fields` too from now on; a kernel without them is logged.
 * Once at most. */
void node_watch_pressure(struct node *node, const char *proc, field_set fields);

/* Constant while the agent runs, but for CPUs and memory that are plugged in. */
void node_capacity(const struct node *node, struct node_capacity *ret_capacity);

/* Reads the node's counters; what can't be read is not valid, and said once. */
void node_read(struct node *node, struct reading *ret_reading);

#endif
