/* What --probe found, written out: a table for people, JSON for programs. */
#ifndef AGENT_PROBE_REPORT_H
#define AGENT_PROBE_REPORT_H

#include "agent/bpf_cost.h"
#include "agent/reading.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define PROBE_PROGRAMS 8

/* One way to get at raw counters. */
struct probe_row {
	char name[32];    /* the signal, or the cgroup's file */
	bool bpf;         /* a program in the kernel; else a file */
	bool given;       /* by this node */
	char why[512];    /* when it is not */
	field_set fields; /* that it is for */
	field_set used;   /* that no row before it gives: the agent reads these here */
	/* All cgroups, read once: the mean. 0: nothing was read. */
	uint64_t look_ns;
	/* How often each program ran in `probe_report.window_ns`, and for how long. */
	struct bpf_cost programs[PROBE_PROGRAMS];
	size_t program_count;
};

/* Owns nothing. */
struct probe_report {
	const char *node_name;
	uint64_t window_ns;       /* how long programs were watched */
	uint64_t interval_ns;     /* between two looks */
	uint32_t cgroups;         /* containers or units that were looked at */
	const char *not_measured; /* why programs' times are not known; NULL: they are */
	const struct probe_row *rows;
	size_t row_count;
};

/* 0 or -errno: -ENOMEM, or what writing to `out` failed with. */
int probe_report_table(const struct probe_report *report, FILE *out);
int probe_report_json(const struct probe_report *report, FILE *out);

/* The names of the containers' metrics that come from one of `fields`, with ", " between. */
void probe_report_metrics(field_set fields, char *text, size_t size);

#endif
