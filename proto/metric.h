/* The metrics of proto/metrics.def as C knows them: a dense index for arrays, and a description. */
#ifndef PROTO_METRIC_H
#define PROTO_METRIC_H

#include <stdbool.h>
#include <stdint.h>

enum metric {
#define METRIC(symbol, id, name, scope, kind, unit, cost, source, prometheus, custom, help) \
	METRIC_##symbol,
#include "proto/metrics.def"
#undef METRIC
	METRIC_COUNT
};

enum metric_scope {
	METRIC_SCOPE_CONTAINER,
	METRIC_SCOPE_NODE,
};

enum metric_kind {
	METRIC_KIND_COUNTER,
	METRIC_KIND_GAUGE,
	METRIC_KIND_TOTAL,
	METRIC_KIND_PEAK,
	METRIC_KIND_RATIO,
	METRIC_KIND_PERCENTILE,
	METRIC_KIND_MEAN,
};

enum metric_unit {
#define UNIT(symbol, text, exponent) METRIC_UNIT_##symbol,
#include "proto/metrics.def"
#undef UNIT
	METRIC_UNIT_COUNT
};

enum metric_cost {
#define COST(symbol, text) METRIC_COST_##symbol,
#include "proto/metrics.def"
#undef COST
	METRIC_COST_COUNT
};

struct metric_info {
	const char *name; /* "cpu_usage" */
	uint32_t id;      /* on the wire */
	enum metric_scope scope;
	enum metric_kind kind;
	enum metric_unit unit;
	enum metric_cost cost;
	const char *source;     /* the kernel's file and key, for people */
	const char *prometheus; /* "" = none */
	const char *custom;     /* "" = none */
	const char *help;
};

struct metric_unit_info {
	const char *text; /* "bytes per second" */
	int exponent;     /* a wire step is 10^exponent of it */
};

/* How many have a value for each row; those come first. */
enum {
	METRIC_OF_ROWS = 0
#define METRIC(symbol, id, name, scope, kind, unit, cost, source, prometheus, custom, help) \
	+(METRIC_SCOPE_##scope == METRIC_SCOPE_CONTAINER)
#include "proto/metrics.def"
#undef METRIC
	,
	METRIC_OF_NODE = METRIC_COUNT - METRIC_OF_ROWS
};

/* A set of metrics: bit METRIC_X. */
typedef uint64_t metric_set;
#define METRIC_BIT(metric) ((metric_set)1 << (metric))

_Static_assert(METRIC_COUNT <= 64, "metric_set is too narrow");

/* Constant, for every metric and unit below their COUNT. */
const struct metric_info *metric_info(enum metric metric);
const struct metric_unit_info *metric_unit_info(enum metric_unit unit);

/* What it costs to have metrics of this cost, in a few words. Constant. */
const char *metric_cost_text(enum metric_cost cost);

/* True when a pod's figure is the sum of its containers'; else it is the worst container's. */
bool metric_kind_is_summed(enum metric_kind kind);

/* The metric with this wire id, or -1 for one that this version does not know. */
int metric_by_id(uint32_t id);

/* The metric with this name, or -1. */
int metric_by_name(const char *name, uint32_t length);

#endif
