#include "aggregator/store/columns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint32_t column_count(metric_set present)
{
	return (uint32_t)__builtin_popcountll(present);
}

/* The container metrics. */
static const metric_set OF_ROWS = 0
#define METRIC(symbol, id, name, scope, kind, unit, source, prometheus, custom, help) \
	| (METRIC_SCOPE_##scope == METRIC_SCOPE_CONTAINER ? METRIC_BIT(METRIC_##symbol) : 0)
#include "proto/metrics.def"
#undef METRIC
	;

/* Takes the block over as the one with these metrics; the windows stand behind the values. */
static void set_block(struct columns *columns, uint64_t *block, metric_set present)
{
	uint8_t number = 0;

	columns->value = block;
	columns->present = present;
	columns->row_window_ms =
		(uint32_t *)(void *)(block + (size_t)columns->rows * column_count(present));
	for (int metric = 0; metric < METRIC_COUNT; metric++)
		if (present & METRIC_BIT(metric))
			columns->number[metric] = number++;
}

/* Where the metric, which is present, has its value for each row. */
static uint64_t *column_of(const struct columns *columns, enum metric metric)
{
	return columns->value + (size_t)columns->number[metric] * columns->rows;
}

static uint64_t *block_new(uint32_t rows, metric_set present)
{
	size_t row_size = column_count(present) * sizeof(uint64_t) + sizeof(uint32_t);

	return calloc(rows ? rows : 1, row_size);
}

int columns_init(
	struct columns *columns, uint32_t rows, const struct columns *before, const uint16_t *from)
{
	metric_set present = before ? before->present : 0;
	uint64_t *block = block_new(rows, present);

	if (!block)
		return -ENOMEM;
	*columns = before ? *before : (struct columns){0};
	columns->rows = rows;
	set_block(columns, block, present);
	for (uint32_t row = 0; before && row < rows; row++) {
		if (from[row] == COLUMNS_NO_ROW)
			continue;
		columns->row_window_ms[row] = before->row_window_ms[from[row]];
		for (uint32_t i = 0; i < column_count(present); i++)
			columns->value[(size_t)i * rows + row] =
				before->value[(size_t)i * before->rows + from[row]];
	}
	return 0;
}

void columns_free(struct columns *columns)
{
	free(columns->value);
	*columns = (struct columns){0};
}

static int take_column(const struct columns *columns, const Tacho__V1__Column *column,
	metric_set *seen, struct columns_update *update, struct error *err)
{
	int metric = metric_by_id(column->metric);
	const struct metric_info *info;
	uint32_t expected = 1;

	if (metric < 0)
		return 0; /* of a newer agent */
	info = metric_info((enum metric)metric);
	if (*seen & METRIC_BIT(metric))
		return error_set(err, EINVAL, "the column of %s comes twice", info->name);
	*seen |= METRIC_BIT(metric);
	if (info->scope == METRIC_SCOPE_CONTAINER) {
		expected = columns->rows;
		update->present |= METRIC_BIT(metric);
	}
	if (column->n_values != expected)
		return error_set(err, EINVAL, "the column of %s has %zu values instead of %u",
			info->name, column->n_values, expected);
	update->column[metric] = column->values;
	return 0;
}

int columns_prepare(const struct columns *columns, const Tacho__V1__Sample *sample,
	struct columns_update *ret_update, struct error *err)
{
	struct columns_update update = {.sample = sample};
	metric_set seen = 0;

	if (sample->n_window_delta_ms != 0 && sample->n_window_delta_ms != columns->rows)
		return error_set(err, EINVAL, "there are %zu window deltas instead of %u",
			sample->n_window_delta_ms, columns->rows);
	for (size_t i = 0; i < sample->n_columns; i++) {
		int r = take_column(columns, sample->columns[i], &seen, &update, err);

		if (r < 0)
			return r;
	}
	if (update.present != columns->present) {
		update.block = block_new(columns->rows, update.present);
		if (!update.block)
			return error_errno(err, ENOMEM, "keeping the figures");
	}
	*ret_update = update;
	return 0;
}

/* 0 for a window that is no span of time. */
static uint32_t row_window(const Tacho__V1__Sample *sample, uint32_t row)
{
	int64_t window = sample->window_ms;

	if (sample->n_window_delta_ms)
		window += sample->window_delta_ms[row];
	return window > 0 && window <= UINT32_MAX ? (uint32_t)window : 0;
}

uint32_t columns_commit(struct columns *columns, struct columns_update *update)
{
	const Tacho__V1__Sample *sample = update->sample;
	uint32_t without = 0, rows = columns->rows;

	if (update->block) {
		uint64_t *replaced = columns->value;

		set_block(columns, update->block, update->present);
		update->block = replaced;
	}
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const uint64_t *values = update->column[metric];

		if (metric_info((enum metric)metric)->scope == METRIC_SCOPE_NODE)
			columns->node_value[metric] = values ? *values : 0;
		else if (values && rows)
			memcpy(column_of(columns, (enum metric)metric), values,
				rows * sizeof(*values));
	}
	for (uint32_t row = 0; row < rows; row++) {
		columns->row_window_ms[row] = row_window(sample, row);
		without += columns->row_window_ms[row] == 0;
	}
	columns->window_ms = sample->window_ms;
	columns->timestamp_ms = sample->timestamp_ms;
	return without;
}

void columns_update_free(struct columns_update *update)
{
	free(update->block);
	update->block = NULL;
}

bool columns_node_value(const struct columns *columns, enum metric metric, uint64_t *ret_value)
{
	if (columns->node_value[metric] == 0 || columns->window_ms == 0)
		return false;
	*ret_value = columns->node_value[metric] - 1;
	return true;
}

bool columns_row_complete(const struct columns *columns, uint32_t row, metric_set required)
{
	required &= OF_ROWS;
	if (columns->row_window_ms[row] == 0 || (required & columns->present) != required)
		return false;
	for (; required; required &= required - 1)
		if (column_of(columns, (enum metric)__builtin_ctzll(required))[row] == 0)
			return false;
	return true;
}

bool columns_node_complete(const struct columns *columns, metric_set required)
{
	uint64_t value;

	if (columns->window_ms == 0)
		return false;
	for (; required; required &= required - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(required);

		if (metric_info(metric)->scope == METRIC_SCOPE_NODE &&
			!columns_node_value(columns, metric, &value))
			return false;
	}
	return true;
}
