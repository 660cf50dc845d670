/* TCP connections of each cgroup's sockets (bpf/tcp.bpf.c). */
#ifndef AGENT_SIGNAL_TCP_H
#define AGENT_SIGNAL_TCP_H

#include "agent/signal.h"

extern const struct signal_kind signal_tcp;

#endif
