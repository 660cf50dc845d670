#include "aggregator/store/view.h"

#include "aggregator/store/node_metadata.h"

/* --- what is served --------------------------------------------------------------------------- */

static bool is_fresh(const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	/* The sample may have come between reading the clock and taking the lock. */
	return node->sampled &&
	       (now_ns < node->sample_ns || now_ns - node->sample_ns < store->options.expiry_ns);
}

/* Where Kubernetes says which nodes there are, others are not served. */
static bool is_known(const struct store *store, const struct known_node *node)
{
	return !store->options.metadata || node->metadata;
}

bool view_node_is_served(const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	return is_known(store, node) && is_fresh(store, node, now_ns) &&
	       columns_node_complete(&node->columns, store->options.required);
}

bool view_pod_is_served(const struct store *store, const struct listed_pod *listed, uint64_t now_ns)
{
	const struct known_pod *pod = listed->known;
	const uint16_t *row;

	if (!pod || pod->incomplete || pod->listed == 0 || !is_known(store, pod->node) ||
		!is_fresh(store, pod->node, now_ns))
		return false;
	row = pod->node->listed + pod->first_listed;
	for (uint16_t i = 0; i < pod->listed; i++)
		if (!columns_row_complete(&pod->node->columns, row[i], store->options.required))
			return false;
	return true;
}

/* --- views ------------------------------------------------------------------------------------ */

struct store_node_view view_node(const struct store *store, const struct known_node *node)
{
	return (struct store_node_view){
		.name = node->name,
		.labels = store->options.metadata ? &node->metadata->set->labels : &node->labels,
		.cpu_millicores = node->cpu_millicores,
		.memory_bytes = node->memory_bytes,
		.timestamp_ms = node->columns.timestamp_ms,
		.window_ms = node->columns.window_ms,
		.opaque = node,
	};
}

struct store_pod_view view_pod(const struct listed_pod *listed)
{
	const struct known_pod *pod = listed->known;
	const struct known_node *node = pod->node;
	uint32_t window_ms = UINT32_MAX;

	for (uint16_t i = 0; i < pod->listed; i++) {
		uint32_t row_ms = node->columns.row_window_ms[node->listed[pod->first_listed + i]];

		if (row_ms < window_ms)
			window_ms = row_ms;
	}
	return (struct store_pod_view){
		.namespace = listed->namespace,
		.name = listed->name,
		.uid = listed->uid,
		.node = node->name,
		.labels = listed->labels,
		.timestamp_ms = node->columns.timestamp_ms,
		.window_ms = window_ms,
		.containers = pod->listed,
		.opaque = pod,
	};
}

bool store_node_value(const struct store_node_view *node, enum metric metric, uint64_t *ret_value)
{
	return columns_node_value(
		&((const struct known_node *)node->opaque)->columns, metric, ret_value);
}

static uint16_t row_of(const struct store_pod_view *view, uint32_t container)
{
	const struct known_pod *pod = view->opaque;

	return pod->node->listed[pod->first_listed + container];
}

bool store_container_value(const struct store_pod_view *pod, uint32_t container, enum metric metric,
	uint64_t *ret_value)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;

	return columns_value(&node->columns, row_of(pod, container), metric, ret_value);
}

const char *store_container_name(const struct store_pod_view *pod, uint32_t container)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;

	return node->row[row_of(pod, container)].name;
}
