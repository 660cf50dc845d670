/* A signal of the kernel: a source made of one BPF program that loads alone. */
#ifndef AGENT_SIGNAL_H
#define AGENT_SIGNAL_H

#include "agent/hierarchy.h"
#include "agent/reading.h"
#include "agent/source.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct oom_ledger;

/* What every signal is opened with. */
struct signal_options {
	const struct hierarchy *hierarchy; /* copied by who keeps it */
	field_set wanted;
	uint32_t max_cgroups; /* what is beyond is counted in tacho_agent_bpf_dropped_total */
	struct telemetry *telemetry;
	uint64_t window_ns;            /* of percentiles */
	struct oom_ledger *oom_ledger; /* is told of kills in cgroups that are gone */
};

/* Constant. */
struct signal_kind {
	const char *name; /* also the source's: see reader_source_of() */
	const enum field *fields;
	size_t field_count;
	bool network; /* it sees packets: CAP_NET_ADMIN besides CAP_BPF and CAP_PERFMON */
	/* NULL and the reason in words. */
	struct source *(*open)(const struct signal_options *options, struct error *err);
};

#endif
