#include "tests/bench/scale/fleet_sockets.h"

#include "base/socket_scan.h"
#include "tests/bench/scale/fleet_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 127.1.0.1 and what follows, the last byte never 0 or 255. */
#define FIRST_NET 0x7F010000U
#define IN_A_NET  254U

_Static_assert(WORLD_MAX_NODES / IN_A_NET < 256, "the addresses leave 127.1.0.0/16");

/* The socket that each agent connected by last, and one more, so that 0 is none. Kept where it is
 * because connect(2) has no context. One that was closed is found out by its addresses. */
static _Atomic int sockets[WORLD_MAX_NODES];

/* Ports on this side: none that the kernel would give to a listener (net.ipv4.ip_local_port_range).
 * While the aggregator is away an agent could else take its port from under it. */
#define FIRST_PORT 10000U
#define PORTS      20000U
#define PORT_TRIES 20

static _Atomic unsigned ports_taken;

static uint32_t address_of(uint32_t agent)
{
	return FIRST_NET + agent / IN_A_NET * 256 + agent % IN_A_NET + 1;
}

struct address fleet_socket_address(uint32_t agent, uint16_t port)
{
	struct address address = {.family = AF_INET, .port = port};
	uint32_t ip = htonl(address_of(agent));

	memcpy(address.ip, &ip, sizeof(ip));
	return address;
}

/* The agent with this address, or -1. */
static int agent_of(uint32_t ip)
{
	uint32_t agent = (ip - FIRST_NET) / 256 * IN_A_NET + (ip & 255) - 1;

	return ip >= FIRST_NET && agent < WORLD_MAX_NODES && address_of(agent) == ip ? (int)agent
										     : -1;
}

static int bind_to(int fd, struct sockaddr_in *address)
{
	for (int i = 0; i < PORT_TRIES; i++) {
		unsigned port = FIRST_PORT + atomic_fetch_add(&ports_taken, 1) % PORTS;

		address->sin_port = htons((uint16_t)port);
		if (bind(fd, (struct sockaddr *)address, sizeof(*address)) == 0)
			return 0;
		if (errno != EADDRINUSE)
			break;
	}
	return -1;
}

/* From the agent's own address: else two connections of the process could have one address and port
 * on this side. */
int connect(int fd, __CONST_SOCKADDR_ARG to, socklen_t size)
{
	struct sockaddr_in address;
	int agent;

	if (size >= sizeof(address) && to.__sockaddr__->sa_family == AF_INET) {
		memcpy(&address, to.__sockaddr__, sizeof(address));
		agent = agent_of(ntohl(address.sin_addr.s_addr));
		if (agent >= 0) {
			if (bind_to(fd, &address) < 0)
				return -1;
			atomic_store(&sockets[agent], fd + 1);
		}
	}
	return (int)syscall(SYS_connect, fd, to.__sockaddr__, size);
}

static bool ends_are(const struct address *wanted, const struct sockaddr_storage *has)
{
	struct address address = address_of_socket(has);

	return !wanted || wanted->family == AF_UNSPEC ||
	       memcmp(wanted, &address, sizeof(address)) == 0;
}

int socket_scan(const struct address *local, const struct address *peer,
	void (*found)(void *context, const struct socket_scan_entry *entry), void *context)
{
	const struct address *known = local && local->family == AF_INET ? local : peer;
	struct socket_scan_entry entry = {0};
	socklen_t local_size = sizeof(entry.local), peer_size = sizeof(entry.peer);
	uint32_t ip;
	int agent;

	if (!known || known->family != AF_INET)
		return -EAFNOSUPPORT;
	memcpy(&ip, known->ip, sizeof(ip));
	agent = agent_of(ntohl(ip));
	if (agent < 0)
		return -EADDRNOTAVAIL;
	entry.fd = atomic_load(&sockets[agent]) - 1;
	if (entry.fd >= 0 &&
		getpeername(entry.fd, (struct sockaddr *)&entry.peer, &peer_size) == 0 &&
		getsockname(entry.fd, (struct sockaddr *)&entry.local, &local_size) == 0 &&
		ends_are(local, &entry.local) && ends_are(peer, &entry.peer))
		found(context, &entry);
	return 0;
}
