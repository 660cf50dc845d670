/* Answers of kube-apiserver that are still good, yes and no, by the question's key. Bounded in
 * number and bytes: the oldest is given up. One thread. */
#ifndef ACCESS_REVIEW_CACHE_H
#define ACCESS_REVIEW_CACHE_H

#include "aggregator/access/review_key.h"
#include "aggregator/kube/user.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REVIEW_CACHE_MAX_BYTES (32U << 20) /* of one cache, about */

struct review_answer {
	bool yes;
	const char *reason;      /* may be "" */
	const struct user *user; /* of a yes to a token, else NULL */
};

struct review_cache;

/* `kind` ("token", "access") labels its series; `telemetry` must outlive it. NULL when memory is
 * short. */
struct review_cache *review_cache_new(
	size_t max_entries, const char *kind, struct telemetry *telemetry);
void review_cache_free(struct review_cache *cache);

/* True when there is an answer that is good at `now_ns`. It belongs to the cache and is gone with
 * the next call. */
bool review_cache_get(struct review_cache *cache, const struct review_key *key, uint64_t now_ns,
	struct review_answer *ret_answer);

/* Keeps a copy, in place of one that was there, until `until_ns` (not included). When memory is
 * short nothing is kept. */
void review_cache_put(struct review_cache *cache, const struct review_key *key,
	const struct review_answer *answer, uint64_t until_ns, uint64_t now_ns);

#endif
