/* One look at the raw counters of one cgroup. */
#ifndef AGENT_READING_H
#define AGENT_READING_H

#include <stdbool.h>
#include <stdint.h>

enum field {
#define FIELD(symbol, kind, file, key, help) FIELD_##symbol,
#include "agent/reading.def"
#undef FIELD
	FIELD_COUNT
};

enum field_kind {
	FIELD_KIND_COUNTER,
	FIELD_KIND_GAUGE,
};

/* A set of fields: bit FIELD_X. */
typedef uint64_t field_set;
#define FIELD_BIT(field) ((field_set)1 << (field))

_Static_assert(FIELD_COUNT <= 64, "field_set is too narrow");

struct field_info {
	const char *name; /* "CPU_USAGE_NS" */
	enum field_kind kind;
	const char *file; /* cgroup v2 */
	const char *key;  /* "" = the whole file */
	const char *help;
};

/* Constant, for every field below FIELD_COUNT. */
const struct field_info *field_info(enum field field);

struct reading {
	uint64_t at_ns;  /* CLOCK_MONOTONIC when the CPU counters were read */
	field_set valid; /* which of `value` were read; the others are 0 and mean nothing */
	field_set old; /* which of `valid` are of an earlier look: files that are read less often */
	bool gone;     /* the cgroup was removed: nothing is valid */
	uint64_t value[FIELD_COUNT];
};

#endif
