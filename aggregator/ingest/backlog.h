/* How many connections wait for NNG to take them: it asks the kernel for 128, which thousands of
 * agents that come back at once overflow. Each that finds no room tries again after 1, 3, 7 s. */
#ifndef INGEST_BACKLOG_H
#define INGEST_BACKLOG_H

#include <stdint.h>

/* A second or two of handshakes on a core: who waits longer gives up in the end (an agent
 * after 10 s), and the work for him is lost. The kernel has a bound of its own
 * (net.core.somaxconn), 4096 by default. */
#define BACKLOG 1024

/* Lets `backlog` connections wait at each TCP socket of the process that listens on `port`: NNG has
 * no way to say so. Returns how many sockets there are, or -errno when /proc/self/fd can't be
 * read. */
int backlog_raise(uint16_t port, int backlog);

#endif
