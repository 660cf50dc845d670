/* --once: a table for people, JSON for scripts. */
#ifndef TOP_PRINT_H
#define TOP_PRINT_H

#include "top/table.h"

#include <jansson.h>
#include <stdio.h>

/* table->order in lines, with a heading. */
void print_table(const struct table *table, enum kind kind, column_set columns, FILE *out);

/* table->order as an array of objects; numbers in cores, bytes, seconds, shares. NULL when memory
 * is short. */
json_t *print_json(const struct table *table, enum kind kind, column_set columns);

#endif
