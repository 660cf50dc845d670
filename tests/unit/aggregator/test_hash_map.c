/* aggregator/store/hash_map: against a plain table, with hashes that collide. */
#include "aggregator/store/hash_map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST 5000

/* An item is a pointer to one of these. */
static char field[MOST];
static uint32_t hash_of[MOST];

/* How often the item is found under its hash. */
static unsigned found(const struct hash_map *map, size_t item)
{
	unsigned times = 0;
	size_t slot;

	for (const void *at = hash_map_first(map, hash_of[item], &slot); at;
		at = hash_map_next(map, &slot)) {
		assert_true(hash_of[(const char *)at - field] == hash_of[item]);
		times += at == &field[item];
	}
	return times;
}

static void expect(const struct hash_map *map, const unsigned *in)
{
	size_t count = 0;

	for (size_t item = 0; item < MOST; item++) {
		assert_int_equal(found(map, item), in[item]);
		count += in[item];
	}
	assert_int_equal(map->count, count);
}

static void is_empty_at_first(void **state)
{
	struct hash_map map = {0};
	size_t slot;

	(void)state;
	assert_null(hash_map_first(&map, 7, &slot));
	assert_false(hash_map_remove(&map, 7, field));
	assert_int_equal(hash_map_reserve(&map, 0, NULL), 0);
	assert_null(hash_map_first(&map, 7, &slot));
	hash_map_free(&map);
	hash_map_free(&map);
}

/* Many hashes, few, one, and such that all want the last slots, so that runs go around the end. */
static void finds_what_is_in_it(void **state)
{
	static const struct {
		uint32_t factor, mask, plus;
		int steps;
	} CASES[] = {
		{2654435761, UINT32_MAX, 0, 40000}, {1, 0x3f, 0, 4000}, {1, 3, 0xfffffffc, 4000},
		{1, 0xff, 0xffffff00, 10000},
		{0x10000, UINT32_MAX, 0, 4000}, /* all begin in one slot */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		static unsigned in[MOST];
		struct hash_map map = {0};
		uint64_t random = 88172645463325252;
		size_t most = CASES[i].steps < 10000 ? 300 : MOST;

		for (uint32_t item = 0; item < MOST; item++) {
			hash_of[item] = (item * CASES[i].factor & CASES[i].mask) + CASES[i].plus;
			in[item] = 0;
		}
		for (int step = 0; step < CASES[i].steps; step++) {
			size_t item;

			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			item = (random >> 20) % most;
			if (random >> 60 < 9 && in[item] < 2) {
				assert_int_equal(hash_map_reserve(&map, 1, NULL), 0);
				hash_map_insert(&map, hash_of[item], &field[item]);
				in[item]++;
			} else {
				assert_int_equal(hash_map_remove(&map, hash_of[item], &field[item]),
					in[item] > 0);
				in[item] -= in[item] > 0;
			}
			assert_int_equal(found(&map, item), in[item]);
		}
		expect(&map, in);
		hash_map_free(&map);
	}
}

/* Growing holds the readers' lock, and only then. */
static void grows_by_what_is_asked_for(void **state)
{
	struct hash_map map = {0};
	pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
	void **before;

	(void)state;
	assert_int_equal(hash_map_reserve(&map, 12, &lock), 0);
	assert_int_equal(map.capacity, 16);
	before = map.item;
	assert_int_equal(hash_map_reserve(&map, 12, &lock), 0);
	assert_ptr_equal(map.item, before);
	for (size_t item = 0; item < 12; item++)
		hash_map_insert(&map, (uint32_t)item, &field[item]);
	assert_int_equal(hash_map_reserve(&map, 1, &lock), 0);
	assert_int_equal(map.capacity, 32);
	assert_int_equal(hash_map_reserve(&map, 10000, &lock), 0);
	assert_int_equal(map.capacity, 16384);
	assert_int_equal(map.count, 12);
	assert_int_equal(pthread_rwlock_trywrlock(&lock), 0); /* was given back */
	(void)pthread_rwlock_unlock(&lock);
	hash_map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_at_first),
		cmocka_unit_test(finds_what_is_in_it),
		cmocka_unit_test(grows_by_what_is_asked_for),
	};

	return cmocka_run_group_tests_name("hash_map", tests, NULL, NULL);
}
