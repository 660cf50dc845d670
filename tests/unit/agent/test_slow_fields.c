/* agent/slow_fields: whose turn it is, and what is kept between. */
#include "agent/slow_fields.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define S  NS_PER_SECOND
#define MS NS_PER_MS

#define FIELDS (FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES) | FIELD_BIT(FIELD_PRESSURE_IO_SOME_NS))

static struct slow_fields *begin(uint32_t slots)
{
	struct slow_fields *slow = slow_fields_new(FIELDS);

	assert_non_null(slow);
	assert_int_equal(slow_fields_reserve(slow, slots), 0);
	return slow;
}

static void keep(struct slow_fields *slow, uint32_t slot, uint64_t now_ns)
{
	slow_fields_keep(slow, slot, now_ns, FIELDS, &(struct reading){.valid = FIELDS});
}

/* After two looks each slot is read every five seconds, and no look reads more than its share. */
static void slots_take_turns(void **state)
{
	enum { SLOTS = 100, LOOKS = 62 };
	struct slow_fields *slow = begin(SLOTS);
	uint64_t last[SLOTS] = {0};

	(void)state;
	for (uint64_t look = 0; look < LOOKS; look++) {
		/* looks jitter by up to 20 ms */
		uint64_t now_ns = 1000 * S + look * S + (look * 7919) % 20 * MS;
		unsigned read = 0;

		for (uint32_t slot = 0; slot < SLOTS; slot++) {
			if (!slow_fields_due(slow, slot, now_ns))
				continue;
			read++;
			if (last[slot] && look > 6)
				assert_int_equal(look - last[slot], 5);
			last[slot] = look;
			keep(slow, slot, now_ns);
		}
		assert_int_equal(read, look < 2 ? SLOTS : SLOTS / 5);
	}
	slow_fields_free(slow);
}

static void a_late_look_does_not_bring_two(void **state)
{
	struct slow_fields *slow = begin(1);

	(void)state;
	keep(slow, 0, 100 * S);
	keep(slow, 0, 101 * S); /* then at 102, 107, 112 … */
	assert_false(slow_fields_due(slow, 0, 101 * S + 700 * MS));
	assert_true(slow_fields_due(slow, 0, 101 * S + 750 * MS));
	keep(slow, 0, 150 * S);
	assert_false(slow_fields_due(slow, 0, 151 * S));
	assert_false(slow_fields_due(slow, 0, 154 * S + 749 * MS));
	assert_true(slow_fields_due(slow, 0, 155 * S));
	slow_fields_free(slow);
}

static void keeps_and_recalls(void **state)
{
	struct slow_fields *slow = begin(2);
	struct reading reading = {.valid = FIELDS | FIELD_BIT(FIELD_PIDS)}, recalled = {0};

	(void)state;
	reading.value[FIELD_MEMORY_LIMIT_BYTES] = 11;
	reading.value[FIELD_PRESSURE_IO_SOME_NS] = 12;
	reading.value[FIELD_PIDS] = 13;
	slow_fields_keep(slow, 1, S, FIELDS, &reading);
	slow_fields_recall(slow, 0, FIELDS, &recalled);
	assert_int_equal(recalled.valid, 0);
	slow_fields_recall(slow, 1, FIELDS | FIELD_BIT(FIELD_PIDS), &recalled);
	assert_int_equal(recalled.valid, FIELDS);
	assert_int_equal(recalled.old, FIELDS);
	assert_int_equal(recalled.value[FIELD_MEMORY_LIMIT_BYTES], 11);
	assert_int_equal(recalled.value[FIELD_PRESSURE_IO_SOME_NS], 12);

	/* what a look could not read is forgotten; more slots change nothing */
	reading.valid = FIELD_BIT(FIELD_PRESSURE_IO_SOME_NS);
	reading.value[FIELD_PRESSURE_IO_SOME_NS] = 22;
	slow_fields_keep(slow, 1, 2 * S, FIELDS, &reading);
	assert_int_equal(slow_fields_reserve(slow, 500), 0);
	recalled = (struct reading){0};
	slow_fields_recall(slow, 1, FIELDS, &recalled);
	assert_int_equal(recalled.valid, FIELD_BIT(FIELD_PRESSURE_IO_SOME_NS));
	assert_int_equal(recalled.value[FIELD_PRESSURE_IO_SOME_NS], 22);

	slow_fields_begin(slow, 1);
	recalled = (struct reading){0};
	slow_fields_recall(slow, 1, FIELDS, &recalled);
	assert_int_equal(recalled.valid, 0);
	assert_true(slow_fields_due(slow, 1, 0));
	/* slots for which there was no memory are never read */
	assert_false(slow_fields_due(slow, 500, 100 * S));
	slow_fields_recall(slow, 500, FIELDS, &recalled);
	assert_int_equal(recalled.valid, 0);
	slow_fields_free(slow);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(slots_take_turns),
		cmocka_unit_test(a_late_look_does_not_bring_two),
		cmocka_unit_test(keeps_and_recalls),
	};

	return cmocka_run_group_tests_name("slow_fields", tests, NULL, NULL);
}
