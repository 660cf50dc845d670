/* ingest/held_catalog: what is held, and no more than is said. */
#include "aggregator/ingest/held_catalog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void keeps_the_newest(void **state)
{
	struct telemetry_series gauge = {0};
	struct held_catalogs all = {.max_bytes = 10, .now_bytes = &gauge};
	struct held_catalog held = {0};

	(void)state;
	held_catalog_drop(&held);
	assert_int_equal(held_catalog_put(&held, &all, "older", 5), 0);
	assert_int_equal(held_catalog_put(&held, &all, "new", 3), 0);
	assert_int_equal(held.size, 3);
	assert_memory_equal(held.data, "new", 3);
	assert_int_equal(telemetry_get(&gauge), 3);
	held_catalog_drop(&held);
	assert_null(held.data);
	assert_int_equal(telemetry_get(&gauge), 0);
}

static void is_bounded_over_all(void **state)
{
	struct telemetry_series gauge = {0};
	struct held_catalogs all = {.max_bytes = 10, .now_bytes = &gauge};
	struct held_catalog first = {0}, second = {0};

	(void)state;
	assert_int_equal(held_catalog_put(&first, &all, "0123456", 7), 0);
	assert_int_equal(held_catalog_put(&second, &all, "0123", 4), -ENOSPC);
	assert_null(second.data);
	assert_int_equal(held_catalog_put(&second, &all, "012", 3), 0);
	/* What is replaced makes room; what does not fit changes nothing. */
	assert_int_equal(held_catalog_put(&first, &all, "abcdefg", 7), 0);
	assert_int_equal(held_catalog_put(&first, &all, "01234567", 8), -ENOSPC);
	assert_memory_equal(first.data, "abcdefg", 7);
	assert_int_equal(held_catalog_put(&first, &all, "", 0), 0);
	assert_non_null(first.data); /* an empty one is one */
	assert_int_equal(held_catalog_put(&second, &all, "0123456789", 10), 0);
	assert_int_equal(all.bytes, 10);
	held_catalog_drop(&first);
	held_catalog_drop(&second);
	assert_int_equal(all.bytes, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_the_newest),
		cmocka_unit_test(is_bounded_over_all),
	};

	return cmocka_run_group_tests_name("held_catalog", tests, NULL, NULL);
}
