/* Points in time and durations as Kubernetes writes them in JSON. */
#ifndef API_TIME_TEXT_H
#define API_TIME_TEXT_H

#include <stdbool.h>
#include <stdint.h>

/* 9999-12-31T23:59:59Z. RFC 3339 has no year beyond (and Go refuses to write one), so later times,
 * which only a broken clock tells, are written as this one. */
#define TIME_TEXT_MAX_SECONDS 253402300799ULL

#define TIME_TEXT_RFC3339_BYTES  20
#define TIME_TEXT_DURATION_BYTES 14 /* of the longest: 1193h2m47.295s */

/* Writes RFC 3339 in UTC and whole seconds ("2026-01-01T00:00:00Z"), not terminated: always
 * TIME_TEXT_RFC3339_BYTES. `seconds` count from 1970. Returns where the next byte goes. */
char *time_text_put_rfc3339(char *to, uint64_t seconds);

/* The texts of a few seconds: the objects of a list were all sampled within some ten of them.
 * Zero-initialise. */
#define TIME_TEXT_CACHED 16
struct time_text_cache {
	struct {
		bool used;
		char text[TIME_TEXT_RFC3339_BYTES];
		uint64_t seconds;
	} slot[TIME_TEXT_CACHED];
};

/* As time_text_put_rfc3339(), through the cache. */
char *time_text_cache_put(struct time_text_cache *cache, char *to, uint64_t seconds);

/* Writes what Go's time.Duration.String() says for so many milliseconds ("15.016s", "1m0s",
 * "500ms", "0s"), not terminated, at most TIME_TEXT_DURATION_BYTES. Returns where the next byte
 * goes. */
char *time_text_put_duration(char *to, uint32_t ms);

#endif
