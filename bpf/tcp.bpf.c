// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counts what happens to the TCP connections of each cgroup: of the cgroup whose socket it is, not
 * of the process that happens to run. */
#include "bpf/vmlinux.h"

#include "bpf/tcp.h"
#define COUNTERS TCP_COUNTERS
#include "bpf/counts.bpf.h"
#include "bpf/socket.bpf.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Where a constant is 0, the branch is dead code, which the verifier does not look at. */
const volatile struct tcp_constants kernel;

SEC("tp_btf/inet_sock_set_state")
int tcp_state(unsigned long long *args)
{
	const struct sock *sock = (const struct sock *)args[0];
	int before = (int)args[1], now = (int)args[2];

	if (now != TCP_ESTABLISHED || sock->sk_protocol != IPPROTO_TCP)
		return 0;
	/* A socket that accept() will hand out has the cgroup of the one that listens. */
	if (before == TCP_SYN_RECV)
		count(counts_of_socket(sock), TCP_COUNT_ACCEPTED, 1);
	else if (before == TCP_SYN_SENT)
		count(counts_of_socket(sock), TCP_COUNT_OPENED, 1);
	return 0;
}

/* Without a socket (nobody listens on the port) it is nobody's. */
SEC("tp_btf/tcp_send_reset")
int tcp_reset_sent(unsigned long long *args)
{
	count(counts_of_socket((const struct sock *)args[0]), TCP_COUNT_RESETS, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int tcp_reset_received(unsigned long long *args)
{
	count(counts_of_socket((const struct sock *)args[0]), TCP_COUNT_RESETS, 1);
	return 0;
}

/* One call for a packet that the network card cuts into segments: the kernel counts those too
 * (TcpRetransSegs). */
SEC("tp_btf/tcp_retransmit_skb")
int tcp_retransmit(unsigned long long *args)
{
	const struct sk_buff *packet = (const struct sk_buff *)args[1];
	const struct tcp_skb_cb *control;
	__u16 segments;

	if (kernel.retransmit_tells_error && (int)args[2] != 0)
		return 0;
	control = (const struct tcp_skb_cb *)(const void *)packet->cb;
	segments = BPF_CORE_READ(control, tcp_gso_segs);
	count(counts_of_socket((const struct sock *)args[0]), TCP_COUNT_RETRANSMITS, segments);
	return 0;
}

/* The answer to a connection request, sent again; the socket is the one that listens. */
SEC("tp_btf/tcp_retransmit_synack")
int tcp_retransmit_answer(unsigned long long *args)
{
	count(counts_of_socket((const struct sock *)args[0]), TCP_COUNT_RETRANSMITS, 1);
	return 0;
}
