/* Packets of each cgroup's sockets that the kernel dropped (bpf/network_drops.bpf.c). */
#ifndef AGENT_SIGNAL_NETWORK_DROPS_H
#define AGENT_SIGNAL_NETWORK_DROPS_H

#include "agent/signal.h"

extern const struct signal_kind signal_network_drops;

#endif
