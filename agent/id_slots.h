/* A small map from cgroup ids to slots, asked a few hundred times a second. */
#ifndef AGENT_ID_SLOTS_H
#define AGENT_ID_SLOTS_H

#include <stdint.h>

#define ID_SLOTS_NONE UINT32_MAX

struct id_slots_entry {
	uint64_t id; /* 0 = free: no cgroup's folder has inode 0 */
	uint32_t slot;
};

/* Zero-initialise. */
struct id_slots {
	struct id_slots_entry *entries;
	uint32_t capacity; /* a power of two */
	uint32_t count;
};

void id_slots_free(struct id_slots *slots);

/* Enters or changes an id that is not 0. 0 or -ENOMEM. */
int id_slots_put(struct id_slots *slots, uint64_t id, uint32_t slot);

void id_slots_remove(struct id_slots *slots, uint64_t id);

/* The slot of `id`, or ID_SLOTS_NONE. */
uint32_t id_slots_find(const struct id_slots *slots, uint64_t id);

#endif
