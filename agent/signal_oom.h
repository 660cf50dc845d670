/* OOM kills, by the cgroup that the victim is in or the nearest one above it that is known.
 *
 * A process counts once, however many of its threads the kernel marks. One that was about to end
 * anyway and asked for memory at the limit is marked too and counts, where memory.events does not
 * count it. Kills of a cgroup that came and went between two looks are told to the ledger of the
 * options; so is the last count of one that is removed. */
#ifndef AGENT_SIGNAL_OOM_H
#define AGENT_SIGNAL_OOM_H

#include "agent/signal.h"

extern const struct signal_kind signal_oom;

#endif
