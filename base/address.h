/* An Internet address and port in one comparable shape, from NNG's form or the kernel's. */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include <nng/nng.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Has no padding: may be compared with memcmp() and hashed as bytes. */
struct address {
	uint16_t family; /* AF_INET, AF_INET6; AF_UNSPEC for anything else, all zero then */
	uint16_t port;   /* host byte order */
	uint8_t ip[16];  /* network byte order; of IPv4 the first four */
};

/* AF_UNSPEC for what is neither IPv4 nor IPv6. */
struct address address_of_nng(const nng_sockaddr *from);
struct address address_of_socket(const struct sockaddr_storage *from);

/* Whether this kernel has IPv6 at all: one that was started with ipv6.disable=1 can't listen on
 * "::", which elsewhere is every address of both kinds. */
bool address_ipv6_is_there(void);

#define ADDRESS_TEXT_SIZE 64

/* "192.0.2.1:80", "[2001:db8::1]:80"; "local socket" for AF_UNSPEC. Returns `text`. */
const char *address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE]);

#endif
