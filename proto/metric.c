#include "proto/metric.h"

#include <string.h>

static const struct metric_info METRICS[METRIC_COUNT] = {
#define METRIC(symbol, id, name, scope, kind, unit, cost, source, prometheus, custom, help) \
	{name, id, METRIC_SCOPE_##scope, METRIC_KIND_##kind, METRIC_UNIT_##unit,            \
		METRIC_COST_##cost, source, prometheus, custom, help},
#include "proto/metrics.def"
#undef METRIC
};

static const struct metric_unit_info UNITS[METRIC_UNIT_COUNT] = {
#define UNIT(symbol, text, exponent) {text, exponent},
#include "proto/metrics.def"
#undef UNIT
};

static const char *const COSTS[METRIC_COST_COUNT] = {
#define COST(symbol, text) text,
#include "proto/metrics.def"
#undef COST
};

const struct metric_info *metric_info(enum metric metric)
{
	return &METRICS[metric];
}

const struct metric_unit_info *metric_unit_info(enum metric_unit unit)
{
	return &UNITS[unit];
}

const char *metric_cost_text(enum metric_cost cost)
{
	return COSTS[cost];
}

bool metric_kind_is_summed(enum metric_kind kind)
{
	return kind == METRIC_KIND_COUNTER || kind == METRIC_KIND_GAUGE ||
	       kind == METRIC_KIND_TOTAL;
}

int metric_by_id(uint32_t wire_id)
{
	switch (wire_id) {
#define METRIC(symbol, id, name, scope, kind, unit, cost, source, prometheus, custom, help) \
	case id:                                                                            \
		return METRIC_##symbol;
#include "proto/metrics.def"
#undef METRIC
	default:
		return -1;
	}
}

int metric_by_name(const char *name, uint32_t length)
{
	for (int metric = 0; metric < METRIC_COUNT; metric++)
		if (strlen(METRICS[metric].name) == length &&
			memcmp(METRICS[metric].name, name, length) == 0)
			return metric;
	return -1;
}
