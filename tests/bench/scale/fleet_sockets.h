/* Many agents in one process, each with an address of its own.
 *
 * An agent knows its connection among the sockets of its process by the addresses, and looks at all
 * of them to find it (base/socket_scan). Here there are thousands, to one aggregator: so each agent
 * of the fleet connects from and to an address of its own in 127.0.0.0/8, and this file has another
 * socket_scan(), which knows the socket of each address. It stands in for the one of libbase.a, and
 * for the C library's connect(2), through which NNG tells it.
 *
 * The aggregator must listen on every address. */
#ifndef SCALE_FLEET_SOCKETS_H
#define SCALE_FLEET_SOCKETS_H

#include "base/address.h"

#include <stdint.h>

/* Where the agent with this number, of at most WORLD_MAX_NODES, finds the aggregator. */
struct address fleet_socket_address(uint32_t agent, uint16_t port);

#endif
