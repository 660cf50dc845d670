/* aggregator/ingest/backlog: how many connections wait at a listening socket. */
#include "aggregator/ingest/backlog.h"

#include "base/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { FEW = 4, MANY = 64, TRIES = 48 };

/* On a free port of loopback. */
static int listen_on_loopback(int family, int backlog, uint16_t *ret_port)
{
	struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
	struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
	socklen_t size = family == AF_INET ? sizeof(*v4) : sizeof(*v6);
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		v6->sin6_addr = in6addr_loopback;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	*ret_port = address_of_socket(&address).port;
	return fd;
}

/* Connections that come about at once while nobody accepts. */
static int get_through(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fds[TRIES], through = 0;

	for (int i = 0; i < TRIES; i++) {
		struct pollfd pollfd;

		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		assert_true(fds[i] >= 0);
		(void)connect(fds[i], (struct sockaddr *)&address, sizeof(address));
		pollfd = (struct pollfd){.fd = fds[i], .events = POLLOUT};
		through += poll(&pollfd, 1, 100) == 1 && !(pollfd.revents & (POLLERR | POLLHUP));
	}
	for (int i = 0; i < TRIES; i++)
		(void)close(fds[i]);
	return through;
}

static void more_wait_than_were_asked_for_first(void **state)
{
	uint16_t port;
	int fd = listen_on_loopback(AF_INET, FEW, &port);

	(void)state;
	assert_int_equal(backlog_raise(port, MANY), 1);
	assert_int_equal(get_through(port), TRIES);
	(void)close(fd);
}

static void the_bound_holds(void **state)
{
	uint16_t port;
	int fd = listen_on_loopback(AF_INET, FEW, &port);

	(void)state;
	assert_true(get_through(port) <= FEW + 1);
	(void)close(fd);
}

static void others_are_left_alone(void **state)
{
	uint16_t port, other;
	int fds[2], fd = listen_on_loopback(AF_INET, FEW, &port);

	(void)state;
	assert_int_equal(listen_on_loopback(AF_INET, FEW, &other) >= 0, 1);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	(void)close(fd); /* nobody listens there now */
	assert_int_equal(backlog_raise(port, MANY), 0);
	assert_true(get_through(other) <= FEW + 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void both_families_are_found(void **state)
{
	uint16_t port;
	int fd;

	(void)state;
	if (!address_ipv6_is_there())
		skip();
	fd = listen_on_loopback(AF_INET6, FEW, &port);
	assert_int_equal(backlog_raise(port, MANY), 1);
	(void)close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(more_wait_than_were_asked_for_first),
		cmocka_unit_test(the_bound_holds),
		cmocka_unit_test(others_are_left_alone),
		cmocka_unit_test(both_families_are_found),
	};

	return cmocka_run_group_tests_name("backlog", tests, NULL, NULL);
}
