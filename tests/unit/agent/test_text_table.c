/* agent/text_table: cells in columns. */
#include "agent/text_table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void columns_are_as_wide_as_their_cells(void **state)
{
	struct text_table table = {.columns = 3};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	for (int row = 0; row < 2; row++) {
		text_table_add(&table, row ? "a longer one" : "a");
		text_table_add(&table, row ? "" : "bb");
		text_table_add(&table, "last");
	}
	assert_int_equal(text_table_print(&table, out), 0);
	(void)fclose(out);
	assert_string_equal(text, "a             bb  last\na longer one      last\n");
	free(text);
	text_table_free(&table);
}

static void failures_are_told(void **state)
{
	struct text_table table = {.columns = 1, .cells = {.limit = 4}};
	FILE *full = fopen("/dev/full", "w");

	(void)state;
	assert_non_null(full);
	(void)setvbuf(full, NULL, _IONBF, 0);
	text_table_add(&table, "abc");
	assert_int_equal(text_table_print(&table, full), -ENOSPC);
	text_table_add(&table, "d");
	assert_int_equal(text_table_print(&table, full), -ENOMEM);
	(void)fclose(full);
	text_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(columns_are_as_wide_as_their_cells),
		cmocka_unit_test(failures_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
