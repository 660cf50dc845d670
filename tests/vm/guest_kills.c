/* Real OOM kills in a whole cgroup v2 tree: the agent's figure is the kernel's count, by BPF and by
 * the files, each kill once; and it goes on when the container starts again. */
#include "agent/sampler.h"
#include "base/clock.h"
#include "tests/vm/guest.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define POD_UID "01234567-89ab-cdef-0123-456789abcdef"
#define POD \
	"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod01234567_89ab_cdef_0123_456789abcdef.slice"
#define LOG_ROOT "/tmp/log"
#define POD_LOG  LOG_ROOT "/pods/default_victim_" POD_UID
#define LIMIT    "16777216"
#define PIECE    (1 << 20)

struct container {
	char id[80];
	char cgroup[400];
	char link[300];
};

struct kills_test {
	struct telemetry *telemetry;
	struct sampler *sampler;
};

static void folder(const char *path)
{
	assert_true(mkdir(path, 0755) == 0 || errno == EEXIST);
}

/* A container of the pod, named "app" or "side", with little memory. */
static struct container start(int number, const char *name)
{
	struct container container;
	char log[300];

	folder(LOG_ROOT);
	folder(LOG_ROOT "/containers");
	folder(LOG_ROOT "/pods");
	folder(POD_LOG);
	(void)snprintf(log, sizeof(log), POD_LOG "/%s", name);
	folder(log);
	(void)snprintf(container.id, sizeof(container.id), "%064d", number);
	(void)snprintf(container.cgroup, sizeof(container.cgroup), POD "/cri-containerd-%s.scope",
		container.id);
	(void)snprintf(container.link, sizeof(container.link),
		LOG_ROOT "/containers/victim_default_%s-%s.log", name, container.id);
	(void)snprintf(log, sizeof(log), POD_LOG "/%s/%d.log", name, number);
	assert_int_equal(symlink(log, container.link), 0);
	(void)guest_cgroup_make(container.cgroup);
	guest_cgroup_write(container.cgroup, "memory.max", LIMIT);
	if (guest_cgroup_has(container.cgroup, "memory.swap.max"))
		guest_cgroup_write(container.cgroup, "memory.swap.max", "0");
	return container;
}

static void finish(const struct container *container)
{
	guest_cgroup_remove(container->cgroup);
	(void)unlink(container->link);
}

/* Has children that want more memory than there is, one after the other. */
static void be_killed(const void *argument, int ready)
{
	int times = *(const int *)argument;

	for (int i = 0; i < times; i++) {
		pid_t pid = fork();
		int status;

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;) {
				char *piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE,
					MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

				guest_need(piece != MAP_FAILED, "mapping memory");
				memset(piece, 1, PIECE);
			}
		}
		guest_need(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
				   WTERMSIG(status) == SIGKILL,
			"being killed");
	}
	guest_ready(ready);
}

static void kill_in(const struct container *container, int times)
{
	guest_load_stop(guest_load_start(container->cgroup, be_killed, &times));
}

static struct kills_test begin(enum reader_source source)
{
	struct kills_test test = {.telemetry = telemetry_new()};
	const struct sampler_options options = {
		.cgroup_root = "",
		.log_root = LOG_ROOT,
		.source = source,
		.metrics = METRIC_BIT(METRIC_OOM_KILLS) | METRIC_BIT(METRIC_OOM_EVENTS) |
			   METRIC_BIT(METRIC_CPU_USAGE),
		.window_ns = 15 * NS_PER_SECOND,
		.interval_ns = NS_PER_SECOND,
		.telemetry = test.telemetry,
	};
	struct error err;

	test.sampler = sampler_new(&options, &err);
	if (!test.sampler)
		print_error("%s\n", err.message);
	assert_non_null(test.sampler);
	return test;
}

static void end(struct kills_test *test)
{
	sampler_free(test->sampler);
	telemetry_free(test->telemetry);
}

/* Looks, and returns a figure of the container. UINT64_MAX = none. */
static uint64_t look(struct kills_test *test, const struct container *container, enum metric metric)
{
	const struct roster *roster;
	const struct sample *sample;

	guest_wait_ms(200); /* rates need some time */
	assert_int_equal(sampler_run(test->sampler, &roster, &sample), 0);
	for (uint32_t row = 0; row < roster->row_count; row++)
		if (strcmp(roster->rows[row].cgroup->container_id, container->id) == 0 &&
			sample->rows[row].present & METRIC_BIT(metric))
			return sample->rows[row].value[metric];
	return UINT64_MAX;
}

/* The first figure within some looks: a new container's name is known a look later. */
static uint64_t kills(struct kills_test *test, const struct container *container)
{
	uint64_t value = UINT64_MAX;

	for (int i = 0; i < 5 && value == UINT64_MAX; i++)
		value = look(test, container, METRIC_OOM_KILLS);
	return value;
}

static uint64_t filed(const struct container *container)
{
	return guest_keyed(container->cgroup, "memory.events", "oom_kill");
}

static void count_and_restart(enum reader_source source)
{
	struct kills_test test = begin(source);
	struct container app = start(1, "app"), side = start(2, "side"), again;

	assert_int_equal(kills(&test, &app), 0);
	kill_in(&app, 1);
	assert_int_equal(filed(&app), 1);
	assert_int_equal(kills(&test, &app), 1);
	kill_in(&app, 2);
	assert_int_equal(filed(&app), 3);
	assert_int_equal(kills(&test, &app), 3);
	assert_int_equal(kills(&test, &side), 0);
	assert_true(look(&test, &app, METRIC_OOM_EVENTS) > 0);
	assert_int_equal(look(&test, &side, METRIC_OOM_EVENTS), 0);

	finish(&app);
	again = start(3, "app");
	assert_int_equal(kills(&test, &again), 3);
	assert_int_equal(look(&test, &again, METRIC_OOM_EVENTS), 0); /* no news */
	kill_in(&again, 1);
	assert_int_equal(filed(&again), 1);
	assert_int_equal(kills(&test, &again), 4);
	assert_int_equal(kills(&test, &side), 0);
	finish(&again);
	finish(&side);
	end(&test);
	guest_cgroup_remove(POD);
}

static void bpf_counts_each_kill_once(void **state)
{
	(void)state;
	count_and_restart(READER_SOURCE_BPF);
}

static void files_count_each_kill_once(void **state)
{
	(void)state;
	count_and_restart(READER_SOURCE_FILES);
}

/* Nobody looked between the kill and the end of its cgroup. Of the second container nobody ever
 * saw the cgroup. */
static void bpf_loses_no_kill_with_its_cgroup(void **state)
{
	struct kills_test test = begin(READER_SOURCE_BPF);
	struct container first = start(4, "app"), second, third;

	(void)state;
	assert_int_equal(kills(&test, &first), 0);
	kill_in(&first, 1);
	finish(&first);
	second = start(5, "app");
	kill_in(&second, 2);
	guest_cgroup_remove(second.cgroup); /* its log link stays for a while */
	third = start(6, "app");
	assert_int_equal(kills(&test, &third), 3);
	assert_true(look(&test, &third, METRIC_OOM_EVENTS) > 0);
	finish(&third);
	(void)unlink(second.link);
	end(&test);
	guest_cgroup_remove(POD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bpf_counts_each_kill_once),
		cmocka_unit_test(files_count_each_kill_once),
		cmocka_unit_test(bpf_loses_no_kill_with_its_cgroup),
	};

	return cmocka_run_group_tests_name("guest_kills", tests, NULL, NULL);
}
