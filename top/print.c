#include "top/print.h"

#include <string.h>

static int widest(const struct table *table, int least)
{
	size_t width = (size_t)least;

	for (size_t i = 0; i < table->count; i++)
		if (strlen(table->order[i]->key) > width)
			width = strlen(table->order[i]->key);
	return (int)width;
}

void print_table(const struct table *table, enum kind kind, column_set columns, FILE *out)
{
	int width = widest(table, 14);
	char text[64];

	(void)fprintf(out, "%-*s", width, kind == KIND_PODS ? "NAMESPACE/POD" : "NODE");
	for (unsigned c = 0; c < COLUMN_COUNT; c++)
		if (columns & COLUMN_BIT(c))
			(void)fprintf(
				out, " %*s", COLUMN_WIDTH, column_info((enum column)c)->title);
	(void)fputc('\n', out);
	for (size_t i = 0; i < table->count; i++) {
		const struct row *row = table->order[i];

		(void)fprintf(out, "%-*s", width, row->key);
		for (unsigned c = 0; c < COLUMN_COUNT; c++) {
			if (!(columns & COLUMN_BIT(c)))
				continue;
			strcpy(text, "-");
			if (row->has & COLUMN_BIT(c))
				column_text((enum column)c, row->value[c], text, sizeof(text));
			(void)fprintf(out, " %*s", COLUMN_WIDTH, text);
		}
		(void)fputc('\n', out);
	}
}

/* Whole numbers stay exact whatever their size. */
static json_t *number(nano value)
{
	if (value % NANO_PER_ONE == 0 && value / NANO_PER_ONE < INT64_MAX)
		return json_integer((json_int_t)(value / NANO_PER_ONE));
	return json_real(quantity_double(value));
}

json_t *print_json(const struct table *table, enum kind kind, column_set columns)
{
	json_t *array = json_array(), *object;
	int r = array ? 0 : -1;

	for (size_t i = 0; r == 0 && i < table->count; i++) {
		const struct row *row = table->order[i];

		object = json_pack("{s:s}", "name", row->name);
		r = json_array_append_new(array, object);
		if (r == 0 && kind == KIND_PODS)
			r = json_object_set_new(object, "namespace", json_string(row->namespace));
		for (unsigned c = 0; r == 0 && c < COLUMN_COUNT; c++)
			if (columns & row->has & COLUMN_BIT(c))
				r = json_object_set_new(object, column_info((enum column)c)->name,
					number(row->value[c]));
	}
	if (r < 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}
