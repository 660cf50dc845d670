#include "agent/export_address.h"

#include "base/address.h"
#include "base/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define FLAG "--metrics-address"

static bool is_loopback(const struct sockaddr_storage *socket)
{
	const struct sockaddr_in *ip4 = (const struct sockaddr_in *)socket;
	const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)socket;

	if (socket->ss_family == AF_INET)
		return ntohl(ip4->sin_addr.s_addr) >> 24 == 127; /* 127.0.0.0/8 */
	if (IN6_IS_ADDR_V4MAPPED(&ip6->sin6_addr))
		return ip6->sin6_addr.s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(&ip6->sin6_addr);
}

/* `host` is numeric, without brackets. */
static bool set_host(const char *host, uint16_t port, struct export_address *address)
{
	struct sockaddr_in *ip4 = (struct sockaddr_in *)&address->socket;
	struct sockaddr_in6 *ip6 = (struct sockaddr_in6 *)&address->socket;

	if (inet_pton(AF_INET, host, &ip4->sin_addr) == 1) {
		ip4->sin_family = AF_INET;
		ip4->sin_port = htons(port);
		address->size = sizeof(*ip4);
	} else if (inet_pton(AF_INET6, host, &ip6->sin6_addr) == 1) {
		ip6->sin6_family = AF_INET6;
		ip6->sin6_port = htons(port);
		address->size = sizeof(*ip6);
	} else {
		return false;
	}
	address->loopback = is_loopback(&address->socket);
	return true;
}

int export_address_parse(const char *text, struct export_address *ret_address, struct error *err)
{
	struct export_address address = {0};
	const char *colon = strrchr(text, ':');
	char host[INET6_ADDRSTRLEN + 2];
	const char *plain = host;
	size_t length;
	uint64_t port;

	if (!colon)
		return error_set(err, EINVAL,
			FLAG ": \"%s\" has no port: want HOST:PORT, as 127.0.0.1:9113", text);
	if (number_parse(colon + 1, strlen(colon + 1), &port) < 0 || port > UINT16_MAX)
		return error_set(err, EINVAL, FLAG ": the port of \"%s\" is not a number up to %d",
			text, UINT16_MAX);
	length = (size_t)(colon - text);
	if (length >= sizeof(host))
		return error_set(err, EINVAL, FLAG ": the host of \"%s\" is no IP address", text);
	memcpy(host, text, length);
	host[length] = '\0';
	if (length == 0) {
		plain = address_ipv6_is_there() ? "::" : "0.0.0.0";
	} else if (strcmp(host, "localhost") == 0) {
		plain = "127.0.0.1";
	} else if (host[0] == '[' && host[length - 1] == ']') {
		host[length - 1] = '\0';
		plain = host + 1;
	} else if (strchr(host, ':')) {
		return error_set(err, EINVAL,
			FLAG ": \"%s\": want an IPv6 address in brackets, as [::1]:9113", text);
	}
	if (!set_host(plain, (uint16_t)port, &address))
		return error_set(err, EINVAL, FLAG ": the host of \"%s\" is no IP address", text);
	*ret_address = address;
	return 0;
}

static const char *first_given(const struct export_flags *flags)
{
	if (*flags->cert_file)
		return "--metrics-cert-file";
	if (*flags->key_file)
		return "--metrics-key-file";
	if (*flags->client_ca_file)
		return "--metrics-client-ca-file";
	return flags->insecure ? "--insecure-metrics" : NULL;
}

int export_flags_check(const struct export_flags *flags, struct error *err)
{
	struct export_address address;
	int r;

	if (!*flags->address) {
		if (first_given(flags))
			return error_set(err, EINVAL, "%s is of no use without --metrics-address",
				first_given(flags));
		return 0;
	}
	r = export_address_parse(flags->address, &address, err);
	if (r < 0)
		return r;
	if (!*flags->cert_file != !*flags->key_file)
		return error_set(err, EINVAL,
			"--metrics-cert-file and --metrics-key-file: want both, or neither");
	if (*flags->client_ca_file && !*flags->cert_file)
		return error_set(err, EINVAL,
			"--metrics-client-ca-file is of no use without --metrics-cert-file: only "
			"TLS asks for a client's certificate");
	if (*flags->client_ca_file && flags->insecure)
		return error_set(err, EINVAL,
			"--insecure-metrics and --metrics-client-ca-file: want one of them, not "
			"both");
	if (address.loopback || flags->insecure)
		return 0;
	if (!*flags->cert_file)
		return error_set(err, EINVAL,
			FLAG
			": \"%s\" can be reached from elsewhere: want --metrics-cert-file, "
			"--metrics-key-file and --metrics-client-ca-file, or --insecure-metrics",
			flags->address);
	if (!*flags->client_ca_file)
		return error_set(err, EINVAL,
			"--metrics-client-ca-file is missing: without it everybody who reaches "
			"\"%s\" sees every figure; --insecure-metrics allows that",
			flags->address);
	return 0;
}
