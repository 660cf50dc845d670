/* A load of known size, for the demo and the tests.
 *
 *	load cpu MILLICORES [--seconds N]	that share of one core, exact over any second
 *	load memory MEBIBYTES [--seconds N]	touches the memory and holds it
 *	load network KIBIBYTES [--seconds N]	sends and receives so many a second on loopback, IP
 *headers included load bursty [--seconds N]		a full core for one second of every five
 *
 * It ends on a signal, when its parent dies, and after N seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000ULL
#define NS_PER_MS     1000000ULL
#define PERIOD_NS     (10 * NS_PER_MS)
/* What a busy machine kept from us is made up for, but not more of it than this: a machine that
 * was suspended must not be followed by minutes of full load. */
#define MAX_DEBT_NS   (2 * NS_PER_SECOND)
#define PACKET_BYTES  1024
#define HEADER_BYTES  28 /* IPv4 and UDP */
#define BURST_SECONDS 1
#define BURST_EVERY   5

static uint64_t now_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec until = {
		.tv_sec = (time_t)(ns / NS_PER_SECOND),
		.tv_nsec = (long)(ns % NS_PER_SECOND),
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

static void burn_until(uint64_t cpu_ns)
{
	while (now_ns(CLOCK_PROCESS_CPUTIME_ID) < cpu_ns)
		for (volatile int i = 0; i < 1000; i++)
			;
}

/* The share that is due within the period that starts `since_start_ns` after the start. */
static uint64_t due_ns(uint64_t since_start_ns, uint64_t millicores, bool bursty)
{
	if (bursty && since_start_ns / NS_PER_SECOND % BURST_EVERY >= BURST_SECONDS)
		return 0;
	return PERIOD_NS * millicores / 1000;
}

/* Each period's share is added to one sum that the process's own CPU clock is driven to, so the
 * time spent outside of the loop and the rounding of a period don't add up. */
static void use_cpu(uint64_t millicores, bool bursty, uint64_t end_ns)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	uint64_t target = now_ns(CLOCK_PROCESS_CPUTIME_ID);

	for (uint64_t next = start; next < end_ns; next += PERIOD_NS) {
		uint64_t used = now_ns(CLOCK_PROCESS_CPUTIME_ID);

		sleep_until(next);
		target += due_ns(next - start, millicores, bursty);
		if (target > used + MAX_DEBT_NS)
			target = used + MAX_DEBT_NS;
		burn_until(target);
	}
}

static int hold_memory(uint64_t mebibytes, uint64_t end_ns)
{
	size_t size = (size_t)mebibytes << 20;
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED) {
		perror("load: mmap");
		return 1;
	}
	/* exact to the page: huge pages would round up */
	(void)madvise(memory, size, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < size; i += 4096)
		memory[i] = 1;
	sleep_until(end_ns);
	return 0;
}

/* A socket that is connected to itself: what it sends it gets. */
static int open_mirror(void)
{
	struct sockaddr_in self = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof(self);
	int mirror = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (mirror < 0 || bind(mirror, (struct sockaddr *)&self, size) < 0 ||
		getsockname(mirror, (struct sockaddr *)&self, &size) < 0 ||
		connect(mirror, (struct sockaddr *)&self, size) < 0) {
		perror("load: socket");
		return -1;
	}
	return mirror;
}

/* A packet has a KiB. */
static int use_network(uint64_t kibibytes, uint64_t end_ns)
{
	static char packet[PACKET_BYTES - HEADER_BYTES];
	uint64_t start = now_ns(CLOCK_MONOTONIC), sent = 0;
	int mirror = open_mirror();

	if (mirror < 0)
		return 1;
	for (uint64_t next = start; next < end_ns; next += PERIOD_NS) {
		sleep_until(next);
		for (; sent < (next - start) / NS_PER_MS * kibibytes / 1000; sent++) {
			if (send(mirror, packet, sizeof(packet), 0) < 0) {
				perror("load: send");
				return 1;
			}
			(void)recv(mirror, packet, sizeof(packet), MSG_DONTWAIT);
		}
	}
	return 0;
}

static bool parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || value < min || value > max)
		return false;
	*ret_value = value;
	return true;
}

static int usage(void)
{
	(void)fputs("usage: load cpu 1..1000 | memory 1..1048576 | network 1..100000 | bursty   "
		    "[--seconds 1..86400]\n",
		stderr);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t size = 0, seconds = UINT32_MAX, end;
	bool bursty = argc > 1 && strcmp(argv[1], "bursty") == 0;
	bool cpu = argc > 2 && strcmp(argv[1], "cpu") == 0 && parse(argv[2], 1, 1000, &size);
	bool memory =
		argc > 2 && strcmp(argv[1], "memory") == 0 && parse(argv[2], 1, 1048576, &size);
	bool network =
		argc > 2 && strcmp(argv[1], "network") == 0 && parse(argv[2], 1, 100000, &size);
	int rest = bursty ? 2 : 3;

	if (!bursty && !cpu && !memory && !network)
		return usage();
	if (argc == rest + 2 && strcmp(argv[rest], "--seconds") == 0) {
		if (!parse(argv[rest + 1], 1, 86400, &seconds))
			return usage();
	} else if (argc != rest) {
		return usage();
	}
	if (prctl(PR_SET_PDEATHSIG, SIGTERM) < 0) {
		perror("load: prctl");
		return 1;
	}

	end = now_ns(CLOCK_MONOTONIC) + seconds * NS_PER_SECOND;
	if (memory)
		return hold_memory(size, end);
	if (network)
		return use_network(size, end);
	use_cpu(bursty ? 1000 : size, bursty, end);
	return 0;
}
