// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counts the packets of each cgroup's sockets that the kernel dropped.
 *
 * Received: a datagram for which the socket's buffer had no room. What TCP drops its sender sends
 * again: bpf/tcp.bpf.c counts that at the sender.
 * Sent: whatever was dropped on its way out while it still belonged to its socket: by a queue, a
 * filter, an interface that is down. A veth pair takes it from the socket. */
#include "bpf/vmlinux.h"

#include "bpf/network.h"
#define COUNTERS NETWORK_DROP_COUNTERS
#include "bpf/counts.bpf.h"
#include "bpf/socket.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* UDP. Further arguments differ between kernels. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int dropped_datagram(unsigned long long *args)
{
	count(counts_of_socket((const struct sock *)args[1]), NETWORK_RECEIVE_DROPPED, 1);
	return 0;
}

/* Raw sockets, and ping's. */
SEC("tp_btf/sock_rcvqueue_full")
int dropped_raw(unsigned long long *args)
{
	count(counts_of_socket((const struct sock *)args[0]), NETWORK_RECEIVE_DROPPED, 1);
	return 0;
}

SEC("tp_btf/kfree_skb")
int dropped_packet(unsigned long long *args)
{
	const struct sk_buff *packet = (const struct sk_buff *)args[0];
	const struct sock *sock = packet->sk;

	/* Only what was received came in by an interface. */
	if (!sock || packet->skb_iif != 0)
		return 0;
	count(counts_of_socket(sock), NETWORK_TRANSMIT_DROPPED, 1);
	return 0;
}
