/* agent/signal_network: bytes and packets by cgroup, exactly those that the interfaces of two
 * network namespaces count. */
#include "agent/signal_network.h"

#include "tests/harness/net_world.h"
#include "tests/harness/signal_world.h"

#include <arpa/inet.h>
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

#define ETHERNET  14 /* the interface's header, which IP does not see */
#define IP_UDP    (20 + 8)
#define PORT      7001
#define DATAGRAMS 100
#define MB        ((size_t)1 << 20)

struct network_test {
	struct signal_world signal;
	struct net_world *net;
};

static struct network_test begin(void)
{
	struct network_test test = {.net = net_world_new()};

	if (!test.net)
		skip();
	test.signal = signal_world_open(&signal_network, 100);
	return test;
}

static void end(struct network_test *test)
{
	signal_world_close(&test->signal);
	net_world_free(test->net);
}

static struct net_counters counted(const struct network_test *test, const struct cgroup *cgroup)
{
	struct reading reading = signal_world_read(&test->signal, cgroup);

	assert_int_equal(reading.valid, FIELD_BIT(FIELD_NETWORK_RECEIVE_BYTES) |
						FIELD_BIT(FIELD_NETWORK_RECEIVE_PACKETS) |
						FIELD_BIT(FIELD_NETWORK_TRANSMIT_BYTES) |
						FIELD_BIT(FIELD_NETWORK_TRANSMIT_PACKETS));
	return (struct net_counters){
		.receive_bytes = reading.value[FIELD_NETWORK_RECEIVE_BYTES],
		.receive_packets = reading.value[FIELD_NETWORK_RECEIVE_PACKETS],
		.transmit_bytes = reading.value[FIELD_NETWORK_TRANSMIT_BYTES],
		.transmit_packets = reading.value[FIELD_NETWORK_TRANSMIT_PACKETS],
	};
}

static void assert_same(const struct net_counters *ours, const struct net_counters *interface)
{
	assert_int_equal(ours->receive_packets, interface->receive_packets);
	assert_int_equal(ours->transmit_packets, interface->transmit_packets);
	assert_int_equal(
		ours->receive_bytes + ETHERNET * ours->receive_packets, interface->receive_bytes);
	assert_int_equal(ours->transmit_bytes + ETHERNET * ours->transmit_packets,
		interface->transmit_bytes);
}

/* --- what the processes do -------------------------------------------------------------------- */

struct job {
	const struct network_test *test;
	enum net_side side;
	int ready[2];
	size_t size; /* of a datagram */
};

static struct sockaddr_in at(enum net_side side)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = net_world_address(side),
		.sin_port = htons(PORT)};
}

static bool receive_all(int fd, size_t bytes)
{
	static char buffer[65536];

	while (bytes > 0) {
		ssize_t n = recv(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer), 0);

		if (n <= 0)
			return false;
		bytes -= (size_t)n;
	}
	return true;
}

static bool send_all(int fd, size_t bytes)
{
	static char buffer[65536];

	while (bytes > 0) {
		ssize_t n = send(
			fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer), MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes -= (size_t)n;
	}
	return true;
}

/* Accepts one connection, takes 5 MB, gives 3 MB, and answers datagrams until the other is done. */
static int serve(void *context)
{
	struct job *job = context;
	struct sockaddr_in address = at(job->side), from;
	socklen_t length = sizeof(from);
	char datagram[1500];
	int listener, udp, fd;

	net_world_enter(job->test->net, job->side);
	listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 5) < 0 ||
		bind(udp, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	if (write(job->ready[1], "", 1) != 1)
		return 2;
	for (int i = 0; i < DATAGRAMS; i++) {
		ssize_t n = recvfrom(
			udp, datagram, sizeof(datagram), 0, (struct sockaddr *)&from, &length);

		if (n < 0 || sendto(udp, datagram, (size_t)n / 2, 0, (struct sockaddr *)&from,
				     length) < 0)
			return 3;
	}
	fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	if (fd < 0 || !receive_all(fd, 5 * MB) || !send_all(fd, 3 * MB))
		return 4;
	if (recv(fd, datagram, 1, 0) != 0) /* the client is the first to close */
		return 5;
	(void)close(fd);
	return 0;
}

static int ask(void *context)
{
	struct job *job = context;
	struct sockaddr_in address = at(!job->side);
	char datagram[1500] = "";
	int udp, fd;

	net_world_enter(job->test->net, job->side);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (connect(udp, (struct sockaddr *)&address, sizeof(address)) < 0)
		return 1;
	for (size_t i = 0; i < DATAGRAMS; i++)
		if (send(udp, datagram, 10 + 14 * i, 0) < 0 ||
			recv(udp, datagram, sizeof(datagram), 0) < 0)
			return 2;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		!send_all(fd, 5 * MB) || !receive_all(fd, 3 * MB))
		return 3;
	(void)shutdown(fd, SHUT_WR);
	return recv(fd, datagram, 1, 0) == 0 ? 0 : 4;
}

/* Runs serve() on the right in `server`, and ask() on the left in `client`. */
static void exchange(
	struct network_test *test, const struct cgroup *server, const struct cgroup *client)
{
	struct job right = {.test = test, .side = NET_RIGHT}, left = right;
	int status;
	pid_t pid;
	char byte;

	left.side = NET_LEFT;
	assert_int_equal(pipe(right.ready), 0);
	pid = fork();
	if (pid == 0) {
		signal_world_run(&test->signal, server, serve, &right);
		_exit(0);
	}
	assert_int_equal(read(right.ready[0], &byte, 1), 1);
	signal_world_run(&test->signal, client, ask, &left);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(right.ready[0]);
	(void)close(right.ready[1]);
}

/* --- the tests -------------------------------------------------------------------------------- */

static void counts_what_the_interfaces_count(void **state)
{
	struct network_test test = begin();
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	struct net_counters ours, interface;

	(void)state;
	exchange(&test, server, client);
	(void)usleep(50000); /* the last acknowledgement */
	ours = counted(&test, client);
	interface = net_world_counters(test.net, NET_LEFT);
	assert_true(ours.transmit_bytes > 5 * MB && ours.receive_bytes > 3 * MB);
	assert_same(&ours, &interface);
	ours = counted(&test, server);
	interface = net_world_counters(test.net, NET_RIGHT);
	assert_same(&ours, &interface);
	end(&test);
}

/* As a packet that the sender's kernel cuts itself: each piece is one for the interface. */
static void counts_packets_as_large_as_the_interface_takes_them(void **state)
{
	struct network_test test = begin();
	struct cgroup *server = signal_world_add(&test.signal, "server");
	struct cgroup *client = signal_world_add(&test.signal, "client");
	struct net_counters ours;

	(void)state;
	exchange(&test, server, client);
	ours = counted(&test, client);
	/* 5 MB in packets of at most 64 KB: fewer than segments of 1,448 bytes */
	assert_in_range(ours.transmit_packets, 80 + DATAGRAMS, 4 * MB / 1448);
	end(&test);
}

static int send_datagrams(void *context)
{
	struct job *job = context;
	struct sockaddr_in address = at(!job->side);
	char datagram[1400] = "";
	int udp;

	net_world_enter(job->test->net, job->side);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (int i = 0; i < DATAGRAMS; i++)
		if (sendto(udp, datagram, job->size, 0, (struct sockaddr *)&address,
			    sizeof(address)) < 0)
			return 1;
	return 0;
}

/* Two in one network namespace, as pods of the host's network are. */
static void tells_cgroups_of_one_namespace_apart(void **state)
{
	struct network_test test = begin();
	struct cgroup *a = signal_world_add(&test.signal, "a"), *b;
	struct cgroup *none = source_world_make(test.signal.cgroups, "none", true);
	struct job job = {.test = &test, .side = NET_LEFT, .size = 100};
	struct net_counters ours, before;

	(void)state;
	b = signal_world_add(&test.signal, "b");
	before = net_world_counters(test.net, NET_LEFT);
	signal_world_run(&test.signal, a, send_datagrams, &job);
	job.size = 1000;
	signal_world_run(&test.signal, b, send_datagrams, &job);
	signal_world_run(&test.signal, none, send_datagrams, &job);
	ours = counted(&test, a);
	assert_int_equal(ours.transmit_packets, DATAGRAMS);
	assert_int_equal(ours.transmit_bytes, DATAGRAMS * (IP_UDP + 100));
	ours = counted(&test, b);
	assert_int_equal(ours.transmit_packets, DATAGRAMS);
	assert_int_equal(ours.transmit_bytes, DATAGRAMS * (IP_UDP + 1000));
	assert_int_equal(net_world_counters(test.net, NET_LEFT).transmit_packets,
		before.transmit_packets + 3 * DATAGRAMS);
	end(&test);
}

static void counts_nested_cgroups_for_the_container(void **state)
{
	struct network_test test = begin();
	struct cgroup *outer = signal_world_add(&test.signal, "pod/a");
	struct cgroup *beside = signal_world_add(&test.signal, "pod/b");
	struct cgroup *inner = source_world_make(test.signal.cgroups, "pod/a/container/x", true);
	struct job job = {.test = &test, .side = NET_LEFT, .size = 100};

	(void)state;
	signal_world_run(&test.signal, inner, send_datagrams, &job);
	assert_int_equal(counted(&test, outer).transmit_packets, DATAGRAMS);
	assert_int_equal(counted(&test, beside).transmit_packets, 0);
	/* The socket's cgroup is gone when the packet is counted, or the container is. */
	source_world_remove(test.signal.cgroups, inner);
	assert_int_equal(counted(&test, outer).transmit_packets, DATAGRAMS);
	end(&test);
}

/* Sends from a socket that another cgroup's process made: it is counted for who made it. */
static int send_from_given(void *context)
{
	struct job *job = context;
	struct sockaddr_in address = at(!job->side);

	for (int i = 0; i < DATAGRAMS; i++)
		if (sendto(job->ready[0], "x", 1, 0, (struct sockaddr *)&address, sizeof(address)) <
			0)
			return 1;
	return 0;
}

static void counts_for_the_sockets_cgroup(void **state)
{
	struct network_test test = begin();
	struct cgroup *user = signal_world_add(&test.signal, "user");
	struct job job = {.test = &test, .side = NET_LEFT};

	(void)state;
	net_world_enter(test.net, NET_LEFT);
	job.ready[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	net_world_leave(test.net);
	signal_world_run(&test.signal, user, send_from_given, &job);
	assert_int_equal(counted(&test, user).transmit_packets, 0);
	(void)close(job.ready[0]);
	end(&test);
}

static void follows_its_top(void **state)
{
	struct network_test test = begin();
	struct source *source = test.signal.source;
	struct cgroup *a = signal_world_add(&test.signal, "a/x");
	struct cgroup *b = signal_world_add(&test.signal, "b/x");
	struct job job = {.test = &test, .side = NET_LEFT, .size = 100};
	char top[128];
	struct error err;

	(void)state;
	(void)snprintf(top, sizeof(top), "%s/a", source_world_top(test.signal.cgroups));
	assert_int_equal(source->ops->set_top(source, top, &err), 0);
	assert_int_equal(source->ops->set_top(source, top, &err), 0);
	signal_world_run(&test.signal, a, send_datagrams, &job);
	signal_world_run(&test.signal, b, send_datagrams, &job);
	assert_int_equal(counted(&test, a).transmit_packets, DATAGRAMS); /* and not twice */
	assert_int_equal(counted(&test, b).transmit_packets, 0);

	/* A top that is not there counts nothing and says nothing; it comes, goes, comes again. */
	(void)snprintf(top, sizeof(top), "%s/later", source_world_top(test.signal.cgroups));
	assert_true(source->ops->set_top(source, top, &err) < 0);
	assert_non_null(strstr(err.message, "/later: No such file or directory"));
	assert_int_equal(signal_world_read(&test.signal, a).valid, 0);
	for (int i = 0; i < 2; i++) {
		struct cgroup *later = signal_world_add(&test.signal, "later");

		assert_int_equal(source->ops->set_top(source, top, &err), 0);
		signal_world_run(&test.signal, later, send_datagrams, &job);
		assert_int_equal(counted(&test, later).transmit_packets, DATAGRAMS);
		signal_world_remove(&test.signal, later);
	}
	end(&test);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_what_the_interfaces_count),
		cmocka_unit_test(counts_packets_as_large_as_the_interface_takes_them),
		cmocka_unit_test(tells_cgroups_of_one_namespace_apart),
		cmocka_unit_test(counts_nested_cgroups_for_the_container),
		cmocka_unit_test(counts_for_the_sockets_cgroup),
		cmocka_unit_test(follows_its_top),
	};

	return cmocka_run_group_tests_name("signal_network", tests, NULL, NULL);
}
