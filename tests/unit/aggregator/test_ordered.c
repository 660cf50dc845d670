/* aggregator/store/ordered: against a plain sorted array, at the edges of its chunks. */
#include "aggregator/store/ordered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 20000

/* An item is a pointer to one of these; its place in the array is its value. */
static const char field[MOST];

static size_t value_of(const void *item)
{
	return (size_t)((const char *)item - field);
}

static void *item_of(size_t value)
{
	return (void *)(uintptr_t)&field[value];
}

static int compare(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

static int compare_key(const void *key, const void *item)
{
	size_t wanted = *(const size_t *)key;

	return (wanted > value_of(item)) - (wanted < value_of(item));
}

/* The whole set is what `in` says, by walking and by seeking. */
static void expect(const struct ordered *set, const bool *in, size_t most)
{
	struct ordered_place place = {0, 0};
	size_t count = 0;

	for (size_t value = 0; value < most; value++) {
		const void *found = ordered_at(set, ordered_seek(set, &value, compare_key));

		if (in[value]) {
			assert_ptr_equal(found, item_of(value));
			assert_ptr_equal(ordered_at(set, place), item_of(value));
			place = ordered_next(set, place);
			count++;
		} else {
			assert_true(!found || value_of(found) > value);
		}
	}
	assert_null(ordered_at(set, place));
	assert_null(ordered_at(set, ordered_next(set, place)));
	assert_int_equal(set->count, count);
}

static void begins_empty(void **state)
{
	struct ordered set = {.compare = compare};
	const bool in[3] = {false};

	(void)state;
	expect(&set, in, 3);
	assert_false(ordered_remove(&set, item_of(0)));
	assert_false(ordered_replace(&set, item_of(0)));
	assert_null(ordered_ahead(&set, (struct ordered_place){0, 0}, 0));
	ordered_free(&set);
}

/* Ascending, descending, and with a step that visits all places out of order. */
static void sorts_whatever_the_order(void **state)
{
	static const size_t STEPS[] = {1, MOST - 1, 7919, 254, 255, 127};
	static bool in[MOST];

	(void)state;
	for (size_t s = 0; s < sizeof(STEPS) / sizeof(STEPS[0]); s++) {
		struct ordered set = {.compare = compare};
		size_t value = 0;

		memset(in, 0, sizeof(in));
		for (size_t i = 0; i < 3000; i++) {
			while (in[value])
				value = (value + 1) % MOST;
			assert_int_equal(ordered_insert(&set, item_of(value)), 0);
			in[value] = true;
			value = (value + STEPS[s]) % MOST;
		}
		expect(&set, in, MOST);
		for (value = 0; value < MOST; value++)
			assert_int_equal(ordered_remove(&set, item_of(value)), in[value]);
		memset(in, 0, sizeof(in));
		expect(&set, in, MOST);
		assert_int_equal(set.chunks, 0);
		ordered_free(&set);
	}
}

/* Each size around that of one and of two chunks, filled from either end and emptied from either.
 */
static void holds_at_the_edges_of_chunks(void **state)
{
	static const size_t SIZES[] = {
		1, 2, 126, 127, 128, 253, 254, 255, 256, 380, 381, 382, 507, 508, 509, 510};

	(void)state;
	for (size_t s = 0; s < sizeof(SIZES) / sizeof(SIZES[0]); s++) {
		for (int way = 0; way < 4; way++) {
			struct ordered set = {.compare = compare};
			size_t size = SIZES[s];
			bool in[512] = {false};

			for (size_t i = 0; i < size; i++) {
				size_t value = way & 1 ? i : size - 1 - i;

				assert_int_equal(ordered_insert(&set, item_of(value)), 0);
				in[value] = true;
			}
			expect(&set, in, 512);
			for (size_t i = 0; i < size; i++) {
				size_t value = way & 2 ? i : size - 1 - i;

				assert_true(ordered_remove(&set, item_of(value)));
				assert_false(ordered_remove(&set, item_of(value)));
				in[value] = false;
				if (i % 50 == 0)
					expect(&set, in, 512);
			}
			assert_int_equal(set.count, 0);
			ordered_free(&set);
		}
	}
}

static void agrees_with_an_array_over_time(void **state)
{
	struct ordered set = {.compare = compare};
	static bool in[2000];
	uint32_t random = 1;

	(void)state;
	for (unsigned i = 0; i < 40000; i++) {
		size_t value;

		random = random * 1664525 + 1013904223;
		/* now growing, now shrinking */
		value = (random >> 8) % (i / 5000 % 2 ? 700 : 2000);
		if (in[value]) {
			assert_true(ordered_remove(&set, item_of(value)));
			in[value] = false;
		} else if (i / 10000 % 2 == 0) {
			assert_int_equal(ordered_insert(&set, item_of(value)), 0);
			in[value] = true;
		}
		if (i % 2500 == 0)
			expect(&set, in, 2000);
	}
	expect(&set, in, 2000);
	/* what left has left its memory too: no chunk is lonely */
	assert_true(set.chunks <= set.count / 63 + 2);
	ordered_free(&set);
}

static void replaces_in_place(void **state)
{
	struct ordered set = {.compare = compare};
	bool in[600] = {false};

	(void)state;
	for (size_t value = 0; value < 600; value += 2) {
		assert_int_equal(ordered_insert(&set, item_of(value)), 0);
		in[value] = true;
	}
	assert_true(ordered_replace(&set, item_of(0)));
	assert_true(ordered_replace(&set, item_of(598)));
	assert_false(ordered_replace(&set, item_of(1)));
	assert_false(ordered_replace(&set, item_of(599)));
	expect(&set, in, 600);
	ordered_free(&set);
}

static void looks_ahead(void **state)
{
	struct ordered set = {.compare = compare};
	struct ordered_place place = {0, 0};
	size_t count;

	(void)state;
	for (size_t value = 0; value < 600; value++)
		assert_int_equal(ordered_insert(&set, item_of(value)), 0);
	for (size_t value = 0; value < 600; value++) {
		const void *const *run = ordered_run(&set, place, &count);

		assert_in_range(count, 1, 600 - value);
		for (size_t i = 0; i < count; i++)
			assert_ptr_equal(run[i], item_of(value + i));
		for (size_t distance = 0; distance < 30; distance++)
			assert_ptr_equal(ordered_ahead(&set, place, distance),
				value + distance < 600 ? item_of(value + distance) : NULL);
		place = ordered_next(&set, place);
	}
	assert_null(ordered_ahead(&set, place, 0));
	(void)ordered_run(&set, place, &count);
	assert_int_equal(count, 0);
	ordered_free(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(begins_empty),
		cmocka_unit_test(sorts_whatever_the_order),
		cmocka_unit_test(holds_at_the_edges_of_chunks),
		cmocka_unit_test(agrees_with_an_array_over_time),
		cmocka_unit_test(replaces_in_place),
		cmocka_unit_test(looks_ahead),
	};

	return cmocka_run_group_tests_name("ordered", tests, NULL, NULL);
}
