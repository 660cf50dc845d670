#include "agent/source_compare.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A level can go up and down again between two looks. That it does so on the same cgroup this many
 * times running is taken for a difference. The later looks are at the suspects alone, and so lie
 * microseconds apart. */
#define LOOKS 3

/* The kernel adds up memory.stat when more than 64 updates a CPU (MEMCG_CHARGE_BATCH) are pending,
 * and up to 6.1 each CPU may hold as many again before they count as pending. */
#define BATCH_PAGES 128

/* Processes that can have come and gone between two looks, besides the 1/8 of the level. */
#define PIDS_MOVED 8

static uint64_t slack_of(enum field field, uint64_t level, unsigned cpus)
{
	switch (field) {
	case FIELD_CPU_USAGE_NS:
	case FIELD_CPU_THROTTLED_NS:
		return NS_PER_USEC - 1; /* the file cuts off what is below a microsecond */
	case FIELD_MEMORY_USAGE_BYTES:
	case FIELD_MEMORY_INACTIVE_FILE_BYTES:
	case FIELD_MEMORY_ANON_BYTES:
	case FIELD_MEMORY_FILE_BYTES:
	case FIELD_MEMORY_SWAP_BYTES:
	case FIELD_MEMORY_PEAK_BYTES:
		return (uint64_t)BATCH_PAGES * cpus * (uint64_t)sysconf(_SC_PAGESIZE);
	case FIELD_PIDS:
		return PIDS_MOVED + level / 8;
	default:
		return 0;
	}
}

bool source_compare_agrees(
	enum field field, uint64_t before, uint64_t file, uint64_t after, unsigned cpus)
{
	uint64_t low = before < after ? before : after;
	uint64_t high = before < after ? after : before;
	uint64_t slack = slack_of(field, high, cpus);

	return (file >= low || low - file <= slack) && (file <= high || file - high <= slack);
}

/* Three looks at all cgroups. */
struct looks {
	struct reading *before, *file, *after; /* [count] */
	field_set *suspects;                   /* [count]: what has differed at every look so far */
	uint32_t count;
	field_set proven; /* fields that a file had */
	field_set given;  /* fields that the fast source had, where the cgroup was still there */
	unsigned cpus;
};

/* Looks once. What is not suspect is marked valid, so that the sources leave it alone. */
static void look(struct looks *looks, struct source *fast, struct source *files, field_set fields)
{
	for (uint32_t slot = 0; slot < looks->count; slot++) {
		struct reading nothing = {.valid = fields & ~looks->suspects[slot]};

		looks->before[slot] = looks->file[slot] = looks->after[slot] = nothing;
	}
	fast->ops->read(fast, fields, looks->before, looks->count);
	files->ops->read(files, fields, looks->file, looks->count);
	fast->ops->read(fast, fields, looks->after, looks->count);
}

/* Clears those suspects of one cgroup that the look did not confirm. */
static void judge(struct looks *looks, uint32_t slot, struct source_comparison *comparison)
{
	const struct reading *before = &looks->before[slot], *file = &looks->file[slot];
	const struct reading *after = &looks->after[slot];
	field_set suspects = looks->suspects[slot];
	field_set both = file->gone ? 0 : suspects & before->valid & after->valid;

	looks->suspects[slot] = 0;
	looks->given |= both;
	looks->proven |= both & file->valid;
	for (enum field field = 0; field < FIELD_COUNT; field++) {
		if (!(both & file->valid & FIELD_BIT(field)) ||
			source_compare_agrees(field, before->value[field], file->value[field],
				after->value[field], looks->cpus))
			continue;
		looks->suspects[slot] |= FIELD_BIT(field);
		comparison->example[field] = (struct source_difference){
			slot, before->value[field], file->value[field], after->value[field]};
	}
}

int source_compare(struct source *fast, struct source *files, field_set fields, uint32_t count,
	struct source_comparison *ret_comparison)
{
	struct reading *readings = calloc(count, 3 * sizeof(*readings));
	field_set *suspects = calloc(count, sizeof(*suspects));
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	struct source_comparison comparison = {.differ = fields};
	struct looks looks = {
		.suspects = suspects, .count = count, .cpus = cpus > 0 ? (unsigned)cpus : 1};
	int r = -ENOMEM;

	if (!readings || !suspects)
		goto out;
	looks.before = readings;
	looks.file = readings + count;
	looks.after = readings + 2 * (size_t)count;
	for (uint32_t slot = 0; slot < count; slot++)
		suspects[slot] = fields;
	for (int i = 0; i < LOOKS && comparison.differ; i++) {
		look(&looks, fast, files, fields);
		comparison.differ = 0;
		for (uint32_t slot = 0; slot < count; slot++) {
			judge(&looks, slot, &comparison);
			comparison.differ |= suspects[slot];
		}
	}
	comparison.compared = looks.given;
	comparison.unproven = looks.given & ~looks.proven;
	*ret_comparison = comparison;
	r = 0;
out:
	free(readings);
	free(suspects);
	return r;
}
