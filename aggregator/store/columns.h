/* How much: the newest figures of one node, kept as they come over the wire, a column for each
 * metric with a value for each row. A column's values have as many bytes as its largest one needs:
 * most figures are small, and many are 0 in every row. */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "aggregator/store/memory_fetch.h"
#include "proto/metric.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where in the block a column begins, a multiple of 8; its lowest bits are the logarithm of the
 * bytes of a value, 0 to 3. */
typedef uint32_t column_place;

/* What a list reads of a row stands first, in one cache line. */
struct columns {
	/* One block: a column of `rows` for each bit of `present`, each value 0 for no figure or
	 * else the figure / the column's step + 1; then the windows. */
	char *block;
	uint32_t *row_window_ms; /* by row; 0 = the row has no figures */
	metric_set present;      /* the container metrics that have a column */
	uint64_t timestamp_ms;
	uint32_t rows;
	uint32_t window_ms;                  /* of node_value */
	column_place place[METRIC_OF_ROWS];  /* of each metric that is present */
	uint16_t step[METRIC_OF_ROWS];       /* likewise */
	uint64_t node_value[METRIC_OF_NODE]; /* as a row's, of step 1 */
	uint64_t whole_ms;                   /* the time of the last sample that said all */
};

/* Columns of `rows` rows. Row r gets the figures that row from[r] has in `before`, none where that
 * is COLUMN_NO_ROW; without `before` nothing has figures. 0 or -ENOMEM. */
int columns_init(
	struct columns *columns, uint32_t rows, const struct columns *before, const uint16_t *from);
void columns_free(struct columns *columns);

/* For columns_update. Turns the widths in `place` into places, one column behind the other; where
 * the windows begin. */
size_t columns_arrange(uint32_t rows, metric_set present, column_place *place);

/* A block for them, zeroed. NULL: memory is short. */
char *columns_block_new(uint32_t rows, size_t windows);

/* Takes the block, in the place of the one that was there, which is not freed. */
void columns_set_block(struct columns *columns, char *block, size_t windows, metric_set present,
	const column_place *place);

/* The bytes that its block has. */
size_t columns_bytes(const struct columns *columns);

static inline uint32_t column_width(column_place place)
{
	return place & 7U;
}

static inline char *columns_at(const struct columns *columns, uint32_t row, enum metric metric)
{
	column_place place = columns->place[metric];

	return columns->block + (place & ~7U) + ((size_t)row << column_width(place));
}

/* Of a metric that is present; 0 = none. */
static inline uint64_t columns_stored(
	const struct columns *columns, uint32_t row, enum metric metric)
{
	const void *at = columns_at(columns, row, metric);

	switch (column_width(columns->place[metric])) {
	case 0:
		return *(const uint8_t *)at;
	case 1:
		return *(const uint16_t *)at;
	case 2:
		return *(const uint32_t *)at;
	default:
		return *(const uint64_t *)at;
	}
}

/* False when there is no figure. */
static inline bool columns_value(
	const struct columns *columns, uint32_t row, enum metric metric, uint64_t *ret_value)
{
	uint64_t value;

	if (!(columns->present & METRIC_BIT(metric)) || columns->row_window_ms[row] == 0)
		return false;
	value = columns_stored(columns, row, metric);
	if (value == 0)
		return false;
	*ret_value = (value - 1) * columns->step[metric];
	return true;
}

bool columns_node_value(const struct columns *columns, enum metric metric, uint64_t *ret_value);

/* True when the row, or the node, has a window and a figure for each of the metrics of that scope
 * in `required`. */
bool columns_row_complete(const struct columns *columns, uint32_t row, metric_set required);
bool columns_node_complete(const struct columns *columns, metric_set required);

/* Has the processor fetch what reading these metrics of some rows, one or more, will need; they
 * need not be there. Of many rows it is the beginning and the end. */
static inline void columns_fetch(
	const struct columns *columns, uint32_t row, uint32_t rows, metric_set metrics)
{
	memory_fetch(&columns->row_window_ms[row]);
	for (metrics &= columns->present; metrics; metrics &= metrics - 1) {
		enum metric metric = (enum metric)__builtin_ctzll(metrics);

		memory_fetch(columns_at(columns, row, metric));
		memory_fetch(columns_at(columns, row + rows - 1, metric));
	}
}

#endif
