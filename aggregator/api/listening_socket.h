/* The one socket that the HTTPS API listens on, for all serving loops. */
#ifndef API_LISTENING_SOCKET_H
#define API_LISTENING_SOCKET_H

#include "base/error.h"

#include <stdint.h>

/* `address` is numeric; port 0 takes any that is free. The socket, which is the caller's, or -errno
 * and a message. */
int listening_socket_open(const char *address, uint16_t port, struct error *err);

/* That it listens on. */
uint16_t listening_socket_port(int socket);

#endif
