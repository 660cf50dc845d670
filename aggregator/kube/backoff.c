#include "aggregator/kube/backoff.h"

#include <sys/random.h>

#define RETRY_AFTER_MAX_S 300

/* Without it, all that failed together would try again together. */
static uint32_t random_below(uint32_t bound)
{
	uint32_t random;

	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = bound / 2;
	return random % bound;
}

/* Doubling stops where there is still room for the jitter below the maximum. */
static uint32_t base_ms(uint32_t tries)
{
	uint32_t ms = BACKOFF_FIRST_MS;

	while (tries-- > 0 && ms < BACKOFF_MAX_MS / 2)
		ms *= 2;
	return ms < BACKOFF_MAX_MS / 2 ? ms : BACKOFF_MAX_MS / 2;
}

uint32_t backoff_next_ms(struct backoff *backoff, uint32_t retry_after_s)
{
	uint32_t base = base_ms(backoff->tries);
	uint32_t wait = base + random_below(base + 1);
	uint32_t told =
		(retry_after_s < RETRY_AFTER_MAX_S ? retry_after_s : RETRY_AFTER_MAX_S) * 1000;

	if (backoff->tries < UINT32_MAX)
		backoff->tries++;
	return wait > told ? wait : told;
}

void backoff_reset(struct backoff *backoff)
{
	backoff->tries = 0;
}
