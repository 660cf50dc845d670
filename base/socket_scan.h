/* Finds this process's own TCP sockets, for the options that NNG has no way to set. */
#ifndef BASE_SOCKET_SCAN_H
#define BASE_SOCKET_SCAN_H

#include "base/address.h"

#include <stdint.h>
#include <sys/socket.h>

struct socket_scan_entry {
	int fd;
	struct sockaddr_storage local, peer;
};

/* Calls `found` for every connected TCP socket of the process whose own end is `local` and whose
 * other end is `peer`; NULL and AF_UNSPEC are any. `found` must not close the fd, for another
 * thread owns it; shutdown(2) and setsockopt(2) are what it may do. A socket can be closed and its
 * fd reused at any moment: `found` gets the addresses that the fd had just now. 0 or -errno when
 * /proc/self/fd can't be read. */
int socket_scan(const struct address *local, const struct address *peer,
	void (*found)(void *context, const struct socket_scan_entry *entry), void *context);

#endif
