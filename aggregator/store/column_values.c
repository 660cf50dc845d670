#include "aggregator/store/column_values.h"

#include <stdbool.h>

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

void column_store(void *at, uint32_t width, const uint64_t *values, size_t count)
{
#define COPY(type)                         \
	for (size_t i = 0; i < count; i++) \
	((type *)at)[i] = (type)values[i]
	BY_WIDTH(width, COPY);
#undef COPY
}

void column_fill(void *at, uint32_t width, uint64_t value, size_t count)
{
#define FILL(type)                         \
	for (size_t i = 0; i < count; i++) \
	((type *)at)[i] = (type)value
	BY_WIDTH(width, FILL);
#undef FILL
}

void column_scatter(
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

void column_gather(
	const void *at, uint32_t width, const uint16_t *from, size_t count, uint64_t *ret_values)
{
#define GATHER(type)                       \
	for (size_t i = 0; i < count; i++) \
	ret_values[i] = from[i] == COLUMN_NO_ROW ? 0 : ((const type *)at)[from[i]]
	BY_WIDTH(width, GATHER);
#undef GATHER
}
