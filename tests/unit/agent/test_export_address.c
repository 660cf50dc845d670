/* agent/export_address: who may be shown the figures, and what is said of flags that don't fit. */
#include "agent/export_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint16_t port_of(const struct export_address *address)
{
	if (address->socket.ss_family == AF_INET6)
		return ntohs(((const struct sockaddr_in6 *)&address->socket)->sin6_port);
	return ntohs(((const struct sockaddr_in *)&address->socket)->sin_port);
}

static void addresses_are_taken(void **state)
{
	static const struct {
		const char *text;
		uint16_t port;
		bool loopback;
	} CASES[] = {
		{"127.0.0.1:9113", 9113, true},
		{"127.9.9.9:1", 1, true},
		{"localhost:0", 0, true},
		{"[::1]:65535", 65535, true},
		{"[::ffff:127.0.0.1]:1", 1, true},
		{"[::ffff:128.0.0.1]:1", 1, false},
		{"128.0.0.1:80", 80, false},
		{"0.0.0.0:9113", 9113, false},
		{"[::]:9113", 9113, false},
		{":9113", 9113, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct export_address address;
		struct error err;

		assert_int_equal(export_address_parse(CASES[i].text, &address, &err), 0);
		assert_int_equal(port_of(&address), CASES[i].port);
		assert_int_equal(address.loopback, CASES[i].loopback);
	}
}

static void what_is_no_address_is_refused(void **state)
{
	static const char *const CASES[] = {"", "9113", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x",
		"127.0.0.1:65536", "127.0.0.1:-1", "name:1", "::1:9113", "[::1:9113", "[]:1",
		"[127.0.0.1:1", "1.2.3:4", " 127.0.0.1:1",
		"[1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:1111]:1"};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct export_address address;
		struct error err = {""};

		assert_int_equal(export_address_parse(CASES[i], &address, &err), -EINVAL);
		assert_non_null(strstr(err.message, "--metrics-address: "));
	}
}

static void only_safe_combinations_of_flags_are_taken(void **state)
{
	static const struct {
		struct export_flags flags;
		const char *words; /* NULL: fine */
	} CASES[] = {
		{{"", "", "", "", false}, NULL},
		{{"127.0.0.1:1", "", "", "", false}, NULL},
		{{"127.0.0.1:1", "c", "k", "", false}, NULL},
		{{"127.0.0.1:1", "c", "k", "a", false}, NULL},
		{{"127.0.0.1:1", "", "", "", true}, NULL},
		{{":1", "c", "k", "a", false}, NULL},
		{{":1", "c", "k", "", true}, NULL},
		{{":1", "", "", "", true}, NULL},
		{{":1", "", "", "", false}, "can be reached from elsewhere"},
		{{":1", "c", "k", "", false}, "--metrics-client-ca-file is missing"},
		{{":1", "c", "", "a", false}, "want both"},
		{{"127.0.0.1:1", "", "k", "", false}, "want both"},
		{{"127.0.0.1:1", "", "", "a", false}, "--metrics-client-ca-file is of no use"},
		{{":1", "c", "k", "a", true}, "--insecure-metrics and --metrics-client-ca-file"},
		{{"", "c", "k", "", false}, "--metrics-cert-file is of no use without"},
		{{"", "", "k", "", false}, "--metrics-key-file is of no use without"},
		{{"", "", "", "a", false}, "--metrics-client-ca-file is of no use without"},
		{{"", "", "", "", true}, "--insecure-metrics is of no use without"},
		{{"x", "", "", "", false}, "has no port"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct error err = {""};
		int r = export_flags_check(&CASES[i].flags, &err);

		assert_int_equal(r, CASES[i].words ? -EINVAL : 0);
		if (CASES[i].words && !strstr(err.message, CASES[i].words))
			fail_msg("\"%s\" does not say \"%s\"", err.message, CASES[i].words);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_taken),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(only_safe_combinations_of_flags_are_taken),
	};

	return cmocka_run_group_tests_name("export_address", tests, NULL, NULL);
}
