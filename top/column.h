/* The columns: which figure each shows, and how it is written. */
#ifndef TOP_COLUMN_H
#define TOP_COLUMN_H

#include "top/quantity.h"

#include <stddef.h>
#include <stdint.h>

enum kind {
	KIND_NODES,
	KIND_PODS,
	KIND_COUNT,
};

enum column {
	COLUMN_CPU,
	COLUMN_MEMORY,
	COLUMN_THROTTLED, /* the first from custom.metrics.k8s.io */
	COLUMN_PRESSURE_CPU,
	COLUMN_PRESSURE_MEMORY,
	COLUMN_PRESSURE_IO,
	COLUMN_MEMORY_RATIO,
	COLUMN_RECEIVE,
	COLUMN_TRANSMIT,
	COLUMN_READ,
	COLUMN_WRITE,
	COLUMN_SWAP,
	COLUMN_RETRANSMITS,
	COLUMN_OOM,
	COLUMN_THREADS,
	COLUMN_PEAK,
	COLUMN_RUN_QUEUE,
	COLUMN_COUNT,
};

enum form {
	FORM_CORES,   /* 250m */
	FORM_BYTES,   /* 64Mi */
	FORM_RATE,    /* bytes a second: 1.5Mi/s */
	FORM_SHARE,   /* 12% */
	FORM_NUMBER,  /* 7 or 0.3 */
	FORM_SECONDS, /* 1.2ms */
};

enum alarm {
	ALARM_NONE,
	ALARM_WARN,
	ALARM_BAD,
};

struct column_info {
	const char *name;               /* --columns, --sort, JSON */
	const char *title;              /* at most COLUMN_WIDTH letters */
	const char *metric[KIND_COUNT]; /* in custom.metrics.k8s.io; NULL: there is none */
	enum form form;
	bool usual;       /* shown unless asked for otherwise */
	double warn, bad; /* 0 = never coloured */
};

#define COLUMN_WIDTH 9

typedef uint32_t column_set;
#define COLUMN_BIT(column) ((column_set)1 << (column))
#define COLUMN_BASIC       (COLUMN_BIT(COLUMN_CPU) | COLUMN_BIT(COLUMN_MEMORY))
#define COLUMN_ALL         (COLUMN_BIT(COLUMN_COUNT) - 1)

const struct column_info *column_info(enum column column);

/* COLUMN_COUNT when there is none. */
enum column column_by_name(const char *name);

/* Those that are shown unless the user says which. */
column_set column_usual(void);

enum alarm column_alarm(enum column column, nano value);

/* At most COLUMN_WIDTH letters. */
void column_text(enum column column, nano value, char *text, size_t size);

#endif
