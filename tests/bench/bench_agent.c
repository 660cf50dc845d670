/* What the agent costs, what it sends, and how old what is served is: a real agent on real cgroups
 * over TLS to the aggregator's own ingest and store.
 *
 *	bench_agent [SECONDS]        seconds of each measurement, 20 by default
 *
 * The program of tests/bench/cadvisor, where it was built, is measured on the same cgroups.
 * CPU is the agent's own time on a CPU (/proc/PID/task/.../schedstat), so that a noisy machine
 * matters little. */
#include "aggregator/ingest/ingest.h"
#include "aggregator/standalone/standalone.h"
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "tests/harness/busy_node.h"
#include "tests/harness/process.h"
#include "tests/harness/scratch.h"
#include "tests/harness/test_cgroup.h"
#include "tests/harness/wait.h"

#include <dirent.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PODS_MAX 110
#define AGES_MAX 100000

struct bench {
	struct scratch *scratch;
	struct test_cgroups *cgroups;
	struct telemetry *telemetry;
	struct standalone *standalone;
	struct store *store;
	struct ingest *ingest;
	char url[64];
	struct test_container containers[PODS_MAX * 2];
	struct test_container sandboxes[PODS_MAX];
	uint32_t ages_ms[AGES_MAX];
	size_t age_count;
	unsigned seconds;
};

/* --- the world -------------------------------------------------------------------------------- */

static void start_aggregator(struct bench *bench)
{
	const struct standalone_options standalone = {
		.folder = scratch_path(bench->scratch, "pki"),
		.cert_file = "",
		.key_file = "",
		.token_file = "",
		.secret_file = "",
	};
	const struct store_options store = {
		.expiry_ns = 15 * NS_PER_SECOND,
		.max_nodes = 10,
		.required = METRIC_BIT(METRIC_CPU_USAGE),
		.telemetry = bench->telemetry,
	};
	const char *urls[] = {"tls+tcp://127.0.0.1:0"};
	struct ingest_options ingest = {
		.urls = urls,
		.url_count = 1,
		.silence_ns = 15 * NS_PER_SECOND,
		.max_connections = 10,
		.telemetry = bench->telemetry,
	};
	struct error err = {""};

	bench->standalone = standalone_open(&standalone, &err);
	if (!bench->standalone)
		fail_msg("%s", err.message);
	bench->store = store_new(&store, &err);
	assert_non_null(bench->store);
	ingest.store = bench->store;
	ingest.cert_file = standalone_cert_file(bench->standalone);
	ingest.key_file = standalone_key_file(bench->standalone);
	ingest.secret = standalone_secret(bench->standalone);
	ingest.secret_size = strlen(standalone_secret(bench->standalone));
	bench->ingest = ingest_start(&ingest, &err);
	if (!bench->ingest)
		fail_msg("%s", err.message);
	(void)snprintf(bench->url, sizeof(bench->url), "tls+tcp://127.0.0.1:%u",
		ingest_port(bench->ingest, 0));
}

/* A sandbox is a cgroup beside the pod's containers that has no log link. It is the oldest. */
static void make_pod(struct bench *bench, unsigned pod)
{
	struct test_container *sandbox = &bench->sandboxes[pod];
	struct test_container *first = &bench->containers[pod * 2];
	char name[32], log[512];

	(void)snprintf(name, sizeof(name), "pod-%u", pod);
	test_container_make(bench->cgroups, "bench", name, NULL, "sandbox", sandbox);
	(void)snprintf(log, sizeof(log), "%s/containers/%s_bench_sandbox-%s.log",
		test_cgroups_log_root(bench->cgroups), name, sandbox->id);
	assert_int_equal(unlink(log), 0);
	test_container_make(bench->cgroups, "bench", name, sandbox->uid, "app", first);
	test_container_make(bench->cgroups, "bench", name, sandbox->uid, "proxy", first + 1);
}

/* --- measuring -------------------------------------------------------------------------------- */

static uint64_t cpu_ns(pid_t pid)
{
	char path[64], task[384];
	uint64_t total = 0, ns;
	struct dirent *entry;
	DIR *folder;

	(void)snprintf(path, sizeof(path), "/proc/%d/task", pid);
	folder = opendir(path);
	assert_non_null(folder);
	while ((entry = readdir(folder))) {
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(task, sizeof(task), "%s/%s/schedstat", path, entry->d_name);
		file = fopen(task, "r");
		if (!file)
			continue; /* a thread that just ended */
		if (fscanf(file, "%" SCNu64, &ns) == 1)
			total += ns;
		(void)fclose(file);
	}
	(void)closedir(folder);
	return total;
}

static unsigned long rss_kib(pid_t pid)
{
	unsigned long kib = 0;
	char path[64], *text, *line;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", pid);
	text = scratch_read(path);
	line = strstr(text, "VmRSS:");
	if (line)
		kib = strtoul(line + 6, NULL, 10);
	free(text);
	return kib;
}

static bool note_age(void *context, const struct store_pod_view *pod)
{
	struct bench *bench = context;
	uint64_t now_ms = clock_realtime_ns() / NS_PER_MS;

	if (bench->age_count < AGES_MAX)
		bench->ages_ms[bench->age_count++] = (uint32_t)(now_ms - pod->timestamp_ms);
	return true;
}

static bool count_pod(void *context, const struct store_pod_view *pod)
{
	(void)pod;
	++*(unsigned *)context;
	return true;
}

static unsigned served_pods(struct bench *bench)
{
	struct store_cursor cursor = {0};
	unsigned count = 0;

	while (!cursor.finished)
		assert_int_equal(store_visit_pods(bench->store, NULL, NULL, &cursor, 1000,
					 count_pod, &count),
			0);
	store_cursor_free(&cursor);
	return count;
}

static uint64_t received(struct bench *bench)
{
	return telemetry_get(telemetry_counter(
		bench->telemetry, "tacho_aggregator_received_bytes_total", "", NULL, NULL));
}

static int by_value(const void *left, const void *right)
{
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	return (a > b) - (a < b);
}

static struct process *start_agent(struct bench *bench, const char *source, const char *metrics)
{
	char program[256], ca[300], secret[300];
	const char *argv[] = {program, "--standalone", "--node-name=bench", "--aggregator",
		bench->url, "--ca-file", ca, "--secret-file", secret, "--source", source,
		"--metrics", metrics, "--cgroup-root", test_cgroups_root(bench->cgroups),
		"--log-root", test_cgroups_log_root(bench->cgroups), NULL};
	const struct process_options options = {
		.argv = argv, .errors = scratch_path(bench->scratch, "agent.log")};

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(ca, sizeof(ca), "%s/ca.crt", scratch_path(bench->scratch, "pki"));
	(void)snprintf(
		secret, sizeof(secret), "%s/agent.secret", scratch_path(bench->scratch, "pki"));
	return process_start(&options);
}

static void measure(struct bench *bench, const char *source, const char *metrics,
	const char *metrics_name, unsigned pods)
{
	struct process *agent = start_agent(bench, source, metrics);
	uint64_t deadline_ms = wait_now_ms() + 15000, start_ns, start_cpu, start_bytes, span_ns;

	while (served_pods(bench) < pods && wait_now_ms() < deadline_ms)
		wait_ms(50);
	if (served_pods(bench) < pods) {
		char *log = scratch_read(scratch_path(bench->scratch, "agent.log"));

		fail_msg("only %u of %u pods are served: %s", served_pods(bench), pods, log);
	}
	wait_ms(2000); /* what is done once has been done */
	bench->age_count = 0;
	start_ns = clock_monotonic_ns();
	start_cpu = cpu_ns(process_id(agent));
	start_bytes = received(bench);
	while (clock_monotonic_ns() - start_ns < bench->seconds * NS_PER_SECOND) {
		(void)store_get_pod(bench->store, "bench", "pod-0", note_age, bench);
		wait_ms(7); /* drifts through the second */
	}
	span_ns = clock_monotonic_ns() - start_ns;
	qsort(bench->ages_ms, bench->age_count, sizeof(uint32_t), by_value);
	printf("%-6s %-10s %5u %9.3f %% %9.1f MiB %9.0f B/s %8u ms %8u ms\n", source, metrics_name,
		pods, (double)(cpu_ns(process_id(agent)) - start_cpu) * 100 / (double)span_ns,
		(double)rss_kib(process_id(agent)) / 1024,
		(double)(received(bench) - start_bytes) * 1e9 / (double)span_ns,
		bench->ages_ms[bench->age_count / 2], bench->ages_ms[bench->age_count * 99 / 100]);
	(void)fflush(stdout);
	assert_int_equal(process_end(agent), 0);
}

/* The same cgroups, the same figures, as often: read by what the kubelet reads them with. */
static void measure_cadvisor(struct bench *bench, const char *program, unsigned cgroups)
{
	const char *log = scratch_path(bench->scratch, "cadvisor.log");
	char count[16];
	const char *argv[] = {program, test_cgroups_root(bench->cgroups), count, NULL};
	const struct process_options options = {.argv = argv, .errors = log};
	struct process *process;
	uint64_t start_ns, start_cpu, span_ns;

	(void)snprintf(count, sizeof(count), "%u", cgroups);
	process = process_start(&options);
	if (!process_wait_log(process, "complete", 60000))
		fail_msg("cAdvisor has not all of %u cgroups: %s", cgroups, scratch_read(log));
	wait_ms(5000);
	start_ns = clock_monotonic_ns();
	start_cpu = cpu_ns(process_id(process));
	wait_ms(bench->seconds * 1000);
	span_ns = clock_monotonic_ns() - start_ns;
	printf("%-17s %5d %9.3f %% %9.1f MiB\n", "cAdvisor", PODS_MAX,
		(double)(cpu_ns(process_id(process)) - start_cpu) * 100 / (double)span_ns,
		(double)rss_kib(process_id(process)) / 1024);
	(void)process_end(process);
}

/* The cgroups of this benchmark are idle, and small figures are short: so the wire is also shown
 * with the figures of a busy node, encoded by the agent's own encoder. */
static void print_busy_wire(metric_set metrics, const char *name)
{
	struct sample sample = {0};
	struct buffer out = {0};
	size_t whole;

	busy_node(&sample, 60);
	sample_encode(&sample, metrics, &out);
	whole = out.length;
	sample.kept_ms = sample.timestamp_ms;
	sample_encode(&sample, metrics, &out);
	/* of five samples one says all */
	printf("wire, a busy node of 30 pods of 2 containers, %-10s %6zu B a sample\n", name,
		(whole + 4 * (out.length - whole)) / 5);
	buffer_free(&out);
	sample_free(&sample);
}

static void bench_agent(void **state)
{
	static const char RESOURCE[] = "cpu_usage,memory_working_set,node_cpu_usage,"
				       "node_memory_working_set";
	struct bench *bench = *state;

	bench->scratch = scratch_new();
	bench->cgroups = test_cgroups_new(bench->scratch, TEST_DRIVER_SYSTEMD);
	bench->telemetry = telemetry_new();
	start_aggregator(bench);
	printf("\nAgent at 1 Hz; pods of 2 containers and a sandbox; %u s each\n", bench->seconds);
	printf("%-6s %-10s %5s %11s %13s %13s %11s %11s\n", "source", "metrics", "pods", "CPU",
		"RSS", "wire", "age p50", "age p99");
	for (unsigned pod = 0; pod < 30; pod++)
		make_pod(bench, pod);
	measure(bench, "bpf", RESOURCE, "cpu+memory", 30);
	measure(bench, "bpf", "all", "all", 30);
	for (unsigned pod = 30; pod < PODS_MAX; pod++)
		make_pod(bench, pod);
	measure(bench, "bpf", RESOURCE, "cpu+memory", PODS_MAX);
	measure(bench, "files", RESOURCE, "cpu+memory", PODS_MAX);
	measure(bench, "bpf", "all", "all", PODS_MAX);
	measure(bench, "files", "all", "all", PODS_MAX);
	if (access(process_program("bench-cadvisor"), X_OK) == 0)
		measure_cadvisor(bench, process_program("bench-cadvisor"), PODS_MAX * 3);
	else
		printf("cAdvisor: skipped, tests/bench/cadvisor was not built\n");
	print_busy_wire(METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
				METRIC_BIT(METRIC_NODE_CPU_USAGE) |
				METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET),
		"cpu+memory");
	print_busy_wire(~(metric_set)0 >> (64 - METRIC_COUNT), "all");
}

static int clean_up(void **state)
{
	struct bench *bench = *state;

	process_end_all();
	if (bench->ingest)
		ingest_stop(bench->ingest);
	store_free(bench->store);
	standalone_close(bench->standalone);
	telemetry_free(bench->telemetry);
	if (bench->cgroups)
		test_cgroups_free(bench->cgroups);
	scratch_free(bench->scratch);
	return 0;
}

int main(int argc, char **argv)
{
	static struct bench bench;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate_setup_teardown(bench_agent, NULL, clean_up, &bench),
	};

	bench.seconds = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 20;
	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
