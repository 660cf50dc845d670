/* How long to wait before the next try: 0.8 s, doubled each time (client-go's reflector) up to half
 * of 30 s, each with up to as much again of jitter; back to the beginning after a success. */
#ifndef KUBE_BACKOFF_H
#define KUBE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_FIRST_MS 800
#define BACKOFF_MAX_MS   30000

/* Zero-initialise. */
struct backoff {
	uint32_t tries;
};

/* The wait before the next try in ms: base..2*base, at most BACKOFF_MAX_MS; never less than what
 * the server said in Retry-After (0: nothing), of which at most five minutes are believed. */
uint32_t backoff_next_ms(struct backoff *backoff, uint32_t retry_after_s);

void backoff_reset(struct backoff *backoff);

#endif
