#include "top/table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEY 600 /* 63 + 253 are legal */

static void remove_row(struct table *table, struct row *row)
{
	HASH_DEL(table->rows, row);
	free(row);
}

void table_free(struct table *table)
{
	struct row *row, *next;

	HASH_ITER (hh, table->rows, row, next)
		remove_row(table, row);
	free(table->order);
	*table = (struct table){0};
}

void table_begin(struct table *table)
{
	for (struct row *row = table->rows; row; row = row->hh.next)
		row->seen = false;
	table->dropped = 0;
}

/* What a server says must not move the cursor or paint. */
static size_t clean(char *to, size_t room, const char *from)
{
	size_t length = 0;

	for (; *from && length + 1 < room; from++)
		to[length++] = *from > ' ' && *from <= '~' ? *from : '?';
	to[length] = '\0';
	return length;
}

static size_t make_key(char *key, const char *namespace, const char *name)
{
	size_t length = 0;

	if (*namespace) {
		length = clean(key, MAX_KEY / 2, namespace);
		key[length++] = '/';
	}
	return length + clean(key + length, MAX_KEY - length, name);
}

struct row *table_find(const struct table *table, const char *namespace, const char *name)
{
	char key[MAX_KEY];
	size_t length = make_key(key, namespace, name);
	struct row *row;

	HASH_FIND(hh, table->rows, key, length, row);
	return row;
}

/* The texts stand behind the row: the key, the namespace. */
static struct row *new_row(struct table *table, const char *namespace, const char *name)
{
	char key[MAX_KEY], *text;
	size_t length = make_key(key, namespace, name);
	size_t before = *namespace ? (size_t)(strchr(key, '/') - key) : 0;
	struct row *row = calloc(1, sizeof(*row) + length + 1 + before + 1);

	if (!row)
		return NULL;
	text = (char *)(row + 1);
	memcpy(text, key, length + 1);
	row->key = text;
	row->name = *namespace ? text + before + 1 : text;
	row->namespace = text + length + 1;
	memcpy(text + length + 1, key, before);
	HASH_ADD_KEYPTR(hh, table->rows, row->key, length, row);
	return row;
}

struct row *table_put(struct table *table, const char *namespace, const char *name)
{
	struct row *row = table_find(table, namespace, name);

	if (!row && HASH_COUNT(table->rows) < TABLE_MAX_ROWS)
		row = new_row(table, namespace, name);
	if (!row)
		table->dropped++;
	else
		row->seen = true;
	return row;
}

void table_end(struct table *table)
{
	struct row *row, *next;

	table->count = 0;
	HASH_ITER (hh, table->rows, row, next)
		if (!row->seen)
			remove_row(table, row);
}

void table_set(struct row *row, enum column column, nano value)
{
	row->value[column] = value;
	row->has |= COLUMN_BIT(column);
}

void table_clear(struct table *table, const char *namespace, enum column column)
{
	for (struct row *row = table->rows; row; row = row->hh.next)
		if (!namespace || strcmp(row->namespace, namespace) == 0)
			row->has &= ~COLUMN_BIT(column);
}

static int by_name(const struct row *a, const struct row *b)
{
	int difference = strcmp(a->namespace, b->namespace);

	return difference != 0 ? difference : strcmp(a->name, b->name);
}

static int compare(const void *left, const void *right, void *context)
{
	const struct row *a = *(struct row *const *)left, *b = *(struct row *const *)right;
	const struct table_order *order = context;
	bool has_a, has_b;
	int sign = order->ascending ? 1 : -1;

	if (order->column < 0)
		return order->ascending ? by_name(a, b) : by_name(b, a);
	has_a = a->has & COLUMN_BIT(order->column);
	has_b = b->has & COLUMN_BIT(order->column);
	if (has_a != has_b)
		return has_a ? -1 : 1;
	if (has_a && a->value[order->column] != b->value[order->column])
		return a->value[order->column] > b->value[order->column] ? sign : -sign;
	return by_name(a, b);
}

int table_sort(struct table *table, const struct table_order *order)
{
	size_t needed = HASH_COUNT(table->rows);
	struct table_order copy = *order;
	struct row **grown;

	if (needed > table->room) {
		grown = reallocarray(table->order, needed, sizeof(struct row *));
		if (!grown)
			return -ENOMEM;
		table->order = grown;
		table->room = needed;
	}
	table->count = 0;
	for (struct row *row = table->rows; row; row = row->hh.next)
		if (strstr(row->key, order->filter))
			table->order[table->count++] = row;
	if (table->count > 0)
		qsort_r(table->order, table->count, sizeof(struct row *), compare, &copy);
	return 0;
}
