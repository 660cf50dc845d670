/* What work costs, counted and not timed: instructions and system calls by callgrind, allocations
 * by allocating functions that this file puts in the place of libc's, for all libraries.
 *
 * The program must run in callgrind without instrumentation at the start (tests/guard/measure). A
 * piece of work is done twice, once so many rounds and then twice as many; a round's cost is the
 * difference: what is not done for each round falls out of it. */
#ifndef GUARD_COUNTING_H
#define GUARD_COUNTING_H

#include <stdbool.h>
#include <stdint.h>

/* Whose work is counted. The main thread asks, so that an answer's cost is that of the others. */
enum counted {
	COUNTED_MAIN,
	COUNTED_OTHERS,
};

struct counted_work {
	const char *name; /* of the figures: NAME_instructions, … */
	enum counted who;
	void (*work)(void *context, unsigned rounds);
	void *context;
	unsigned rounds;
	bool allocations, system_calls; /* whether these are steady enough to be told, too */
};

/* To be called in the main thread. Prints the allocations; tests/guard/instructions reads the other
 * figures from what callgrind wrote. */
void counted_work(const struct counted_work *work);

/* Bytes of the heap that these threads have allocated and not freed, with malloc's own 8 bytes a
 * block; below 0 when they freed what others had allocated. */
int64_t counted_bytes(enum counted who);

/* One figure: "NAME VALUE UNIT" on standard output. */
void counted_say(const char *name, double value, const char *unit);

#endif
