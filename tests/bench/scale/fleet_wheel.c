#include "tests/bench/scale/fleet_wheel.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>

#define SLOT_NS (NS_PER_SECOND / WHEEL_HZ)

/* The golden ratio's part of 2^64: multiples of it, modulo 2^64, lie evenly after any number. */
#define GOLDEN 0x9E3779B97F4A7C15ULL

#define NOBODY UINT32_MAX

struct wheel {
	uint32_t slots;
	uint32_t *first; /* member of each slot, or NOBODY */
	uint32_t *next;  /* of each member, in its slot */
	uint32_t members, capacity;
	uint64_t start_ns;
	uint64_t turned; /* slots since the start */
};

struct wheel *wheel_new(uint32_t period_ms, uint64_t now_ns)
{
	struct wheel *wheel = calloc(1, sizeof(*wheel));

	if (!wheel)
		return NULL;
	wheel->slots = period_ms * (WHEEL_HZ / 1000);
	wheel->start_ns = now_ns;
	wheel->first = malloc(wheel->slots * sizeof(*wheel->first));
	if (!wheel->first) {
		wheel_free(wheel);
		return NULL;
	}
	for (uint32_t i = 0; i < wheel->slots; i++)
		wheel->first[i] = NOBODY;
	return wheel;
}

void wheel_free(struct wheel *wheel)
{
	if (!wheel)
		return;
	free(wheel->first);
	free(wheel->next);
	free(wheel);
}

int wheel_add(struct wheel *wheel)
{
	uint64_t fraction = (wheel->members * GOLDEN) >> 32;
	uint32_t slot = (uint32_t)(fraction * wheel->slots >> 32);

	if (wheel->members == wheel->capacity) {
		uint32_t capacity = wheel->capacity ? wheel->capacity * 2 : 256;
		uint32_t *grown = reallocarray(wheel->next, capacity, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		wheel->next = grown;
		wheel->capacity = capacity;
	}
	wheel->next[wheel->members] = wheel->first[slot];
	wheel->first[slot] = wheel->members++;
	return 0;
}

static size_t count(const struct wheel *wheel, uint32_t slot)
{
	size_t members = 0;

	for (uint32_t i = wheel->first[slot]; i != NOBODY; i = wheel->next[i])
		members++;
	return members;
}

static uint64_t due_ns_of(const struct wheel *wheel, uint64_t turned)
{
	return wheel->start_ns + (turned + 1) * SLOT_NS;
}

size_t wheel_advance(struct wheel *wheel, uint64_t now_ns,
	void (*turn)(void *context, uint32_t member, uint64_t due_ns), void *context)
{
	size_t lost = 0;
	uint64_t due_ns;

	for (; (due_ns = due_ns_of(wheel, wheel->turned)) <= now_ns; wheel->turned++) {
		uint32_t slot = (uint32_t)(wheel->turned % wheel->slots);

		if (now_ns - due_ns > wheel->slots * SLOT_NS) {
			lost += count(wheel, slot);
			continue;
		}
		for (uint32_t i = wheel->first[slot]; i != NOBODY; i = wheel->next[i])
			turn(context, i, due_ns);
	}
	return lost;
}

uint64_t wheel_next_ns(const struct wheel *wheel)
{
	uint64_t turned = wheel->turned;

	while (turned - wheel->turned < wheel->slots &&
		wheel->first[turned % wheel->slots] == NOBODY)
		turned++;
	return due_ns_of(wheel, turned);
}
