/* The values of one column: as many bytes each as the largest one needs. A width is the logarithm
 * of these bytes, 0 to 3; `at` is where the values stand, aligned for them. */
#ifndef STORE_COLUMN_VALUES_H
#define STORE_COLUMN_VALUES_H

#include <stddef.h>
#include <stdint.h>

#define COLUMN_NO_ROW UINT16_MAX

/* What all of these values need, of which `bits` is the union. */
static inline uint32_t column_width_of(uint64_t bits)
{
	if (bits <= UINT8_MAX)
		return 0;
	if (bits <= UINT16_MAX)
		return 1;
	return bits <= UINT32_MAX ? 2 : 3;
}

/* Values for the first `count` rows; none is wider than the column. */
void column_store(void *at, uint32_t width, const uint64_t *values, size_t count);

/* The same value for all of them. */
void column_fill(void *at, uint32_t width, uint64_t value, size_t count);

/* A value for each of some rows: distances[i] behind the one before, the first by its number. */
void column_scatter(
	void *at, uint32_t width, const uint32_t *distances, const uint64_t *values, size_t count);

/* The values of rows from[], 0 where that is COLUMN_NO_ROW. */
void column_gather(
	const void *at, uint32_t width, const uint16_t *from, size_t count, uint64_t *ret_values);

#endif
