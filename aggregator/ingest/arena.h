/* Memory for one message: pieces are taken one behind the other and given back all at once, and
 * there is no more than there is. */
#ifndef INGEST_ARENA_H
#define INGEST_ARENA_H

#include <stdalign.h>
#include <stdbool.h>
#include <stddef.h>

/* Bytes. Enough for the store's bounds: the strings of a message of 2 MiB and 4,096 containers of
 * 120 bytes each; or 4,096 rows of figures, 8 bytes for each metric, of which there are at most 64.
 */
#define ARENA_SIZE (6U << 20)

struct arena {
	size_t used;
	bool exhausted; /* since arena_clear(): more was wanted */
	alignas(max_align_t) unsigned char bytes[ARENA_SIZE];
};

/* An empty one. NULL when memory is short. Pages that no message needed are never touched. */
struct arena *arena_new(void);
void arena_free(struct arena *arena);

void arena_clear(struct arena *arena);

/* Aligned for everything, and not zeroed. NULL when there is not so much left. */
void *arena_take(struct arena *arena, size_t size);

/* What arena_take() would give, with all that is left: to be filled, and then taken as far as it
 * was. */
void *arena_rest(struct arena *arena, size_t *ret_size);

#endif
