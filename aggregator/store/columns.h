/* How much: the newest figures of one node, kept as they come over the wire, a column for each
 * metric with a value for each row.
 *
 * Taking a Sample has two steps, so that the store's lock is held for the copying alone:
 * columns_prepare() checks and allocates, columns_commit() can't fail. */
#ifndef STORE_COLUMNS_H
#define STORE_COLUMNS_H

#include "aggregator/store/memory_fetch.h"
#include "base/error.h"
#include "proto/metric.h"
#include "proto/tacho.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a list reads of a row stands first, in one cache line. */
struct columns {
	/* One block. A column of `rows` for each bit of `present`, in the order of the bits; 0 = no
	 * figure, else the value + 1 */
	uint64_t *value;
	uint32_t *row_window_ms; /* by row; 0 = the row has no figures */
	metric_set present;      /* the container metrics that have a column */
	uint64_t timestamp_ms;
	uint32_t rows;
	uint32_t window_ms;                /* of node_value */
	uint8_t number[METRIC_COUNT];      /* of the column of each metric that is present */
	uint64_t node_value[METRIC_COUNT]; /* as in `value`; only node metrics are ever set */
};

#define COLUMNS_NO_ROW UINT16_MAX

/* Columns of `rows` rows. Row r gets the figures that row from[r] has in `before`, none where that
 * is COLUMNS_NO_ROW; without `before` nothing has figures. 0 or -ENOMEM. */
int columns_init(
	struct columns *columns, uint32_t rows, const struct columns *before, const uint16_t *from);
void columns_free(struct columns *columns);

struct columns_update {
	const Tacho__V1__Sample *sample;
	const uint64_t *column[METRIC_COUNT]; /* the sample's, NULL where it has none */
	metric_set present;
	uint64_t
		*block; /* the new one until the commit, what it replaced after that; may be NULL */
};

/* Checks the sample against the rows and makes ready what committing needs. 0, -EINVAL or -ENOMEM;
 * `update` points into the sample and is freed by columns_update_free(), not needed on failure. */
int columns_prepare(const struct columns *columns, const Tacho__V1__Sample *sample,
	struct columns_update *ret_update, struct error *err);

/* Returns how many rows have no figures because their window is not positive. */
uint32_t columns_commit(struct columns *columns, struct columns_update *update);
void columns_update_free(struct columns_update *update);

/* False when there is no figure. */
static inline bool columns_value(
	const struct columns *columns, uint32_t row, enum metric metric, uint64_t *ret_value)
{
	uint64_t value;

	if (!(columns->present & METRIC_BIT(metric)) || columns->row_window_ms[row] == 0)
		return false;
	value = columns->value[(size_t)columns->number[metric] * columns->rows + row];
	if (value == 0)
		return false;
	*ret_value = value - 1;
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
		const uint64_t *value =
			columns->value + row +
			(size_t)columns->number[__builtin_ctzll(metrics)] * columns->rows;

		memory_fetch(value);
		memory_fetch(value + rows - 1);
	}
}

#endif
