#include "aggregator/store/ordered.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* With malloc's own 8 bytes a chunk is a round 2 KiB. That of a set that has one only grows with
 * it, by doubling: 32 bytes, 64 bytes and so on. */
#define CHUNK_ITEMS  254
#define FIRST_ITEMS  2
#define FIRST_CHUNKS 3

struct ordered_chunk {
	uint32_t count; /* never 0 */
	uint32_t capacity;
	void *item[];
};

void ordered_free(struct ordered *set)
{
	for (size_t i = 0; i < set->chunks; i++)
		free(set->chunk[i]);
	free(set->chunk);
	*set = (struct ordered){.compare = set->compare};
}

struct ordered_place ordered_seek(const struct ordered *set, const void *key,
	int (*compare_key)(const void *key, const void *item))
{
	struct ordered_place place = {0, 0};
	size_t low = 0, high = set->chunks;
	const struct ordered_chunk *chunk;

	while (low < high) { /* the first chunk whose last item is not before the key */
		size_t middle = low + (high - low) / 2;

		chunk = set->chunk[middle];
		if (compare_key(key, chunk->item[chunk->count - 1]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	place.chunk = low;
	if (low == set->chunks)
		return place;
	chunk = set->chunk[low];
	low = 0;
	high = chunk->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_key(key, chunk->item[middle]) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	place.slot = low;
	return place;
}

void *ordered_at(const struct ordered *set, struct ordered_place place)
{
	return place.chunk < set->chunks ? set->chunk[place.chunk]->item[place.slot] : NULL;
}

struct ordered_place ordered_next(const struct ordered *set, struct ordered_place place)
{
	place.slot++;
	if (place.chunk < set->chunks && place.slot >= set->chunk[place.chunk]->count) {
		place.chunk++;
		place.slot = 0;
	}
	return place;
}

const void *const *ordered_run(
	const struct ordered *set, struct ordered_place place, size_t *ret_count)
{
	const struct ordered_chunk *chunk;

	*ret_count = 0;
	if (place.chunk >= set->chunks)
		return NULL;
	chunk = set->chunk[place.chunk];
	*ret_count = chunk->count - place.slot;
	return (const void *const *)&chunk->item[place.slot];
}

const void *ordered_ahead(const struct ordered *set, struct ordered_place place, size_t distance)
{
	place.slot += distance;
	if (place.chunk < set->chunks && place.slot >= set->chunk[place.chunk]->count) {
		place.slot -= set->chunk[place.chunk]->count;
		place.chunk++;
	}
	if (place.chunk >= set->chunks || place.slot >= set->chunk[place.chunk]->count)
		return NULL;
	return set->chunk[place.chunk]->item[place.slot];
}

/* Finds the item that compares equal. */
static bool find(const struct ordered *set, const void *item, struct ordered_place *ret_place)
{
	const void *found;

	*ret_place = ordered_seek(set, item, set->compare);
	found = ordered_at(set, *ret_place);
	return found && set->compare(item, found) == 0;
}

bool ordered_replace(struct ordered *set, void *item)
{
	struct ordered_place place;

	if (!find(set, item, &place))
		return false;
	set->chunk[place.chunk]->item[place.slot] = item;
	return true;
}

static size_t chunk_size(uint32_t capacity)
{
	return sizeof(struct ordered_chunk) + capacity * sizeof(void *);
}

/* Makes room for one more in the only chunk of the set. */
static bool grow_chunk(struct ordered *set)
{
	uint32_t capacity = 2 * set->chunk[0]->capacity + 2;
	struct ordered_chunk *grown = realloc(set->chunk[0], chunk_size(capacity));

	if (!grown)
		return false;
	grown->capacity = capacity;
	set->chunk[0] = grown;
	return true;
}

/* An empty chunk at `at`. NULL when memory is short; then nothing has changed. */
static struct ordered_chunk *open_chunk(struct ordered *set, size_t at)
{
	uint32_t items = set->chunks ? CHUNK_ITEMS : FIRST_ITEMS;
	struct ordered_chunk *chunk;

	if (set->chunks == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : FIRST_CHUNKS;
		struct ordered_chunk **grown =
			reallocarray(set->chunk, capacity, sizeof(struct ordered_chunk *));

		if (!grown)
			return NULL;
		set->chunk = grown;
		set->capacity = capacity;
	}
	chunk = malloc(chunk_size(items));
	if (!chunk)
		return NULL;
	chunk->count = 0;
	chunk->capacity = items;
	memmove(set->chunk + at + 1, set->chunk + at,
		(set->chunks - at) * sizeof(struct ordered_chunk *));
	set->chunk[at] = chunk;
	set->chunks++;
	return chunk;
}

static void close_chunk(struct ordered *set, size_t at)
{
	free(set->chunk[at]);
	set->chunks--;
	memmove(set->chunk + at, set->chunk + at + 1,
		(set->chunks - at) * sizeof(struct ordered_chunk *));
}

/* Moves the items of `from` from `first` on behind those of `to`. */
static void move_tail(struct ordered_chunk *to, struct ordered_chunk *from, uint32_t first)
{
	uint32_t moved = from->count - first;

	memcpy(to->item + to->count, from->item + first, moved * sizeof(void *));
	to->count += moved;
	from->count = first;
}

int ordered_insert(struct ordered *set, void *item)
{
	struct ordered_place place = ordered_seek(set, item, set->compare);
	struct ordered_chunk *chunk;

	if (place.chunk == set->chunks && set->chunks > 0) { /* behind the last item */
		place.chunk--;
		place.slot = set->chunk[place.chunk]->count;
	}
	chunk = place.chunk < set->chunks ? set->chunk[place.chunk] : open_chunk(set, 0);
	if (!chunk)
		return -ENOMEM;
	if (chunk->count == chunk->capacity && chunk->capacity < CHUNK_ITEMS) {
		if (!grow_chunk(set))
			return -ENOMEM;
		chunk = set->chunk[0];
	} else if (chunk->count == CHUNK_ITEMS) {
		/* Items that arrive in order fill their chunks; others find two half full ones. */
		bool last = place.chunk + 1 == set->chunks && place.slot == CHUNK_ITEMS;
		uint32_t keep = last ? CHUNK_ITEMS : CHUNK_ITEMS / 2;
		struct ordered_chunk *behind = open_chunk(set, place.chunk + 1);

		if (!behind)
			return -ENOMEM;
		move_tail(behind, chunk, keep);
		if (place.slot > keep || last) {
			chunk = behind;
			place.slot -= keep;
		}
	}
	memmove(chunk->item + place.slot + 1, chunk->item + place.slot,
		(chunk->count - place.slot) * sizeof(void *));
	chunk->item[place.slot] = item;
	chunk->count++;
	set->count++;
	return 0;
}

/* Joins the chunk with the one behind it when both fit into half of one. */
static void join(struct ordered *set, size_t at)
{
	if (at + 1 >= set->chunks ||
		set->chunk[at]->count + set->chunk[at + 1]->count > CHUNK_ITEMS / 2)
		return;
	move_tail(set->chunk[at], set->chunk[at + 1], 0);
	close_chunk(set, at + 1);
}

bool ordered_remove(struct ordered *set, const void *item)
{
	struct ordered_place place;
	struct ordered_chunk *chunk;

	if (!find(set, item, &place))
		return false;
	chunk = set->chunk[place.chunk];
	chunk->count--;
	set->count--;
	memmove(chunk->item + place.slot, chunk->item + place.slot + 1,
		(chunk->count - place.slot) * sizeof(void *));
	if (chunk->count == 0) {
		close_chunk(set, place.chunk);
		return true;
	}
	join(set, place.chunk);
	if (place.chunk > 0)
		join(set, place.chunk - 1);
	return true;
}
