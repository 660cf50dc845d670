/* A table of text whose columns are as wide as their widest cells. */
#ifndef AGENT_TEXT_TABLE_H
#define AGENT_TEXT_TABLE_H

#include "base/buffer.h"

#include <stddef.h>
#include <stdio.h>

#define TEXT_TABLE_COLUMNS 128

/* Zero-initialise but for `columns`, which is at most TEXT_TABLE_COLUMNS. */
struct text_table {
	size_t columns;
	size_t filled;       /* cells of the last row; 0: it is full */
	struct buffer cells; /* NUL-terminated strings, row by row */
	size_t width[TEXT_TABLE_COLUMNS];
};

/* Adds the next cell, to the right of the last one or to the next row. */
void text_table_add(struct text_table *table, const char *text);

/* Writes all rows, with two spaces between columns. 0 or -errno: -ENOMEM, or what writing to `out`
 * failed with. */
int text_table_print(const struct text_table *table, FILE *out);

void text_table_free(struct text_table *table);

#endif
