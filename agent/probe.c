#include "agent/probe.h"

#include "agent/cgroup_tree.h"
#include "agent/field_files.h"
#include "agent/figures.h"
#include "agent/oom_ledger.h"
#include "agent/probe_report.h"
#include "agent/signals.h"
#include "agent/source_bpf.h"
#include "agent/source_files.h"
#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_CGROUPS 8192
#define ROWS        (1 + SIGNALS_MAX + FIELD_FILES_MAX)

struct probe {
	const struct probe_options *options;
	struct hierarchy hierarchy;
	struct cgroup_tree *tree;
	struct oom_ledger *oom_ledger;
	struct reading *readings;
	uint32_t slots;
	field_set wanted; /* all there are */
	struct probe_row rows[ROWS];
	struct source *sources[ROWS]; /* NULL: it can't be opened */
	uint64_t looked_ns[ROWS];
	field_set seen[ROWS]; /* the fields that some cgroup had */
	size_t count;
};

/* --- opening ---------------------------------------------------------------------------------- */

static struct probe_row *new_row(struct probe *probe, const char *name, bool bpf, field_set fields)
{
	struct probe_row *row = &probe->rows[probe->count++];

	*row = (struct probe_row){.bpf = bpf, .fields = fields};
	(void)snprintf(row->name, sizeof(row->name), "%s", name);
	return row;
}

/* Tells the source of all cgroups, as the reader does. */
static int introduce(struct probe *probe, struct source *source, struct error *err)
{
	if (source->ops->set_top) {
		int r = source->ops->set_top(source, cgroup_tree_top(probe->tree), err);

		if (r < 0)
			return r;
	}
	for (uint32_t slot = 0; slot < probe->slots; slot++) {
		const struct cgroup *cgroup = cgroup_tree_at(probe->tree, slot);

		if (cgroup)
			source->ops->add(source, cgroup);
	}
	return 0;
}

/* Programs that were not there before are this row's. */
static void find_programs(struct probe_row *row, const struct bpf_cost *before, size_t before_count)
{
	struct bpf_cost now[BPF_COST_PROGRAMS];
	size_t count = bpf_cost_read(now);

	for (size_t i = 0; i < count && row->program_count < PROBE_PROGRAMS; i++) {
		bool known = false;

		for (size_t j = 0; j < before_count && !known; j++)
			known = before[j].id == now[i].id;
		if (!known)
			row->programs[row->program_count++] = now[i];
	}
}

static void keep(struct probe *probe, struct probe_row *row, struct source *source,
	const struct bpf_cost *before, size_t before_count, struct error *err)
{
	if (source && introduce(probe, source, err) < 0) {
		source->ops->free(source);
		source = NULL;
	}
	probe->sources[row - probe->rows] = source;
	row->given = source != NULL;
	if (source && row->bpf)
		find_programs(row, before, before_count);
	if (!source)
		(void)snprintf(row->why, sizeof(row->why), "%s", err->message);
}

static void open_walk(struct probe *probe)
{
	struct bpf_cost before[BPF_COST_PROGRAMS];
	size_t count = bpf_cost_read(before);
	struct error err = {0};
	struct source *source = source_bpf_new(&probe->hierarchy, cgroup_tree_top(probe->tree),
		MAX_CGROUPS, probe->options->telemetry, &err);
	struct probe_row *row = new_row(probe, "walk", true, source_bpf_fields(&probe->hierarchy));

	keep(probe, row, source, before, count, &err);
}

static void open_signal(struct probe *probe, const struct signal_kind *kind)
{
	const struct signal_options options = {
		.hierarchy = &probe->hierarchy,
		.wanted = probe->wanted,
		.max_cgroups = MAX_CGROUPS,
		.telemetry = probe->options->telemetry,
		.window_ns = probe->options->window_ns,
		.oom_ledger = probe->oom_ledger,
	};
	struct bpf_cost before[BPF_COST_PROGRAMS];
	size_t count = bpf_cost_read(before);
	struct error err = {0};
	struct source *source = kind->open(&options, &err);

	keep(probe, new_row(probe, kind->name, true, signals_fields_of(kind)), source, before,
		count, &err);
}

static void open_files(struct probe *probe)
{
	struct field_file files[FIELD_FILES_MAX];
	size_t count = field_files_of(probe->wanted, hierarchy_is_hybrid(&probe->hierarchy), files);

	for (size_t i = 0; i < count; i++) {
		struct error err = {0};
		struct probe_row *row = new_row(probe, files[i].name, false, files[i].fields);

		keep(probe, row,
			source_files_new(&probe->hierarchy, files[i].fields,
				probe->options->telemetry, &err),
			NULL, 0, &err);
	}
}

/* --- looking ---------------------------------------------------------------------------------- */

/* The first look opens files and is not measured. */
static void look(struct probe *probe, bool measured)
{
	for (size_t i = 0; i < probe->count; i++) {
		uint64_t began_ns;

		if (!probe->sources[i])
			continue;
		memset(probe->readings, 0, probe->slots * sizeof(*probe->readings));
		began_ns = clock_monotonic_ns();
		probe->sources[i]->ops->read(
			probe->sources[i], probe->rows[i].fields, probe->readings, probe->slots);
		if (measured)
			probe->looked_ns[i] += clock_monotonic_ns() - began_ns;
		for (uint32_t slot = 0; slot < probe->slots; slot++)
			probe->seen[i] |= probe->readings[slot].valid;
	}
}

static void wait_until(uint64_t due_ns)
{
	uint64_t now_ns = clock_monotonic_ns(), ns = due_ns > now_ns ? due_ns - now_ns : 0;
	struct timespec left = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND), .tv_nsec = (long)(ns % NS_PER_SECOND)};

	while (nanosleep(&left, &left) < 0 && errno == EINTR)
		;
}

/* What programs did up to now; at the end, since the beginning. */
static void read_programs(struct probe *probe, bool end)
{
	struct bpf_cost now[BPF_COST_PROGRAMS];
	size_t count = bpf_cost_read(now);

	for (size_t i = 0; i < probe->count; i++)
		for (size_t p = 0; p < probe->rows[i].program_count; p++) {
			struct bpf_cost *cost = &probe->rows[i].programs[p];

			for (size_t j = 0; j < count; j++) {
				if (now[j].id != cost->id)
					continue;
				cost->run_ns = now[j].run_ns - (end ? cost->run_ns : 0);
				cost->runs = now[j].runs - (end ? cost->runs : 0);
			}
		}
}

/* Returns how long it watched. */
static uint64_t watch(struct probe *probe)
{
	const struct probe_options *options = probe->options;
	uint64_t looks = 0, began_ns;

	look(probe, false);
	read_programs(probe, false);
	began_ns = clock_monotonic_ns();
	do {
		looks++;
		wait_until(began_ns + looks * options->interval_ns);
		look(probe, true);
	} while ((looks + 1) * options->interval_ns <= options->window_ns);
	read_programs(probe, true);
	for (size_t i = 0; i < probe->count; i++)
		probe->rows[i].look_ns = probe->looked_ns[i] / looks;
	return clock_monotonic_ns() - began_ns;
}

/* What it gives depends on the controllers; a signal counts from when it is opened. */
static bool is_walk(const struct probe_row *row)
{
	return strcmp(row->name, "walk") == 0;
}

/* A file that no cgroup has is not given; and each field is read from the first row that has it. */
static void judge(struct probe *probe)
{
	uint32_t cgroups = cgroup_tree_count(probe->tree);
	field_set had = 0;

	for (size_t i = 0; i < probe->count; i++) {
		struct probe_row *row = &probe->rows[i];

		if (row->given && !row->bpf && cgroups > 0 && !probe->seen[i]) {
			row->given = false;
			row->look_ns = 0;
			(void)snprintf(row->why, sizeof(row->why),
				"no cgroup here has a figure in this file: its controller is off, "
				"nothing is limited, or the kernel is too old");
		}
		if (!row->given)
			continue;
		row->used = row->fields & ~had;
		if ((!row->bpf || is_walk(row)) && cgroups > 0)
			row->used &= probe->seen[i];
		had |= row->used;
	}
}

/* --- the whole -------------------------------------------------------------------------------- */

static void nothing(void *context, struct cgroup *cgroup)
{
	(void)context;
	(void)cgroup;
}

static int begin(struct probe *probe, struct error *err)
{
	const struct probe_options *options = probe->options;
	const struct cgroup_tree_events events = {.added = nothing, .removed = nothing};
	const struct cgroup_tree_options tree = {
		.hierarchy = &probe->hierarchy,
		.root = options->cgroup_root,
		.units = true,
		.telemetry = options->telemetry,
	};
	int r = hierarchy_find("/proc/self/mountinfo", &probe->hierarchy, err);

	if (r < 0)
		return r;
	probe->tree = cgroup_tree_new(&tree, &events, err);
	if (!probe->tree)
		return -EINVAL;
	cgroup_tree_refresh(probe->tree, clock_monotonic_ns());
	probe->slots = cgroup_tree_slots(probe->tree);
	probe->readings = calloc(probe->slots + 1, sizeof(*probe->readings));
	probe->oom_ledger = oom_ledger_new(options->telemetry);
	if (!probe->readings || !probe->oom_ledger)
		return error_errno(err, ENOMEM, "probing the node");
	probe->wanted = figures_fields(~(metric_set)0, METRIC_SCOPE_CONTAINER);
	open_walk(probe);
	for (size_t i = 0; signals_at(i); i++)
		open_signal(probe, signals_at(i));
	open_files(probe);
	return 0;
}

static void end(struct probe *probe)
{
	for (size_t i = 0; i < probe->count; i++)
		if (probe->sources[i])
			probe->sources[i]->ops->free(probe->sources[i]);
	if (probe->tree)
		cgroup_tree_free(probe->tree);
	oom_ledger_free(probe->oom_ledger);
	free(probe->readings);
	free(probe);
}

static int report(struct probe *probe, uint64_t window_ns, FILE *out, struct error *err)
{
	const struct probe_report report = {
		.node_name = probe->options->node_name,
		.window_ns = window_ns,
		.interval_ns = probe->options->interval_ns,
		.cgroups = cgroup_tree_count(probe->tree),
		.not_measured = probe->options->not_measured,
		.rows = probe->rows,
		.row_count = probe->count,
	};
	int r = probe->options->json ? probe_report_json(&report, out)
				     : probe_report_table(&report, out);

	if (r == 0 && fflush(out) != 0)
		r = -errno;
	return r < 0 ? error_errno(err, -r, "writing what was found") : 0;
}

int probe_run(const struct probe_options *options, FILE *out, struct error *err)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	int r;

	if (!probe)
		return error_errno(err, ENOMEM, "probing the node");
	probe->options = options;
	r = begin(probe, err);
	if (r == 0) {
		uint64_t window_ns = watch(probe);

		judge(probe);
		r = report(probe, window_ns, out, err);
	}
	end(probe);
	return r;
}
