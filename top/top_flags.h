/* tacho-top's flags. */
#ifndef TOP_TOP_FLAGS_H
#define TOP_TOP_FLAGS_H

#include "base/error.h"
#include "base/string_list.h"
#include "top/column.h"

#include <stdbool.h>
#include <stdint.h>

enum output {
	OUTPUT_TABLE,
	OUTPUT_WIDE,
	OUTPUT_JSON,
};

struct flags {
	bool help, version, once, all_namespaces;
	const char *kubeconfig, *context, *namespace, *selector, *sort,
		*filter; /* "" = not given */
	struct string_list columns_list;
	uint64_t interval_ns, timeout_ns;
	int show;   /* enum kind, or KIND_COUNT: both */
	int output; /* enum output */

	/* made of them by top_flags_read() */
	column_set columns;
	int sort_column; /* -1: by name */
};

/* 0, or -EINVAL with a message. */
int top_flags_read(struct flags *flags, int argc, char *const *argv, struct error *err);
void top_flags_help(struct flags *flags);
void top_flags_free(struct flags *flags);

#endif
