/* Holds two sources against each other, cgroup by cgroup and field by field. */
#ifndef AGENT_SOURCE_COMPARE_H
#define AGENT_SOURCE_COMPARE_H

#include "agent/reading.h"
#include "agent/source.h"

#include <stdbool.h>
#include <stdint.h>

/* What a comparison found, in fields. */
struct source_comparison {
	field_set compared; /* `fast` gave them for a cgroup that is there */
	field_set differ;   /* the sources disagree */
	field_set unproven; /* `fast` gives them, `files` has them for no cgroup */
	/* For each field in `differ`, one cgroup's figures: before, in and after the file. */
	struct source_difference {
		uint32_t slot;
		uint64_t before, file, after;
	} example[FIELD_COUNT];
};

/* True when a file may say `file` while the other source says `before` and then `after`. */
bool source_compare_agrees(
	enum field field, uint64_t before, uint64_t file, uint64_t after, unsigned cpus);

/* Compares `fields` of the slots below `count`. Reads everything three times, and again where there
 * was a difference. 0 or -ENOMEM. */
int source_compare(struct source *fast, struct source *files, field_set fields, uint32_t count,
	struct source_comparison *ret_comparison);

#endif
