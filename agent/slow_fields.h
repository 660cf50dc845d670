/* What the files that are read every five seconds only said last, for each cgroup, and whether it
 * is time to read them again. The cgroups take turns, so that no look reads all of them. */
#ifndef AGENT_SLOW_FIELDS_H
#define AGENT_SLOW_FIELDS_H

#include "agent/reading.h"
#include "base/clock.h"

#include <stdbool.h>
#include <stdint.h>

#define SLOW_FIELDS_NS (5 * NS_PER_SECOND)

struct slow_fields;

/* For these fields. NULL when memory is short. */
struct slow_fields *slow_fields_new(field_set fields);
void slow_fields_free(struct slow_fields *slow);

/* Makes room for slots 0..slots-1. 0 or -ENOMEM. */
int slow_fields_reserve(struct slow_fields *slow, uint32_t slots);

/* Another cgroup has the slot: nothing is known of it. */
void slow_fields_begin(struct slow_fields *slow, uint32_t slot);

/* Whether this look reads them: the first two looks at a cgroup do, so that there is a rate soon.
 */
bool slow_fields_due(const struct slow_fields *slow, uint32_t slot, uint64_t now_ns);

/* Keeps what a look that was due at `now_ns` read of `fields`. */
void slow_fields_keep(struct slow_fields *slow, uint32_t slot, uint64_t now_ns, field_set fields,
	const struct reading *reading);

/* Puts what was kept of `fields` into the reading, as of an earlier look. */
void slow_fields_recall(
	const struct slow_fields *slow, uint32_t slot, field_set fields, struct reading *reading);

#endif
