/* agent/bpf_counts and agent/signals: the map's bound, what comes and goes, what may not load. */
#include "agent/bpf_counts.h"

#include "agent/reader.h"
#include "agent/signal_network.h"
#include "agent/signal_network_drops.h"
#include "agent/signal_tcp.h"
#include "agent/signals.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/signal_world.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CHURN       10000
#define CHURN_ALIVE 8 /* at a time */
#define ACCEPTED    FIELD_BIT(FIELD_TCP_ACCEPTED)

static uint64_t counted(const struct signal_world *world, const char *name)
{
	return telemetry_get(
		telemetry_counter(world->telemetry, name, "", "signal", world->source->ops->name));
}

/* --- the map ---------------------------------------------------------------------------------- */

static void counts_cgroups_beyond_its_room(void **state)
{
	struct signal_world world = signal_world_open(&signal_tcp, 3);
	struct cgroup *cgroups[5];
	struct log_capture *capture = log_capture_start();
	char name[8], *log;

	(void)state;
	for (int i = 0; i < 5; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		cgroups[i] = signal_world_add(&world, name);
		assert_int_equal(counted(&world, "tacho_agent_bpf_dropped_total"),
			i < 3 ? 0 : (uint64_t)i - 2);
	}
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "the BPF program tcp has no room for "), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), 1);
	free(log);
	assert_int_equal(bpf_counts_entries(world.source), 3);
	assert_true(signal_world_read(&world, cgroups[2]).valid & ACCEPTED);
	assert_int_equal(signal_world_read(&world, cgroups[3]).valid, 0);

	/* One that was refused goes; another has the place of one that had one. */
	signal_world_remove(&world, cgroups[3]);
	assert_int_equal(bpf_counts_entries(world.source), 3);
	signal_world_remove(&world, cgroups[0]);
	assert_int_equal(bpf_counts_entries(world.source), 3);
	assert_true(signal_world_read(&world, cgroups[4]).valid & ACCEPTED);
	for (int i = 1; i < 5; i++)
		if (i != 3)
			signal_world_remove(&world, cgroups[i]);
	assert_int_equal(bpf_counts_entries(world.source), 0);
	assert_int_equal(counted(&world, "tacho_agent_bpf_errors_total"), 0);
	signal_world_close(&world);
}

static void fills_what_is_asked_and_not_there_yet(void **state)
{
	struct signal_world world = signal_world_open(&signal_tcp, 3);
	struct cgroup *cgroup = signal_world_add(&world, "a");
	struct reading reading = {.at_ns = 5, .valid = FIELD_BIT(FIELD_TCP_OPENED)};

	(void)state;
	reading.value[FIELD_TCP_OPENED] = 77;
	world.source->ops->read(world.source, ACCEPTED | FIELD_BIT(FIELD_TCP_OPENED), &reading, 1);
	assert_int_equal(reading.valid, ACCEPTED | FIELD_BIT(FIELD_TCP_OPENED));
	assert_int_equal(reading.value[FIELD_TCP_OPENED], 77);
	assert_int_equal(reading.value[FIELD_TCP_ACCEPTED], 0);
	assert_int_equal(reading.at_ns, 5);
	world.source->ops->read(world.source, ACCEPTED, NULL, 0); /* its slot is beyond */
	signal_world_remove(&world, cgroup);
	signal_world_close(&world);
}

static unsigned open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static long resident_kb(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	long pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%*d %ld", &pages), 1);
	(void)fclose(file);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

/* A socket of each, so that the kernel has something to count. */
static int make_socket(void *context)
{
	struct sockaddr_in nowhere = {.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(9)};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)context;
	(void)sendto(fd, "x", 1, 0, (struct sockaddr *)&nowhere, sizeof(nowhere));
	return 0;
}

static void churn(struct signal_world *world, struct source *others[], size_t count, int rounds)
{
	struct cgroup *alive[CHURN_ALIVE] = {NULL};
	static struct reading readings[CHURN_ALIVE];
	char name[16];

	for (int i = 0; i < rounds; i++) {
		struct cgroup **place = &alive[i % CHURN_ALIVE];

		if (*place) {
			for (size_t o = 0; o < count; o++)
				others[o]->ops->remove(others[o], *place);
			signal_world_remove(world, *place);
		}
		(void)snprintf(name, sizeof(name), "c%d", i);
		*place = signal_world_add(world, name);
		assert_true((*place)->slot < CHURN_ALIVE);
		for (size_t o = 0; o < count; o++)
			others[o]->ops->add(others[o], *place);
		if (i % 500 == 0)
			signal_world_run(world, *place, make_socket, NULL);
		if (i % 100 != 0)
			continue;
		memset(readings, 0, sizeof(readings));
		for (size_t o = 0; o < count; o++)
			others[o]->ops->read(others[o], ~(field_set)0, readings, CHURN_ALIVE);
		assert_true(count == 0 || readings[(*place)->slot].valid & ACCEPTED);
	}
	for (int i = 0; i < CHURN_ALIVE; i++) {
		for (size_t o = 0; o < count && alive[i]; o++)
			others[o]->ops->remove(others[o], alive[i]);
		if (alive[i])
			signal_world_remove(world, alive[i]);
	}
}

static void leaks_nothing_of_ten_thousand_cgroups(void **state)
{
	struct signal_world world = signal_world_open(&signal_network, 16);
	const struct signal_options options = {
		.hierarchy = source_world_hierarchy(world.cgroups),
		.wanted = ~(field_set)0,
		.max_cgroups = 16,
		.telemetry = world.telemetry,
	};
	struct source *others[2];
	struct error err;
	unsigned files;
	long resident;

	(void)state;
	others[0] = signal_tcp.open(&options, &err);
	others[1] = signal_network_drops.open(&options, &err);
	assert_non_null(others[0]);
	assert_non_null(others[1]);
	churn(&world, others, 2, 500); /* until all is as large as it gets */
	files = open_files();
	resident = resident_kb();
	churn(&world, others, 2, CHURN);
	assert_int_equal(bpf_counts_entries(world.source), 0);
	assert_int_equal(bpf_counts_entries(others[0]), 0);
	assert_int_equal(bpf_counts_entries(others[1]), 0);
	assert_int_equal(open_files(), files);
	assert_true(resident_kb() - resident < 1024);
	assert_int_equal(counted(&world, "tacho_agent_bpf_dropped_total"), 0);
	assert_int_equal(counted(&world, "tacho_agent_bpf_errors_total"), 0);
	for (int i = 0; i < 2; i++)
		others[i]->ops->free(others[i]);
	signal_world_close(&world);
}

/* --- what may not load ------------------------------------------------------------------------ */

static bool keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)kept, (uint32_t)kept, 0},
		{(uint32_t)(kept >> 32), (uint32_t)(kept >> 32), 0},
	};

	return syscall(SYS_capset, &header, data) == 0;
}

enum {
	NETWORK_COUNTED = 1,
	TCP_COUNTED = 2,
	CPU_READ = 4,
	SAYS_NETWORK = 8,
	SAYS_TCP = 16,
	SAYS_NO_BPF = 32,
	TELLS_SOURCES = 64,
};

/* What a reader with these rights gives and says. */
static int read_with(uint64_t capabilities, enum reader_source source)
{
	struct source_world *world = source_world_real();
	struct telemetry *telemetry = telemetry_new();
	const struct reader_options options = {
		.hierarchy = source_world_hierarchy(world),
		.source = source,
		.wanted = FIELD_BIT(FIELD_CPU_USAGE_NS) | FIELD_BIT(FIELD_TCP_ACCEPTED) |
			  FIELD_BIT(FIELD_NETWORK_RECEIVE_BYTES),
		.max_cgroups = 10,
		.telemetry = telemetry,
	};
	struct cgroup *cgroup = source_world_make(world, "a", false);
	struct log_capture *capture = log_capture_start();
	struct reading reading = {0};
	struct reader *reader;
	struct error err;
	int seen = 0;
	char *log;

	if (!keep_capabilities(capabilities))
		_exit(200);
	reader = reader_new(&options, &err);
	if (!reader)
		_exit(201);
	reader_set_top(reader, source_world_top(world));
	reader_add(reader, cgroup);
	reader_read(reader, &reading, 1);
	log = log_capture_end(capture);
	seen |= reading.valid & FIELD_BIT(FIELD_NETWORK_RECEIVE_BYTES) ? NETWORK_COUNTED : 0;
	seen |= reading.valid & ACCEPTED ? TCP_COUNTED : 0;
	seen |= reading.valid & FIELD_BIT(FIELD_CPU_USAGE_NS) ? CPU_READ : 0;
	if (log_capture_count_in(log, "the signal network is not used: loading the BPF program "
				      "network: this process lacks CAP_") == 1 &&
		strstr(log, "; absent: network_receive_bytes; nothing else suffers"))
		seen |= SAYS_NETWORK;
	if (log_capture_count_in(log, "the signal tcp is not used: ") == 1 &&
		strstr(log, "; absent: tcp_accepted"))
		seen |= SAYS_TCP;
	if (log_capture_count_in(log, "--source=files: no BPF program is loaded") == 1)
		seen |= SAYS_NO_BPF;
	if (strcmp(reader_source_of(reader, FIELD_TCP_ACCEPTED), seen & TCP_COUNTED ? "tcp" : "") ==
			0 &&
		strcmp(reader_source_of(reader, FIELD_NETWORK_RECEIVE_BYTES),
			seen & NETWORK_COUNTED ? "network" : "") == 0)
		seen |= TELLS_SOURCES;
	free(log);
	reader_free(reader);
	source_world_free(world);
	telemetry_free(telemetry);
	return seen;
}

static int child_reads_with(uint64_t capabilities, enum reader_source source)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(read_with(capabilities, source));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void what_can_not_load_leaves_the_others(void **state)
{
	const uint64_t override = (uint64_t)1 << CAP_DAC_OVERRIDE;
	const uint64_t bpf = override | (uint64_t)1 << CAP_BPF | (uint64_t)1 << CAP_PERFMON;
	const uint64_t all = bpf | (uint64_t)1 << CAP_NET_ADMIN;
	struct signal_world world = signal_world_open(&signal_network, 3); /* skips */

	(void)state;
	assert_int_equal(child_reads_with(all, READER_SOURCE_AUTO),
		NETWORK_COUNTED | TCP_COUNTED | CPU_READ | TELLS_SOURCES);
	assert_int_equal(child_reads_with(bpf, READER_SOURCE_AUTO),
		TCP_COUNTED | CPU_READ | SAYS_NETWORK | TELLS_SOURCES);
	assert_int_equal(child_reads_with(bpf, READER_SOURCE_BPF),
		TCP_COUNTED | CPU_READ | SAYS_NETWORK | TELLS_SOURCES);
	assert_int_equal(child_reads_with(override, READER_SOURCE_AUTO),
		CPU_READ | SAYS_NETWORK | SAYS_TCP | TELLS_SOURCES);
	assert_int_equal(
		child_reads_with(all, READER_SOURCE_FILES), CPU_READ | SAYS_NO_BPF | TELLS_SOURCES);
	signal_world_close(&world);
}

static void only_what_is_wanted_is_opened(void **state)
{
	struct signal_world world = signal_world_open(&signal_tcp, 3); /* skips */
	struct signal_options options = {
		.hierarchy = source_world_hierarchy(world.cgroups),
		.max_cgroups = 3,
		.telemetry = world.telemetry,
	};
	struct source *opened[SIGNALS_MAX];

	(void)state;
	options.wanted = FIELD_BIT(FIELD_CPU_USAGE_NS);
	assert_int_equal(signals_open(&options, 0, opened), 0);
	options.wanted |= ACCEPTED;
	assert_int_equal(signals_open(&options, 0, opened), 1);
	assert_string_equal(opened[0]->ops->name, "tcp");
	opened[0]->ops->free(opened[0]);
	signal_world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_cgroups_beyond_its_room),
		cmocka_unit_test(fills_what_is_asked_and_not_there_yet),
		cmocka_unit_test(leaks_nothing_of_ten_thousand_cgroups),
		cmocka_unit_test(what_can_not_load_leaves_the_others),
		cmocka_unit_test(only_what_is_wanted_is_opened),
	};

	return cmocka_run_group_tests_name("bpf_counts", tests, NULL, NULL);
}
