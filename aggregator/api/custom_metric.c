#include "aggregator/api/custom_metric.h"

#include <string.h>

const char *custom_metric_name(enum metric metric)
{
	const char *name = metric_info(metric)->custom;

	return *name ? name : NULL;
}

bool custom_metric_find(const char *name, enum metric_scope scope, struct custom_metric *ret_metric)
{
	/* All names of one kind first: what prometheus-adapter calls so is never one of ours. */
	for (int own = 0; own < 2; own++) {
		for (int i = 0; i < METRIC_COUNT; i++) {
			const struct metric_info *info = metric_info((enum metric)i);
			const char *known = own ? info->name : info->custom;

			if (info->scope != scope || !*info->custom || strcmp(known, name) != 0)
				continue;
			ret_metric->metric = (enum metric)i;
			ret_metric->name = known;
			return true;
		}
	}
	return false;
}

bool custom_metric_has_window(enum metric metric)
{
	switch (metric_info(metric)->kind) {
	case METRIC_KIND_COUNTER:
	case METRIC_KIND_PEAK:
	case METRIC_KIND_PERCENTILE:
		return true;
	case METRIC_KIND_RATIO: /* of two levels, or of what happened in the window */
		return metric == METRIC_CPU_THROTTLED_RATIO;
	case METRIC_KIND_GAUGE:
	case METRIC_KIND_TOTAL:
	case METRIC_KIND_MEAN:
		break;
	}
	return false;
}

uint64_t custom_metric_with(enum metric metric, uint64_t whole, uint64_t figure)
{
	if (!metric_kind_is_summed(metric_info(metric)->kind))
		return whole > figure ? whole : figure;
	return __builtin_add_overflow(whole, figure, &whole) ? UINT64_MAX : whole;
}

bool custom_metric_of(const struct object *object, enum metric metric, uint64_t *ret_figure)
{
	uint64_t whole = 0, figure;
	bool any = false;

	if (object->node)
		return store_node_value(object->node, metric, ret_figure);
	for (uint32_t i = 0; i < object->containers; i++) {
		if (!store_container_value(object->pod, i, metric, &figure))
			continue;
		whole = custom_metric_with(metric, whole, figure);
		any = true;
	}
	if (any)
		*ret_figure = whole;
	return any;
}
