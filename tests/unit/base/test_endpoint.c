/* base/endpoint and base/address: urls that are taken and refused; addresses as text. */
#include "base/endpoint.h"

#include "base/address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void takes_good_urls(void **state)
{
	static const struct {
		const char *url;
		enum endpoint_kind kind;
		const char *host;
		uint16_t port;
		const char *path;
	} CASES[] = {
		{"tls+tcp://aggregator:8443", ENDPOINT_TLS, "aggregator", 8443, ""},
		{"tls+tcp://127.0.0.1:0", ENDPOINT_TLS, "127.0.0.1", 0, ""},
		{"tls+tcp://[::1]:65535", ENDPOINT_TLS, "::1", 65535, ""},
		{"tls+tcp://[fe80::1%eth0]:1", ENDPOINT_TLS, "fe80::1%eth0", 1, ""},
		{"tls+tcp://*:1", ENDPOINT_TLS, "*", 1, ""},
		{"tcp://a.b-c.d:1", ENDPOINT_TCP, "a.b-c.d", 1, ""},
		{"ipc:///run/x", ENDPOINT_IPC, "", 0, "/run/x"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct endpoint endpoint;

		assert_int_equal(endpoint_parse(CASES[i].url, true, &endpoint, NULL), 0);
		assert_int_equal(endpoint.kind, CASES[i].kind);
		assert_string_equal(endpoint.host, CASES[i].host);
		assert_int_equal(endpoint.port, CASES[i].port);
		assert_string_equal(endpoint.path, CASES[i].path);
	}
}

static void refuses_bad_urls(void **state)
{
	static const struct {
		const char *url, *message;
	} CASES[] = {
		{"", "want tls+tcp://host:port or ipc:///path"},
		{"aggregator:8443", "want tls+tcp://host:port"},
		{"https://aggregator:8443", "want tls+tcp://host:port"},
		{"tls+tcp://", "want host:port"},
		{"tls+tcp://a", "want host:port"},
		{"tls+tcp://:1", "not a name or address"},
		{"tls+tcp://a b:1", "not a name or address"},
		{"tls+tcp://a/b:1", "not a name or address"},
		{"tls+tcp://[::1:1", "want host:port, or [IPv6]:port"},
		{"tls+tcp://[::1]1", "want host:port, or [IPv6]:port"},
		{"tls+tcp://[*]:1", "not a name or address"},
		{"tls+tcp://[]:1", "not a name or address"},
		{"tls+tcp://::1:1", "not a name or address"},
		{"tls+tcp://a:", "the port is not a number up to 65535"},
		{"tls+tcp://a:65536", "the port is not a number up to 65535"},
		{"tls+tcp://a:1/x", "the port is not a number up to 65535"},
		{"tls+tcp://a:-1", "the port is not a number up to 65535"},
		{"tcp://a:1", "refusing to use tcp:// without TLS"},
		{"ipc://run/x", "want an absolute path"},
		{"ipc:///", "want an absolute path"},
		{"ipc://", "want an absolute path"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct endpoint endpoint;
		struct error err;

		assert_int_equal(endpoint_parse(CASES[i].url, false, &endpoint, &err), -EINVAL);
		if (!strstr(err.message, CASES[i].message))
			fail_msg("'%s' lacks '%s'", err.message, CASES[i].message);
	}
}

static void bounds_hosts_and_paths(void **state)
{
	struct endpoint endpoint;
	char url[512];

	(void)state;
	for (int extra = 0; extra <= 1; extra++) {
		(void)snprintf(url, sizeof(url), "tls+tcp://%0*d:1", ENDPOINT_MAX_HOST + extra, 0);
		assert_int_equal(endpoint_parse(url, false, &endpoint, NULL), extra ? -EINVAL : 0);
		(void)snprintf(url, sizeof(url), "ipc:///%0*d", ENDPOINT_MAX_PATH - 1 + extra, 0);
		assert_int_equal(endpoint_parse(url, false, &endpoint, NULL), extra ? -EINVAL : 0);
	}
}

static void writes_addresses(void **state)
{
	struct sockaddr_storage socket_address = {0};
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	nng_sockaddr nng = {0};
	struct address from_nng, from_socket;
	char text[ADDRESS_TEXT_SIZE];

	(void)state;
	(void)inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
	memcpy(&socket_address, &v4, sizeof(v4));
	from_socket = address_of_socket(&socket_address);
	assert_string_equal(address_text(&from_socket, text), "192.0.2.1:80");
	nng.s_in.sa_family = NNG_AF_INET;
	nng.s_in.sa_port = v4.sin_port;
	nng.s_in.sa_addr = v4.sin_addr.s_addr;
	from_nng = address_of_nng(&nng);
	assert_memory_equal(&from_nng, &from_socket, sizeof(from_nng));

	(void)inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
	memcpy(&socket_address, &v6, sizeof(v6));
	from_socket = address_of_socket(&socket_address);
	assert_string_equal(address_text(&from_socket, text), "[2001:db8::1]:443");
	nng.s_in6.sa_family = NNG_AF_INET6;
	nng.s_in6.sa_port = v6.sin6_port;
	memcpy(nng.s_in6.sa_addr, &v6.sin6_addr, 16);
	from_nng = address_of_nng(&nng);
	assert_memory_equal(&from_nng, &from_socket, sizeof(from_nng));

	nng.s_family = NNG_AF_IPC;
	from_nng = address_of_nng(&nng);
	assert_string_equal(address_text(&from_nng, text), "local socket");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_good_urls),
		cmocka_unit_test(refuses_bad_urls),
		cmocka_unit_test(bounds_hosts_and_paths),
		cmocka_unit_test(writes_addresses),
	};

	return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
