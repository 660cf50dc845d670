#include "agent/sample.h"

#include "agent/wire.h"
#include "proto/bounds.h"
#include "proto/varint.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Even if no figure is shorter than ten bytes a Sample is no longer than a message may be. */
#define COLUMN_HEAD 32
_Static_assert(METRIC_OF_ROWS *(WIRE_MAX_ROWS * 10ULL + COLUMN_HEAD) +
			       METRIC_OF_NODE * COLUMN_HEAD + WIRE_MAX_ROWS * 5ULL + 512 <=
		       WIRE_MAX_MESSAGE,
	"a Sample of all metrics must fit into a message");

/* What SAMPLE_WHOLE_MS is for: read each five seconds (agent/slow_fields.h), or only ever growing a
 * little. Nothing that a pod must have to be served. */
#define SELDOM                                                                                \
	(METRIC_BIT(METRIC_MEMORY_PEAK) | METRIC_BIT(METRIC_MEMORY_LIMIT) |                   \
		METRIC_BIT(METRIC_MEMORY_HUGETLB) | METRIC_BIT(METRIC_PRESSURE_CPU_WAITING) | \
		METRIC_BIT(METRIC_PRESSURE_CPU_STALLED) |                                     \
		METRIC_BIT(METRIC_PRESSURE_MEMORY_WAITING) |                                  \
		METRIC_BIT(METRIC_PRESSURE_MEMORY_STALLED) |                                  \
		METRIC_BIT(METRIC_PRESSURE_IO_WAITING) | METRIC_BIT(METRIC_PRESSURE_IO_STALLED))
/* A look may be so much early. */
#define EARLY_MS 250

void sample_take_turn(struct sample *sample, struct sample_turn *turn)
{
	uint64_t now_ms = sample->timestamp_ms, last_ms = turn->timestamp_ms;

	/* a clock that was set back makes a new beginning */
	if (turn->revision == sample->revision && now_ms > last_ms &&
		now_ms - last_ms + EARLY_MS < SAMPLE_WHOLE_MS) {
		sample->kept_ms = last_ms;
		return;
	}
	sample->kept_ms = 0;
	*turn = (struct sample_turn){sample->revision, now_ms};
}

int sample_reset(struct sample *sample, uint32_t rows)
{
	if (rows > sample->row_capacity) {
		struct figures *grown = realloc(sample->rows, rows * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		sample->rows = grown;
		sample->row_capacity = rows;
	}
	if (rows > 0)
		memset(sample->rows, 0, rows * sizeof(*sample->rows));
	sample->row_count = rows;
	sample->kept_ms = 0;
	sample->node = (struct figures){0};
	return 0;
}

void sample_free(struct sample *sample)
{
	free(sample->rows);
	*sample = (struct sample){0};
}

/* On the wire 0 is "no figure", and a value is one more than itself. */
static uint64_t wire_value(const struct figures *figures, int metric)
{
	if (!(figures->present & METRIC_BIT(metric)))
		return 0;
	return figures->value[metric] == UINT64_MAX ? UINT64_MAX : figures->value[metric] + 1;
}

/* The step that figures of the unit often have. Memory is counted in pages; of larger ones too,
 * this is a divisor. For times and bytes a second see agent/figures.c. */
static uint32_t usual_step(int metric)
{
	switch (metric_info((enum metric)metric)->unit) {
	case METRIC_UNIT_BYTES:
		return 4096;
	case METRIC_UNIT_NANOCORES:
	case METRIC_UNIT_NANOSECONDS_PER_SECOND:
	case METRIC_UNIT_MILLIBYTES_PER_SECOND:
		return 1000;
	default:
		return 1;
	}
}

/* Divides what wire_value() gave by the step, if that loses nothing and helps. Returns whether. */
static bool divide(uint64_t *values, size_t count, uint32_t step)
{
	bool helps = false;

	if (step == 1)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (values[i] != 0 && (values[i] - 1) % step != 0)
			return false;
		helps |= values[i] > step;
	}
	for (size_t i = 0; helps && i < count; i++)
		if (values[i] != 0)
			values[i] = (values[i] - 1) / step + 1;
	return helps;
}

/* A value that more than half of them have, if there is one; else any. Boyer's and Moore's vote. */
static uint64_t most_frequent(const uint64_t *values, uint32_t count)
{
	uint64_t candidate = 0;
	uint32_t votes = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (votes == 0)
			candidate = values[i];
		votes = candidate == values[i] ? votes + 1 : votes - 1;
	}
	return candidate;
}

/* The bytes of both forms, but for what they share. */
static bool is_shorter_sparse(const uint64_t *values, uint32_t count, uint64_t others)
{
	size_t dense = 0, sparse = 1 + protobuf_varint_size(others);
	uint32_t last = 0;

	for (uint32_t row = 0; row < count; row++) {
		size_t size = protobuf_varint_size(values[row]);

		dense += size;
		if (values[row] == others)
			continue;
		sparse += size + protobuf_varint_size(row - last);
		last = row;
	}
	return sparse < dense;
}

/* Leaves what most rows have out of the values. */
static void make_sparse(Tacho__V1__Column *column, uint64_t others, uint32_t *rows)
{
	uint32_t last = 0;
	size_t kept = 0;

	for (uint32_t row = 0; row < column->n_values; row++) {
		if (column->values[row] == others)
			continue;
		column->values[kept] = column->values[row];
		rows[kept++] = row - last;
		last = row;
	}
	column->others = others;
	column->n_values = column->n_rows = kept;
	column->rows = rows;
}

/* Fills one column, for which there are `values` and `rows`, one of each for a row; false when no
 * row has a figure. */
static bool fill_column(const struct sample *sample, int metric, uint64_t *values, uint32_t *rows,
	Tacho__V1__Column *ret_column)
{
	const uint32_t step = usual_step(metric);
	uint64_t others;
	bool any = false;

	tacho__v1__column__init(ret_column);
	ret_column->metric = metric_info((enum metric)metric)->id;
	ret_column->values = values;
	if (metric_info((enum metric)metric)->scope == METRIC_SCOPE_NODE) {
		values[0] = wire_value(&sample->node, metric);
		ret_column->n_values = 1;
		if (divide(values, 1, step))
			ret_column->step = step;
		return values[0] != 0;
	}
	for (uint32_t row = 0; row < sample->row_count; row++) {
		values[row] = wire_value(&sample->rows[row], metric);
		any |= values[row] != 0;
	}
	if (divide(values, sample->row_count, step))
		ret_column->step = step;
	ret_column->n_values = sample->row_count;
	others = most_frequent(values, sample->row_count);
	if (any && is_shorter_sparse(values, sample->row_count, others))
		make_sparse(ret_column, others, rows);
	return any;
}

/* What most rows share goes into window_ms; each row's difference into `deltas`. True when there
 * is a difference at all. */
static bool fill_windows(const struct sample *sample, uint32_t *ret_window_ms, int32_t *deltas)
{
	uint32_t window_ms = sample->node.window_ms;
	bool any = false;

	for (uint32_t row = 0; !window_ms && row < sample->row_count; row++)
		window_ms = sample->rows[row].window_ms;
	for (uint32_t row = 0; row < sample->row_count; row++) {
		uint32_t own = sample->rows[row].window_ms;

		deltas[row] = own ? (int32_t)(own - window_ms) : 0;
		any |= deltas[row] != 0;
	}
	*ret_window_ms = window_ms;
	return any;
}

/* The ids of `kept`; how many. */
static size_t fill_kept(metric_set kept, uint32_t ids[METRIC_COUNT])
{
	size_t count = 0;

	for (; kept; kept &= kept - 1)
		ids[count++] = metric_info((enum metric)__builtin_ctzll(kept))->id;
	return count;
}

void sample_encode(const struct sample *sample, metric_set wanted, struct buffer *out)
{
	const metric_set kept = sample->kept_ms ? wanted & SELDOM : 0;
	size_t rows = sample->row_count ? sample->row_count : 1;
	/* with the rows of sparse columns behind them */
	uint64_t *values = calloc(METRIC_COUNT * rows, sizeof(*values) + sizeof(uint32_t));
	uint32_t *distances = values ? (uint32_t *)(void *)(values + METRIC_COUNT * rows) : NULL;
	int32_t *deltas = calloc(rows, sizeof(*deltas));
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Sample wire = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column columns[METRIC_COUNT], *pointers[METRIC_COUNT];
	uint32_t kept_ids[METRIC_COUNT];

	if (!values || !deltas) {
		out->failed = true;
		goto out;
	}
	wire.revision = sample->revision;
	wire.timestamp_ms = sample->timestamp_ms;
	if (fill_windows(sample, &wire.window_ms, deltas)) {
		wire.window_delta_ms = deltas;
		wire.n_window_delta_ms = sample->row_count;
	}
	if (kept) {
		wire.kept_ms = sample->kept_ms;
		wire.n_kept = fill_kept(kept, kept_ids);
		wire.kept = kept_ids;
	}
	wire.columns = pointers;
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		Tacho__V1__Column *column = &columns[wire.n_columns];

		if ((wanted & ~kept & METRIC_BIT(metric)) &&
			fill_column(sample, metric, values + (size_t)metric * rows,
				distances + (size_t)metric * rows, column))
			pointers[wire.n_columns++] = column;
	}
	message.kind_case = TACHO__V1__MESSAGE__KIND_SAMPLE;
	message.sample = &wire;
	wire_append(&message, out);
out:
	free(values);
	free(deltas);
}
