/* Answers of kube-apiserver that are still good, yes and no, by the question's key. Bounded in
 * number and bytes: the oldest is given up. One thread; each serving loop has one of its own, with
 * copies of what main's has. */
#ifndef ACCESS_REVIEW_CACHE_H
#define ACCESS_REVIEW_CACHE_H

#include "aggregator/access/review_key.h"
#include "aggregator/kube/user.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct review_answer {
	bool yes;
	const char *reason;      /* may be "" */
	const struct user *user; /* of a yes to a token, else NULL */
	uint64_t until_ns;       /* good until then, not included; CLOCK_MONOTONIC */
};

struct review_cache_options {
	enum review_kind kind; /* labels its series */
	size_t max_entries;
	size_t max_bytes; /* about */
	bool copies;      /* what is not here is looked for in another one, which counts that */
	struct telemetry *telemetry; /* must outlive it */
};

struct review_cache;

/* NULL when memory is short. */
struct review_cache *review_cache_new(const struct review_cache_options *options);
void review_cache_free(struct review_cache *cache);

/* True when there is an answer that is good at `now_ns`. It belongs to the cache and is gone with
 * the next call. */
bool review_cache_get(struct review_cache *cache, const struct review_key *key, uint64_t now_ns,
	struct review_answer *ret_answer);

/* Keeps a copy, in place of one that was there. When memory is short nothing is kept. */
void review_cache_put(struct review_cache *cache, const struct review_key *key,
	const struct review_answer *answer, uint64_t now_ns);

#endif
