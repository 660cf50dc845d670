/* What was seen of this node, written out: a table for people, JSON for programs. */
#ifndef AGENT_ONCE_REPORT_H
#define AGENT_ONCE_REPORT_H

#include "agent/node.h"
#include "agent/roster.h"
#include "agent/sample.h"
#include "proto/metric.h"

#include <stdio.h>

/* Owns nothing. */
struct once_report {
	const char *node_name;
	metric_set metrics; /* the table's columns */
	struct node_capacity capacity;
	const struct roster *roster;
	const struct sample *sample; /* of the roster's rows */
};

/* A line a container, figures in units that people read, "-" where there is none. What has no name
 * is shown by uid and container id. 0 or -errno: -ENOMEM, or what writing to `out` failed with. */
int once_report_table(const struct once_report *report, FILE *out);

/* Every figure as a whole number of its unit (docs/metrics.md); those that are absent are not
 * there. A cgroup's path that is not UTF-8 is left out. 0 or -errno, as above. */
int once_report_json(const struct once_report *report, FILE *out);

#endif
