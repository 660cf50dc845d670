#include "aggregator/ingest/arena.h"

#include <stdlib.h>

/* The arena's size is a multiple of the alignment: a piece that fits does so aligned. */
_Static_assert(ARENA_SIZE % alignof(max_align_t) == 0, "arena_take() could go beyond the end");

struct arena *arena_new(void)
{
	struct arena *arena = malloc(sizeof(*arena));

	if (arena)
		arena_clear(arena);
	return arena;
}

void arena_free(struct arena *arena)
{
	free(arena);
}

void arena_clear(struct arena *arena)
{
	arena->used = 0;
	arena->exhausted = false;
}

void *arena_take(struct arena *arena, size_t size)
{
	const size_t align = alignof(max_align_t);
	void *memory = arena->bytes + arena->used;

	if (size > ARENA_SIZE - arena->used) {
		arena->exhausted = true;
		return NULL;
	}
	arena->used += (size + align - 1) / align * align;
	return memory;
}

void *arena_rest(struct arena *arena, size_t *ret_size)
{
	*ret_size = ARENA_SIZE - arena->used;
	return arena->bytes + arena->used;
}
