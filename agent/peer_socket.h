/* What NNG has no way to do with its TCP connections: time-outs, and hanging up.
 *
 * nng_pipe_close() and nng_dialer_close() of 1.5.2, called in the midst of a TLS handshake or of
 * sending, block NNG's only thread that takes down connections, for ever: from then on the process
 * does not notice that any connection broke. A connection that the other side ends is taken down
 * well, and that is what hanging up looks like here.
 *
 * All look through /proc/self/fd and log when they can't. A connection of another transport than
 * TCP is left alone. */
#ifndef AGENT_PEER_SOCKET_H
#define AGENT_PEER_SOCKET_H

#include "base/address.h"

#include <nng/nng.h>
#include <stddef.h>

/* From now on the kernel ends the pipe's connection when its peer acknowledges nothing for
 * `silence_ms`, whether or not something is being sent. May be called from NNG's callbacks. */
void peer_socket_set_timeout(nng_pipe pipe, unsigned int silence_ms);

/* Hangs up on the pipe's peer: NNG notices it soon. */
void peer_socket_hang_up(nng_pipe pipe);

/* The same, on every connection of the process to this address and port. */
void peer_socket_hang_up_all(const struct address *peer);

/* How many connections the process has to this address and port: one that is still being made (SYN)
 * is none. */
size_t peer_socket_count(const struct address *peer);

#endif
