#include "aggregator/store/columns_update.h"

#include "aggregator/store/column_values.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_sparse(const Tacho__V1__Column *column)
{
	return column->others != 0 || column->n_rows > 0;
}

/* Each row is there and behind the one before. */
static bool rows_are_right(const Tacho__V1__Column *column, uint32_t rows)
{
	uint64_t next = 0; /* at least */

	for (size_t i = 0; i < column->n_rows; i++) {
		uint64_t row = i == 0 ? column->rows[0] : next - 1 + column->rows[i];

		if (row < next || row >= rows)
			return false;
		next = row + 1;
	}
	return true;
}

static int check_column(const struct metric_info *info, const Tacho__V1__Column *column,
	uint32_t rows, struct error *err)
{
	uint32_t expected = info->scope == METRIC_SCOPE_NODE ? 1 : rows;

	if (!is_sparse(column))
		return column->n_values == expected
			       ? 0
			       : error_set(err, EINVAL,
					 "the column of %s has %zu values instead of %u",
					 info->name, column->n_values, expected);
	if (info->scope == METRIC_SCOPE_NODE)
		return error_set(err, EINVAL, "the column of %s has rows", info->name);
	if (column->n_values != column->n_rows)
		return error_set(err, EINVAL, "the column of %s has %zu values for %zu rows",
			info->name, column->n_values, column->n_rows);
	if (!rows_are_right(column, rows))
		return error_set(err, EINVAL,
			"the column of %s names rows that are not there, or in disorder",
			info->name);
	return 0;
}

static uint64_t largest(const Tacho__V1__Column *column)
{
	uint64_t most = column->others;

	for (size_t i = 0; i < column->n_values; i++)
		most = column->values[i] > most ? column->values[i] : most;
	return most;
}

/* The step is one that is kept, and the figures are within 64 bits, one more than them too. `bits`
 * is the union of all, which is no less than the largest. */
static int check_step(const struct metric_info *info, const Tacho__V1__Column *column,
	uint64_t bits, struct error *err)
{
	uint64_t most;

	if (column->step <= 1)
		return 0;
	most = (UINT64_MAX - 1) / column->step + 1;
	if (column->step <= UINT16_MAX && (bits <= most || largest(column) <= most))
		return 0;
	return error_set(err, EINVAL,
		"the column of %s has figures beyond 64 bits, or a step of %u", info->name,
		column->step);
}

static uint16_t step_of(const Tacho__V1__Column *column)
{
	return column->step > 1 ? (uint16_t)column->step : 1;
}

static int take_column(const struct columns *columns, const Tacho__V1__Column *column,
	metric_set *seen, struct columns_update *update, struct error *err)
{
	int metric = metric_by_id(column->metric);
	uint64_t bits = column->others;
	int r;

	if (metric < 0)
		return 0; /* of a newer agent */
	if (*seen & METRIC_BIT(metric))
		return error_set(err, EINVAL, "the column of %s comes twice",
			metric_info((enum metric)metric)->name);
	*seen |= METRIC_BIT(metric);
	r = check_column(metric_info((enum metric)metric), column, columns->rows, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < column->n_values; i++)
		bits |= column->values[i];
	r = check_step(metric_info((enum metric)metric), column, bits, err);
	if (r < 0)
		return r;
	update->column[metric] = column;
	if (metric >= (int)METRIC_OF_ROWS)
		return 0;
	update->present |= METRIC_BIT(metric);
	update->place[metric] = column_width_of(bits);
	update->step[metric] = step_of(column);
	return 0;
}

/* What the sample leaves as it is; nothing when another sample than the one that it builds upon
 * said all last. */
static void keep_columns(
	const struct columns *columns, metric_set seen, struct columns_update *update)
{
	const Tacho__V1__Sample *sample = update->sample;

	if (sample->kept_ms == 0 || sample->kept_ms != columns->whole_ms)
		return;
	for (size_t i = 0; i < sample->n_kept; i++) {
		int metric = metric_by_id(sample->kept[i]);

		if (metric < 0 || !(columns->present & ~seen & METRIC_BIT(metric)))
			continue;
		update->kept |= METRIC_BIT(metric);
		update->place[metric] = column_width(columns->place[metric]);
		update->step[metric] = columns->step[metric];
	}
	update->present |= update->kept;
}

/* A new block when the set of columns is another, or a column is too narrow. Then no column is made
 * narrower: figures that go up and down would need one for each sample. */
static int make_block(
	const struct columns *columns, struct columns_update *update, struct error *err)
{
	bool wider = false;

	for (metric_set both = update->present & columns->present; both; both &= both - 1) {
		int metric = __builtin_ctzll(both);
		uint32_t width = column_width(columns->place[metric]);

		wider |= update->place[metric] > width;
		if (update->place[metric] < width)
			update->place[metric] = width;
	}
	if (!wider && update->present == columns->present)
		return 0;
	update->windows = columns_arrange(columns->rows, update->present, update->place);
	update->block = columns_block_new(columns->rows, update->windows);
	return update->block ? 0 : error_errno(err, ENOMEM, "keeping the figures");
}

int columns_prepare(const struct columns *columns, const Tacho__V1__Sample *sample,
	struct columns_update *ret_update, struct error *err)
{
	struct columns_update update = {.sample = sample};
	metric_set seen = 0;
	int r = 0;

	if (sample->n_window_delta_ms != 0 && sample->n_window_delta_ms != columns->rows)
		return error_set(err, EINVAL, "there are %zu window deltas instead of %u",
			sample->n_window_delta_ms, columns->rows);
	for (size_t i = 0; r == 0 && i < sample->n_columns; i++)
		r = take_column(columns, sample->columns[i], &seen, &update, err);
	if (r == 0) {
		keep_columns(columns, seen, &update);
		r = make_block(columns, &update, err);
	}
	if (r == 0)
		*ret_update = update;
	return r;
}

/* 0 for a window that is no span of time. */
static uint32_t row_window(const Tacho__V1__Sample *sample, uint32_t row)
{
	int64_t window = sample->window_ms;

	if (sample->n_window_delta_ms)
		window += sample->window_delta_ms[row];
	return window > 0 && window <= UINT32_MAX ? (uint32_t)window : 0;
}

static void commit_column(
	struct columns *columns, enum metric metric, const Tacho__V1__Column *column)
{
	void *at = columns_at(columns, 0, metric);
	uint32_t width = column_width(columns->place[metric]);

	if (!is_sparse(column)) {
		column_store(at, width, column->values, columns->rows);
		return;
	}
	column_fill(at, width, column->others, columns->rows);
	column_scatter(at, width, column->rows, column->values, column->n_rows);
}

/* What is kept, into the new block. */
static void move_columns(const struct columns *columns, const struct columns_update *update)
{
	for (metric_set left = update->kept; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);
		column_place place = update->place[metric];

		memcpy(update->block + (place & ~7U), columns_at(columns, 0, metric),
			(size_t)columns->rows << column_width(place));
	}
}

uint32_t columns_commit(struct columns *columns, struct columns_update *update)
{
	const Tacho__V1__Sample *sample = update->sample;
	uint32_t without = 0;

	if (update->block) {
		char *replaced = columns->block;

		move_columns(columns, update);
		columns_set_block(
			columns, update->block, update->windows, update->present, update->place);
		update->block = replaced;
	}
	for (metric_set left = update->present & ~update->kept; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);

		columns->step[metric] = update->step[metric];
		commit_column(columns, metric, update->column[metric]);
	}
	for (int i = 0; i < (int)METRIC_OF_NODE; i++) {
		const Tacho__V1__Column *column = update->column[METRIC_OF_ROWS + i];

		columns->node_value[i] = column && column->values[0]
						 ? (column->values[0] - 1) * step_of(column) + 1
						 : 0;
	}
	for (uint32_t row = 0; row < columns->rows; row++) {
		columns->row_window_ms[row] = row_window(sample, row);
		without += columns->row_window_ms[row] == 0;
	}
	columns->window_ms = sample->window_ms;
	columns->timestamp_ms = sample->timestamp_ms;
	if (sample->kept_ms == 0)
		columns->whole_ms = sample->timestamp_ms;
	return without;
}

void columns_update_free(struct columns_update *update)
{
	free(update->block);
	update->block = NULL;
}
