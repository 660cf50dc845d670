/* A hash that those who choose the texts can't foresee: names and labels come from users and
 * agents, who must not be able to make a table slow. */
#ifndef STORE_TEXT_HASH_H
#define STORE_TEXT_HASH_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct text_hash_key {
	uint64_t k0, k1;
};

/* A key by chance. 0 or -errno. */
int text_hash_key_make(struct text_hash_key *ret_key, struct error *err);

/* SipHash-2-4 (J.-P. Aumasson, D. J. Bernstein, 2012) of these bytes. */
uint64_t text_hash_bytes(const struct text_hash_key *key, const void *data, size_t size);

/* The same of a text, as the tables want it. */
uint32_t text_hash(const struct text_hash_key *key, const char *text);

#endif
