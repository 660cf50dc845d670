/* base/socket_scan: finds connected TCP sockets, and nothing else. */
#include "base/socket_scan.h"

#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	int fds[16];
	struct address local[16], peer[16];
	size_t count;
};

static void remember(void *context, const struct socket_scan_entry *entry)
{
	struct seen *seen = context;

	assert_true(seen->count < 16);
	seen->fds[seen->count] = entry->fd;
	seen->local[seen->count] = address_of_socket(&entry->local);
	seen->peer[seen->count++] = address_of_socket(&entry->peer);
}

static void loopback(int family, struct sockaddr_storage *address, socklen_t *size)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

	*size = family == AF_INET ? sizeof(v4) : sizeof(v6);
	if (family == AF_INET)
		memcpy(address, &v4, sizeof(v4));
	else
		memcpy(address, &v6, sizeof(v6));
}

/* fds: listening, connecting, accepted. False where the machine lacks the family. */
static bool connect_pair(int family, int fds[3])
{
	struct sockaddr_storage address = {0};
	socklen_t size;

	loopback(family, &address, &size);
	fds[0] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	fds[1] = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fds[0] < 0 || bind(fds[0], (struct sockaddr *)&address, size) < 0)
		return false;
	assert_int_equal(listen(fds[0], 1), 0);
	assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(fds[1], (struct sockaddr *)&address, size), 0);
	fds[2] = accept(fds[0], NULL, NULL);
	assert_true(fds[2] >= 0);
	return true;
}

static void finds_both_ends(void **state)
{
	static const int FAMILIES[] = {AF_INET, AF_INET6};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct seen seen = {.count = 0};
		int fds[3] = {-1, -1, -1};

		if (!connect_pair(FAMILIES[i], fds)) {
			print_message("skipped: no IPv6 here\n");
			skip();
		}
		assert_int_equal(socket_scan(NULL, NULL, remember, &seen), 0);
		assert_int_equal(seen.count, 2);
		assert_int_equal(seen.fds[0] + seen.fds[1], fds[1] + fds[2]);
		assert_memory_equal(&seen.local[0], &seen.peer[1], sizeof(seen.local[0]));
		assert_memory_equal(&seen.local[1], &seen.peer[0], sizeof(seen.local[0]));
		assert_int_equal(seen.local[0].family, FAMILIES[i]);
		assert_int_not_equal(seen.local[0].port, 0);
		for (size_t f = 0; f < 3; f++)
			(void)close(fds[f]);
	}
}

static void finds_by_address(void **state)
{
	const struct address unspecified = {.family = AF_UNSPEC};
	struct address local, peer;
	struct seen seen = {.count = 0};
	int fds[3] = {-1, -1, -1};

	(void)state;
	assert_true(connect_pair(AF_INET, fds));
	assert_int_equal(socket_scan(NULL, &unspecified, remember, &seen), 0);
	assert_int_equal(seen.count, 2);
	local = seen.local[1];
	peer = seen.peer[1];
	seen.count = 0;
	assert_int_equal(socket_scan(&local, NULL, remember, &seen), 0);
	assert_int_equal(socket_scan(NULL, &peer, remember, &seen), 0);
	assert_int_equal(socket_scan(&local, &peer, remember, &seen), 0);
	assert_int_equal(seen.count, 3);
	assert_int_equal(seen.fds[0], seen.fds[1]);
	assert_int_equal(seen.fds[0], seen.fds[2]);
	seen.count = 0;
	assert_int_equal(socket_scan(&peer, &peer, remember, &seen), 0);
	assert_int_equal(seen.count, 0);
	for (size_t f = 0; f < 3; f++)
		(void)close(fds[f]);
}

static void passes_over_everything_else(void **state)
{
	struct sockaddr_storage address = {0};
	struct seen seen = {.count = 0};
	int unix_pair[2], listening, udp, unconnected;
	socklen_t size;

	(void)state;
	loopback(AF_INET, &address, &size);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, unix_pair), 0);
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	unconnected = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listening, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listening, 1), 0);
	assert_int_equal(getsockname(listening, (struct sockaddr *)&address, &size), 0);
	assert_int_equal(connect(udp, (struct sockaddr *)&address, size), 0);
	assert_int_equal(socket_scan(NULL, NULL, remember, &seen), 0);
	assert_int_equal(seen.count, 0);
	(void)close(unix_pair[0]);
	(void)close(unix_pair[1]);
	(void)close(listening);
	(void)close(unconnected);
	(void)close(udp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_both_ends),
		cmocka_unit_test(finds_by_address),
		cmocka_unit_test(passes_over_everything_else),
	};

	return cmocka_run_group_tests_name("socket_scan", tests, NULL, NULL);
}
