#include "aggregator/store/interned.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct text {
	uint32_t users;
	uint32_t hash;
	char bytes[];
};

static struct text *text_of(const char *kept)
{
	return (struct text *)((uintptr_t)kept - offsetof(struct text, bytes));
}

void interned_free(struct interned *texts)
{
	hash_map_free(&texts->map);
}

const char *interned_keep(struct interned *texts, const char *text)
{
	uint32_t hash = text_hash(texts->key, text);
	size_t slot, size;
	struct text *kept = hash_map_first(&texts->map, hash, &slot);

	while (kept && strcmp(kept->bytes, text) != 0)
		kept = hash_map_next(&texts->map, &slot);
	if (kept) {
		kept->users++;
		return kept->bytes;
	}
	if (hash_map_reserve(&texts->map, 1, NULL) < 0)
		return NULL;
	size = strlen(text) + 1;
	kept = malloc(sizeof(*kept) + size);
	if (!kept)
		return NULL;
	kept->users = 1;
	kept->hash = hash;
	memcpy(kept->bytes, text, size);
	hash_map_insert(&texts->map, hash, kept);
	return kept->bytes;
}

void interned_release(struct interned *texts, const char *kept)
{
	struct text *text = text_of(kept);

	if (--text->users > 0)
		return;
	(void)hash_map_remove(&texts->map, text->hash, text);
	free(text);
}

uint32_t interned_hash(const char *kept)
{
	return text_of(kept)->hash;
}
