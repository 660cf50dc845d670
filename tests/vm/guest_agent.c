/* The whole agent in a whole cgroup tree: what `tacho-agent --once` prints is what the kernel's
 * files say. Levels are compared with everything frozen; rates with a log of the kernel's counters
 * that the test keeps while the agent looks. */
#include "tests/vm/guest.h"
#include "tests/vm/loads.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define LOG_ROOT  "/tmp/log"
#define POD_LOG   LOG_ROOT "/pods/default_memory_" LOAD_MEMORY_UID
#define OUTPUT    "/tmp/agent.json"
#define NODE      LOAD_COUNT /* in place of a load: the root cgroup */
#define SETTLE_MS 2500 /* the kernel adds up memory.stat every 2 s (FLUSH_TIME in memcontrol.c) */
#define LOOK_MS   20
#define MARGIN_MS (2 * LOOK_MS) /* cgroups are read one after the other, times are in whole ms */
#define LOOKS_MAX 2000

/* Rates that are not 0, and the counters that they are of: `step` of the metric's unit for each of
 * the counter's. */
static const struct followed {
	const char *metric;
	int load;
	const char *file, *key;
	uint64_t step;
} FOLLOWED[] = {
	{"cpu_usage", LOAD_BUSY, "cpu.stat", "usage_usec", 1000},
	{"cpu_throttled_periods", LOAD_BUSY, "cpu.stat", "nr_throttled", 1000},
	{"cpu_throttled_time", LOAD_BUSY, "cpu.stat", "throttled_usec", 1000},
	{"io_write_bytes", LOAD_WRITER, "io.stat", "wbytes", 1000},
	{"io_writes", LOAD_WRITER, "io.stat", "wios", 1000},
	{"node_cpu_usage", NODE, "cpu.stat", "usage_usec", 1000},
};
#define FOLLOWED_COUNT (sizeof(FOLLOWED) / sizeof(FOLLOWED[0]))

struct look {
	uint64_t at_ms; /* since 1970 */
	uint64_t value[FOLLOWED_COUNT];
	uint64_t node_memory;
};

struct looks {
	size_t count;
	struct look look[LOOKS_MAX];
};

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void look_once(struct looks *looks)
{
	struct look *look = &looks->look[looks->count++];

	assert_true(looks->count < LOOKS_MAX);
	look->at_ms = now_ms();
	for (size_t i = 0; i < FOLLOWED_COUNT; i++) {
		const struct followed *followed = &FOLLOWED[i];
		const char *cgroup =
			followed->load == NODE ? "" : load_cgroup((enum load)followed->load);

		look->value[i] = strcmp(followed->file, "io.stat") == 0
					 ? guest_io(cgroup, followed->key)
					 : guest_keyed(cgroup, followed->file, followed->key);
	}
	look->node_memory = guest_keyed("", "memory.stat", "anon") +
			    guest_keyed("", "memory.stat", "file") -
			    guest_keyed("", "memory.stat", "inactive_file");
}

/* Runs the agent that was built beside this program; looks at the counters meanwhile, if asked. */
static json_t *run_agent(const char *source, const char *window, struct looks *looks)
{
	char agent[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", agent, sizeof(agent) - 1);
	json_error_t error;
	json_t *output;
	pid_t pid;
	int status;

	assert_true(length > 0);
	agent[length] = '\0';
	for (int i = 0; i < 3; i++) /* BUILD/tests/vm/guest_agent */
		*strrchr(agent, '/') = '\0';
	strncat(agent, "/tacho-agent", sizeof(agent) - strlen(agent) - 1);

	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int fd = open(OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);

		guest_need(fd >= 0 && dup2(fd, STDOUT_FILENO) >= 0, OUTPUT);
		(void)execl(agent, agent, "--once", "--output", "json", "--source", source,
			"--window", window, "--log-root", LOG_ROOT, "--node-name", "guest", NULL);
		guest_need(false, agent);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (looks)
			look_once(looks);
		guest_wait_ms(LOOK_MS);
	}
	assert_int_equal(status, 0);
	output = json_load_file(OUTPUT, 0, &error);
	if (!output)
		fail_msg("the agent's output, line %d: %s", error.line, error.text);
	return output;
}

static uint64_t number(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		fail_msg("the agent prints no %s", key);
	return (uint64_t)json_integer_value(value);
}

/* The container in the load's cgroup; its pod, too, when that is asked for. */
static const json_t *find(const json_t *output, const char *cgroup, const json_t **ret_pod)
{
	const json_t *pods = json_object_get(output, "pods");

	for (size_t p = 0; p < json_array_size(pods); p++) {
		const json_t *pod = json_array_get(pods, p);
		const json_t *containers = json_object_get(pod, "containers");

		for (size_t c = 0; c < json_array_size(containers); c++) {
			const json_t *container = json_array_get(containers, c);
			const json_t *path = json_object_get(container, "cgroup");

			if (strcmp(json_string_value(path), cgroup) != 0)
				continue;
			if (ret_pod)
				*ret_pod = pod;
			return container;
		}
	}
	fail_msg("the agent does not print %s", cgroup);
	return NULL;
}

static void assert_text(const json_t *object, const char *key, const char *text)
{
	assert_string_equal(json_string_value(json_object_get(object, key)), text);
}

/* --- levels ----------------------------------------------------------------------------------- */

/* All that is printed of a container without limits, and where the kernel says the same. */
static const struct level {
	const char *metric;
	const char *file;  /* NULL: it is 0, for nothing moves; absent where the kernel has no such
			      file */
	const char *key;   /* NULL: the file is one number */
	const char *minus; /* NULL, or the key of memory.stat that is taken off */
	bool bpf;          /* no file has it: absent with --source=files */
} LEVELS[] = {
	{.metric = "cpu_usage"},
	{.metric = "cpu_usage_peak"},
	{.metric = "cpu_periods"},
	{.metric = "cpu_throttled_periods"},
	{.metric = "cpu_throttled_time"},
	{.metric = "io_read_bytes"},
	{.metric = "io_write_bytes"},
	{.metric = "io_reads"},
	{.metric = "io_writes"},
	{.metric = "pressure_cpu_waiting"},
	{.metric = "pressure_cpu_stalled"},
	{.metric = "pressure_memory_waiting"},
	{.metric = "pressure_memory_stalled"},
	{.metric = "pressure_io_waiting"},
	{.metric = "pressure_io_stalled"},
	{.metric = "oom_events"},
	{"oom_kills", "memory.events", "oom_kill", NULL, false},
	{"memory_working_set", "memory.current", NULL, "inactive_file", false},
	{"memory_usage", "memory.current", NULL, NULL, false},
	{"memory_rss", "memory.stat", "anon", NULL, false},
	{"memory_cache", "memory.stat", "file", NULL, false},
	{"memory_sockets", "memory.stat", "sock", NULL, false},
	{"memory_swap", "memory.swap.current", NULL, NULL, false},
	{"memory_peak", "memory.peak", NULL, NULL, false},
	{"memory_hugetlb", "hugetlb.2MB.current", NULL, NULL, false},
	{"pids", "pids.current", NULL, NULL, false},
	{.metric = "network_receive_bytes", .bpf = true},
	{.metric = "network_receive_packets", .bpf = true},
	{.metric = "network_receive_dropped", .bpf = true},
	{.metric = "network_transmit_bytes", .bpf = true},
	{.metric = "network_transmit_packets", .bpf = true},
	{.metric = "network_transmit_dropped", .bpf = true},
	{.metric = "tcp_accepted", .bpf = true},
	{.metric = "tcp_opened", .bpf = true},
	{.metric = "tcp_resets", .bpf = true},
	{.metric = "tcp_retransmits", .bpf = true},
};
#define LEVEL_COUNT (sizeof(LEVELS) / sizeof(LEVELS[0]))

static uint64_t kernels_level(const char *cgroup, const struct level *level)
{
	uint64_t value;

	if (!level->file)
		return 0;
	value = level->key ? guest_keyed(cgroup, level->file, level->key)
			   : guest_number(cgroup, level->file);
	return value - (level->minus ? guest_keyed(cgroup, "memory.stat", level->minus) : 0);
}

static bool is_printed(const char *cgroup, const struct level *level, bool bpf)
{
	return (bpf || !level->bpf) && (!level->file || guest_cgroup_has(cgroup, level->file));
}

static void compare_levels(const char *cgroup, const json_t *metrics, bool bpf)
{
	size_t printed = 0, wrong = 0;

	for (size_t i = 0; i < LEVEL_COUNT; i++) {
		uint64_t value, kernels;

		if (!is_printed(cgroup, &LEVELS[i], bpf))
			continue;
		printed++;
		value = number(metrics, LEVELS[i].metric);
		kernels = kernels_level(cgroup, &LEVELS[i]);
		if (value == kernels)
			continue;
		wrong++;
		print_error("%s of %s: %llu, the kernel says %llu\n", LEVELS[i].metric, cgroup,
			(unsigned long long)value, (unsigned long long)kernels);
	}
	assert_int_equal(wrong, 0);
	assert_int_equal(json_object_size(metrics), printed); /* and nothing else */
}

static void prints_the_kernels_levels(void **state)
{
	static const char *const SOURCES[] = {"files", "bpf"};

	(void)state;
	guest_cgroup_freeze(LOADS_TOP, true);
	guest_wait_ms(SETTLE_MS);
	for (int s = 0; s < 2; s++) {
		json_t *output = run_agent(SOURCES[s], "2s", NULL);

		assert_int_equal(json_array_size(json_object_get(output, "pods")), LOAD_COUNT);
		for (int i = 0; i < LOAD_COUNT; i++) {
			const char *cgroup = load_cgroup((enum load)i);

			compare_levels(cgroup,
				json_object_get(find(output, cgroup, NULL), "metrics"),
				strcmp(SOURCES[s], "bpf") == 0);
		}
		json_decref(output);
	}
}

/* Whether the levels were right or not: the next test's loads must move. */
static int go_on(void **state)
{
	(void)state;
	guest_cgroup_freeze(LOADS_TOP, false);
	return 0;
}

/* --- rates ------------------------------------------------------------------------------------ */

/* What was counted between the last look at or before `from_ms` and the first at or after `to_ms`;
 * the other way round when `inside`. */
static uint64_t counted(
	const struct looks *looks, size_t which, uint64_t from_ms, uint64_t to_ms, bool inside)
{
	size_t first = 0, last = looks->count - 1;

	assert_true(looks->look[first].at_ms <= from_ms);
	assert_true(looks->look[last].at_ms >= to_ms);
	while (looks->look[first + 1].at_ms <= from_ms)
		first++;
	while (looks->look[last - 1].at_ms >= to_ms)
		last--;
	if (inside) {
		first++;
		last--;
	}
	return looks->look[last].value[which] - looks->look[first].value[which];
}

static void compare_rate(
	const struct looks *looks, size_t which, uint64_t rate, uint64_t end_ms, uint64_t window_ms)
{
	const struct followed *followed = &FOLLOWED[which];
	uint64_t start_ms = end_ms - window_ms, slack = rate / 1000 + followed->step;
	uint64_t amount = rate * window_ms / 1000;
	uint64_t least = followed->step *
			 counted(looks, which, start_ms + MARGIN_MS, end_ms - MARGIN_MS, true);
	uint64_t most = followed->step *
			counted(looks, which, start_ms - MARGIN_MS, end_ms + MARGIN_MS, false);

	assert_true(least > 0);
	if (amount + slack < least || amount > most + slack)
		fail_msg("%s: %llu over %llu ms is %llu; the kernel counted %llu to %llu",
			followed->metric, (unsigned long long)rate, (unsigned long long)window_ms,
			(unsigned long long)amount, (unsigned long long)least,
			(unsigned long long)most);
}

static void compare_node(const struct looks *looks, const json_t *metrics)
{
	uint64_t least = UINT64_MAX, most = 0, value = number(metrics, "node_memory_working_set");

	for (size_t i = 0; i < looks->count; i++) {
		uint64_t memory = looks->look[i].node_memory;

		least = memory < least ? memory : least;
		most = memory > most ? memory : most;
	}
	assert_in_range(value, least - MIB, most + MIB);
	assert_true(number(metrics, "node_memory_swap") >=
		    guest_number(load_cgroup(LOAD_SWAP), "memory.swap.current"));
}

static void prints_the_kernels_rates(void **state)
{
	static const char *const SOURCES[] = {"files", "bpf"};

	(void)state;
	for (int s = 0; s < 2; s++) {
		struct looks *looks = calloc(1, sizeof(*looks));
		json_t *output;
		uint64_t end_ms;

		assert_non_null(looks);
		look_once(looks);
		output = run_agent(SOURCES[s], "3s", looks);
		guest_wait_ms(MARGIN_MS);
		look_once(looks);
		end_ms = number(output, "timestamp_ms");
		for (size_t i = 0; i < FOLLOWED_COUNT; i++) {
			const json_t *of =
				FOLLOWED[i].load == NODE
					? output
					: find(output, load_cgroup((enum load)FOLLOWED[i].load),
						  NULL);

			compare_rate(looks, i,
				number(json_object_get(of, "metrics"), FOLLOWED[i].metric), end_ms,
				number(of, "window_ms"));
		}
		compare_node(looks, json_object_get(output, "metrics"));
		json_decref(output);
		free(looks);
	}
}

/* --- names ------------------------------------------------------------------------------------ */

static void names_what_the_kubelet_names(void **state)
{
	const json_t *pod, *container;
	json_t *output = run_agent("auto", "1s", NULL);

	(void)state;
	container = find(output, load_cgroup(LOAD_MEMORY), &pod);
	assert_text(output, "node", "guest");
	assert_text(pod, "namespace", "default");
	assert_text(pod, "name", "memory");
	assert_text(pod, "uid", LOAD_MEMORY_UID);
	assert_text(container, "name", "main");
	assert_text(container, "id", LOAD_MEMORY_ID);
	(void)find(output, load_cgroup(LOAD_PIDS), &pod);
	assert_text(pod, "name", "");
	json_decref(output);
}

static int start(void **state)
{
	(void)state;
	assert_int_equal(mkdir(LOG_ROOT, 0755), 0);
	assert_int_equal(mkdir(LOG_ROOT "/containers", 0755), 0);
	assert_int_equal(mkdir(LOG_ROOT "/pods", 0755), 0);
	assert_int_equal(mkdir(POD_LOG, 0755), 0);
	assert_int_equal(mkdir(POD_LOG "/main", 0755), 0);
	assert_int_equal(symlink(POD_LOG "/main/0.log",
				 LOG_ROOT "/containers/memory_default_main-" LOAD_MEMORY_ID ".log"),
		0);
	loads_start();
	return 0;
}

static int stop(void **state)
{
	(void)state;
	loads_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(prints_the_kernels_levels, go_on),
		cmocka_unit_test(prints_the_kernels_rates),
		cmocka_unit_test(names_what_the_kubelet_names),
	};

	return cmocka_run_group_tests_name("guest_agent", tests, start, stop);
}
