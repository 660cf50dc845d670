/* Prints docs/metrics.md, the reference of the metrics, from proto/metrics.def. */
#include "proto/metric.h"

#include <stdio.h>

static const char INTRODUCTION[] =
	"# Metrics\n"
	"\n"
	"Made by `make docs` from `proto/metrics.def`: change that, not this.\n"
	"\n"
	"- **rate**: how much a counter of the kernel grew over the window (15 s unless set "
	"otherwise, shorter for a younger container), per second.\n"
	"- **level**: the value at the time of the sample.\n"
	"- **total**: how often since the pod was first seen.\n"
	"- **peak**: the highest rate over one second within the window.\n"
	"- **share**: a part of something, 1 for all of it. **percentile**: of what happened within "
	"the window. **mean**: an average as the kernel keeps it.\n"
	"- A pod's figure is the sum of its containers'; of peaks, shares, percentiles and means the worst "
	"container's.\n"
	"- **Step** is what 1 means on the wire and in the store.\n"
	"- Files are those of the container's cgroup v2 folder. Where the memory controller is a "
	"cgroup v1 hierarchy, memory is read at the same path there: `memory.usage_in_bytes`, "
	"`memory.max_usage_in_bytes`, and `total_inactive_file`, `total_rss`, `total_cache` and "
	"`total_swap` of `memory.stat`. A node without `memory.stat` at its root is read from "
	"`/proc/meminfo`: AnonPages + Cached + Buffers + SwapCached − Inactive(file).\n"
	"- A metric whose file is not there is absent, never 0.\n"
	"- `–`: the metric has no such name.\n";

static const char *kind_text(enum metric_kind kind)
{
	static const char *const TEXTS[] = {
		[METRIC_KIND_COUNTER] = "rate",
		[METRIC_KIND_GAUGE] = "level",
		[METRIC_KIND_TOTAL] = "total",
		[METRIC_KIND_PEAK] = "peak",
		[METRIC_KIND_RATIO] = "share",
		[METRIC_KIND_PERCENTILE] = "percentile",
		[METRIC_KIND_MEAN] = "mean",
	};

	return TEXTS[kind];
}

/* "0.001 bytes per second", "bytes", "1". */
static void print_step(const struct metric_unit_info *unit)
{
	if (unit->exponent < 0) {
		(void)fputs("0.", stdout);
		for (int i = unit->exponent; i < -1; i++)
			(void)putchar('0');
		(void)printf(*unit->text ? "1 %s" : "1", unit->text);
	} else {
		(void)fputs(*unit->text ? unit->text : "1", stdout);
	}
}

static void print_name(const char *name)
{
	if (*name)
		(void)printf(" `%s` |", name);
	else
		(void)fputs(" – |", stdout);
}

static void print_scope(enum metric_scope scope, const char *title)
{
	(void)printf(
		"\n## %s\n\n"
		"| name | id | what it is | kind | step | from | cost | Prometheus | custom metrics |\n"
		"|---|---|---|---|---|---|---|---|---|\n",
		title);
	for (int metric = 0; metric < METRIC_COUNT; metric++) {
		const struct metric_info *info = metric_info((enum metric)metric);

		if (info->scope != scope)
			continue;
		(void)printf("| `%s` | %u | %s | %s | ", info->name, info->id, info->help,
			kind_text(info->kind));
		print_step(metric_unit_info(info->unit));
		(void)printf(" | %s | %s |", info->source, metric_cost_text(info->cost));
		print_name(info->prometheus);
		print_name(info->custom);
		(void)putchar('\n');
	}
}

int main(void)
{
	(void)fputs(INTRODUCTION, stdout);
	print_scope(METRIC_SCOPE_CONTAINER, "Of a container");
	print_scope(METRIC_SCOPE_NODE, "Of a node");
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
