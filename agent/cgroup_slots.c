#include "agent/cgroup_slots.h"

#include "agent/cgroup.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_CAPACITY 64

/* Both arrays grow together, so that releasing never needs memory. */
static int grow(struct cgroup_slots *slots)
{
	uint32_t capacity = slots->capacity ? slots->capacity * 2 : FIRST_CAPACITY;
	struct cgroup **at = reallocarray(slots->at, capacity, sizeof(struct cgroup *));
	uint32_t *freed;

	if (!at)
		return -ENOMEM;
	slots->at = at;
	freed = reallocarray(slots->free, capacity, sizeof(*freed));
	if (!freed)
		return -ENOMEM;
	slots->free = freed;
	slots->capacity = capacity;
	return 0;
}

int cgroup_slots_take(struct cgroup_slots *slots, struct cgroup *cgroup)
{
	if (slots->free_count > 0) {
		cgroup->slot = slots->free[--slots->free_count];
	} else {
		if (slots->used == slots->capacity && grow(slots) < 0)
			return -ENOMEM;
		cgroup->slot = slots->used++;
	}
	slots->at[cgroup->slot] = cgroup;
	return 0;
}

void cgroup_slots_release(struct cgroup_slots *slots, const struct cgroup *cgroup)
{
	slots->at[cgroup->slot] = NULL;
	slots->free[slots->free_count++] = cgroup->slot;
}

void cgroup_slots_free(struct cgroup_slots *slots)
{
	free(slots->at);
	free(slots->free);
	*slots = (struct cgroup_slots){0};
}
