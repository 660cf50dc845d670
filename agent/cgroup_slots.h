/* The found cgroups by slot: small numbers that stand for a cgroup in every array of the agent. A
 * slot is free again after its cgroup left, and the one freed last is taken first. */
#ifndef AGENT_CGROUP_SLOTS_H
#define AGENT_CGROUP_SLOTS_H

#include <stdint.h>

struct cgroup;

/* Zero-initialise. */
struct cgroup_slots {
	struct cgroup **at; /* `used` entries, NULL where the slot is free */
	uint32_t *free;     /* `free_count` numbers; room for `capacity` */
	uint32_t used;      /* one more than the highest slot that was ever in use */
	uint32_t free_count;
	uint32_t capacity;
};

/* Gives `cgroup` a slot, which it writes to cgroup->slot. 0 or -ENOMEM. */
int cgroup_slots_take(struct cgroup_slots *slots, struct cgroup *cgroup);

/* Never fails. */
void cgroup_slots_release(struct cgroup_slots *slots, const struct cgroup *cgroup);

static inline uint32_t cgroup_slots_count(const struct cgroup_slots *slots)
{
	return slots->used - slots->free_count;
}

void cgroup_slots_free(struct cgroup_slots *slots);

#endif
