#include "agent/bpf_counts.h"

#include "agent/id_slots.h"
#include "base/clock.h"
#include "base/log.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LEVELS     32
/* Levels are counted from the root of the whole tree. */
#define ROOT_ID    1
#define ALL_LEVELS (~(uint32_t)0)

/* More containers than an agent can send (WIRE_MAX_ROWS): a look goes through all places of the
 * map, also the empty ones. */
#define MAX_ENTRIES 4096

struct entry {
	const struct cgroup *cgroup; /* NULL: the slot is free */
	bool refused;                /* the map had no room */
};

struct bpf_counts {
	struct source base;
	struct source_ops ops; /* with the name of the kind */
	const struct bpf_counts_kind *kind;
	void *context;
	struct hierarchy hierarchy;
	field_set given;
	struct bpf_signal signal;
	int counts, levels; /* maps; the object's */
	size_t cpus;
	bool attached;
	uint64_t top_id; /* of the folder it is attached to */

	struct entry *entries; /* [slot] */
	uint32_t capacity;
	uint32_t count;   /* entries in the map */
	uint32_t refused; /* cgroups without */
	uint32_t max;
	struct id_slots ids;
	uint32_t at_level[LEVELS]; /* cgroups */
	uint32_t mask;
	bool whole_tree; /* levels can be told from paths */

	/* What a look reads into: room for `room` cgroups. */
	uint64_t *keys;
	uint64_t *values; /* [cgroup][cpu][counter] */
	uint32_t room;

	bool said_refused, said_failed;
	struct telemetry_series *dropped, *failed;
};

static struct bpf_counts *of(struct source *source)
{
	return (struct bpf_counts *)source;
}

static void fail(struct bpf_counts *source, const char *what, int code)
{
	telemetry_add(source->failed, 1);
	if (!source->said_failed)
		log_warn("the BPF program %s: %s: %s; said once, counted in "
			 "tacho_agent_bpf_errors_total",
			source->kind->name, what, strerror(code));
	source->said_failed = true;
}

/* --- the entries ------------------------------------------------------------------------------ */

static uint32_t level_of(const struct cgroup *cgroup)
{
	uint32_t level = 0;

	for (const char *c = cgroup->path; *c; c++)
		level += *c == '/' && c[1] != '\0';
	return level < LEVELS ? level : LEVELS - 1;
}

static void tell_levels(struct bpf_counts *source)
{
	uint32_t mask = source->whole_tree ? 0 : ALL_LEVELS, key = 0;

	for (uint32_t level = 0; level < LEVELS; level++)
		mask |= (source->at_level[level] > 0 ? (uint32_t)1 : 0) << level;
	if (mask != source->mask && bpf_map_update_elem(source->levels, &key, &mask, BPF_ANY) < 0)
		fail(source, "telling the levels of the tree", errno);
	source->mask = mask;
}

static int make_room(struct bpf_counts *source, uint32_t slots)
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

static size_t value_size(const struct bpf_counts *source)
{
	return source->cpus * source->kind->counters * sizeof(uint64_t);
}

/* Room to read `count` cgroups. */
static int make_values(struct bpf_counts *source, uint32_t count)
{
	uint32_t room = (count | 63) + 1;
	uint64_t *keys, *values;

	if (count <= source->room)
		return 0;
	keys = reallocarray(source->keys, room, sizeof(*keys));
	if (!keys)
		return -ENOMEM;
	source->keys = keys;
	values = reallocarray(source->values, room, value_size(source));
	if (!values)
		return -ENOMEM;
	source->values = values;
	source->room = room;
	return 0;
}

/* Makes the entry in the kernel's map. 0 or -errno. */
static int enter(struct bpf_counts *source, const struct cgroup *cgroup)
{
	int r = 0;

	if (source->count >= source->max)
		return -E2BIG;
	/* the first row is free for zeros between two looks; one more for the look to end */
	if (make_values(source, source->count + 2) < 0 ||
		id_slots_put(&source->ids, cgroup->id, cgroup->slot) < 0)
		return -ENOMEM;
	memset(source->values, 0, value_size(source));
	if (bpf_map_update_elem(source->counts, &cgroup->id, source->values, BPF_ANY) < 0) {
		r = -errno;
		id_slots_remove(&source->ids, cgroup->id);
		return r;
	}
	source->count++;
	source->at_level[level_of(cgroup)]++;
	tell_levels(source);
	return 0;
}

static void refuse(struct bpf_counts *source, struct entry *entry, int code)
{
	entry->refused = true;
	source->refused++;
	telemetry_add(source->dropped, 1);
	if (!source->said_refused)
		log_warn("the BPF program %s has no room for %s: %s (it has %u): its figures are "
			 "absent until there is; said once, counted in "
			 "tacho_agent_bpf_dropped_total",
			source->kind->name, entry->cgroup->path, strerror(code), source->max);
	source->said_refused = true;
}

static void counts_add(struct source *base, const struct cgroup *cgroup)
{
	struct bpf_counts *source = of(base);
	struct entry *entry;
	int r = make_room(source, cgroup->slot + 1);

	if (r < 0) {
		fail(source, "adding a cgroup", -r);
		return;
	}
	entry = &source->entries[cgroup->slot];
	*entry = (struct entry){.cgroup = cgroup};
	r = enter(source, cgroup);
	if (r < 0)
		refuse(source, entry, -r);
}

/* There is room again: for one that was refused. */
static void enter_refused(struct bpf_counts *source)
{
	for (uint32_t slot = 0; slot < source->capacity && source->refused > 0; slot++) {
		struct entry *entry = &source->entries[slot];

		if (!entry->cgroup || !entry->refused)
			continue;
		if (enter(source, entry->cgroup) < 0)
			return;
		entry->refused = false;
		source->refused--;
	}
}

static void counts_remove(struct source *base, const struct cgroup *cgroup)
{
	struct bpf_counts *source = of(base);
	struct entry *entry;

	if (cgroup->slot >= source->capacity || !source->entries[cgroup->slot].cgroup)
		return;
	entry = &source->entries[cgroup->slot];
	if (entry->refused) {
		source->refused--;
		*entry = (struct entry){0};
		return;
	}
	*entry = (struct entry){0};
	id_slots_remove(&source->ids, cgroup->id);
	if (bpf_map_delete_elem(source->counts, &cgroup->id) < 0)
		fail(source, "deleting a cgroup", errno);
	source->count--;
	source->at_level[level_of(cgroup)]--;
	tell_levels(source);
	enter_refused(source);
}

/* --- a look ----------------------------------------------------------------------------------- */

/* Adds the counters of all CPUs up into those of the first. */
static uint64_t *sum_up(const struct bpf_counts *source, uint32_t i)
{
	size_t counters = source->kind->counters;
	uint64_t *sum = source->values + i * source->cpus * counters;

	for (size_t cpu = 1; cpu < source->cpus; cpu++)
		for (size_t c = 0; c < counters; c++)
			sum[c] += sum[cpu * counters + c];
	return sum;
}

static void give(struct bpf_counts *source, uint32_t i, field_set fields, uint64_t now,
	struct reading *readings, uint32_t count)
{
	const struct bpf_counts_kind *kind = source->kind;
	uint32_t slot = id_slots_find(&source->ids, source->keys[i]);
	struct reading *reading;
	const uint64_t *sum;

	if (slot >= count)
		return;
	reading = &readings[slot];
	fields &= ~reading->valid;
	sum = sum_up(source, i);
	if (kind->fill) {
		kind->fill(source->context, source->entries[slot].cgroup, sum, fields, reading);
	} else {
		for (size_t c = 0; c < kind->field_count; c++) {
			if (!(fields & FIELD_BIT(kind->fields[c])))
				continue;
			reading->value[kind->fields[c]] = sum[c];
			reading->valid |= FIELD_BIT(kind->fields[c]);
		}
	}
	if (reading->at_ns == 0)
		reading->at_ns = now;
}

static void counts_read(
	struct source *base, field_set fields, struct reading *readings, uint32_t count)
{
	struct bpf_counts *source = of(base);
	uint64_t now = clock_monotonic_ns();
	uint32_t next = 0;
	bool begun = false;
	int code = 0;

	fields &= source->given;
	if (source->count == 0 || !source->attached || !fields)
		return;
	while (code == 0) {
		uint32_t found = source->room;

		if (bpf_map_lookup_batch(source->counts, begun ? &next : NULL, &next, source->keys,
			    source->values, &found, NULL) < 0)
			code = errno;
		if (code != 0 && code != ENOENT) /* ENOENT: that was the last of them */
			break;
		for (uint32_t i = 0; i < found; i++)
			give(source, i, fields, now, readings, count);
		begun = true;
	}
	if (code != ENOENT)
		fail(source, "reading its map", code);
}

/* --- life ------------------------------------------------------------------------------------- */

static field_set counts_fields(const struct source *source)
{
	return ((const struct bpf_counts *)source)->given;
}

static void counts_free(struct source *base)
{
	struct bpf_counts *source = of(base);

	bpf_signal_free(&source->signal);
	id_slots_free(&source->ids);
	free(source->entries);
	free(source->keys);
	free(source->values);
	free(source);
}

static int counts_set_top(struct source *base, const char *top, struct error *err)
{
	struct bpf_counts *source = of(base);
	char folder[sizeof(source->hierarchy.v2) + 4096];
	struct stat status;
	int r;

	(void)snprintf(folder, sizeof(folder), "%s%s", source->hierarchy.v2, top);
	if (stat(folder, &status) < 0) {
		r = error_errno(err, errno, "opening %s", folder);
		bpf_signal_detach(&source->signal);
		source->attached = false;
		return r;
	}
	if (source->attached && source->top_id == status.st_ino)
		return 0;
	/* Another folder, or the same made anew: the kernel let go of the one that was removed. */
	bpf_signal_detach(&source->signal);
	r = bpf_signal_attach_cgroup(&source->signal, folder, err);
	source->attached = r == 0;
	source->top_id = status.st_ino;
	return r;
}

static const struct source_ops OPS = {
	.fields = counts_fields,
	.add = counts_add,
	.remove = counts_remove,
	.read = counts_read,
	.free = counts_free,
};

static int load(struct bpf_counts *source, struct error *err)
{
	const struct bpf_counts_kind *kind = source->kind;
	struct bpf_map *counts, *levels;
	size_t size;
	const void *bytes = kind->object_bytes(&size);
	int r = bpf_signal_open(&source->signal, kind->name, kind->at_top, bytes, size, err);

	if (r == 0)
		r = bpf_signal_map(&source->signal, "counts", &counts, err);
	if (r == 0)
		r = bpf_signal_map(&source->signal, "levels", &levels, err);
	if (r < 0)
		return r;
	if (bpf_map__value_size(counts) != kind->counters * sizeof(uint64_t))
		return error_set(err, EINVAL, "the BPF object %s has another number of counters",
			kind->name);
	(void)bpf_map__set_max_entries(counts, source->max);
	r = kind->prepare ? kind->prepare(&source->signal, err) : 0;
	if (r == 0)
		r = bpf_signal_load(&source->signal, err);
	if (r < 0)
		return r;
	source->counts = bpf_map__fd(counts);
	source->levels = bpf_map__fd(levels);
	tell_levels(source);
	if (kind->at_top)
		return 0;
	r = bpf_signal_attach(&source->signal, err);
	source->attached = r == 0;
	return r;
}

struct source *bpf_counts_new(const struct bpf_counts_kind *kind,
	const struct signal_options *options, void *context, struct error *err)
{
	struct bpf_counts *source = calloc(1, sizeof(*source));
	int cpus = libbpf_num_possible_cpus();
	struct stat status;

	if (!source || cpus <= 0) {
		free(source);
		error_errno(
			err, cpus <= 0 ? -cpus : ENOMEM, "making the BPF source %s", kind->name);
		return NULL;
	}
	source->ops = OPS;
	source->ops.name = kind->name;
	source->ops.set_top = kind->at_top ? counts_set_top : NULL;
	source->base.ops = &source->ops;
	source->kind = kind;
	source->context = context;
	source->hierarchy = *options->hierarchy;
	source->cpus = (size_t)cpus;
	source->max = options->max_cgroups < MAX_ENTRIES ? options->max_cgroups : MAX_ENTRIES;
	source->max = source->max > 0 ? source->max : 1;
	source->whole_tree = stat(source->hierarchy.v2, &status) == 0 && status.st_ino == ROOT_ID;
	for (size_t i = 0; i < kind->field_count; i++)
		source->given |= FIELD_BIT(kind->fields[i]);
	source->dropped = telemetry_counter(options->telemetry, "tacho_agent_bpf_dropped_total",
		"Cgroups for which a BPF program had no room left", "signal", kind->name);
	source->failed = telemetry_counter(options->telemetry, "tacho_agent_bpf_errors_total",
		"Calls to a BPF program or its maps that failed", "signal", kind->name);
	if (load(source, err) == 0)
		return &source->base;
	counts_free(&source->base);
	return NULL;
}

const struct bpf_signal *bpf_counts_signal(const struct source *source)
{
	return &((const struct bpf_counts *)source)->signal;
}

size_t bpf_counts_entries(const struct source *base)
{
	const struct bpf_counts *source = (const struct bpf_counts *)base;
	uint64_t key, next;
	size_t count = 0;

	for (const void *from = NULL; bpf_map_get_next_key(source->counts, from, &next) == 0;
		count++) {
		key = next;
		from = &key;
	}
	return count;
}
