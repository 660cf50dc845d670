#include "aggregator/store/hash_map.h"

#include <errno.h>
#include <stdlib.h>

#define LEAST_SLOTS 16

void hash_map_free(struct hash_map *map)
{
	free(map->item);
	*map = (struct hash_map){0};
}

/* The arrays stand in one block. */
static int allocate(struct hash_map *map, size_t capacity)
{
	void *block = calloc(capacity, sizeof(void *) + sizeof(uint32_t));

	if (!block)
		return -ENOMEM;
	*map = (struct hash_map){.item = block, .capacity = capacity};
	map->hash = (uint32_t *)(map->item + capacity);
	return 0;
}

int hash_map_reserve(struct hash_map *map, size_t more, pthread_rwlock_t *readers)
{
	size_t capacity = map->capacity ? map->capacity : LEAST_SLOTS;
	struct hash_map bigger, replaced = *map;

	while (map->count + more > capacity / 4 * 3)
		capacity *= 2;
	if (capacity == map->capacity)
		return 0;
	if (allocate(&bigger, capacity) < 0)
		return -ENOMEM;
	for (size_t slot = 0; slot < map->capacity; slot++)
		if (map->item[slot])
			hash_map_insert(&bigger, map->hash[slot], map->item[slot]);
	if (readers)
		(void)pthread_rwlock_wrlock(readers);
	*map = bigger;
	if (readers)
		(void)pthread_rwlock_unlock(readers);
	hash_map_free(&replaced);
	return 0;
}

void hash_map_insert(struct hash_map *map, uint32_t hash, void *item)
{
	size_t mask = map->capacity - 1, slot = hash & mask;

	while (map->item[slot])
		slot = (slot + 1) & mask;
	map->item[slot] = item;
	map->hash[slot] = hash;
	map->count++;
}

/* The slot was made free: moves up those behind it that would not be found any more. */
static void close_gap(struct hash_map *map, size_t gap)
{
	size_t mask = map->capacity - 1;

	for (size_t slot = (gap + 1) & mask; map->item[slot]; slot = (slot + 1) & mask) {
		size_t wanted = map->hash[slot] & mask;

		if (((slot - wanted) & mask) < ((slot - gap) & mask))
			continue; /* it wants to stand behind the gap */
		map->item[gap] = map->item[slot];
		map->hash[gap] = map->hash[slot];
		map->item[slot] = NULL;
		gap = slot;
	}
}

bool hash_map_remove(struct hash_map *map, uint32_t hash, const void *item)
{
	size_t slot;
	const void *found = hash_map_first(map, hash, &slot);

	while (found && found != item)
		found = hash_map_next(map, &slot);
	if (!found)
		return false;
	map->item[slot] = NULL;
	map->count--;
	close_gap(map, slot);
	return true;
}

/* The next item of this hash, from `slot` on. */
static void *look(const struct hash_map *map, uint32_t hash, size_t slot, size_t *ret_slot)
{
	size_t mask = map->capacity - 1;

	for (slot &= mask; map->item[slot]; slot = (slot + 1) & mask) {
		if (map->hash[slot] != hash)
			continue;
		*ret_slot = slot;
		return map->item[slot];
	}
	return NULL;
}

void *hash_map_first(const struct hash_map *map, uint32_t hash, size_t *ret_slot)
{
	return map->capacity ? look(map, hash, hash, ret_slot) : NULL;
}

void *hash_map_next(const struct hash_map *map, size_t *slot)
{
	return look(map, map->hash[*slot], *slot + 1, slot);
}
