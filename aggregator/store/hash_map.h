/* Pointers by their hash: open addressing with linear probing. It knows nothing of keys: it hands
 * out the items of one hash, and its owner tells which is meant. Items of one key are allowed.
 *
 * 12 bytes a slot, of which up to three quarters are taken. The owner's lock guards it; what needs
 * time, growing, has a way of its own that holds the lock of readers for a moment only. */
#ifndef STORE_HASH_MAP_H
#define STORE_HASH_MAP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct hash_map {
	void **item; /* NULL = free */
	uint32_t *hash;
	size_t capacity; /* slots: 0 or a power of two */
	size_t count;
};

/* Frees the map, not the items. */
void hash_map_free(struct hash_map *map);

/* Makes room for `more` items, that is, for so many calls of hash_map_insert(). `readers` is held
 * for writing while the new arrays are exchanged for the old ones; NULL where nobody else reads.
 * 0 or -ENOMEM. */
int hash_map_reserve(struct hash_map *map, size_t more, pthread_rwlock_t *readers);

/* There must be room. */
void hash_map_insert(struct hash_map *map, uint32_t hash, void *item);

/* Takes out this item. False when it is not there. */
bool hash_map_remove(struct hash_map *map, uint32_t hash, const void *item);

/* The items of this hash, one after the other, until NULL:
 *
 *	for (item = hash_map_first(map, hash, &slot); item; item = hash_map_next(map, &slot))
 *
 * An insertion or removal ends such a look. */
void *hash_map_first(const struct hash_map *map, uint32_t hash, size_t *ret_slot);
void *hash_map_next(const struct hash_map *map, size_t *slot);

#endif
