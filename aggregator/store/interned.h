/* Texts that many objects share, each kept once: keys and values of labels. A text costs its
 * length, 9 bytes and a slot of a hash_map, and is freed with its last user. One thread at a time;
 * the texts themselves never change, anybody who knows that they are kept may read them. */
#ifndef STORE_INTERNED_H
#define STORE_INTERNED_H

#include "aggregator/store/hash_map.h"
#include "aggregator/store/text_hash.h"

#include <stdint.h>

/* Zero-initialise with `key` set, which must outlive it. */
struct interned {
	const struct text_hash_key *key;
	struct hash_map map;
};

/* Every text must have been released. */
void interned_free(struct interned *texts);

/* The text; the same pointer for the same text. interned_release() once for each call. NULL when
 * memory is short. */
const char *interned_keep(struct interned *texts, const char *text);
void interned_release(struct interned *texts, const char *kept);

/* text_hash() of a kept text, without computing it. */
uint32_t interned_hash(const char *kept);

#endif
