#include "tests/harness/net_world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const ADDRESSES[] = {"10.77.0.1", "10.77.0.2"};
static const char *const INTERFACES[] = {"tacho0", "tacho1"};
static const char *const LINK_ADDRESSES[] = {"02:00:00:00:77:01", "02:00:00:00:77:02"};

struct net_world {
	int home;
	int sides[2];
};

/* Not closed on exec: `ip` is told of the other side by its number. */
static int own_namespace(void)
{
	return open("/proc/thread-self/ns/net", O_RDONLY); /* NOLINT(android-cloexec-open) */
}

static bool run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool run(const char *format, ...)
{
	char command[300];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	return system(command) == 0; /* NOLINT(cert-env33-c) */
}

static void write_number(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return; /* no IPv6 in this kernel */
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	(void)close(fd);
}

static bool make_sides(struct net_world *world)
{
	for (int i = 0; i < 2; i++) {
		if (unshare(CLONE_NEWNET) < 0)
			return false;
		world->sides[i] = own_namespace();
		write_number("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
		write_number("/proc/sys/net/ipv6/conf/all/disable_ipv6", "1");
	}
	return run("ip link add %s type veth peer name %s netns /proc/self/fd/%d", INTERFACES[1],
		INTERFACES[0], world->sides[0]);
}

static bool set_side(const struct net_world *world, enum net_side side)
{
	net_world_enter(world, side);
	return run("ip link set lo up && ip link set %s address %s && "
		   "ip address add %s/24 dev %s && ip link set %s up && "
		   "ip neighbour replace %s lladdr %s nud permanent dev %s",
		INTERFACES[side], LINK_ADDRESSES[side], ADDRESSES[side], INTERFACES[side],
		INTERFACES[side], ADDRESSES[!side], LINK_ADDRESSES[!side], INTERFACES[side]);
}

struct net_world *net_world_new(void)
{
	struct net_world *world = calloc(1, sizeof(*world));
	bool made;

	assert_non_null(world);
	world->sides[0] = world->sides[1] = -1;
	world->home = own_namespace();
	made = world->home >= 0 && make_sides(world) && set_side(world, NET_LEFT) &&
	       set_side(world, NET_RIGHT);
	if (world->home >= 0)
		net_world_leave(world);
	if (made)
		return world;
	print_message(
		"no network namespaces with a veth pair can be made here (%s)\n", strerror(errno));
	net_world_free(world);
	return NULL;
}

void net_world_free(struct net_world *world)
{
	for (int i = 0; i < 2; i++)
		if (world->sides[i] >= 0)
			(void)close(world->sides[i]);
	if (world->home >= 0)
		(void)close(world->home);
	free(world);
}

void net_world_enter(const struct net_world *world, enum net_side side)
{
	if (setns(world->sides[side], CLONE_NEWNET) < 0)
		abort();
}

void net_world_leave(const struct net_world *world)
{
	if (setns(world->home, CLONE_NEWNET) < 0)
		abort();
}

uint32_t net_world_address(enum net_side side)
{
	return inet_addr(ADDRESSES[side]);
}

/* A file of /proc/net as the side sees it. */
static void read_side(const struct net_world *world, enum net_side side, const char *path,
	char *text, size_t size)
{
	size_t length = 0;
	ssize_t n;
	int fd;

	net_world_enter(world, side);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while (length < size - 1 && (n = read(fd, text + length, size - 1 - length)) > 0)
		length += (size_t)n;
	text[length] = '\0';
	(void)close(fd);
	net_world_leave(world);
}

struct net_counters net_world_counters(const struct net_world *world, enum net_side side)
{
	char text[4096], name[16], *line;
	struct net_counters counters;

	read_side(world, side, "/proc/thread-self/net/dev", text, sizeof(text));
	(void)snprintf(name, sizeof(name), "%s:", INTERFACES[side]);
	line = strstr(text, name);
	assert_non_null(line);
	assert_int_equal(
		sscanf(line + strlen(name),
			"%" SCNu64 " %" SCNu64 " %*u %*u %*u %*u %*u %*u %" SCNu64 " %" SCNu64,
			&counters.receive_bytes, &counters.receive_packets,
			&counters.transmit_bytes, &counters.transmit_packets),
		4);
	return counters;
}

uint64_t net_world_snmp(
	const struct net_world *world, enum net_side side, const char *group, const char *name)
{
	static const char *const FILES[] = {
		"/proc/thread-self/net/snmp", "/proc/thread-self/net/netstat"};
	char text[16384], start[32];

	(void)snprintf(start, sizeof(start), "%s: ", group);
	for (size_t i = 0; i < 2; i++) {
		char *names, *values, *next_name, *next_value;

		read_side(world, side, FILES[i], text, sizeof(text));
		names = strstr(text, start); /* a line of names, then one of values */
		values = names ? strchr(names, '\n') : NULL;
		if (!values)
			continue;
		*values++ = '\0';
		values[strcspn(values, "\n")] = '\0';
		while ((next_name = strsep(&names, " ")) && (next_value = strsep(&values, " ")))
			if (strcmp(next_name, name) == 0)
				return strtoull(next_value, NULL, 10);
	}
	fail_msg("no %s of %s", name, group);
	return 0;
}

bool net_world_try(const struct net_world *world, enum net_side side, const char *command)
{
	bool done;

	net_world_enter(world, side);
	done = run("%s", command);
	net_world_leave(world);
	return done;
}

void net_world_command(const struct net_world *world, enum net_side side, const char *command)
{
	assert_true(net_world_try(world, side, command));
}
