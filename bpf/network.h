/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The counters of bpf/network.bpf.c and bpf/network_drops.bpf.c, and their order. */
#ifndef BPF_NETWORK_H
#define BPF_NETWORK_H

enum {
	NETWORK_RECEIVE_BYTES,
	NETWORK_RECEIVE_PACKETS,
	NETWORK_TRANSMIT_BYTES,
	NETWORK_TRANSMIT_PACKETS,
	NETWORK_COUNTERS,
};

enum {
	NETWORK_RECEIVE_DROPPED,
	NETWORK_TRANSMIT_DROPPED,
	NETWORK_DROP_COUNTERS,
};

#endif
