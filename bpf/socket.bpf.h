/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/* Whose a socket is. Include after bpf/counts.bpf.h. */
#ifndef BPF_SOCKET_BPF_H
#define BPF_SOCKET_BPF_H

/* The counters of the cgroup that made the socket, not of the process that runs now. NULL for what
 * is not of IP, and for what is no full socket: a connection in TIME_WAIT or a request has no
 * cgroup. */
static __always_inline struct counts *counts_of_socket(const struct sock *sock)
{
	__u16 family;
	__u8 state;

	if (!sock)
		return NULL;
	family = sock->__sk_common.skc_family;
	state = sock->__sk_common.skc_state;
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV)
		return NULL;
	return counts_of(sock->sk_cgrp_data.cgroup);
}

#endif
