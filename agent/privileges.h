/* Gives up what the agent does not need. */
#ifndef AGENT_PRIVILEGES_H
#define AGENT_PRIVILEGES_H

#include "base/error.h"

#include <stdbool.h>

/* Sets no_new_privs and keeps of the capabilities at most CAP_BPF, CAP_PERFMON,
 * CAP_DAC_READ_SEARCH and, with `network` (packets are to be counted), CAP_NET_ADMIN, in every set.
 * Says in the log, once, which of them are missing and what that costs. Call before threads are
 * started. 0 or -errno. */
int privileges_drop(bool network, struct error *err);

#endif
