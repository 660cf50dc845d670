/* base/patience: deadlines that differ. */
#include "base/patience.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

static void nobody_is_cut_sooner_than_was_said(void **state)
{
	(void)state;
	assert_int_equal(patience_of(10000000000, 0), 10000000000);
	assert_int_equal(patience_of(1, 255), 1);
	assert_int_equal(patience_of(0, 255), 0);
}

static void nor_much_later(void **state)
{
	(void)state;
	for (unsigned drawn = 0; drawn < 255; drawn++)
		assert_true(patience_of(1024, (uint8_t)drawn) <=
			    patience_of(1024, (uint8_t)(drawn + 1)));
	assert_int_equal(patience_of(1024, 255), 1024 + 510);
	assert_true(patience_of(UINT64_MAX / 2, 255) > UINT64_MAX / 2);
}

static void draws_differ(void **state)
{
	bool seen[256] = {false};
	unsigned different = 0;

	(void)state;
	for (int i = 0; i < 1000; i++)
		seen[patience_draw()] = true;
	for (int i = 0; i < 256; i++)
		different += seen[i];
	assert_true(different > 128);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_cut_sooner_than_was_said),
		cmocka_unit_test(nor_much_later),
		cmocka_unit_test(draws_differ),
	};

	return cmocka_run_group_tests_name("patience", tests, NULL, NULL);
}
