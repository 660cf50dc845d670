/* A sorted set of pointers that stays quick with 150,000 of them.
 *
 * The items stand in chunks of up to 254, the chunks in one array: finding is two binary searches,
 * putting in or taking out moves at most 2 KiB, and walking is reading arrays. 150,000 items have
 * about 1,000 chunks; a chunk that is split moves their array once in some hundred insertions. An
 * item costs 8 to 16 bytes; a set of one item 64. The owner's lock guards it. */
#ifndef STORE_ORDERED_H
#define STORE_ORDERED_H

#include <stdbool.h>
#include <stddef.h>

struct ordered_chunk;

struct ordered {
	/* Never 0 for two items of the set. */
	int (*compare)(const void *a, const void *b);
	struct ordered_chunk **chunk;
	size_t chunks, capacity;
	size_t count; /* of items */
};

/* Where an item stands. Any insertion or removal makes places meaningless. */
struct ordered_place {
	size_t chunk, slot;
};

/* Zero-initialise with `compare` set. Frees the set, not the items. */
void ordered_free(struct ordered *set);

/* 0; -ENOMEM: then nothing has changed. */
int ordered_insert(struct ordered *set, void *item);

/* Takes out the item that compares equal. False when there is none. Needs no memory. */
bool ordered_remove(struct ordered *set, const void *item);

/* The first item that is not before `key`; `compare_key` says where the key stands to an item and
 * must agree with the order of the set. */
struct ordered_place ordered_seek(const struct ordered *set, const void *key,
	int (*compare_key)(const void *key, const void *item));

/* The item, or NULL behind the last one. */
void *ordered_at(const struct ordered *set, struct ordered_place place);

/* The place behind this one, which must have an item. */
struct ordered_place ordered_next(const struct ordered *set, struct ordered_place place);

/* The items from the place on that stand side by side in memory: `*ret_count` of them, 0 behind the
 * last one. */
const void *const *ordered_run(
	const struct ordered *set, struct ordered_place place, size_t *ret_count);

/* The item that stands `distance` behind the place, or NULL when that is not in the same or the
 * next chunk: for fetching memory ahead of a walk, where a miss costs nothing. */
const void *ordered_ahead(const struct ordered *set, struct ordered_place place, size_t distance);

/* Puts `item` in the place of the one that compares equal. False when there is none. */
bool ordered_replace(struct ordered *set, void *item);

#endif
