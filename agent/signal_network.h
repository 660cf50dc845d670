/* The network as each cgroup's sockets see it: bytes and packets (bpf/network.bpf.c). */
#ifndef AGENT_SIGNAL_NETWORK_H
#define AGENT_SIGNAL_NETWORK_H

#include "agent/signal.h"

extern const struct signal_kind signal_network;

#endif
