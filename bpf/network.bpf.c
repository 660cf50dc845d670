// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Counts the packets of each cgroup's sockets, where IP hands them to a socket and where a socket's
 * packet leaves IP.
 *
 * A packet has its IP header here, but not the link's (14 bytes of Ethernet). One that the sender's
 * network card is to cut into segments, or that the receiver's put together, is one packet, as it
 * is for the counters of the veth interface of a pod. IP cuts what it has to (a UDP datagram larger
 * than the MTU) after this, and puts it together before: that is one packet here, and several on
 * the interface. */
#include "bpf/network.h"
#define COUNTERS NETWORK_COUNTERS
#include "bpf/counts.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PASS 1 /* the packet goes on */

static __always_inline struct counts *counts_of_packet(struct __sk_buff *packet)
{
	__u64 id = bpf_skb_cgroup_id(packet);
	struct counts *found = bpf_map_lookup_elem(&counts, &id);
	__u32 mask;

	if (found)
		return found;
	mask = counted_levels();
	for (int level = LEVEL_MAX - 1; level > 0; level--) {
		if (!(mask >> level & 1))
			continue;
		id = bpf_skb_ancestor_cgroup_id(packet, level);
		found = bpf_map_lookup_elem(&counts, &id);
		if (found)
			return found;
	}
	return NULL;
}

SEC("cgroup_skb/ingress")
int network_receive(struct __sk_buff *packet)
{
	struct counts *counters = counts_of_packet(packet);

	count(counters, NETWORK_RECEIVE_BYTES, packet->len);
	count(counters, NETWORK_RECEIVE_PACKETS, 1);
	return PASS;
}

SEC("cgroup_skb/egress")
int network_transmit(struct __sk_buff *packet)
{
	struct counts *counters = counts_of_packet(packet);

	count(counters, NETWORK_TRANSMIT_BYTES, packet->len);
	count(counters, NETWORK_TRANSMIT_PACKETS, 1);
	return PASS;
}
