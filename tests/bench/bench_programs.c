/* What each BPF program costs a run, by the kernel's own measure (BPF_STATS_RUN_TIME): a client and
 * a server in two cgroups and two network namespaces, datagrams, a stream and connections; and what
 * a switch of the scheduler costs with them and without, by the clock.
 *
 *	bench_programs [COUNT]        datagrams, 200,000 by default; a tenth as many connections
 *
 * The kernel reads its clock twice for each run, and that is part of the figures: "nothing" is a
 * program that does nothing. */
#include "agent/bpf_signal.h"
#include "agent/signals.h"
#include "tests/harness/net_world.h"
#include "tests/harness/source_world.h"

#include "bpf/bare_packet.skel.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PORT         7004
#define CGROUPS      330 /* 110 pods of two containers and a sandbox */
#define STREAM_BYTES ((size_t)256 << 20)
#define LOOKS        1000
#define ROUNDS       50000

static struct net_world *net;
static unsigned datagrams = 200000;

static struct sockaddr_in at_right(void)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_addr.s_addr = net_world_address(NET_RIGHT),
		.sin_port = htons(PORT)};
}

/* --- the traffic ------------------------------------------------------------------------------ */

static int bound(int type)
{
	struct sockaddr_in address = at_right();
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0), on = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	return fd;
}

/* Started in its cgroup; takes what comes until it is killed. */
static void serve(void *context)
{
	static char buffer[1 << 18];
	int udp, listener;

	(void)context;
	net_world_enter(net, NET_RIGHT);
	udp = bound(SOCK_DGRAM);
	listener = bound(SOCK_STREAM);
	if (listen(listener, 1024) < 0)
		_exit(1);
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			(void)recv(udp, buffer, sizeof(buffer), 0);
	}
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

			while (recv(fd, buffer, sizeof(buffer), 0) > 0)
				;
			(void)close(fd);
		}
	}
}

static void ask(void *context)
{
	const struct linger abort_it = {.l_onoff = 1, .l_linger = 0};
	static char buffer[1 << 18];
	struct sockaddr_in address = at_right();
	int fd;

	(void)context;
	net_world_enter(net, NET_LEFT);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	for (unsigned i = 0; i < datagrams; i++)
		(void)sendto(fd, buffer, 100, 0, (struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	for (size_t sent = 0; sent < STREAM_BYTES; sent += sizeof(buffer))
		if (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0)
			_exit(1);
	(void)close(fd);
	for (unsigned i = 0; i < datagrams / 10; i++) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		if (i % 2 == 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &abort_it, sizeof(abort_it));
		(void)close(fd);
	}
}

/* --- switches --------------------------------------------------------------------------------- */

/* Two processes on one CPU that wake each other: two switches a round. Writes ns a round. */
static void ping_pong(void *context)
{
	double *ret_ns = context;
	struct timespec start, end;
	int there[2], back[2];
	cpu_set_t cpus;
	char byte = 0;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0 || pipe2(there, O_CLOEXEC) < 0 ||
		pipe2(back, O_CLOEXEC) < 0)
		_exit(1);
	if (fork() == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < ROUNDS; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			_exit(1);
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	*ret_ns = ((double)(end.tv_sec - start.tv_sec) * 1e9 +
			  (double)(end.tv_nsec - start.tv_nsec)) /
		  ROUNDS;
}

/* The best of some: others are at work on the machine too. */
static double round_ns(struct source_world *world, const struct cgroup *cgroup)
{
	double best = 0;
	double *ns =
		mmap(NULL, sizeof(*ns), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	assert_true(ns != MAP_FAILED);
	for (int i = 0; i < 10; i++) {
		source_world_kill(source_world_run(world, cgroup, ping_pong, ns));
		if (i == 0 || *ns < best)
			best = *ns;
	}
	(void)munmap(ns, sizeof(*ns));
	return best;
}

/* --- the figures ------------------------------------------------------------------------------ */

/* All programs of this process's, by the kernel's list: those that are measured are ours alone when
 * no agent runs on the machine, so the names tell. */
static void print_programs(void)
{
	uint32_t id = 0;

	(void)printf("%-24s %12s %10s\n", "program", "runs", "ns a run");
	while (bpf_prog_get_next_id(id, &id) == 0) {
		struct bpf_prog_info info = {0};
		uint32_t length = sizeof(info);
		int fd = bpf_prog_get_fd_by_id(id);

		if (fd < 0)
			continue;
		if (bpf_obj_get_info_by_fd(fd, &info, &length) == 0 && info.run_cnt > 0)
			(void)printf("%-24s %12llu %10.0f\n", info.name,
				(unsigned long long)info.run_cnt,
				(double)info.run_time_ns / (double)info.run_cnt);
		(void)close(fd);
	}
}

static double cpu_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void print_looks(struct source *sources[], size_t count)
{
	static struct reading readings[CGROUPS];

	(void)printf("\n%-24s %12s\n", "a look at 330 cgroups", "us of CPU");
	for (size_t i = 0; i < count; i++) {
		double start = cpu_us();

		for (int look = 0; look < LOOKS; look++) {
			memset(readings, 0, sizeof(readings));
			sources[i]->ops->read(sources[i], ~(field_set)0, readings, CGROUPS);
		}
		(void)printf("%-24s %12.1f\n", sources[i]->ops->name, (cpu_us() - start) / LOOKS);
	}
}

static void attach_nothing(const struct source_world *world, struct bpf_signal *signal)
{
	char folder[8192];
	struct error err;
	size_t size;
	const void *bytes = bare_packet__elf_bytes(&size);

	(void)snprintf(folder, sizeof(folder), "%s%s", source_world_hierarchy(world)->v2,
		source_world_top(world));
	if (bpf_signal_open(signal, "nothing", true, bytes, size, &err) < 0 ||
		bpf_signal_load(signal, &err) < 0 ||
		bpf_signal_attach_cgroup(signal, folder, &err) < 0)
		(void)printf("%s\n", err.message);
}

int main(int argc, char **argv)
{
	struct source_world *world = source_world_real();
	struct telemetry *telemetry = telemetry_new();
	struct signal_options options = {.hierarchy = source_world_hierarchy(world),
		.wanted = signals_fields(),
		.max_cgroups = 8192,
		.window_ns = 15000000000,
		.telemetry = telemetry};
	struct source *sources[SIGNALS_MAX];
	struct cgroup *cgroups[CGROUPS];
	struct bpf_signal nothing;
	pid_t server, client;
	struct error err;
	size_t count;
	double without, with;
	int stats;

	if (argc > 1)
		datagrams = (unsigned)strtoul(argv[1], NULL, 10);
	net = net_world_new();
	cgroups[0] = source_world_make(world, "pod0/c0", false);
	without = round_ns(world, cgroups[0]);
	count = signals_open(&options, 0, sources);
	if (!net || count == 0) {
		(void)printf(
			"not measured: %s\n", !net ? "no network namespaces" : "no program loads");
		return 0;
	}
	for (int i = 0; i < CGROUPS; i++) {
		char name[64];

		(void)snprintf(name, sizeof(name), "pod%d/c%d", i / 3, i % 3);
		if (i > 0)
			cgroups[i] = source_world_make(world, name, false);
		for (size_t s = 0; s < count; s++)
			sources[s]->ops->add(sources[s], cgroups[i]);
	}
	for (size_t s = 0; s < count; s++)
		if (sources[s]->ops->set_top &&
			sources[s]->ops->set_top(sources[s], source_world_top(world), &err) < 0)
			(void)printf("%s\n", err.message);
	with = round_ns(world, cgroups[0]);
	(void)printf("two processes wake each other by pipes, on one CPU: %.0f ns a round without "
		     "programs, %.0f with: %.0f ns a switch\n\n",
		without, with, (with - without) / 2);
	attach_nothing(world, &nothing);
	stats = bpf_enable_stats(BPF_STATS_RUN_TIME);
	if (stats < 0)
		(void)printf("the kernel does not measure programs: %s\n", strerror(errno));
	server = source_world_run(world, cgroups[0], serve, NULL);
	client = source_world_run(world, cgroups[CGROUPS - 1], ask, NULL);
	print_programs();
	print_looks(sources, count);
	source_world_kill(client);
	source_world_kill(server);
	for (size_t s = 0; s < count; s++)
		sources[s]->ops->free(sources[s]);
	bpf_signal_free(&nothing);
	if (stats >= 0)
		(void)close(stats);
	net_world_free(net);
	source_world_free(world);
	telemetry_free(telemetry);
	return 0;
}
