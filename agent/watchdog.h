/* Ends the process when its loop stands still, so that whoever started it (kubelet, systemd) starts
 * it anew: what a liveness probe is for, without a port, a file, or a process each ten seconds that
 * costs more than the agent. A timer of the kernel runs out unless it is set anew in time. */
#ifndef AGENT_WATCHDOG_H
#define AGENT_WATCHDOG_H

#include "base/error.h"

#include <stdint.h>

/* Takes SIGALRM for it. 0 or -errno. Nothing happens before the first watchdog_feed(). */
int watchdog_start(struct error *err);

/* If this is not called again within `patience_ns` the process writes a line to standard error and
 * ends with status 1, whatever its threads are doing. 0: never. Time while the machine is suspended
 * does not count; while the process is stopped, it does. */
void watchdog_feed(uint64_t patience_ns);

#endif
