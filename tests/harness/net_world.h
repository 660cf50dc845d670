/* Two network namespaces of the test, tied together by a veth pair: 10.77.0.1 on one side,
 * 10.77.0.2 on the other. Nothing but the test's own traffic goes over it: addresses of neighbours
 * are fixed, IPv6 is off. */
#ifndef TESTS_HARNESS_NET_WORLD_H
#define TESTS_HARNESS_NET_WORLD_H

#include <stdbool.h>
#include <stdint.h>

struct net_world;

enum net_side { NET_LEFT, NET_RIGHT };

/* NULL, with the reason printed, where namespaces or veth pairs can't be made. */
struct net_world *net_world_new(void);
void net_world_free(struct net_world *world);

/* Moves the calling thread to a side, or back to where it was. */
void net_world_enter(const struct net_world *world, enum net_side side);
void net_world_leave(const struct net_world *world);

/* "10.77.0.1" or "10.77.0.2", in the network's byte order. */
uint32_t net_world_address(enum net_side side);

/* What the interface of a side has counted. */
struct net_counters {
	uint64_t receive_bytes, receive_packets, transmit_bytes, transmit_packets;
};

struct net_counters net_world_counters(const struct net_world *world, enum net_side side);

/* A figure of /proc/net/snmp or /proc/net/netstat of a side: "Udp", "RcvbufErrors". */
uint64_t net_world_snmp(
	const struct net_world *world, enum net_side side, const char *group, const char *name);

/* Runs a command on a side: false when it fails; the other one fails the test then. */
bool net_world_try(const struct net_world *world, enum net_side side, const char *command);
void net_world_command(const struct net_world *world, enum net_side side, const char *command);

#endif
