#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

_Static_assert(sizeof(struct address) == 20, "padding would be hashed");

struct address address_of_nng(const nng_sockaddr *from)
{
	struct address address = {0};

	switch (from->s_family) {
	case NNG_AF_INET:
		address.family = AF_INET;
		address.port = ntohs(from->s_in.sa_port);
		memcpy(address.ip, &from->s_in.sa_addr, 4);
		break;
	case NNG_AF_INET6:
		address.family = AF_INET6;
		address.port = ntohs(from->s_in6.sa_port);
		memcpy(address.ip, from->s_in6.sa_addr, 16);
		break;
	default:
		break;
	}
	return address;
}

struct address address_of_socket(const struct sockaddr_storage *from)
{
	struct address address = {0};
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (from->ss_family) {
	case AF_INET:
		memcpy(&v4, from, sizeof(v4));
		address.family = AF_INET;
		address.port = ntohs(v4.sin_port);
		memcpy(address.ip, &v4.sin_addr, 4);
		break;
	case AF_INET6:
		memcpy(&v6, from, sizeof(v6));
		address.family = AF_INET6;
		address.port = ntohs(v6.sin6_port);
		memcpy(address.ip, &v6.sin6_addr, 16);
		break;
	default:
		break;
	}
	return address;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT_SIZE])
{
	char ip[INET6_ADDRSTRLEN] = "?";

	if (address->family == AF_UNSPEC) {
		(void)snprintf(text, ADDRESS_TEXT_SIZE, "local socket");
		return text;
	}
	(void)inet_ntop(address->family, address->ip, ip, sizeof(ip));
	(void)snprintf(text, ADDRESS_TEXT_SIZE, address->family == AF_INET6 ? "[%s]:%u" : "%s:%u",
		ip, (unsigned int)address->port);
	return text;
}

bool address_ipv6_is_there(void)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return errno != EAFNOSUPPORT;
	(void)close(fd);
	return true;
}
