#include "aggregator/store/view.h"

#include "aggregator/store/node_metadata.h"

/* --- what is served --------------------------------------------------------------------------- */

bool view_node_is_served(const struct store *store, const struct known_node *node, uint64_t now_ns)
{
	return view_node_is_known(store, node) && view_node_is_fresh(store, node, now_ns) &&
	       columns_node_complete(&node->columns, store->options.required);
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

void store_container_values(const struct store_pod_view *pod, uint32_t container,
	const enum metric *metric, size_t count, bool *ret_has, uint64_t *ret_value)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;
	uint16_t row = row_of(pod, container);

	for (size_t i = 0; i < count; i++)
		ret_has[i] = columns_value(&node->columns, row, metric[i], &ret_value[i]);
}

const char *store_container_name(
	const struct store_pod_view *pod, uint32_t container, size_t *ret_length)
{
	const struct known_node *node = ((const struct known_pod *)pod->opaque)->node;
	const struct known_row *row = &node->row[row_of(pod, container)];

	if (ret_length)
		*ret_length = row->name_length;
	return row->name;
}
