#include "aggregator/access/review_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* A failed add leaves hh.tbl NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct kept {
	struct review_key key;
	TAILQ_ENTRY(kept) age;
	uint64_t until_ns;
	bool yes, has_user;
	char *reason;
	struct user user;
	size_t bytes;
	UT_hash_handle hh;
};

TAILQ_HEAD(kept_list, kept);

struct review_cache {
	struct kept *by_key;
	struct kept_list by_age; /* the oldest first */
	size_t count, bytes;
	struct review_cache_options options;
	struct telemetry_series *entries, *hits, *misses, *evicted;
};

struct review_cache *review_cache_new(const struct review_cache_options *options)
{
	static const char *const KINDS[REVIEW_KINDS] = {"access", "token"};
	struct review_cache *cache = calloc(1, sizeof(*cache));
	struct telemetry *telemetry = options->telemetry;
	const char *kind = KINDS[options->kind];

	if (!cache)
		return NULL;
	TAILQ_INIT(&cache->by_age);
	cache->options = *options;
	cache->entries = telemetry_gauge(telemetry, "tacho_aggregator_review_cache_entries",
		"Answers of kube-apiserver to reviews that are kept, by kind.", "kind", kind);
	cache->hits = telemetry_counter(telemetry, "tacho_aggregator_review_cache_hits_total",
		"Reviews that were answered from the cache, by kind.", "kind", kind);
	cache->misses = telemetry_counter(telemetry, "tacho_aggregator_review_cache_misses_total",
		"Reviews that no answer was kept for, by kind.", "kind", kind);
	cache->evicted = telemetry_counter(telemetry, "tacho_aggregator_review_cache_evicted_total",
		"Answers that were given up before their time, for there were too many, by kind.",
		"kind", kind);
	return cache;
}

static void free_kept(struct kept *kept)
{
	user_free(&kept->user);
	free(kept->reason);
	free(kept);
}

static void drop(struct review_cache *cache, struct kept *kept)
{
	HASH_DELETE(hh, cache->by_key, kept);
	TAILQ_REMOVE(&cache->by_age, kept, age);
	cache->bytes -= kept->bytes;
	cache->count--;
	telemetry_subtract(cache->entries, 1);
	free_kept(kept);
}

void review_cache_free(struct review_cache *cache)
{
	struct kept *kept;

	if (!cache)
		return;
	while ((kept = TAILQ_FIRST(&cache->by_age)))
		drop(cache, kept);
	free(cache);
}

static struct kept *find(struct review_cache *cache, const struct review_key *key)
{
	struct kept *kept;

	HASH_FIND(hh, cache->by_key, key, sizeof(*key), kept);
	return kept;
}

bool review_cache_get(struct review_cache *cache, const struct review_key *key, uint64_t now_ns,
	struct review_answer *ret_answer)
{
	struct kept *kept = find(cache, key);

	if (kept && now_ns >= kept->until_ns) {
		drop(cache, kept);
		kept = NULL;
	}
	if (kept || !cache->options.copies)
		telemetry_add(kept ? cache->hits : cache->misses, 1);
	if (!kept)
		return false;
	*ret_answer = (struct review_answer){
		kept->yes, kept->reason, kept->has_user ? &kept->user : NULL, kept->until_ns};
	return true;
}

/* The heap's own need for a piece, at most. */
#define PIECE 16

static size_t bytes_of(const struct kept *kept)
{
	const struct user *user = &kept->user;
	size_t bytes = sizeof(*kept) + strlen(kept->reason) + PIECE;

	bytes += user->name ? strlen(user->name) + PIECE : 0;
	bytes += user->uid ? strlen(user->uid) + PIECE : 0;
	for (size_t i = 0; i < user->group_count; i++)
		bytes += strlen(user->groups[i]) + PIECE + 2 * sizeof(char *);
	for (size_t i = 0; i < user->extra_count; i++)
		bytes += strlen(user->extra[i].key) + strlen(user->extra[i].value) +
			 (PIECE + 2 * sizeof(char *)) * 2;
	return bytes;
}

static struct kept *copy_of(const struct review_key *key, const struct review_answer *answer)
{
	struct kept *kept = calloc(1, sizeof(*kept));

	if (!kept)
		return NULL;
	kept->key = *key;
	kept->yes = answer->yes;
	kept->has_user = answer->user != NULL;
	kept->reason = strdup(answer->reason);
	if (!kept->reason || (answer->user && user_copy(answer->user, &kept->user) < 0)) {
		free_kept(kept);
		return NULL;
	}
	kept->bytes = bytes_of(kept);
	return kept;
}

/* What has expired goes first: it stands at the front, but for answers that are kept for different
 * times. */
static void make_room(struct review_cache *cache, size_t bytes, uint64_t now_ns)
{
	struct kept *oldest;

	while ((oldest = TAILQ_FIRST(&cache->by_age))) {
		bool expired = now_ns >= oldest->until_ns;

		if (!expired && cache->count < cache->options.max_entries &&
			cache->bytes + bytes <= cache->options.max_bytes)
			break;
		if (!expired)
			telemetry_add(cache->evicted, 1);
		drop(cache, oldest);
	}
}

void review_cache_put(struct review_cache *cache, const struct review_key *key,
	const struct review_answer *answer, uint64_t now_ns)
{
	struct kept *kept = find(cache, key);

	if (kept)
		drop(cache, kept);
	kept = copy_of(key, answer);
	if (!kept)
		return;
	if (kept->bytes > cache->options.max_bytes) {
		free_kept(kept);
		return;
	}
	kept->until_ns = answer->until_ns;
	make_room(cache, kept->bytes, now_ns);
	HASH_ADD(hh, cache->by_key, key, sizeof(kept->key), kept);
	if (!kept->hh.tbl) {
		free_kept(kept);
		return;
	}
	TAILQ_INSERT_TAIL(&cache->by_age, kept, age);
	cache->bytes += kept->bytes;
	cache->count++;
	telemetry_add(cache->entries, 1);
}
