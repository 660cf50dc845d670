/* Names of questions to kube-apiserver by which answers are found again: digests under keys that
 * only this process has, so that no token is kept, and nobody can make two questions collide. Of a
 * token, which is a secret, HMAC-SHA256; of attributes, asked for with each request, SipHash-2-4 of
 * 128 bits, a fifth of the cost. */
#ifndef ACCESS_REVIEW_KEY_H
#define ACCESS_REVIEW_KEY_H

#include "aggregator/kube/reviews.h"

#include <stddef.h>

#define REVIEW_KEY_BYTES 32 /* HMAC-SHA256; the second half of a shorter one is 0 */

/* What kube-apiserver is asked for. */
enum review_kind { REVIEW_ACCESS, REVIEW_TOKEN, REVIEW_KINDS };

struct review_key {
	unsigned char bytes[REVIEW_KEY_BYTES];
};

struct review_keys;

/* With a random key. NULL when memory is short or there is no randomness. */
struct review_keys *review_keys_new(void);

/* Another one with the same key, for another thread. NULL when memory is short. */
struct review_keys *review_keys_copy(const struct review_keys *keys);
void review_keys_free(struct review_keys *keys);

/* 0, or -ENOMEM. Questions that differ in anything have different keys. */
int review_key_of_token(
	struct review_keys *keys, const char *token, size_t length, struct review_key *ret_key);
int review_key_of_attributes(struct review_keys *keys, const struct access_attributes *attributes,
	struct review_key *ret_key);

#endif
