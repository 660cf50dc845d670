#include "aggregator/store/columns.h"

#include "proto/bounds.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OF_ROWS (~(metric_set)0 >> (64 - METRIC_OF_ROWS))

/* Nodes' metrics are behind those of rows. */
#define METRIC(symbol, id, name, scope, kind, unit, cost, source, prometheus, custom, help) \
	_Static_assert((METRIC_SCOPE_##scope == METRIC_SCOPE_NODE) ==                       \
			       ((int)METRIC_##symbol >= (int)METRIC_OF_ROWS),               \
		"metrics.def: containers' metrics come first");
#include "proto/metrics.def"
#undef METRIC

/* The store's bounds keep it small: columns of 8 bytes a row for each metric. */
_Static_assert(
	METRIC_OF_ROWS *(WIRE_MAX_ROWS * 8ULL + 8) <= UINT32_MAX, "column_place is too narrow");

/* --- places ----------------------------------------------------------------------------------- */

/* The logarithm of the bytes that all of these values need, of which `bits` is the union. */
static uint32_t width_of(uint64_t bits)
{
	if (bits <= UINT8_MAX)
		return 0;
	if (bits <= UINT16_MAX)
		return 1;
	return bits <= UINT32_MAX ? 2 : 3;
}

/* Turns widths into places, one column behind the other. Where the windows begin. */
static size_t arrange(uint32_t rows, metric_set present, column_place *place)
{
	uint32_t at = 0;

	for (; present; present &= present - 1) {
		column_place *one = &place[__builtin_ctzll(present)];
		uint32_t width = column_width(*one);

		*one = at | width;
		at = (at + (rows << width) + 7) & ~7U;
	}
	return at;
}

static char *block_new(uint32_t rows, size_t windows)
{
	size_t size = windows + rows * sizeof(uint32_t);

	return calloc(1, size ? size : 1);
}

static void set_block(struct columns *columns, char *block, size_t windows, metric_set present,
	const column_place *place)
{
	columns->block = block;
	columns->row_window_ms = (uint32_t *)(void *)(block + windows);
	columns->present = present;
	memcpy(columns->place, place, sizeof(columns->place));
}

size_t columns_bytes(const struct columns *columns)
{
	return (size_t)((char *)(columns->row_window_ms + columns->rows) - columns->block);
}

/* --- values ----------------------------------------------------------------------------------- */

/* Does LOOP for the type of a column's values, which is chosen once and not for each. */
#define BY_WIDTH(width, LOOP)           \
	do {                            \
		switch (width) {        \
		case 0:                 \
			LOOP(uint8_t);  \
			break;          \
		case 1:                 \
			LOOP(uint16_t); \
			break;          \
		case 2:                 \
			LOOP(uint32_t); \
			break;          \
		default:                \
			LOOP(uint64_t); \
			break;          \
		}                       \
	} while (false)

static void store_all(void *at, uint32_t width, const uint64_t *values, size_t count)
{
#define COPY(type)                         \
	for (size_t i = 0; i < count; i++) \
	((type *)at)[i] = (type)values[i]
	BY_WIDTH(width, COPY);
#undef COPY
}

static void store_same(void *at, uint32_t width, uint64_t value, size_t count)
{
#define FILL(type)                         \
	for (size_t i = 0; i < count; i++) \
	((type *)at)[i] = (type)value
	BY_WIDTH(width, FILL);
#undef FILL
}

/* Each into the row that is so far behind the one before. */
static void store_at(
	void *at, uint32_t width, const uint32_t *distances, const uint64_t *values, size_t count)
{
	size_t row = 0;

#define SCATTER(type)                                \
	for (size_t i = 0; i < count; i++) {         \
		row += distances[i];                 \
		((type *)at)[row] = (type)values[i]; \
	}
	BY_WIDTH(width, SCATTER);
#undef SCATTER
}

static void store_one(struct columns *columns, uint32_t row, enum metric metric, uint64_t value)
{
	store_all(
		columns_at(columns, row, metric), column_width(columns->place[metric]), &value, 1);
}

/* --- life ------------------------------------------------------------------------------------- */

/* The widths that a column needs for the rows that stay. */
static void keep_widths(
	const struct columns *before, uint32_t rows, const uint16_t *from, column_place *place)
{
	for (metric_set left = before->present; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);
		uint64_t bits = 0;

		for (uint32_t row = 0; row < rows; row++)
			if (from[row] != COLUMNS_NO_ROW)
				bits |= columns_stored(before, from[row], metric);
		place[metric] = width_of(bits);
	}
}

static void keep_values(struct columns *columns, const struct columns *before, const uint16_t *from)
{
	for (uint32_t row = 0; row < columns->rows; row++)
		if (from[row] != COLUMNS_NO_ROW)
			columns->row_window_ms[row] = before->row_window_ms[from[row]];
	for (metric_set left = before->present; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);

		for (uint32_t row = 0; row < columns->rows; row++)
			if (from[row] != COLUMNS_NO_ROW)
				store_one(columns, row, metric,
					columns_stored(before, from[row], metric));
	}
}

int columns_init(
	struct columns *columns, uint32_t rows, const struct columns *before, const uint16_t *from)
{
	column_place place[METRIC_OF_ROWS] = {0};
	metric_set present = before ? before->present : 0;
	size_t windows;
	char *block;

	if (before)
		keep_widths(before, rows, from, place);
	windows = arrange(rows, present, place);
	block = block_new(rows, windows);
	if (!block)
		return -ENOMEM;
	*columns = before ? *before : (struct columns){0};
	columns->rows = rows;
	set_block(columns, block, windows, present, place);
	if (before)
		keep_values(columns, before, from);
	return 0;
}

void columns_free(struct columns *columns)
{
	free(columns->block);
	*columns = (struct columns){0};
}

/* --- a sample --------------------------------------------------------------------------------- */

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
	update->place[metric] = width_of(bits);
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
	update->windows = arrange(columns->rows, update->present, update->place);
	update->block = block_new(columns->rows, update->windows);
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
		store_all(at, width, column->values, columns->rows);
		return;
	}
	store_same(at, width, column->others, columns->rows);
	store_at(at, width, column->rows, column->values, column->n_rows);
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
		set_block(columns, update->block, update->windows, update->present, update->place);
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

/* --- reading ---------------------------------------------------------------------------------- */

bool columns_node_value(const struct columns *columns, enum metric metric, uint64_t *ret_value)
{
	uint64_t value;

	if ((int)metric < (int)METRIC_OF_ROWS || columns->window_ms == 0)
		return false;
	value = columns->node_value[metric - METRIC_OF_ROWS];
	if (value == 0)
		return false;
	*ret_value = value - 1;
	return true;
}

bool columns_row_complete(const struct columns *columns, uint32_t row, metric_set required)
{
	required &= OF_ROWS;
	if (columns->row_window_ms[row] == 0 || (required & columns->present) != required)
		return false;
	for (; required; required &= required - 1)
		if (columns_stored(columns, row, (enum metric)__builtin_ctzll(required)) == 0)
			return false;
	return true;
}

bool columns_node_complete(const struct columns *columns, metric_set required)
{
	uint64_t value;

	if (columns->window_ms == 0)
		return false;
	for (required &= ~OF_ROWS; required; required &= required - 1)
		if (!columns_node_value(columns, (enum metric)__builtin_ctzll(required), &value))
			return false;
	return true;
}
