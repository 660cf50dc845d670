#include "agent/figures.h"

#include "base/clock.h"

#define NO_FIELD FIELD_COUNT

/* How each metric comes from the fields: `minus` is taken off a gauge; `per_second` is how many
 * steps of the metric's unit one step of the field is, for a rate. */
static const struct recipe {
	enum field field, minus;
	uint64_t per_second;
} RECIPES[METRIC_COUNT] = {
	[METRIC_CPU_USAGE] = {FIELD_CPU_USAGE_NS, NO_FIELD, 1},
	[METRIC_CPU_USAGE_PEAK] = {FIELD_CPU_USAGE_NS, NO_FIELD, 1},
	[METRIC_CPU_THROTTLED_PERIODS] = {FIELD_CPU_THROTTLED_PERIODS, NO_FIELD, 1000},
	[METRIC_CPU_THROTTLED_TIME] = {FIELD_CPU_THROTTLED_NS, NO_FIELD, 1},
	[METRIC_MEMORY_WORKING_SET] = {FIELD_MEMORY_USAGE_BYTES, FIELD_MEMORY_INACTIVE_FILE_BYTES,
		0},
	[METRIC_MEMORY_RSS] = {FIELD_MEMORY_ANON_BYTES, NO_FIELD, 0},
	[METRIC_MEMORY_CACHE] = {FIELD_MEMORY_FILE_BYTES, NO_FIELD, 0},
	[METRIC_MEMORY_SWAP] = {FIELD_MEMORY_SWAP_BYTES, NO_FIELD, 0},
	[METRIC_MEMORY_PEAK] = {FIELD_MEMORY_PEAK_BYTES, NO_FIELD, 0},
	[METRIC_PIDS] = {FIELD_PIDS, NO_FIELD, 0},
	[METRIC_IO_READ_BYTES] = {FIELD_IO_READ_BYTES, NO_FIELD, 1000},
	[METRIC_IO_WRITE_BYTES] = {FIELD_IO_WRITE_BYTES, NO_FIELD, 1000},
	[METRIC_IO_READS] = {FIELD_IO_READS, NO_FIELD, 1000},
	[METRIC_IO_WRITES] = {FIELD_IO_WRITES, NO_FIELD, 1000},
	[METRIC_NODE_CPU_USAGE] = {FIELD_CPU_USAGE_NS, NO_FIELD, 1},
	[METRIC_NODE_CPU_USAGE_PEAK] = {FIELD_CPU_USAGE_NS, NO_FIELD, 1},
	[METRIC_NODE_MEMORY_WORKING_SET] = {FIELD_MEMORY_USAGE_BYTES,
		FIELD_MEMORY_INACTIVE_FILE_BYTES, 0},
	[METRIC_NODE_MEMORY_SWAP] = {FIELD_MEMORY_SWAP_BYTES, NO_FIELD, 0},
};

field_set figures_fields(metric_set wanted)
{
	field_set fields = 0;

	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		if (!(wanted & METRIC_BIT(metric)) ||
			metric_info((enum metric)metric)->scope != METRIC_SCOPE_CONTAINER)
			continue;
		fields |= FIELD_BIT(RECIPES[metric].field);
		if (RECIPES[metric].minus != NO_FIELD)
			fields |= FIELD_BIT(RECIPES[metric].minus);
	}
	return fields;
}

static bool gauge(const struct recipe *recipe, const struct reading *reading, uint64_t *ret_value)
{
	field_set needed = FIELD_BIT(recipe->field);
	uint64_t value = reading->value[recipe->field], minus = 0;

	if (recipe->minus != NO_FIELD) {
		needed |= FIELD_BIT(recipe->minus);
		minus = reading->value[recipe->minus];
	}
	if ((reading->valid & needed) != needed)
		return false;
	*ret_value = value > minus ? value - minus : 0;
	return true;
}

/* No rate of CPU time is above the CPUs' number; a creation time that was seen a little late would
 * say so otherwise. */
static uint64_t bounded(enum field field, uint64_t rate, const struct figures_options *options)
{
	uint64_t most = (uint64_t)options->cpus * NS_PER_SECOND;

	return field == FIELD_CPU_USAGE_NS && rate > most ? most : rate;
}

static bool compute_one(const struct figures_options *options, enum metric metric,
	const struct history *history, const struct reading *reading, uint64_t *ret_value,
	uint64_t *ret_span_ns)
{
	const struct recipe *recipe = &RECIPES[metric];
	uint64_t value;
	bool found;

	/* the history's newest point may be that of an earlier look */
	if (!(reading->valid & FIELD_BIT(recipe->field)))
		return false;
	switch (metric_info(metric)->kind) {
	case METRIC_KIND_COUNTER:
		found = history_rate(history, recipe->field, options->window_ns, recipe->per_second,
			&value, ret_span_ns);
		break;
	case METRIC_KIND_PEAK:
		found = history_peak(history, recipe->field, options->window_ns,
			options->interval_ns, recipe->per_second, &value);
		break;
	case METRIC_KIND_GAUGE:
	default:
		return gauge(recipe, reading, ret_value);
	}
	if (found)
		*ret_value = bounded(recipe->field, value, options);
	return found;
}

void figures_compute(const struct figures_options *options, enum metric_scope scope,
	const struct history *history, const struct reading *reading, struct figures *ret_figures)
{
	*ret_figures = (struct figures){0};
	for (int i = 0; i < METRIC_COUNT; i++) {
		enum metric metric = (enum metric)i;
		uint64_t span_ns = 0;

		if (!(options->wanted & METRIC_BIT(metric)) || metric_info(metric)->scope != scope)
			continue;
		if (!compute_one(options, metric, history, reading, &ret_figures->value[metric],
			    &span_ns))
			continue;
		ret_figures->present |= METRIC_BIT(metric);
		if (metric == METRIC_CPU_USAGE || metric == METRIC_NODE_CPU_USAGE)
			ret_figures->window_ms = (uint32_t)((span_ns + NS_PER_MS / 2) / NS_PER_MS);
	}
}
