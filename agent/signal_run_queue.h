/* How long threads wait for a CPU: all of it, and percentiles over the window of the options
 * (agent/wait_window.h), which are absent when nobody waited. Costs a little at every switch of the
 * scheduler: it is loaded only when its metrics are asked for by name. */
#ifndef AGENT_SIGNAL_RUN_QUEUE_H
#define AGENT_SIGNAL_RUN_QUEUE_H

#include "agent/signal.h"

extern const struct signal_kind signal_run_queue;

#endif
