/* What stands before a family's samples, in both formats; and the program's own figures in either.
 *
 * In OpenMetrics a counter's family is its name without _total, a name that ends in _seconds or
 * _bytes has that as its unit, and quotes in a help are escaped. */
#ifndef AGENT_EXPORT_HEAD_H
#define AGENT_EXPORT_HEAD_H

#include "base/buffer.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>

struct export_head {
	const char *name; /* of the samples */
	const char *help; /* plain text in one line */
	size_t help_length;
	bool counter; /* else a gauge; in OpenMetrics one only if its name ends in _total */
};

void export_head_append(const struct export_head *head, bool openmetrics, struct buffer *out);

/* What the agent tells of itself, and process_figures_render(), in the format that is wanted. */
void export_head_telemetry(struct telemetry *telemetry, bool openmetrics, struct buffer *out);

#endif
