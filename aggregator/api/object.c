#include "aggregator/api/object.h"

#include "aggregator/api/quantity.h"

#define MS_PER_SECOND 1000

const struct usage_name USAGE_NAME[USAGE_KEYS] = {
	[USAGE_CPU] = {"cpu", 3},
	[USAGE_MEMORY] = {"memory", 6},
	[USAGE_SWAP] = {"swap", 4},
};

static const enum metric NODE_METRIC[USAGE_KEYS] = {
	[USAGE_CPU] = METRIC_NODE_CPU_USAGE,
	[USAGE_MEMORY] = METRIC_NODE_MEMORY_WORKING_SET,
	[USAGE_SWAP] = METRIC_NODE_MEMORY_SWAP,
};

static const enum metric CONTAINER_METRIC[USAGE_KEYS] = {
	[USAGE_CPU] = METRIC_CPU_USAGE,
	[USAGE_MEMORY] = METRIC_MEMORY_WORKING_SET,
	[USAGE_SWAP] = METRIC_MEMORY_SWAP,
};

struct object object_of_node(const struct store_node_view *node)
{
	return (struct object){
		.name = node->name,
		.name_length = strlen(node->name),
		.namespace = "",
		.labels = node->labels,
		.timestamp_seconds = node->timestamp_ms / MS_PER_SECOND,
		.window_ms = node->window_ms,
		.node = node,
	};
}

struct object object_of_pod(const struct store_pod_view *pod)
{
	return (struct object){
		.name = pod->name,
		.name_length = pod->name_length,
		.namespace = pod->namespace,
		.namespace_length = pod->namespace_length,
		.labels = pod->labels,
		.timestamp_seconds = pod->timestamp_ms / MS_PER_SECOND,
		.window_ms = pod->window_ms,
		.containers = pod->containers,
		.pod = pod,
	};
}

struct usage object_usage(const struct object *node)
{
	struct usage usage = {0};

	for (int key = 0; key < USAGE_KEYS; key++)
		usage.has[key] = store_node_value(node->node, NODE_METRIC[key], &usage.value[key]);
	return usage;
}

void object_container_usage(const struct object *pod, uint32_t container, struct usage *ret_usage)
{
	store_container_values(pod->pod, container, CONTAINER_METRIC, USAGE_KEYS, ret_usage->has,
		ret_usage->value);
}

struct usage object_total_usage(const struct object *object)
{
	struct usage total = {0};

	if (object->node)
		return object_usage(object);
	for (uint32_t i = 0; i < object->containers; i++) {
		struct usage usage;

		object_container_usage(object, i, &usage);
		for (int key = 0; key < USAGE_KEYS; key++) {
			if (!usage.has[key])
				continue;
			total.has[key] = true;
			if (__builtin_add_overflow(
				    total.value[key], usage.value[key], &total.value[key]))
				total.value[key] = UINT64_MAX;
		}
	}
	return total;
}

bool object_swaps(const struct object *object, uint32_t container)
{
	uint64_t bytes;

	if (object->node)
		return store_node_value(object->node, METRIC_NODE_MEMORY_SWAP, &bytes);
	return store_container_value(object->pod, container, METRIC_MEMORY_SWAP, &bytes);
}

char *usage_put(char *to, const struct usage *usage, enum usage_key key)
{
	return key == USAGE_CPU ? quantity_put_nanocores(to, usage->value[key])
				: quantity_put_bytes(to, usage->value[key]);
}
