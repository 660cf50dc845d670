/* Whose turn it is: each of many has one moment in a period, and these are spread evenly over it,
 * however many there will be. */
#ifndef SCALE_FLEET_WHEEL_H
#define SCALE_FLEET_WHEEL_H

#include <stddef.h>
#include <stdint.h>

/* How many moments a second has. */
#define WHEEL_HZ 10000

struct wheel;

/* `period_ms` > 0; the first round begins at `now_ns` (CLOCK_MONOTONIC). NULL when memory is short.
 */
struct wheel *wheel_new(uint32_t period_ms, uint64_t now_ns);
void wheel_free(struct wheel *wheel);

/* Members have numbers: 0, 1, … in the order in which they are added. 0 or -ENOMEM. */
int wheel_add(struct wheel *wheel);

/* Calls `turn` for each whose moment has come since the last call, in order. A moment that is more
 * than a period ago is passed over: returns how many turns were lost by that. */
size_t wheel_advance(struct wheel *wheel, uint64_t now_ns,
	void (*turn)(void *context, uint32_t member, uint64_t due_ns), void *context);

/* When it is somebody's turn next; after a whole period when there is nobody. */
uint64_t wheel_next_ns(const struct wheel *wheel);

#endif
