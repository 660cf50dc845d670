#include "agent/signal_run_queue.h"

#include "agent/bpf_counts.h"
#include "agent/wait_window.h"
#include "base/clock.h"

#include "bpf/run_queue.skel.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const enum field FIELDS[] = {
	FIELD_RUN_QUEUE_NS, FIELD_RUN_QUEUE_P50_NS, FIELD_RUN_QUEUE_P99_NS};
#define FIELD_NUMBER (sizeof(FIELDS) / sizeof(FIELDS[0]))

/* Stands before the source that counts, and keeps what was counted in the last window. */
struct waits {
	struct source base;
	struct source *counts;
	uint64_t window_ns;
	struct wait_window **windows; /* [slot]; NULL: the slot is free, or memory was short */
	uint32_t capacity;
	int dropped_map;
	uint64_t dropped_before;
	struct telemetry_series *dropped;
};

static struct waits *of(struct source *source)
{
	return (struct waits *)source;
}

static void give(struct reading *reading, enum field field, uint64_t value)
{
	reading->value[field] = value;
	reading->valid |= FIELD_BIT(field);
}

static void fill(void *context, const struct cgroup *cgroup, const uint64_t *counters,
	field_set fields, struct reading *reading)
{
	const struct waits *source = context;
	struct wait_window *window =
		cgroup->slot < source->capacity ? source->windows[cgroup->slot] : NULL;
	uint64_t wait;

	if (fields & FIELD_BIT(FIELD_RUN_QUEUE_NS))
		give(reading, FIELD_RUN_QUEUE_NS, counters[RUN_QUEUE_TOTAL_NS]);
	if (!window)
		return;
	wait_window_add(
		window, source->window_ns, clock_monotonic_ns(), counters + RUN_QUEUE_FIRST_BUCKET);
	if (fields & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS) &&
		wait_window_percentile(window, source->window_ns, 500, &wait))
		give(reading, FIELD_RUN_QUEUE_P50_NS, wait);
	if (fields & FIELD_BIT(FIELD_RUN_QUEUE_P99_NS) &&
		wait_window_percentile(window, source->window_ns, 990, &wait))
		give(reading, FIELD_RUN_QUEUE_P99_NS, wait);
}

static const struct bpf_counts_kind COUNTS = {
	.name = "run_queue",
	.object_bytes = run_queue__elf_bytes,
	.counters = RUN_QUEUE_COUNTERS,
	.fields = FIELDS,
	.field_count = FIELD_NUMBER,
	.fill = fill,
};

static field_set run_queue_fields(const struct source *base)
{
	const struct waits *source = (const struct waits *)base;

	return source->counts->ops->fields(source->counts);
}

static void run_queue_add(struct source *base, const struct cgroup *cgroup)
{
	struct waits *source = of(base);
	uint32_t capacity = (cgroup->slot | 63) + 1;

	if (capacity > source->capacity) {
		struct wait_window **windows =
			reallocarray(source->windows, capacity, sizeof(struct wait_window *));

		if (windows) {
			for (uint32_t slot = source->capacity; slot < capacity; slot++)
				windows[slot] = NULL;
			source->windows = windows;
			source->capacity = capacity;
		}
	}
	if (cgroup->slot < source->capacity) {
		static const uint64_t NONE[RUN_QUEUE_BUCKETS];
		struct wait_window *window = calloc(1, sizeof(*window));

		if (window) /* its counters begin at 0 now */
			wait_window_add(window, source->window_ns, clock_monotonic_ns(), NONE);
		free(source->windows[cgroup->slot]);
		source->windows[cgroup->slot] = window;
	}
	source->counts->ops->add(source->counts, cgroup);
}

static void run_queue_remove(struct source *base, const struct cgroup *cgroup)
{
	struct waits *source = of(base);

	source->counts->ops->remove(source->counts, cgroup);
	if (cgroup->slot >= source->capacity)
		return;
	free(source->windows[cgroup->slot]);
	source->windows[cgroup->slot] = NULL;
}

static void run_queue_read(
	struct source *base, field_set fields, struct reading *readings, uint32_t count)
{
	struct waits *source = of(base);
	uint32_t key = 0;
	uint64_t dropped;

	source->counts->ops->read(source->counts, fields, readings, count);
	if (!(fields & run_queue_fields(base)) ||
		bpf_map_lookup_elem(source->dropped_map, &key, &dropped) < 0)
		return;
	telemetry_add(source->dropped, dropped - source->dropped_before);
	source->dropped_before = dropped;
}

static void run_queue_free(struct source *base)
{
	struct waits *source = of(base);

	if (source->counts)
		source->counts->ops->free(source->counts);
	for (uint32_t slot = 0; slot < source->capacity; slot++)
		free(source->windows[slot]);
	free(source->windows);
	free(source);
}

static const struct source_ops OPS = {
	.name = "run_queue",
	.fields = run_queue_fields,
	.add = run_queue_add,
	.remove = run_queue_remove,
	.read = run_queue_read,
	.free = run_queue_free,
};

static struct source *open_run_queue(const struct signal_options *options, struct error *err)
{
	struct waits *source = calloc(1, sizeof(*source));
	struct bpf_map *dropped;

	if (!source) {
		(void)error_errno(err, ENOMEM, "counting waits for a CPU");
		return NULL;
	}
	source->base.ops = &OPS;
	source->window_ns = options->window_ns;
	source->dropped = telemetry_counter(options->telemetry, "tacho_agent_waits_dropped_total",
		"Waits for a CPU that were not counted, for the kernel had no memory for a thread",
		NULL, NULL);
	source->counts = bpf_counts_new(&COUNTS, options, source, err);
	if (!source->counts ||
		bpf_signal_map(bpf_counts_signal(source->counts), "dropped", &dropped, err) < 0) {
		run_queue_free(&source->base);
		return NULL;
	}
	source->dropped_map = bpf_map__fd(dropped);
	return &source->base;
}

const struct signal_kind signal_run_queue = {
	.name = "run_queue",
	.fields = FIELDS,
	.field_count = FIELD_NUMBER,
	.open = open_run_queue,
};
