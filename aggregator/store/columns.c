#include "aggregator/store/columns.h"

#include "aggregator/store/column_values.h"
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

size_t columns_arrange(uint32_t rows, metric_set present, column_place *place)
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

char *columns_block_new(uint32_t rows, size_t windows)
{
	size_t size = windows + rows * sizeof(uint32_t);

	return calloc(1, size ? size : 1);
}

void columns_set_block(struct columns *columns, char *block, size_t windows, metric_set present,
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

/* --- life ------------------------------------------------------------------------------------- */

#define PIECE 64 /* rows that are moved at a time */

static uint32_t piece_of(uint32_t rows, uint32_t row)
{
	return rows - row < PIECE ? rows - row : PIECE;
}

/* The widths that a column needs for the rows that stay. */
static void keep_widths(
	const struct columns *before, uint32_t rows, const uint16_t *from, column_place *place)
{
	for (metric_set left = before->present; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);
		uint64_t bits = 0, values[PIECE];

		for (uint32_t row = 0; row < rows; row += PIECE) {
			uint32_t count = piece_of(rows, row);

			column_gather(columns_at(before, 0, metric),
				column_width(before->place[metric]), from + row, count, values);
			for (uint32_t i = 0; i < count; i++)
				bits |= values[i];
		}
		place[metric] = column_width_of(bits);
	}
}

static void keep_values(struct columns *columns, const struct columns *before, const uint16_t *from)
{
	for (uint32_t row = 0; row < columns->rows; row++)
		if (from[row] != COLUMN_NO_ROW)
			columns->row_window_ms[row] = before->row_window_ms[from[row]];
	for (metric_set left = before->present; left; left &= left - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(left);
		uint64_t values[PIECE];

		for (uint32_t row = 0; row < columns->rows; row += PIECE) {
			uint32_t count = piece_of(columns->rows, row);

			column_gather(columns_at(before, 0, metric),
				column_width(before->place[metric]), from + row, count, values);
			column_store(columns_at(columns, row, metric),
				column_width(columns->place[metric]), values, count);
		}
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
	windows = columns_arrange(rows, present, place);
	block = columns_block_new(rows, windows);
	if (!block)
		return -ENOMEM;
	*columns = before ? *before : (struct columns){0};
	columns->rows = rows;
	columns_set_block(columns, block, windows, present, place);
	if (before)
		keep_values(columns, before, from);
	return 0;
}

void columns_free(struct columns *columns)
{
	free(columns->block);
	*columns = (struct columns){0};
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
