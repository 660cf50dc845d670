/* Marks what was told of between the begin and the end of a list, so that the end finds the rest.
 */
#ifndef STORE_ROUND_H
#define STORE_ROUND_H

#include <stdbool.h>
#include <stdint.h>

struct round {
	uint32_t generation; /* given to all that is put */
	bool begun;
};

static inline void round_begin(struct round *round)
{
	round->generation++;
	round->begun = true;
}

/* False when none was begun: then nothing is to be removed. */
static inline bool round_end(struct round *round)
{
	bool begun = round->begun;

	round->begun = false;
	return begun;
}

static inline bool round_missed(const struct round *round, uint32_t generation)
{
	return generation != round->generation;
}

#endif
