/* agent/signal_tcp: counts of a scripted client and server in two network namespaces, and drops
 * (agent/signal_network_drops) against what the kernel counts of a namespace. */
#include "agent/signal_tcp.h"

#include "agent/signal_network_drops.h"
#include "tests/harness/net_world.h"
#include "tests/harness/signal_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT        7002
#define CLOSED_PORT 7003
#define CONNECTIONS 20
#define ABORTED     7
#define REFUSED     3

struct tcp_test {
	struct signal_world signal;
	struct net_world *net;
	enum net_side side; /* of the process that runs */
	int ready[2];
	int go[2];
};

static struct tcp_test begin(const struct signal_kind *kind)
{
	struct tcp_test test = {.net = net_world_new()};

	if (!test.net)
		skip();
	test.signal = signal_world_open(kind, 100);
	assert_int_equal(pipe(test.ready), 0);
	assert_int_equal(pipe(test.go), 0);
	return test;
}

static void end(struct tcp_test *test)
{
	for (int i = 0; i < 2; i++) {
		(void)close(test->ready[i]);
		(void)close(test->go[i]);
	}
	signal_world_close(&test->signal);
	net_world_free(test->net);
}

static struct sockaddr_in at(enum net_side side, uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = net_world_address(side),
		.sin_port = htons(port)};
}

/* Runs `work` in the cgroup beside this process; wait_for() ends it. */
static pid_t start(struct tcp_test *test, const struct cgroup *cgroup, int (*work)(void *context))
{
	pid_t pid = fork();

	if (pid == 0) {
		test->side = NET_RIGHT;
		signal_world_run(&test->signal, cgroup, work, test);
		_exit(0);
	}
	return pid;
}

static void wait_for(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void wait_ready(struct tcp_test *test)
{
	char byte;

	assert_int_equal(read(test->ready[0], &byte, 1), 1);
}

static void assert_tcp(const struct tcp_test *test, const struct cgroup *cgroup, uint64_t accepted,
	uint64_t opened, uint64_t resets, uint64_t more_resets)
{
	struct reading reading = signal_world_read(&test->signal, cgroup);

	assert_int_equal(reading.valid,
		FIELD_BIT(FIELD_TCP_ACCEPTED) | FIELD_BIT(FIELD_TCP_OPENED) |
			FIELD_BIT(FIELD_TCP_RESETS) | FIELD_BIT(FIELD_TCP_RETRANSMITS));
	assert_int_equal(reading.value[FIELD_TCP_ACCEPTED], accepted);
	assert_int_equal(reading.value[FIELD_TCP_OPENED], opened);
	assert_in_range(reading.value[FIELD_TCP_RESETS], resets, resets + more_resets);
}

static int listen_at(const struct tcp_test *test)
{
	struct sockaddr_in address = at(test->side, PORT);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 64) < 0)
		_exit(50);
	return fd;
}

/* --- connections ------------------------------------------------------------------------------ */

static int serve(void *context)
{
	struct tcp_test *test = context;
	char byte;
	int listener;

	net_world_enter(test->net, test->side);
	listener = listen_at(test);
	if (write(test->ready[1], "", 1) != 1)
		return 1;
	for (int i = 0; i < CONNECTIONS + ABORTED; i++) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		ssize_t n = recv(fd, &byte, 1, 0); /* the end, or the reset */

		if (fd < 0 || (n < 0 && errno != ECONNRESET))
			return 2;
		(void)close(fd);
	}
	return 0;
}

static int ask(void *context)
{
	struct tcp_test *test = context;
	const struct linger abort_it = {.l_onoff = 1, .l_linger = 0};

	net_world_enter(test->net, test->side);
	for (int i = 0; i < CONNECTIONS + ABORTED + REFUSED; i++) {
		bool refused = i >= CONNECTIONS + ABORTED;
		struct sockaddr_in address = at(!test->side, refused ? CLOSED_PORT : PORT);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int r = connect(fd, (struct sockaddr *)&address, sizeof(address));

		if (refused ? r == 0 || errno != ECONNREFUSED : r < 0)
			return 1;
		if (i >= CONNECTIONS && !refused)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
		(void)close(fd);
	}
	return 0;
}

static void counts_a_scripted_client_and_server(void **state)
{
	struct tcp_test test = begin(&signal_tcp);
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	struct cgroup *other = signal_world_add(&test.signal, "other");
	pid_t pid = start(&test, server, serve);
	uint64_t extra;

	(void)state;
	wait_ready(&test);
	test.side = NET_LEFT;
	signal_world_run(&test.signal, client, ask, &test);
	wait_for(pid);
	/* A slow machine's retransmits can meet a socket that is through, which then sends a reset
	 * besides those of the script: so the kernel's own count has the last word. */
	extra = net_world_snmp(test.net, NET_RIGHT, "Tcp", "OutRsts") - REFUSED;
	assert_tcp(&test, server, CONNECTIONS + ABORTED, 0, ABORTED, extra);
	/* it sends the one sort of reset, and gets the other from where nobody listens */
	assert_tcp(&test, client, 0, CONNECTIONS + ABORTED, ABORTED + REFUSED, extra);
	assert_tcp(&test, other, 0, 0, 0, 0);
	end(&test);
}

/* --- retransmits ------------------------------------------------------------------------------ */

/* Sends while the interface of the other side is down, so that all is lost for a while. */
static int send_into_nothing(void *context)
{
	struct tcp_test *test = context;
	struct sockaddr_in address = at(!test->side, PORT);
	static char data[100000];
	int fd;
	char byte;

	net_world_enter(test->net, test->side);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	if (write(test->ready[1], "", 1) != 1 || read(test->go[0], &byte, 1) != 1)
		return 2;
	if (send(fd, data, sizeof(data), MSG_NOSIGNAL) != sizeof(data))
		return 3;
	(void)shutdown(fd, SHUT_WR);
	return recv(fd, data, 1, 0) == 0 ? 0 : 4;
}

static int take_all(void *context)
{
	struct tcp_test *test = context;
	static char data[65536];
	int listener, fd;

	net_world_enter(test->net, test->side);
	listener = listen_at(test);
	if (write(test->ready[1], "", 1) != 1)
		return 1;
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	while (fd >= 0 && recv(fd, data, sizeof(data), 0) > 0)
		;
	return fd < 0;
}

static void counts_segments_that_were_sent_again(void **state)
{
	struct tcp_test test = begin(&signal_tcp);
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	pid_t right = start(&test, server, take_all), left;
	uint64_t segments;

	(void)state;
	wait_ready(&test);
	left = fork();
	if (left == 0) {
		test.side = NET_LEFT;
		signal_world_run(&test.signal, client, send_into_nothing, &test);
		_exit(0);
	}
	wait_ready(&test);
	/* What arrives is lost: its address is another one's. */
	net_world_command(test.net, NET_RIGHT, "ip link set tacho1 address 02:00:00:00:77:ff");
	assert_int_equal(write(test.go[1], "", 1), 1);
	(void)usleep(700000);
	net_world_command(test.net, NET_RIGHT, "ip link set tacho1 address 02:00:00:00:77:02");
	wait_for(left);
	wait_for(right);
	segments = net_world_snmp(test.net, NET_LEFT, "Tcp", "RetransSegs");
	assert_true(segments > 0);
	assert_int_equal(signal_world_value(&test.signal, client, FIELD_TCP_RETRANSMITS), segments);
	assert_int_equal(signal_world_value(&test.signal, server, FIELD_TCP_RETRANSMITS),
		net_world_snmp(test.net, NET_RIGHT, "Tcp", "RetransSegs"));
	end(&test);
}

/* One in five packets of the client is lost, by chance: there must be so many that some are. The
 * kernel would hand over many segments as one packet. */
static void counts_segments_that_netem_lost(void **state)
{
	struct tcp_test test = begin(&signal_tcp);
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	pid_t right;
	uint64_t segments;

	(void)state;
	if (!net_world_try(test.net, NET_LEFT,
		    "tc qdisc add dev tacho0 root netem loss 20% limit 100000 2>/dev/null")) {
		print_message("skipped: this kernel has no netem\n");
		end(&test);
		skip();
	}
	net_world_command(test.net, NET_LEFT, "ip link set tacho0 gso_max_segs 1");
	right = start(&test, server, take_all);
	wait_ready(&test);
	test.side = NET_LEFT;
	assert_int_equal(write(test.go[1], "", 1), 1);
	signal_world_run(&test.signal, client, send_into_nothing, &test);
	wait_for(right);
	segments = net_world_snmp(test.net, NET_LEFT, "Tcp", "RetransSegs");
	print_message(
		"# netem lost some: %llu segments were sent again\n", (unsigned long long)segments);
	assert_true(segments > 0);
	assert_int_equal(signal_world_value(&test.signal, client, FIELD_TCP_RETRANSMITS), segments);
	end(&test);
}

/* --- drops ------------------------------------------------------------------------------------ */

/* Takes no datagram out of its small buffer. */
static int let_overflow(void *context)
{
	struct tcp_test *test = context;
	struct sockaddr_in address = at(test->side, PORT);
	int fd, size = 1;
	char byte;

	net_world_enter(test->net, test->side);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	return write(test->ready[1], "", 1) == 1 && read(test->go[0], &byte, 1) == 1 ? 0 : 2;
}

static int flood(void *context)
{
	struct tcp_test *test = context;
	struct sockaddr_in address = at(!test->side, PORT);
	char datagram[1000] = "";
	int fd;

	net_world_enter(test->net, test->side);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < 200; i++)
		(void)sendto(fd, datagram, sizeof(datagram), 0, (struct sockaddr *)&address,
			sizeof(address));
	return 0;
}

static void counts_datagrams_without_room(void **state)
{
	struct tcp_test test = begin(&signal_network_drops);
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	pid_t pid = start(&test, server, let_overflow);
	uint64_t lost;

	(void)state;
	wait_ready(&test);
	test.side = NET_LEFT;
	signal_world_run(&test.signal, client, flood, &test);
	lost = net_world_snmp(test.net, NET_RIGHT, "Udp", "RcvbufErrors");
	assert_in_range(lost, 100, 200);
	assert_int_equal(
		signal_world_value(&test.signal, server, FIELD_NETWORK_RECEIVE_DROPPED), lost);
	assert_int_equal(
		signal_world_value(&test.signal, server, FIELD_NETWORK_TRANSMIT_DROPPED), 0);
	assert_int_equal(
		signal_world_value(&test.signal, client, FIELD_NETWORK_RECEIVE_DROPPED), 0);
	assert_int_equal(
		signal_world_value(&test.signal, client, FIELD_NETWORK_TRANSMIT_DROPPED), 0);
	assert_int_equal(write(test.go[1], "", 1), 1);
	wait_for(pid);
	end(&test);
}

static void counts_packets_that_did_not_leave(void **state)
{
	struct tcp_test test = begin(&signal_network_drops);
	struct cgroup *client = signal_world_add(&test.signal, "client");

	(void)state;
	test.side = NET_LEFT;
	/* Without its other end the interface has no carrier, and its queue drops all. */
	net_world_command(test.net, NET_RIGHT, "ip link set tacho1 down");
	(void)usleep(100000);
	signal_world_run(&test.signal, client, flood, &test);
	assert_int_equal(
		signal_world_value(&test.signal, client, FIELD_NETWORK_TRANSMIT_DROPPED), 200);
	assert_int_equal(
		signal_world_value(&test.signal, client, FIELD_NETWORK_RECEIVE_DROPPED), 0);
	end(&test);
}

/* What ends as it should is no drop. */
static void a_quiet_exchange_drops_nothing(void **state)
{
	struct tcp_test test = begin(&signal_network_drops);
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	pid_t pid = start(&test, server, serve);

	(void)state;
	wait_ready(&test);
	test.side = NET_LEFT;
	signal_world_run(&test.signal, client, ask, &test);
	wait_for(pid);
	for (int i = 0; i < 2; i++) {
		const struct cgroup *cgroup = i == 0 ? server : client;

		assert_int_equal(
			signal_world_value(&test.signal, cgroup, FIELD_NETWORK_RECEIVE_DROPPED), 0);
		assert_int_equal(
			signal_world_value(&test.signal, cgroup, FIELD_NETWORK_TRANSMIT_DROPPED),
			0);
	}
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_a_scripted_client_and_server),
		cmocka_unit_test(counts_segments_that_were_sent_again),
		cmocka_unit_test(counts_segments_that_netem_lost),
		cmocka_unit_test(counts_datagrams_without_room),
		cmocka_unit_test(counts_packets_that_did_not_leave),
		cmocka_unit_test(a_quiet_exchange_drops_nothing),
	};

	return cmocka_run_group_tests_name("signal_tcp", tests, NULL, NULL);
}
