/* The rows of one kind: figures by name, the last minute of CPU, in the order that is asked for. */
#ifndef TOP_TABLE_H
#define TOP_TABLE_H

#include "top/column.h"
#include "top/sparkline.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

#define TABLE_MAX_ROWS 50000

struct row {
	UT_hash_handle hh;
	const char *key;              /* "namespace/name"; of a node "name" */
	const char *namespace, *name; /* namespace "" of a node */
	nano value[COLUMN_COUNT];
	column_set has;
	struct sparkline cpu;
	bool seen;
};

/* Zero-initialise. */
struct table {
	struct row *rows; /* by key */
	struct row **order;
	size_t count, room;
	uint64_t dropped; /* rows beyond TABLE_MAX_ROWS, of the last round */
};

struct table_order {
	int column; /* enum column; -1: by namespace and name */
	bool ascending;
	const char *filter; /* part of namespace/name; "" for all */
};

void table_free(struct table *table);

/* A list begins: what is not put until table_end() is gone then. */
void table_begin(struct table *table);

/* The row, new if need be; letters that are not printable ASCII are replaced. NULL when there are
 * too many (counted), or memory is short. */
struct row *table_put(struct table *table, const char *namespace, const char *name);

/* NULL when there is none. */
struct row *table_find(const struct table *table, const char *namespace, const char *name);

void table_end(struct table *table);

void table_set(struct row *row, enum column column, nano value);

/* Takes a column from all rows of a namespace (NULL: all rows). */
void table_clear(struct table *table, const char *namespace, enum column column);

/* Puts the rows that pass the filter into `order`. Rows without the figure stand last. 0 or
 * -ENOMEM.
 */
int table_sort(struct table *table, const struct table_order *order);

#endif
