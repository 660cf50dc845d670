#include "tests/bench/scale/fleet_figures.h"

#include <stdio.h>

/* FNV-1a of 64 bits. */
#define HASH_BASIS 14695981039346656037ULL
#define HASH_PRIME 1099511628211ULL

static uint64_t mix(uint64_t hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * HASH_PRIME;
	return hash;
}

uint64_t fleet_container_hash(const char *namespace, const char *pod, unsigned container)
{
	char name[16];
	uint64_t hash = mix(mix(mix(mix(HASH_BASIS, namespace), "/"), pod), "/");

	(void)snprintf(name, sizeof(name), "c%u", container);
	return mix(hash, name);
}

uint64_t fleet_node_hash(const char *node)
{
	return mix(mix(HASH_BASIS, "node/"), node);
}

uint64_t fleet_cpu_nanocores(uint64_t hash, uint64_t timestamp_ms)
{
	return (hash % 4000 + 1) * 1000000 + timestamp_ms % 1000000;
}

uint64_t fleet_memory_bytes(uint64_t hash)
{
	return ((hash >> 28) % 262144 + 1) * 4096;
}

/* One of three containers serves someone. */
static uint64_t network(enum metric metric, uint64_t hash, uint64_t tick)
{
	if (hash % 3 != 0)
		return 0;
	switch (metric) {
	case METRIC_NETWORK_RECEIVE_BYTES:
	case METRIC_NETWORK_TRANSMIT_BYTES:
		return (hash >> 8) % 2000000 + (hash + tick * 1299709) % 100000;
	case METRIC_NETWORK_RECEIVE_PACKETS:
	case METRIC_NETWORK_TRANSMIT_PACKETS:
		return (hash >> 8) % 2000000 + (hash + tick * 104729) % 100000;
	case METRIC_TCP_ACCEPTED:
	case METRIC_TCP_OPENED:
		return (hash >> 16) % 20000 + (hash + tick * 104729) % 1000;
	case METRIC_TCP_RESETS:
	case METRIC_TCP_RETRANSMITS:
		return hash % 8 ? 0 : (hash + tick) % 500;
	default:
		return 0; /* drops */
	}
}

static uint64_t limit(uint64_t hash)
{
	return 1ULL << (30 + (hash >> 12) % 3);
}

/* Of the metrics that nobody checks: of the size and the step that such a figure usually has. */
static uint64_t plausible(enum metric metric, uint64_t hash, uint64_t timestamp_ms)
{
	const struct metric_info *info = metric_info(metric);
	uint64_t memory = fleet_memory_bytes(hash), tick = timestamp_ms / 1000;

	switch (metric) {
	case METRIC_MEMORY_LIMIT:
		return limit(hash);
	case METRIC_MEMORY_USAGE_RATIO:
		return memory * 1000 / limit(hash);
	case METRIC_MEMORY_SWAP:
	case METRIC_MEMORY_HUGETLB:
	case METRIC_OOM_EVENTS:
		return 0;
	case METRIC_OOM_KILLS:
		return hash % 500 == 0;
	case METRIC_MEMORY_SOCKETS:
		return hash % 3 ? 0 : (hash >> 8) % 256 * 4096;
	case METRIC_MEMORY_PEAK: /* stands still */
		return memory + memory / 4 / 4096 * 4096;
	case METRIC_CPU_THROTTLED_RATIO:
		return (hash >> 3) % 8 ? 0 : (hash + tick) % 300;
	default:
		break;
	}
	if (metric >= METRIC_NETWORK_RECEIVE_BYTES && metric <= METRIC_TCP_RETRANSMITS)
		return network(metric, hash, tick);
	switch (info->unit) {
	case METRIC_UNIT_NANOCORES: /* a peak */
		return fleet_cpu_nanocores(hash, timestamp_ms) * 5 / 4000 * 1000;
	case METRIC_UNIT_NANOSECONDS_PER_SECOND: /* throttling, pressure */
		return (hash >> info->id % 32) % 8 ? 0 : (hash + tick * 7919) % 100000 * 1000;
	case METRIC_UNIT_MILLI_PER_SECOND:
		return (hash + tick * 104729) % 20000;
	case METRIC_UNIT_MILLIBYTES_PER_SECOND:
		return (hash + tick * 1299709) % 1000000 * 1000;
	case METRIC_UNIT_BYTES:
		return (memory - memory / (info->id + 2)) / 4096 * 4096 + tick % 64 * 4096;
	default:
		return hash % 200 + 1;
	}
}

void fleet_figures(metric_set wanted, enum metric_scope scope, uint64_t hash, uint64_t timestamp_ms,
	struct figures *ret_figures)
{
	ret_figures->present = 0;
	ret_figures->window_ms = FLEET_WINDOW_MS;
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_info *info = metric_info((enum metric)metric);
		uint64_t *value = &ret_figures->value[metric];

		if (!(wanted & METRIC_BIT(metric)) || info->scope != scope ||
			metric == METRIC_IO_LATENCY) /* hardly a kernel tells it */
			continue;
		ret_figures->present |= METRIC_BIT(metric);
		if (metric == METRIC_CPU_USAGE || metric == METRIC_NODE_CPU_USAGE)
			*value = fleet_cpu_nanocores(hash, timestamp_ms);
		else if (metric == METRIC_MEMORY_WORKING_SET ||
			 metric == METRIC_NODE_MEMORY_WORKING_SET)
			*value = fleet_memory_bytes(hash);
		else
			*value = plausible((enum metric)metric, hash, timestamp_ms);
	}
}
