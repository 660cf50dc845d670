#include "agent/sampler.h"

#include "agent/cgroup_tree.h"
#include "agent/history.h"
#include "agent/log_names.h"
#include "agent/slow_fields.h"
#include "agent/oom_ledger.h"
#include "base/clock.h"
#include "base/log.h"
#include "proto/bounds.h"

#include <errno.h>
#include <stdlib.h>

/* BPF's array has a record for each folder below the top: containers, what is nested in them,
 * pods and QoS levels. 8,192 records are 704 KiB, which count as resident. */
#define MAX_CGROUPS 8192

/* After a change of the tree the names are read anew each time for so long; names that are still
 * missing after that, less often. */
#define NAMES_EAGER_NS (30 * NS_PER_SECOND)
#define NAMES_LAZY_NS  (10 * NS_PER_SECOND)

struct sampler {
	struct figures_options figures;
	struct hierarchy hierarchy;
	struct cgroup_tree *tree;
	struct log_names *names;
	struct reader *reader;
	struct oom_ledger *oom_ledger; /* NULL: kills are not asked for */
	struct node *node;
	struct history *node_history;
	struct roster_builder *roster;
	struct sample sample;
	struct sample_turn turn;
	struct reading *readings, node_reading;
	uint32_t reading_capacity;
	uint32_t history_points;
	field_set fields;              /* of containers */
	uint64_t changed_ns, named_ns; /* when the tree changed; when the names were last read */
	bool unnamed;                  /* the last roster had rows without a name */
	uint32_t left_out;             /* pods of the last roster */
	struct telemetry_series *containers, *pods, *pods_left_out, *sampled;
};

/* --- the tree's events ------------------------------------------------------------------------ */

static void container_added(void *context, struct cgroup *cgroup)
{
	struct sampler *sampler = context;
	struct history *history = history_new(sampler->history_points, sampler->fields);

	if (!history)
		log_warn("memory is short: %s has no figures", cgroup->path);
	else if (cgroup->created_ns)
		history_start_at_zero(history, cgroup->created_ns);
	cgroup->user = history;
	if (cgroup->slot < sampler->reading_capacity)
		sampler->readings[cgroup->slot] = (struct reading){0};
	reader_add(sampler->reader, cgroup);
	if (sampler->oom_ledger)
		(void)oom_ledger_enter(sampler->oom_ledger, cgroup, clock_monotonic_ns());
	sampler->changed_ns = clock_monotonic_ns();
}

static void container_removed(void *context, struct cgroup *cgroup)
{
	struct sampler *sampler = context;

	reader_remove(sampler->reader, cgroup); /* notes the last kills */
	if (sampler->oom_ledger)
		oom_ledger_leave(sampler->oom_ledger, cgroup, clock_monotonic_ns());
	history_free(cgroup->user);
	cgroup->user = NULL;
	sampler->changed_ns = clock_monotonic_ns();
}

/* --- life ------------------------------------------------------------------------------------- */

static int open_parts(
	struct sampler *sampler, const struct sampler_options *options, struct error *err)
{
	const struct cgroup_tree_options tree = {
		.hierarchy = &sampler->hierarchy,
		.root = options->cgroup_root,
		.units = options->units,
		.telemetry = options->telemetry,
	};
	const struct cgroup_tree_events events = {
		.added = container_added, .removed = container_removed, .context = sampler};
	struct reader_options reader = {
		.hierarchy = &sampler->hierarchy,
		.source = options->source,
		.wanted = sampler->fields,
		.max_cgroups = MAX_CGROUPS,
		.window_ns = options->window_ns,
		.telemetry = options->telemetry,
	};
	const field_set node_fields = figures_fields(options->metrics, METRIC_SCOPE_NODE);
	struct node_capacity capacity;
	int r = hierarchy_find("/proc/self/mountinfo", &sampler->hierarchy, err);

	if (r < 0)
		return r;
	sampler->node = node_new(&sampler->hierarchy, "/proc", err);
	if (!sampler->node)
		return -EINVAL;
	node_watch_pressure(sampler->node, "/proc", node_fields);
	if (reader.wanted & FIELD_BIT(FIELD_OOM_KILLS)) {
		sampler->oom_ledger = oom_ledger_new(options->telemetry);
		if (!sampler->oom_ledger)
			return error_errno(err, ENOMEM, "starting the sampler");
		reader.oom_ledger = sampler->oom_ledger;
	}
	sampler->reader = reader_new(&reader, err);
	if (!sampler->reader)
		return -EINVAL;
	sampler->tree = cgroup_tree_new(&tree, &events, err);
	if (!sampler->tree)
		return -EINVAL;
	sampler->names = log_names_new(options->log_root, options->telemetry);
	sampler->roster = roster_builder_new(sampler->names);
	sampler->node_history = history_new(sampler->history_points, node_fields);
	if (!sampler->names || !sampler->roster || !sampler->node_history)
		return error_errno(err, ENOMEM, "starting the sampler");
	if (options->bounded)
		roster_builder_bound(sampler->roster);
	node_capacity(sampler->node, &capacity);
	sampler->figures.cpus = capacity.cpus;
	return 0;
}

struct sampler *sampler_new(const struct sampler_options *options, struct error *err)
{
	struct sampler *sampler = calloc(1, sizeof(*sampler));

	if (!sampler) {
		(void)error_errno(err, ENOMEM, "starting the sampler");
		return NULL;
	}
	sampler->figures = (struct figures_options){
		.wanted = options->metrics,
		.window_ns = options->window_ns,
		.interval_ns = options->interval_ns,
	};
	sampler->fields = figures_fields(options->metrics, METRIC_SCOPE_CONTAINER);
	/* the window's start and end, and one more for jitter; what is read less often ends earlier
	 */
	sampler->history_points = (uint32_t)(options->window_ns / options->interval_ns) + 3 +
				  (uint32_t)(SLOW_FIELDS_NS / options->interval_ns);
	sampler->containers = telemetry_gauge(options->telemetry, "tacho_agent_containers",
		"Containers and units in the last sample", NULL, NULL);
	sampler->pods = telemetry_gauge(
		options->telemetry, "tacho_agent_pods", "Pods in the last sample", NULL, NULL);
	sampler->pods_left_out = telemetry_gauge(options->telemetry, "tacho_agent_pods_left_out",
		"Pods that are not in the last sample, for no aggregator would take so many", NULL,
		NULL);
	sampler->sampled = telemetry_counter(options->telemetry, "tacho_agent_samples_total",
		"Looks at the node's counters", NULL, NULL);
	if (open_parts(sampler, options, err) < 0) {
		sampler_free(sampler);
		return NULL;
	}
	return sampler;
}

void sampler_free(struct sampler *sampler)
{
	if (!sampler)
		return;
	if (sampler->tree)
		cgroup_tree_free(sampler->tree); /* container_removed() for each */
	reader_free(sampler->reader);
	oom_ledger_free(sampler->oom_ledger);
	node_free(sampler->node);
	history_free(sampler->node_history);
	roster_builder_free(sampler->roster);
	log_names_free(sampler->names);
	sample_free(&sampler->sample);
	free(sampler->readings);
	free(sampler);
}

void sampler_capacity(const struct sampler *sampler, struct node_capacity *ret_capacity)
{
	node_capacity(sampler->node, ret_capacity);
}

void sampler_raw(const struct sampler *sampler, struct sampler_raw *ret_raw)
{
	*ret_raw = (struct sampler_raw){
		.readings = sampler->readings,
		.count = sampler->reading_capacity,
		.node = &sampler->node_reading,
	};
}

const char *sampler_v2(const struct sampler *sampler)
{
	return sampler->hierarchy.v2;
}

/* --- one look --------------------------------------------------------------------------------- */

static int make_room(struct sampler *sampler, uint32_t slots)
{
	struct reading *grown;

	if (slots <= sampler->reading_capacity)
		return 0;
	grown = realloc(sampler->readings, (size_t)slots * 2 * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sampler->readings = grown;
	sampler->reading_capacity = slots * 2;
	return 0;
}

/* Makes the cgroup's kills those of its container, or none as long as it is not known which one it
 * is. */
static void tell_kills(struct sampler *sampler, const struct cgroup *cgroup,
	struct reading *reading, uint64_t now_ns)
{
	uint64_t total, before;

	if (!(reading->valid & FIELD_BIT(FIELD_OOM_KILLS)))
		return;
	oom_ledger_note(sampler->oom_ledger, cgroup, reading->value[FIELD_OOM_KILLS]);
	if (!oom_ledger_total(sampler->oom_ledger, cgroup, now_ns, &total, &before)) {
		reading->valid &= ~FIELD_BIT(FIELD_OOM_KILLS);
		return;
	}
	if (before != UINT64_MAX)
		history_was(cgroup->user, FIELD_OOM_KILLS, before);
	reading->value[FIELD_OOM_KILLS] = total;
}

/* Reads all counters and keeps them. True when a cgroup turned out to be gone. */
static bool read_counters(struct sampler *sampler)
{
	uint32_t slots = cgroup_tree_slots(sampler->tree);
	uint64_t now_ns = clock_monotonic_ns();
	bool gone = false;

	reader_read(sampler->reader, sampler->readings, slots);
	for (uint32_t slot = 0; slot < slots; slot++) {
		const struct cgroup *cgroup = cgroup_tree_at(sampler->tree, slot);

		if (!cgroup || !cgroup->user)
			continue;
		gone |= sampler->readings[slot].gone;
		if (sampler->oom_ledger)
			tell_kills(sampler, cgroup, &sampler->readings[slot], now_ns);
		history_add(cgroup->user, &sampler->readings[slot]);
	}
	return gone;
}

static const char *name_of(void *context, const char *pod_uid, const char *container_id)
{
	return log_names_container(context, pod_uid, container_id);
}

static void refresh_names(struct sampler *sampler, uint64_t now_ns)
{
	bool eager = now_ns - sampler->changed_ns < NAMES_EAGER_NS;

	if (!*cgroup_tree_top(sampler->tree))
		return; /* units have names of their own */
	if (sampler->changed_ns <= sampler->named_ns && sampler->named_ns) {
		if (!sampler->unnamed &&
			!(sampler->oom_ledger && oom_ledger_unnamed(sampler->oom_ledger)))
			return;
		if (!eager && now_ns - sampler->named_ns < NAMES_LAZY_NS)
			return;
	}
	log_names_refresh(sampler->names);
	if (sampler->oom_ledger)
		oom_ledger_name(sampler->oom_ledger, name_of, sampler->names);
	sampler->named_ns = now_ns;
}

static int compute(struct sampler *sampler, const struct roster *roster)
{
	struct reading *node = &sampler->node_reading;

	if (sample_reset(&sampler->sample, roster->row_count) < 0)
		return -ENOMEM;
	for (uint32_t row = 0; row < roster->row_count; row++) {
		const struct cgroup *cgroup = roster->rows[row].cgroup;

		if (cgroup->user && cgroup->slot < sampler->reading_capacity)
			figures_compute(&sampler->figures, METRIC_SCOPE_CONTAINER, cgroup->user,
				&sampler->readings[cgroup->slot], &sampler->sample.rows[row]);
	}
	node_read(sampler->node, node);
	history_add(sampler->node_history, node);
	figures_compute(&sampler->figures, METRIC_SCOPE_NODE, sampler->node_history, node,
		&sampler->sample.node);
	return 0;
}

static void say_left_out(struct sampler *sampler, uint32_t left_out)
{
	if (left_out > 0 && sampler->left_out == 0)
		log_warn("%u pods are left out: an aggregator takes %d pods, %d containers and %u "
			 "bytes of names of a node",
			left_out, WIRE_MAX_PODS, WIRE_MAX_ROWS, WIRE_MAX_MESSAGE);
	sampler->left_out = left_out;
	telemetry_set(sampler->pods_left_out, left_out);
}

int sampler_run(
	struct sampler *sampler, const struct roster **ret_roster, const struct sample **ret_sample)
{
	uint64_t now_ns = clock_monotonic_ns();
	const struct roster *roster;

	cgroup_tree_refresh(sampler->tree, now_ns);
	reader_set_top(sampler->reader, cgroup_tree_top(sampler->tree));
	if (make_room(sampler, cgroup_tree_slots(sampler->tree)) < 0)
		return -ENOMEM;
	sampler->sample.timestamp_ms = clock_realtime_ns() / NS_PER_MS;
	if (read_counters(sampler)) {
		/* what is gone leaves the roster now, not a second later; what came meanwhile
		 * has an empty reading and waits for the next look */
		cgroup_tree_mark_changed(sampler->tree);
		cgroup_tree_refresh(sampler->tree, now_ns);
	}
	refresh_names(sampler, now_ns);
	if (sampler->oom_ledger)
		oom_ledger_forget(sampler->oom_ledger, now_ns);
	roster = roster_build(sampler->roster, sampler->tree, now_ns);
	if (!roster || compute(sampler, roster) < 0)
		return -ENOMEM;
	sampler->unnamed = roster->unnamed;
	sampler->sample.revision = roster->revision;
	sample_take_turn(&sampler->sample, &sampler->turn);
	say_left_out(sampler, roster->left_out);
	telemetry_set(sampler->containers, roster->row_count);
	telemetry_set(sampler->pods, roster->pod_count);
	telemetry_add(sampler->sampled, 1);
	*ret_roster = roster;
	*ret_sample = &sampler->sample;
	return 0;
}
