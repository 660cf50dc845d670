#include "agent/signal_oom.h"

#include "agent/bpf_kernel.h"
#include "agent/bpf_signal.h"
#include "agent/id_slots.h"
#include "agent/oom_ledger.h"
#include "base/clock.h"
#include "base/log.h"

#include <linux/types.h>

#include "bpf/oom.h"
#include "bpf/oom.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Processes that were killed last: their threads may come later. */
#define VICTIMS     64
/* Kills in cgroups that are not known yet. Most are of no container: they wait for the next look
 * and are dropped then. */
#define WAITING_MAX 64

static const enum field FIELDS[] = {FIELD_OOM_KILLS};

struct victim {
	uint64_t started_ns;
	uint32_t process; /* 0 = none */
};

struct entry {
	const struct cgroup *cgroup; /* NULL: the slot is free */
	uint64_t kills;
};

struct signal_oom {
	struct source base;
	struct bpf_signal signal;
	struct ring_buffer *ring;
	int dropped_map;
	uint64_t dropped_before;
	struct oom_ledger *ledger; /* or NULL */
	struct id_slots ids;
	struct entry *entries; /* [slot] */
	uint32_t capacity;
	struct victim victims[VICTIMS];
	uint32_t next_victim;
	struct oom_event waiting[WAITING_MAX];
	uint32_t waiting_count;
	bool said_dropped;
	struct telemetry_series *dropped, *failed;
};

static struct signal_oom *of(struct source *source)
{
	return (struct signal_oom *)source;
}

/* --- events ----------------------------------------------------------------------------------- */

static bool is_new(struct signal_oom *source, const struct oom_event *event)
{
	for (uint32_t i = 0; i < VICTIMS; i++)
		if (source->victims[i].process == event->process &&
			source->victims[i].started_ns == event->started_ns)
			return false;
	source->victims[source->next_victim] =
		(struct victim){.started_ns = event->started_ns, .process = event->process};
	source->next_victim = (source->next_victim + 1) % VICTIMS;
	return true;
}

/* Counts it for the lowest cgroup that is known; false when none is. */
static bool give(struct signal_oom *source, const struct oom_event *event)
{
	for (uint32_t i = 0; i < event->depth && i < OOM_DEPTH; i++) {
		uint32_t slot = id_slots_find(&source->ids, event->id[i]);

		if (slot < source->capacity && source->entries[slot].cgroup) {
			source->entries[slot].kills++;
			return true;
		}
	}
	return false;
}

static void complain_of_drops(struct signal_oom *source, uint64_t count)
{
	telemetry_add(source->dropped, count);
	if (count > 0 && !source->said_dropped)
		log_warn("%llu OOM kills came faster than they were read: they are not counted; "
			 "said once, counted in tacho_agent_oom_dropped_total",
			(unsigned long long)count);
	source->said_dropped |= count > 0;
}

static int take(void *context, void *data, size_t size)
{
	struct signal_oom *source = context;
	const struct oom_event *event = data;

	if (size < sizeof(*event) || !is_new(source, event) || give(source, event))
		return 0;
	if (source->waiting_count < WAITING_MAX)
		source->waiting[source->waiting_count++] = *event;
	else
		complain_of_drops(source, 1);
	return 0;
}

/* A cgroup that is not there any more: its name and its pod's say whose it was. */
static void give_stray(const struct signal_oom *source, const struct oom_event *event)
{
	for (uint32_t i = 0; i + 1 < OOM_NAMES; i++) {
		char id[CONTAINER_ID_SIZE], uid[POD_UID_SIZE];

		if (!cgroup_name_is_container(event->name[i], id) ||
			!cgroup_name_is_pod(event->name[i + 1], uid))
			continue;
		if (source->ledger)
			oom_ledger_stray(source->ledger, uid, id, 1, clock_monotonic_ns());
		return;
	}
}

static void drain(struct signal_oom *source)
{
	uint32_t key = 0;
	uint64_t dropped = 0;
	int r = ring_buffer__consume(source->ring);

	if (r < 0)
		telemetry_add(source->failed, 1);
	if (bpf_map_lookup_elem(source->dropped_map, &key, &dropped) < 0)
		return;
	complain_of_drops(source, dropped - source->dropped_before);
	source->dropped_before = dropped;
}

/* What waited for a whole look and is still of no cgroup. */
static void settle_waiting(struct signal_oom *source, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (!give(source, &source->waiting[i]))
			give_stray(source, &source->waiting[i]);
	source->waiting_count -= count;
	memmove(source->waiting, source->waiting + count,
		source->waiting_count * sizeof(source->waiting[0]));
}

/* --- the interface ---------------------------------------------------------------------------- */

static field_set oom_fields(const struct source *source)
{
	(void)source;
	return FIELD_BIT(FIELD_OOM_KILLS);
}

static void oom_add(struct source *base, const struct cgroup *cgroup)
{
	struct signal_oom *source = of(base);
	uint32_t capacity = (cgroup->slot | 63) + 1;

	if (capacity > source->capacity) {
		struct entry *entries = reallocarray(source->entries, capacity, sizeof(*entries));

		if (!entries) {
			telemetry_add(source->failed, 1);
			return;
		}
		memset(entries + source->capacity, 0,
			(capacity - source->capacity) * sizeof(*entries));
		source->entries = entries;
		source->capacity = capacity;
	}
	if (id_slots_put(&source->ids, cgroup->id, cgroup->slot) < 0) {
		telemetry_add(source->failed, 1);
		return;
	}
	source->entries[cgroup->slot] = (struct entry){.cgroup = cgroup};
}

static void oom_remove(struct source *base, const struct cgroup *cgroup)
{
	struct signal_oom *source = of(base);
	struct entry *entry;

	if (cgroup->slot >= source->capacity || !source->entries[cgroup->slot].cgroup)
		return;
	drain(source); /* the kill that was its end */
	entry = &source->entries[cgroup->slot];
	if (source->ledger)
		oom_ledger_note(source->ledger, cgroup, entry->kills);
	id_slots_remove(&source->ids, cgroup->id);
	*entry = (struct entry){0};
}

static void oom_read(
	struct source *base, field_set fields, struct reading *readings, uint32_t count)
{
	struct signal_oom *source = of(base);
	uint64_t now = clock_monotonic_ns();
	uint32_t waited = source->waiting_count;

	if (!(fields & FIELD_BIT(FIELD_OOM_KILLS)))
		return;
	drain(source);
	settle_waiting(source, waited);
	for (uint32_t slot = 0; slot < count && slot < source->capacity; slot++) {
		if (!source->entries[slot].cgroup)
			continue;
		readings[slot].value[FIELD_OOM_KILLS] = source->entries[slot].kills;
		readings[slot].valid |= FIELD_BIT(FIELD_OOM_KILLS);
		if (readings[slot].at_ns == 0)
			readings[slot].at_ns = now;
	}
}

static void oom_free(struct source *base)
{
	struct signal_oom *source = of(base);

	ring_buffer__free(source->ring);
	bpf_signal_free(&source->signal);
	id_slots_free(&source->ids);
	free(source->entries);
	free(source);
}

static const struct source_ops OPS = {
	.name = "oom",
	.fields = oom_fields,
	.add = oom_add,
	.remove = oom_remove,
	.read = oom_read,
	.free = oom_free,
};

static int load(struct signal_oom *source, struct error *err)
{
	struct bpf_map *events, *dropped;
	size_t size;
	const void *bytes = oom__elf_bytes(&size);
	int arguments = bpf_kernel_trace_arguments("mark_victim", err), r;

	if (arguments < 0)
		return arguments;
	if (arguments < 2)
		return error_set(err, EOPNOTSUPP,
			"this kernel says only the number of who it kills; Linux 6.8 and later, "
			"and 6.1's and 6.6's newer releases, say more");
	r = bpf_signal_open(&source->signal, "oom", false, bytes, size, err);
	if (r == 0)
		r = bpf_signal_map(&source->signal, "events", &events, err);
	if (r == 0)
		r = bpf_signal_map(&source->signal, "dropped", &dropped, err);
	if (r == 0)
		r = bpf_signal_load(&source->signal, err);
	if (r < 0)
		return r;
	source->dropped_map = bpf_map__fd(dropped);
	source->ring = ring_buffer__new(bpf_map__fd(events), take, source, NULL);
	if (!source->ring)
		return error_errno(err, errno, "opening the events of OOM kills");
	return bpf_signal_attach(&source->signal, err);
}

static struct source *open_oom(const struct signal_options *options, struct error *err)
{
	struct signal_oom *source = calloc(1, sizeof(*source));

	if (!source) {
		(void)error_errno(err, ENOMEM, "counting OOM kills");
		return NULL;
	}
	source->base.ops = &OPS;
	source->ledger = options->oom_ledger;
	source->dropped = telemetry_counter(options->telemetry, "tacho_agent_oom_dropped_total",
		"OOM kills that came faster than they were read", NULL, NULL);
	source->failed = telemetry_counter(options->telemetry, "tacho_agent_bpf_errors_total",
		"Calls to a BPF program or its maps that failed", "signal", "oom");
	if (load(source, err) == 0)
		return &source->base;
	oom_free(&source->base);
	return NULL;
}

const struct signal_kind signal_oom = {
	.name = "oom",
	.fields = FIELDS,
	.field_count = 1,
	.open = open_oom,
};
