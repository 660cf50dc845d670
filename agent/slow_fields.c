#include "agent/slow_fields.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A look may be so much early and still be the one that is meant. */
#define EARLY_NS (NS_PER_SECOND / 4)
/* The turns, a second apart. */
#define TURNS    (SLOW_FIELDS_NS / NS_PER_SECOND)
/* Looks at a new cgroup before it takes its turn. */
#define AT_ONCE  2

struct entry {
	uint64_t due_ns;
	field_set valid;
	uint32_t looks; /* up to AT_ONCE */
};

struct slow_fields {
	field_set fields;
	uint32_t count; /* of them */
	uint32_t slots;
	struct entry *entries; /* [slot] */
	uint64_t *values;      /* [slot * count + place] */
};

struct slow_fields *slow_fields_new(field_set fields)
{
	struct slow_fields *slow = calloc(1, sizeof(*slow));

	if (!slow)
		return NULL;
	slow->fields = fields;
	slow->count = (uint32_t)__builtin_popcountll(fields);
	return slow;
}

void slow_fields_free(struct slow_fields *slow)
{
	if (!slow)
		return;
	free(slow->entries);
	free(slow->values);
	free(slow);
}

int slow_fields_reserve(struct slow_fields *slow, uint32_t slots)
{
	struct entry *entries;
	uint64_t *values;

	if (slots <= slow->slots || slow->count == 0)
		return 0;
	entries = reallocarray(slow->entries, slots, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	slow->entries = entries;
	values = reallocarray(slow->values, slots, slow->count * sizeof(*values));
	if (!values)
		return -ENOMEM;
	slow->values = values;
	memset(entries + slow->slots, 0, (slots - slow->slots) * sizeof(*entries));
	slow->slots = slots;
	return 0;
}

void slow_fields_begin(struct slow_fields *slow, uint32_t slot)
{
	if (slot < slow->slots)
		slow->entries[slot] = (struct entry){0};
}

bool slow_fields_due(const struct slow_fields *slow, uint32_t slot, uint64_t now_ns)
{
	return slot < slow->slots && now_ns + EARLY_NS >= slow->entries[slot].due_ns;
}

static uint64_t *value_at(const struct slow_fields *slow, uint32_t slot, enum field field)
{
	uint32_t place = (uint32_t)__builtin_popcountll(slow->fields & (FIELD_BIT(field) - 1));

	return &slow->values[(size_t)slot * slow->count + place];
}

/* Every SLOW_FIELDS_NS from a beginning that is the slot's own; a look that came late moves it. */
static void set_due(struct entry *entry, uint32_t slot, uint64_t now_ns)
{
	if (entry->looks < AT_ONCE)
		entry->looks++;
	if (entry->looks < AT_ONCE)
		return;
	if (entry->due_ns == 0)
		entry->due_ns = now_ns + (slot % TURNS + 1) * NS_PER_SECOND;
	else if (now_ns < entry->due_ns + SLOW_FIELDS_NS)
		entry->due_ns += SLOW_FIELDS_NS;
	else
		entry->due_ns = now_ns + SLOW_FIELDS_NS;
}

void slow_fields_keep(struct slow_fields *slow, uint32_t slot, uint64_t now_ns, field_set fields,
	const struct reading *reading)
{
	struct entry *entry;

	fields &= slow->fields;
	if (slot >= slow->slots || !fields)
		return;
	entry = &slow->entries[slot];
	set_due(entry, slot, now_ns);
	entry->valid = (entry->valid & ~fields) | (reading->valid & fields);
	for (field_set left = reading->valid & fields; left; left &= left - 1) {
		enum field field = (enum field)__builtin_ctzll(left);

		*value_at(slow, slot, field) = reading->value[field];
	}
}

void slow_fields_recall(
	const struct slow_fields *slow, uint32_t slot, field_set fields, struct reading *reading)
{
	if (slot >= slow->slots)
		return;
	fields &= slow->entries[slot].valid;
	for (field_set left = fields; left; left &= left - 1) {
		enum field field = (enum field)__builtin_ctzll(left);

		reading->value[field] = *value_at(slow, slot, field);
	}
	reading->valid |= fields;
	reading->old |= fields;
}
