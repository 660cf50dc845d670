#include "agent/figures.h"

#include "base/clock.h"

#define NO_FIELD FIELD_COUNT

__extension__ typedef unsigned __int128 wide;

/* How each metric comes from the fields: `minus` is taken off a gauge, and `plus` added to it,
 * where there is such a field and either is enough; `per_second` is how many steps of the metric's
 * unit one step of the field is, for a rate. A RATIO is the field, less `minus`, as a share of the
 * field `of`: by their growth when `per_second` says so, in steps of 1 / RATIO_STEPS. */
#define RATIO_STEPS 1000
/* A rate that a share is taken of has as many steps: it is cut off. */
#define RATIO_RATE  1000000000

static const struct recipe {
	enum field field, minus;
	uint64_t per_second;
	enum field of;   /* of a RATIO alone */
	enum field plus; /* 0 = none: the CPU usage is added to nothing */
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
	[METRIC_CPU_THROTTLED_RATIO] = {FIELD_CPU_THROTTLED_PERIODS, NO_FIELD, 1000,
		.of = FIELD_CPU_PERIODS},
	[METRIC_CPU_PERIODS] = {FIELD_CPU_PERIODS, NO_FIELD, 1000},
	[METRIC_MEMORY_USAGE] = {FIELD_MEMORY_USAGE_BYTES, NO_FIELD, 0},
	[METRIC_MEMORY_LIMIT] = {FIELD_MEMORY_LIMIT_BYTES, NO_FIELD, 0},
	[METRIC_MEMORY_USAGE_RATIO] = {FIELD_MEMORY_USAGE_BYTES, FIELD_MEMORY_INACTIVE_FILE_BYTES,
		0, .of = FIELD_MEMORY_LIMIT_BYTES},
	[METRIC_MEMORY_HUGETLB] = {FIELD_HUGETLB_2MB_BYTES, NO_FIELD, 0,
		.plus = FIELD_HUGETLB_1GB_BYTES},
	[METRIC_MEMORY_SOCKETS] = {FIELD_MEMORY_SOCKET_BYTES, NO_FIELD, 0},
	[METRIC_IO_LATENCY] = {FIELD_IO_LATENCY_NS, NO_FIELD, 0},
	[METRIC_OOM_KILLS] = {FIELD_OOM_KILLS, NO_FIELD, 0},
	[METRIC_NETWORK_RECEIVE_BYTES] = {FIELD_NETWORK_RECEIVE_BYTES, NO_FIELD, 1},
	[METRIC_NETWORK_RECEIVE_PACKETS] = {FIELD_NETWORK_RECEIVE_PACKETS, NO_FIELD, 1000},
	[METRIC_NETWORK_RECEIVE_DROPPED] = {FIELD_NETWORK_RECEIVE_DROPPED, NO_FIELD, 1000},
	[METRIC_NETWORK_TRANSMIT_BYTES] = {FIELD_NETWORK_TRANSMIT_BYTES, NO_FIELD, 1},
	[METRIC_NETWORK_TRANSMIT_PACKETS] = {FIELD_NETWORK_TRANSMIT_PACKETS, NO_FIELD, 1000},
	[METRIC_NETWORK_TRANSMIT_DROPPED] = {FIELD_NETWORK_TRANSMIT_DROPPED, NO_FIELD, 1000},
	[METRIC_TCP_ACCEPTED] = {FIELD_TCP_ACCEPTED, NO_FIELD, 1000},
	[METRIC_TCP_OPENED] = {FIELD_TCP_OPENED, NO_FIELD, 1000},
	[METRIC_TCP_RESETS] = {FIELD_TCP_RESETS, NO_FIELD, 1000},
	[METRIC_TCP_RETRANSMITS] = {FIELD_TCP_RETRANSMITS, NO_FIELD, 1000},
	[METRIC_OOM_EVENTS] = {FIELD_OOM_KILLS, NO_FIELD, 1000},
	[METRIC_CPU_RUN_QUEUE] = {FIELD_RUN_QUEUE_NS, NO_FIELD, 1},
	[METRIC_CPU_RUN_QUEUE_P50] = {FIELD_RUN_QUEUE_P50_NS, NO_FIELD, 0},
	[METRIC_CPU_RUN_QUEUE_P99] = {FIELD_RUN_QUEUE_P99_NS, NO_FIELD, 0},
	[METRIC_PRESSURE_CPU_WAITING] = {FIELD_PRESSURE_CPU_SOME_NS, NO_FIELD, 1},
	[METRIC_PRESSURE_CPU_STALLED] = {FIELD_PRESSURE_CPU_FULL_NS, NO_FIELD, 1},
	[METRIC_PRESSURE_MEMORY_WAITING] = {FIELD_PRESSURE_MEMORY_SOME_NS, NO_FIELD, 1},
	[METRIC_PRESSURE_MEMORY_STALLED] = {FIELD_PRESSURE_MEMORY_FULL_NS, NO_FIELD, 1},
	[METRIC_PRESSURE_IO_WAITING] = {FIELD_PRESSURE_IO_SOME_NS, NO_FIELD, 1},
	[METRIC_PRESSURE_IO_STALLED] = {FIELD_PRESSURE_IO_FULL_NS, NO_FIELD, 1},
	[METRIC_NODE_PRESSURE_CPU_WAITING] = {FIELD_PRESSURE_CPU_SOME_NS, NO_FIELD, 1},
	[METRIC_NODE_PRESSURE_MEMORY_WAITING] = {FIELD_PRESSURE_MEMORY_SOME_NS, NO_FIELD, 1},
	[METRIC_NODE_PRESSURE_MEMORY_STALLED] = {FIELD_PRESSURE_MEMORY_FULL_NS, NO_FIELD, 1},
	[METRIC_NODE_PRESSURE_IO_WAITING] = {FIELD_PRESSURE_IO_SOME_NS, NO_FIELD, 1},
	[METRIC_NODE_PRESSURE_IO_STALLED] = {FIELD_PRESSURE_IO_FULL_NS, NO_FIELD, 1},
};

field_set figures_fields(metric_set wanted, enum metric_scope scope)
{
	field_set fields = 0;

	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		if (!(wanted & METRIC_BIT(metric)) ||
			metric_info((enum metric)metric)->scope != scope)
			continue;
		fields |= FIELD_BIT(RECIPES[metric].field);
		if (RECIPES[metric].minus != NO_FIELD)
			fields |= FIELD_BIT(RECIPES[metric].minus);
		if (RECIPES[metric].plus)
			fields |= FIELD_BIT(RECIPES[metric].plus);
		if (metric_info((enum metric)metric)->kind == METRIC_KIND_RATIO)
			fields |= FIELD_BIT(RECIPES[metric].of);
	}
	return fields;
}

/* What is not valid is 0. */
static uint64_t sum(const struct recipe *recipe, const struct reading *reading)
{
	uint64_t value = reading->value[recipe->field];

	if (recipe->plus && __builtin_add_overflow(value, reading->value[recipe->plus], &value))
		value = UINT64_MAX;
	return value;
}

/* The fields of which one at least must have been read. */
static field_set sources(const struct recipe *recipe)
{
	return FIELD_BIT(recipe->field) | (recipe->plus ? FIELD_BIT(recipe->plus) : 0);
}

static bool gauge(const struct recipe *recipe, const struct reading *reading, uint64_t *ret_value)
{
	uint64_t value = sum(recipe, reading), minus = 0;

	if (!(reading->valid & sources(recipe)))
		return false;
	if (recipe->minus != NO_FIELD) {
		if (!(reading->valid & FIELD_BIT(recipe->minus)))
			return false;
		minus = reading->value[recipe->minus];
	}
	*ret_value = value > minus ? value - minus : 0;
	return true;
}

static bool is_pressure(enum field field)
{
	return field >= FIELD_PRESSURE_CPU_SOME_NS && field <= FIELD_PRESSURE_IO_FULL_NS;
}

bool figures_raw(enum metric metric, const struct reading *reading, uint64_t *ret_value)
{
	enum metric_kind kind = metric_info(metric)->kind;

	return kind != METRIC_KIND_PEAK && kind != METRIC_KIND_RATIO &&
	       gauge(&RECIPES[metric], reading, ret_value);
}

enum field figures_field(enum metric metric)
{
	return RECIPES[metric].field;
}

/* No rate of CPU time is above the CPUs' number; a creation time that was seen a little late would
 * say so otherwise. Nor is there pressure for more than all of the time: the kernel adds up its
 * totals every two seconds (PSI_FREQ in kernel/sched/psi.c), so that they can grow by more than a
 * short span. */
static uint64_t bounded(enum field field, uint64_t rate, const struct figures_options *options)
{
	uint64_t most = UINT64_MAX;

	if (field == FIELD_CPU_USAGE_NS)
		most = (uint64_t)options->cpus * NS_PER_SECOND;
	else if (is_pressure(field))
		most = NS_PER_SECOND;
	return rate > most ? most : rate;
}

/* Rates to the step that they are worth, which makes them short on the wire: times, of which the
 * kernel counts microseconds, to one a second; bytes to whole ones. A peak is never below the rate,
 * which keeps its nanocores. */
#define COARSE_STEP 1000

static uint64_t rounded(enum metric metric, uint64_t rate)
{
	uint64_t rest = rate % COARSE_STEP;

	if (metric_info(metric)->kind == METRIC_KIND_PEAK)
		return rest && rate <= UINT64_MAX - COARSE_STEP ? rate - rest + COARSE_STEP : rate;
	switch (metric_info(metric)->unit) {
	case METRIC_UNIT_NANOSECONDS_PER_SECOND:
	case METRIC_UNIT_MILLIBYTES_PER_SECOND:
		return rate - rest;
	default:
		return rate;
	}
}

static bool ratio(const struct figures_options *options, const struct recipe *recipe,
	const struct history *history, const struct reading *reading, uint64_t *ret_value)
{
	uint64_t part, whole, span_ns;
	wide share;

	if (!(reading->valid & FIELD_BIT(recipe->of)))
		return false;
	if (recipe->per_second == 0) {
		whole = reading->value[recipe->of];
		if (!gauge(recipe, reading, &part))
			return false;
	} else if (!history_rate(history, recipe->field, options->window_ns, RATIO_RATE, &part,
			   &span_ns) ||
		   !history_rate(
			   history, recipe->of, options->window_ns, RATIO_RATE, &whole, &span_ns)) {
		return false;
	}
	if (whole == 0)
		return false; /* a share of nothing */
	share = (wide)part * RATIO_STEPS / whole;
	*ret_value = share > UINT64_MAX ? UINT64_MAX : (uint64_t)share;
	return true;
}

static bool compute_one(const struct figures_options *options, enum metric metric,
	const struct history *history, const struct reading *reading, uint64_t *ret_value,
	uint64_t *ret_span_ns)
{
	const struct recipe *recipe = &RECIPES[metric];
	uint64_t value;
	bool found;

	/* the history's newest point may be that of an earlier look */
	if (!(reading->valid & sources(recipe)))
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
	case METRIC_KIND_RATIO:
		return ratio(options, recipe, history, reading, ret_value);
	case METRIC_KIND_GAUGE:
	case METRIC_KIND_TOTAL:
	case METRIC_KIND_PERCENTILE:
	default:
		return gauge(recipe, reading, ret_value);
	}
	if (found)
		*ret_value = rounded(metric, bounded(recipe->field, value, options));
	return found;
}

void figures_compute(const struct figures_options *options, enum metric_scope scope,
	const struct history *history, const struct reading *reading, struct figures *ret_figures)
{
	*ret_figures = (struct figures){0};
	for (metric_set left = options->wanted; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);
		uint64_t span_ns = 0;

		if (metric_info(metric)->scope != scope)
			continue;
		if (!compute_one(options, metric, history, reading, &ret_figures->value[metric],
			    &span_ns))
			continue;
		ret_figures->present |= METRIC_BIT(metric);
		if (metric == METRIC_CPU_USAGE || metric == METRIC_NODE_CPU_USAGE)
			ret_figures->window_ms = (uint32_t)((span_ns + NS_PER_MS / 2) / NS_PER_MS);
	}
}
