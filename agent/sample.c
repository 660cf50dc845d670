#include "agent/sample.h"

#include "agent/wire.h"
#include "proto/varint.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

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
	uint64_t others;
	bool any = false;

	tacho__v1__column__init(ret_column);
	ret_column->metric = metric_info((enum metric)metric)->id;
	ret_column->values = values;
	if (metric_info((enum metric)metric)->scope == METRIC_SCOPE_NODE) {
		values[0] = wire_value(&sample->node, metric);
		ret_column->n_values = 1;
		return values[0] != 0;
	}
	for (uint32_t row = 0; row < sample->row_count; row++) {
		values[row] = wire_value(&sample->rows[row], metric);
		any |= values[row] != 0;
	}
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

void sample_encode(const struct sample *sample, metric_set wanted, struct buffer *out)
{
	size_t rows = sample->row_count ? sample->row_count : 1;
	/* with the rows of sparse columns behind them */
	uint64_t *values = calloc(METRIC_COUNT * rows, sizeof(*values) + sizeof(uint32_t));
	uint32_t *distances = values ? (uint32_t *)(void *)(values + METRIC_COUNT * rows) : NULL;
	int32_t *deltas = calloc(rows, sizeof(*deltas));
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Sample wire = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column columns[METRIC_COUNT], *pointers[METRIC_COUNT];

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
	wire.columns = pointers;
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		Tacho__V1__Column *column = &columns[wire.n_columns];

		if ((wanted & METRIC_BIT(metric)) &&
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
