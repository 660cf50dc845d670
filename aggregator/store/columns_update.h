/* What a Sample changes of columns. It has two steps, so that the store's lock is held for the
 * copying alone: columns_prepare() checks and allocates, columns_commit() can't fail. */
#ifndef STORE_COLUMNS_UPDATE_H
#define STORE_COLUMNS_UPDATE_H

#include "aggregator/store/columns.h"
#include "base/error.h"
#include "proto/tacho.pb-c.h"

struct columns_update {
	const Tacho__V1__Sample *sample;
	const Tacho__V1__Column *column[METRIC_COUNT]; /* the sample's, NULL where it has none */
	metric_set present;
	metric_set kept; /* of them: not in the sample, and left as they are */
	uint16_t step[METRIC_OF_ROWS];
	/* Of the new block, where one is needed. */
	column_place place[METRIC_OF_ROWS];
	char *block;    /* the new one until the commit, what it replaced after that; may be NULL */
	size_t windows; /* where they begin in it */
};

/* Checks the sample against the rows and makes ready what committing needs. 0, -EINVAL or -ENOMEM;
 * `update` points into the sample and is freed by columns_update_free(), not needed on failure. */
int columns_prepare(const struct columns *columns, const Tacho__V1__Sample *sample,
	struct columns_update *ret_update, struct error *err);

/* Returns how many rows have no figures because their window is not positive. */
uint32_t columns_commit(struct columns *columns, struct columns_update *update);
void columns_update_free(struct columns_update *update);

#endif
