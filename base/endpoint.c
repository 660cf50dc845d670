#include "base/endpoint.h"

#include "base/number.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *scheme;
	enum endpoint_kind kind;
} SCHEMES[] = {
	{"tls+tcp://", ENDPOINT_TLS},
	{"tcp://", ENDPOINT_TCP},
	{"ipc://", ENDPOINT_IPC},
};

static int parse_path(
	const char *url, const char *rest, struct endpoint *endpoint, struct error *err)
{
	size_t length = strlen(rest);

	if (rest[0] != '/' || length == 1)
		return error_set(err, EINVAL,
			"url '%s': want an absolute path, as in ipc:///run/x.sock", url);
	if (length > ENDPOINT_MAX_PATH)
		return error_set(err, EINVAL, "url '%s': the path is longer than %d bytes", url,
			ENDPOINT_MAX_PATH);
	memcpy(endpoint->path, rest, length + 1);
	return 0;
}

static bool is_host(const char *host, size_t length, bool bracketed)
{
	if (length == 0 || length > ENDPOINT_MAX_HOST)
		return false;
	if (length == 1 && host[0] == '*')
		return !bracketed;
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)host[i];

		if (!isalnum(c) && !strchr(bracketed ? ":.%" : "-._", c))
			return false;
	}
	return true;
}

static int parse_host_port(
	const char *url, const char *rest, struct endpoint *endpoint, struct error *err)
{
	bool bracketed = rest[0] == '[';
	const char *host = rest + (bracketed ? 1 : 0);
	const char *host_end = strchr(host, bracketed ? ']' : ':');
	const char *colon = host_end && bracketed ? host_end + 1 : host_end;
	uint64_t port;

	if (!colon || *colon != ':')
		return error_set(err, EINVAL, "url '%s': want host:port, or [IPv6]:port", url);
	if (!is_host(host, (size_t)(host_end - host), bracketed))
		return error_set(err, EINVAL, "url '%s': the host is not a name or address", url);
	if (number_parse(colon + 1, strlen(colon + 1), &port) < 0 || port > UINT16_MAX)
		return error_set(err, EINVAL, "url '%s': the port is not a number up to %d", url,
			UINT16_MAX);
	memcpy(endpoint->host, host, (size_t)(host_end - host));
	endpoint->port = (uint16_t)port;
	return 0;
}

int endpoint_parse(const char *url, bool insecure, struct endpoint *ret_endpoint, struct error *err)
{
	struct endpoint endpoint = {0};
	const char *rest = NULL;
	int r;

	for (size_t i = 0; i < sizeof(SCHEMES) / sizeof(SCHEMES[0]) && !rest; i++)
		if (strncmp(url, SCHEMES[i].scheme, strlen(SCHEMES[i].scheme)) == 0) {
			endpoint.kind = SCHEMES[i].kind;
			rest = url + strlen(SCHEMES[i].scheme);
		}
	if (!rest)
		return error_set(
			err, EINVAL, "url '%s': want tls+tcp://host:port or ipc:///path", url);
	if (endpoint.kind == ENDPOINT_TCP && !insecure)
		return error_set(err, EINVAL,
			"url '%s': refusing to use tcp:// without TLS unless told that it is "
			"insecure",
			url);
	r = endpoint.kind == ENDPOINT_IPC ? parse_path(url, rest, &endpoint, err)
					  : parse_host_port(url, rest, &endpoint, err);
	if (r == 0)
		*ret_endpoint = endpoint;
	return r;
}
