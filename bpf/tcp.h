/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* The counters of bpf/tcp.bpf.c, and their order. Include the fixed-size types first: vmlinux.h or
 * linux/types.h. */
#ifndef BPF_TCP_H
#define BPF_TCP_H

enum {
	TCP_COUNT_ACCEPTED,
	TCP_COUNT_OPENED,
	TCP_COUNT_RESETS, /* sent and received */
	TCP_COUNT_RETRANSMITS,
	TCP_COUNTERS,
};

/* Set by user space before the program is loaded. */
struct tcp_constants {
	/* From 6.15 on tcp_retransmit_skb tells of segments that could not be sent too, with an
	 * error as its third argument. */
	__u32 retransmit_tells_error;
};

#endif
