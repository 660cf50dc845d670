#include "agent/text_table.h"

#include <errno.h>
#include <string.h>

void text_table_add(struct text_table *table, const char *text)
{
	size_t length = strlen(text);

	buffer_append(&table->cells, text, length + 1);
	if (length > table->width[table->filled])
		table->width[table->filled] = length;
	table->filled = (table->filled + 1) % table->columns;
}

int text_table_print(const struct text_table *table, FILE *out)
{
	const char *cell = table->cells.data, *end = cell + table->cells.length;
	int r;

	if (table->cells.failed)
		return -ENOMEM;
	for (size_t column = 0; cell < end; column = (column + 1) % table->columns) {
		if (column + 1 == table->columns)
			r = fprintf(out, "%s\n", cell);
		else
			r = fprintf(out, "%-*s  ", (int)table->width[column], cell);
		if (r < 0)
			return -errno;
		cell += strlen(cell) + 1;
	}
	return 0;
}

void text_table_free(struct text_table *table)
{
	buffer_free(&table->cells);
}
