/* Gives up what the agent does not need. */
#ifndef AGENT_PRIVILEGES_H
#define AGENT_PRIVILEGES_H

#include "base/error.h"

/* Sets no_new_privs and keeps of the capabilities at most CAP_BPF, CAP_PERFMON and
 * CAP_DAC_READ_SEARCH, in every set. Says in the log, once, which of them are missing and what
 * that costs. Call before threads are started. 0 or -errno. */
int privileges_drop(struct error *err);

#endif
