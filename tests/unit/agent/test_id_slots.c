/* agent/id_slots against a plain list. */
#include "agent/id_slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define IDS 2000

static void finds_nothing_in_an_empty_map(void **state)
{
	struct id_slots slots = {0};

	(void)state;
	assert_int_equal(id_slots_find(&slots, 1), ID_SLOTS_NONE);
	id_slots_remove(&slots, 1);
	assert_int_equal(id_slots_put(&slots, 1, 9), 0);
	assert_int_equal(id_slots_find(&slots, 1), 9);
	assert_int_equal(id_slots_find(&slots, 0), ID_SLOTS_NONE);
	id_slots_free(&slots);
	assert_int_equal(id_slots_find(&slots, 1), ID_SLOTS_NONE);
}

/* Ids that differ only in their upper bits, then neighbours: many share a home. */
static void keeps_what_is_put_through_growth_and_removal(void **state)
{
	struct id_slots slots = {0};
	uint64_t seed = 1;
	uint64_t ids[IDS];
	bool in[IDS] = {false};

	(void)state;
	for (uint32_t i = 0; i < IDS; i++) {
		ids[i] = i % 2 ? i : ((uint64_t)i << 40) + (1 << 30);
		assert_int_equal(id_slots_put(&slots, ids[i], i), 0);
		in[i] = true;
	}
	for (int step = 0; step < 20000; step++) {
		uint32_t i;

		seed = seed * 6364136223846793005 + 1442695040888963407;
		i = (uint32_t)(seed >> 33) % IDS;
		if (in[i])
			id_slots_remove(&slots, ids[i]);
		else
			assert_int_equal(id_slots_put(&slots, ids[i], i), 0);
		in[i] = !in[i];
		if (step % 500 != 0)
			continue;
		for (uint32_t j = 0; j < IDS; j++)
			assert_int_equal(id_slots_find(&slots, ids[j]), in[j] ? j : ID_SLOTS_NONE);
	}
	assert_true(slots.capacity <= 8192);
	id_slots_free(&slots);
}

static void changes_a_slot(void **state)
{
	struct id_slots slots = {0};

	(void)state;
	assert_int_equal(id_slots_put(&slots, 5, 1), 0);
	assert_int_equal(id_slots_put(&slots, 5, 2), 0);
	assert_int_equal(slots.count, 1);
	assert_int_equal(id_slots_find(&slots, 5), 2);
	id_slots_free(&slots);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_an_empty_map),
		cmocka_unit_test(keeps_what_is_put_through_growth_and_removal),
		cmocka_unit_test(changes_a_slot),
	};

	return cmocka_run_group_tests_name("id_slots", tests, NULL, NULL);
}
