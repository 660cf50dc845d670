#include "agent/source_bpf.h"

#include "agent/bpf_walk.h"
#include "agent/id_slots.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A runtime makes the folder in the v1 memory hierarchy a moment after the v2 one: until a cgroup
 * has been known this long, it is looked for at every reading. One that comes later is found by the
 * file source. */
#define YOUNG_NS (30 * NS_PER_SECOND)

/* Where a record has which field. */
static const struct given {
	enum field field;
	uint32_t group;
	size_t offset;
	bool memory; /* on a hybrid host: from the v1 tree, or not at all */
	bool in_v1;
	bool time; /* in ns, but whole µs as the file has it: else a look that falls back to files
		      would see it go back, which Prometheus takes for a counter that began anew */
} GIVEN[] = {
#define GIVEN(field, group, member, ...)                                               \
	{                                                                              \
		field, group, offsetof(struct cgroup_stat_record, member), __VA_ARGS__ \
	}
	GIVEN(FIELD_CPU_USAGE_NS, CGROUP_STAT_CPU, cpu_usage_ns, false, false, true),
	GIVEN(FIELD_CPU_THROTTLED_PERIODS, CGROUP_STAT_THROTTLED, throttled_periods, false, false,
		false),
	GIVEN(FIELD_CPU_PERIODS, CGROUP_STAT_THROTTLED, periods, false, false, false),
	GIVEN(FIELD_CPU_THROTTLED_NS, CGROUP_STAT_THROTTLED, throttled_ns, false, false, true),
	GIVEN(FIELD_PIDS, CGROUP_STAT_PIDS, pids, false, false, false),
	GIVEN(FIELD_MEMORY_USAGE_BYTES, CGROUP_STAT_MEMORY, memory_usage, true, true, false),
	GIVEN(FIELD_MEMORY_PEAK_BYTES, CGROUP_STAT_MEMORY_PEAK, memory_peak, true, true, false),
	GIVEN(FIELD_MEMORY_SWAP_BYTES, CGROUP_STAT_SWAP, swap, true, false, false),
	GIVEN(FIELD_MEMORY_INACTIVE_FILE_BYTES, CGROUP_STAT_INACTIVE_FILE, inactive_file, true,
		true, false),
#undef GIVEN
};
#define GIVEN_COUNT (sizeof(GIVEN) / sizeof(GIVEN[0]))

/* One of the hierarchies that are walked. */
struct tree {
	const char *mount;
	field_set gives;
	struct bpf_link *link; /* NULL: not tied yet, or the top is gone */
	int memory_stat;       /* the top's file, or -1 */
	struct id_slots ids;
};

struct entry {
	const struct cgroup *cgroup; /* NULL: the slot is free */
	uint64_t added_ns;
	uint64_t memory_id; /* of its folder in the v1 memory hierarchy; 0 = not found (yet) */
};

struct source_bpf {
	struct source base;
	struct hierarchy hierarchy;
	char *top;
	struct bpf_walk *walk;
	struct tree v2, memory_v1;
	struct entry *entries; /* [slot] */
	uint32_t capacity;
	uint32_t count;
	uint64_t page_size;
	bool said_dropped, said_failed;
	struct telemetry_series *dropped, *failed, *walked;
};

static struct source_bpf *of(struct source *source)
{
	return (struct source_bpf *)source;
}

/* --- one pass --------------------------------------------------------------------------------- */

/* Puts what record `i` has of `fields` into the reading. */
static void fill(const struct source_bpf *source, const struct bpf_walk_result *result, uint32_t i,
	field_set fields, struct reading *reading)
{
	const struct cgroup_stat_record *record = &result->records[i];

	for (size_t g = 0; g < GIVEN_COUNT; g++) {
		const struct given *given = &GIVEN[g];
		uint64_t value;

		if (!(fields & FIELD_BIT(given->field)) || !(record->valid & given->group))
			continue;
		memcpy(&value, (const char *)record + given->offset, sizeof(value));
		if (given->time)
			value -= value % NS_PER_USEC;
		reading->value[given->field] = given->memory ? value * source->page_size : value;
		reading->valid |= FIELD_BIT(given->field);
	}
}

static void complain(struct source_bpf *source, const struct tree *tree, const char *why)
{
	telemetry_add(source->failed, 1);
	if (!source->said_failed)
		log_warn("the BPF walk of %s%s failed: %s: its figures are read from files; said "
			 "once, counted in tacho_agent_bpf_errors_total",
			tree->mount, source->top, why);
	source->said_failed = true;
}

static int tie(struct source_bpf *source, struct tree *tree, struct error *err)
{
	char path[sizeof(source->hierarchy.v2) + 4096 + sizeof("/memory.stat")];
	int length = snprintf(path, sizeof(path), "%s%s", tree->mount, source->top);
	int r;

	if (length < 0 || (size_t)length >= sizeof(path))
		return error_errno(err, ENAMETOOLONG, "opening %s%s", tree->mount, source->top);
	r = bpf_walk_tie(source->walk, path, &tree->link, err);
	if (r < 0)
		return r;
	(void)snprintf(path + length, sizeof(path) - (size_t)length, "/memory.stat");
	tree->memory_stat = open(path, O_RDONLY | O_CLOEXEC); /* there is none at some tops */
	return 0;
}

static void untie(struct tree *tree)
{
	(void)bpf_link__destroy(tree->link);
	tree->link = NULL;
	file_close(&tree->memory_stat);
	tree->memory_stat = -1;
}

/* Makes the kernel add up the per-CPU counters of memory.stat, of the top and all below it, as it
 * does for everyone who reads that file. From 6.16 on the walk's own flush is for the CPU alone,
 * and a BPF program has no way to ask for memory's before 7.0. A failure means that the top is
 * gone: the walk will find that out. */
static void flush_memory(const struct tree *tree)
{
	char byte;
	ssize_t ignored __attribute__((unused)) = pread(tree->memory_stat, &byte, 1, 0);
}

static uint32_t groups_of(field_set fields)
{
	uint32_t groups = 0;

	for (size_t g = 0; g < GIVEN_COUNT; g++)
		if (fields & FIELD_BIT(GIVEN[g].field))
			groups |= GIVEN[g].group;
	return groups;
}

static void count_dropped(struct source_bpf *source, const struct bpf_walk_result *result)
{
	telemetry_add(source->dropped, result->dropped);
	if (result->dropped > 0 && !source->said_dropped) {
		log_warn("there are %u cgroups below %s%s, more than the %u that the BPF walk has "
			 "room for: the others are read from files; said once, "
			 "counted in tacho_agent_bpf_dropped_total",
			result->count + result->dropped, source->hierarchy.v2, source->top,
			result->count);
		source->said_dropped = true;
	}
}

/* Walks one tree and fills the readings of its cgroups. */
static void read_tree(struct source_bpf *source, struct tree *tree, field_set fields,
	struct reading *readings, uint32_t count)
{
	uint64_t now = clock_monotonic_ns();
	struct bpf_walk_result result;
	struct error err;
	int r;

	fields &= tree->gives;
	if (!fields)
		return;
	/* The top may come later to this tree than its cgroups, or be made anew. */
	r = tree->link ? 0 : tie(source, tree, &err);
	if (r < 0) {
		if (r != -ENOENT)
			complain(source, tree, err.message);
		return;
	}
	if (fields & FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES) && tree->memory_stat >= 0)
		flush_memory(tree);
	r = bpf_walk_pass(source->walk, tree->link, groups_of(fields), &result);
	if (r < 0) {
		char text[128];

		complain(source, tree, strerror_r(-r, text, sizeof(text)));
		return;
	}
	if (result.count == 0) {
		untie(tree);
		return;
	}
	count_dropped(source, &result);
	for (uint32_t i = 0; i < result.count; i++) {
		uint32_t slot = id_slots_find(&tree->ids, result.records[i].id);

		if (slot >= count)
			continue;
		fill(source, &result, i, fields & ~readings[slot].valid, &readings[slot]);
		if (fields & FIELD_BIT(FIELD_CPU_USAGE_NS))
			readings[slot].at_ns = result.at_ns;
		else if (readings[slot].at_ns == 0)
			readings[slot].at_ns = now;
	}
	if (tree == &source->v2)
		telemetry_set(source->walked, result.count);
}

/* --- the interface ---------------------------------------------------------------------------- */

static field_set bpf_fields(const struct source *base)
{
	const struct source_bpf *source = (const struct source_bpf *)base;

	return source->v2.gives | source->memory_v1.gives;
}

/* Looks for the v1 folders of the cgroups that lack one. */
static void find_memory_folder(struct source_bpf *source, uint32_t slot)
{
	struct entry *entry = &source->entries[slot];
	char path[sizeof(source->hierarchy.memory_v1) + 4096];
	struct stat status;

	if (!hierarchy_is_hybrid(&source->hierarchy))
		return;
	(void)snprintf(
		path, sizeof(path), "%s%s", source->hierarchy.memory_v1, entry->cgroup->path);
	if (stat(path, &status) == 0 &&
		id_slots_put(&source->memory_v1.ids, status.st_ino, slot) == 0)
		entry->memory_id = status.st_ino;
}

static int make_room(struct source_bpf *source, uint32_t slots)
{
	uint32_t capacity = (slots | 63) + 1;
	struct entry *entries;

	if (slots <= source->capacity)
		return 0;
	entries = reallocarray(source->entries, capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	memset(entries + source->capacity, 0, (capacity - source->capacity) * sizeof(*entries));
	source->entries = entries;
	source->capacity = capacity;
	return 0;
}

static void bpf_add(struct source *base, const struct cgroup *cgroup)
{
	struct source_bpf *source = of(base);

	if (make_room(source, cgroup->slot + 1) < 0 ||
		id_slots_put(&source->v2.ids, cgroup->id, cgroup->slot) < 0) {
		complain(source, &source->v2, "out of memory");
		return;
	}
	source->entries[cgroup->slot] =
		(struct entry){.cgroup = cgroup, .added_ns = clock_monotonic_ns()};
	source->count++;
	find_memory_folder(source, cgroup->slot);
}

static void bpf_remove(struct source *base, const struct cgroup *cgroup)
{
	struct source_bpf *source = of(base);
	struct entry *entry;

	if (cgroup->slot >= source->capacity || !source->entries[cgroup->slot].cgroup)
		return;
	entry = &source->entries[cgroup->slot];
	id_slots_remove(&source->v2.ids, cgroup->id);
	if (entry->memory_id)
		id_slots_remove(&source->memory_v1.ids, entry->memory_id);
	*entry = (struct entry){0};
	source->count--;
}

static void bpf_read(
	struct source *base, field_set fields, struct reading *readings, uint32_t count)
{
	struct source_bpf *source = of(base);
	uint64_t now = clock_monotonic_ns();

	if (source->count == 0)
		return;
	read_tree(source, &source->v2, fields, readings, count);
	if (!(fields & source->memory_v1.gives))
		return;
	for (uint32_t slot = 0; slot < source->capacity; slot++) {
		const struct entry *entry = &source->entries[slot];

		if (entry->cgroup && !entry->memory_id && now - entry->added_ns < YOUNG_NS)
			find_memory_folder(source, slot);
	}
	read_tree(source, &source->memory_v1, fields, readings, count);
}

static void bpf_free(struct source *base)
{
	struct source_bpf *source = of(base);

	untie(&source->v2);
	untie(&source->memory_v1);
	id_slots_free(&source->v2.ids);
	id_slots_free(&source->memory_v1.ids);
	bpf_walk_free(source->walk);
	free(source->entries);
	free(source->top);
	free(source);
}

int source_bpf_set_top(struct source *base, const char *top, struct error *err)
{
	struct source_bpf *source = of(base);
	char *copy;

	if (source->v2.link && strcmp(source->top, top) == 0)
		return 0;
	copy = strdup(top);
	if (!copy)
		return error_errno(err, ENOMEM, "walking %s", top);
	free(source->top);
	source->top = copy;
	untie(&source->v2);
	untie(&source->memory_v1);
	return tie(source, &source->v2, err);
}

static const struct source_ops OPS = {
	.name = "bpf",
	.fields = bpf_fields,
	.add = bpf_add,
	.remove = bpf_remove,
	.read = bpf_read,
	.set_top = source_bpf_set_top,
	.free = bpf_free,
};

static void choose_fields(struct source_bpf *source)
{
	bool hybrid = hierarchy_is_hybrid(&source->hierarchy);

	for (size_t g = 0; g < GIVEN_COUNT; g++) {
		if (hybrid && GIVEN[g].memory && GIVEN[g].in_v1)
			source->memory_v1.gives |= FIELD_BIT(GIVEN[g].field);
		else if (!hybrid || !GIVEN[g].memory)
			source->v2.gives |= FIELD_BIT(GIVEN[g].field);
	}
}

field_set source_bpf_fields(const struct hierarchy *hierarchy)
{
	struct source_bpf source = {.hierarchy = *hierarchy};

	choose_fields(&source);
	return bpf_fields(&source.base);
}

struct source *source_bpf_new(const struct hierarchy *hierarchy, const char *top,
	uint32_t max_cgroups, struct telemetry *telemetry, struct error *err)
{
	struct source_bpf *source = calloc(1, sizeof(*source));

	if (!source)
		goto no_memory;
	source->base.ops = &OPS;
	source->hierarchy = *hierarchy;
	source->v2.mount = source->hierarchy.v2;
	source->memory_v1.mount = source->hierarchy.memory_v1;
	source->v2.memory_stat = source->memory_v1.memory_stat = -1;
	source->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
	source->top = strdup(top);
	if (!source->top)
		goto no_memory;
	choose_fields(source);
	source->dropped = telemetry_counter(telemetry, "tacho_agent_bpf_dropped_total",
		"Cgroups for which a BPF program had no room left", "signal", "walk");
	source->failed = telemetry_counter(telemetry, "tacho_agent_bpf_errors_total",
		"Calls to a BPF program or its maps that failed", "signal", "walk");
	source->walked = telemetry_gauge(telemetry, "tacho_agent_bpf_cgroups",
		"Cgroups that the last BPF walk found", NULL, NULL);
	source->walk = bpf_walk_new(max_cgroups, err);
	if (source->walk)
		return &source->base;
	bpf_free(&source->base);
	return NULL;
no_memory:
	error_errno(err, ENOMEM, "making the BPF source");
	if (source)
		bpf_free(&source->base);
	return NULL;
}
