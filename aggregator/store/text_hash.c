#include "aggregator/store/text_hash.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

struct state {
	uint64_t v0, v1, v2, v3;
};

int text_hash_key_make(struct text_hash_key *ret_key, struct error *err)
{
	struct text_hash_key key;

	if (getrandom(&key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return error_errno(err, errno ? errno : EIO, "asking the kernel for randomness");
	*ret_key = key;
	return 0;
}

static uint64_t rotate(uint64_t value, int bits)
{
	return value << bits | value >> (64 - bits);
}

static void stir(struct state *state, int rounds)
{
	for (int i = 0; i < rounds; i++) {
		state->v0 += state->v1;
		state->v2 += state->v3;
		state->v1 = rotate(state->v1, 13) ^ state->v0;
		state->v3 = rotate(state->v3, 16) ^ state->v2;
		state->v0 = rotate(state->v0, 32);
		state->v2 += state->v1;
		state->v0 += state->v3;
		state->v1 = rotate(state->v1, 17) ^ state->v2;
		state->v3 = rotate(state->v3, 21) ^ state->v0;
		state->v2 = rotate(state->v2, 32);
	}
}

static void take(struct state *state, uint64_t word)
{
	state->v3 ^= word;
	stir(state, 2);
	state->v0 ^= word;
}

/* Little endian, as the paper says. */
static uint64_t whole_word_at(const unsigned char *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return le64toh(word);
}

static uint64_t last_word_at(const unsigned char *at, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

uint64_t text_hash_bytes(const struct text_hash_key *key, const void *data, size_t size)
{
	const unsigned char *at = data;
	size_t left = size;
	struct state state = {
		/* "somepseudorandomlygeneratedbytes" */
		.v0 = key->k0 ^ 0x736f6d6570736575,
		.v1 = key->k1 ^ 0x646f72616e646f6d,
		.v2 = key->k0 ^ 0x6c7967656e657261,
		.v3 = key->k1 ^ 0x7465646279746573,
	};

	for (; left >= 8; left -= 8, at += 8)
		take(&state, whole_word_at(at));
	take(&state, last_word_at(at, left) | (uint64_t)size << 56);
	state.v2 ^= 0xff;
	stir(&state, 4);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

uint32_t text_hash(const struct text_hash_key *key, const char *text)
{
	return (uint32_t)text_hash_bytes(key, text, strlen(text));
}
