/* What a process costs, under the names that Prometheus' own clients use. */
#ifndef BASE_PROCESS_FIGURES_H
#define BASE_PROCESS_FIGURES_H

#include "base/buffer.h"

/* Appends process_cpu_seconds_total, process_resident_memory_bytes, process_open_fds,
 * process_max_fds and process_start_time_seconds in text format 0.0.4. What can't be read is
 * absent. Any thread; some twenty microseconds. */
void process_figures_render(struct buffer *out);

#endif
