/* Open addressing with linear probing, at most half full. */
#include "agent/id_slots.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64

void id_slots_free(struct id_slots *slots)
{
	free(slots->entries);
	*slots = (struct id_slots){0};
}

/* Inodes of cgroups are numbered one after the other: the multiplication (2^64 by the golden ratio)
 * spreads them. */
static uint32_t home_of(const struct id_slots *slots, uint64_t id)
{
	return (uint32_t)((id * 0x9e3779b97f4a7c15) >> 32) & (slots->capacity - 1);
}

/* Where `id` is, or the free place where it would go. */
static uint32_t place_of(const struct id_slots *slots, uint64_t id)
{
	uint32_t i = home_of(slots, id);

	while (slots->entries[i].id != 0 && slots->entries[i].id != id)
		i = (i + 1) & (slots->capacity - 1);
	return i;
}

static int grow(struct id_slots *slots)
{
	struct id_slots bigger = {
		.capacity = slots->capacity ? 2 * slots->capacity : FIRST_CAPACITY,
		.count = slots->count};

	bigger.entries = calloc(bigger.capacity, sizeof(*bigger.entries));
	if (!bigger.entries)
		return -ENOMEM;
	for (uint32_t i = 0; i < slots->capacity; i++)
		if (slots->entries[i].id != 0)
			bigger.entries[place_of(&bigger, slots->entries[i].id)] = slots->entries[i];
	free(slots->entries);
	*slots = bigger;
	return 0;
}

int id_slots_put(struct id_slots *slots, uint64_t id, uint32_t slot)
{
	struct id_slots_entry *entry;

	if (2 * (slots->count + 1) > slots->capacity && grow(slots) < 0)
		return -ENOMEM;
	entry = &slots->entries[place_of(slots, id)];
	if (entry->id == 0)
		slots->count++;
	*entry = (struct id_slots_entry){id, slot};
	return 0;
}

void id_slots_remove(struct id_slots *slots, uint64_t id)
{
	uint32_t mask = slots->capacity - 1, hole, i;

	if (slots->capacity == 0)
		return;
	hole = place_of(slots, id);
	if (slots->entries[hole].id == 0)
		return;
	slots->count--;
	/* Those behind it move up, unless that would put them before their home. */
	for (i = (hole + 1) & mask; slots->entries[i].id != 0; i = (i + 1) & mask) {
		uint32_t home = home_of(slots, slots->entries[i].id);

		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		slots->entries[hole] = slots->entries[i];
		hole = i;
	}
	slots->entries[hole].id = 0;
}

uint32_t id_slots_find(const struct id_slots *slots, uint64_t id)
{
	const struct id_slots_entry *entry;

	if (slots->capacity == 0)
		return ID_SLOTS_NONE;
	entry = &slots->entries[place_of(slots, id)];
	return entry->id == id && id != 0 ? entry->slot : ID_SLOTS_NONE;
}
