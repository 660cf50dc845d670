/* agent/signal_run_queue against what the scheduler itself says of the same threads
 * (/proc/PID/task/TID/schedstat), of processes that share one CPU. */
#include "agent/signal_run_queue.h"

#include "base/clock.h"
#include "tests/harness/signal_world.h"

#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SPINNERS 3

static void pin(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
		_exit(1);
}

/* A child that ends with its parent. */
static bool in_child(void)
{
	if (fork() != 0)
		return false;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return true;
}

/* Wants all of a CPU. */
static void spin(void *context)
{
	(void)context;
	pin();
	if (in_child())
		for (;;)
			;
}

/* A millisecond of work, and sleep, again and again. */
static void nap(void *context)
{
	(void)context;
	pin();
	if (!in_child())
		return;
	for (;;) {
		const struct timespec pause = {.tv_nsec = 10000000};
		uint64_t until = clock_monotonic_ns() + NS_PER_MS;

		while (clock_monotonic_ns() < until)
			;
		(void)nanosleep(&pause, NULL);
	}
}

/* All processes of the cgroup: ns waited by the kernel's own account, and slices of time given. */
static void kernel_says(const struct signal_world *world, const struct cgroup *cgroup,
	uint64_t *ret_waited, uint64_t *ret_slices)
{
	char path[8192], line[128];
	int pid;
	FILE *procs;

	(void)snprintf(path, sizeof(path), "%s%s/cgroup.procs",
		source_world_hierarchy(world->cgroups)->v2, cgroup->path);
	procs = fopen(path, "re");
	assert_non_null(procs);
	*ret_waited = *ret_slices = 0;
	while (fscanf(procs, "%d", &pid) == 1) {
		uint64_t waited, slices;
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
		file = fopen(path, "re");
		if (!file) {
			(void)fclose(procs);
			print_message("skipped: the kernel has no %s\n", path);
			skip();
		}
		assert_non_null(fgets(line, sizeof(line), file));
		assert_int_equal(sscanf(line, "%*u %" SCNu64 " %" SCNu64, &waited, &slices), 2);
		*ret_waited += waited;
		*ret_slices += slices;
		(void)fclose(file);
	}
	(void)fclose(procs);
}

static struct cgroup *add(struct signal_world *world, const char *name)
{
	struct cgroup *cgroup = source_world_make(world->cgroups, name, false);

	world->source->ops->add(world->source, cgroup);
	return cgroup;
}

static void waits_are_the_schedulers(void **state)
{
	struct signal_world world = signal_world_open(&signal_run_queue, 100);
	struct cgroup *busy = add(&world, "busy");
	struct cgroup *idle = add(&world, "idle");
	const struct cgroup *below[] = {source_world_make(world.cgroups, "busy/a", false),
		source_world_make(world.cgroups, "busy/b", false)};
	uint64_t waited[2], slices[2], total[2], off;
	struct reading reading;
	pid_t parents[SPINNERS + 1];

	(void)state;
	/* in cgroups below the container's */
	for (int i = 0; i < SPINNERS; i++)
		parents[i] = source_world_run(world.cgroups, below[i % 2], spin, NULL);
	parents[SPINNERS] = source_world_run(world.cgroups, idle, NULL, NULL);
	(void)sleep(1);
	(void)signal_world_read(&world, idle);

	for (int i = 0; i < 2; i++) {
		uint64_t here, there, more;

		kernel_says(&world, below[0], &here, &slices[i]);
		kernel_says(&world, below[1], &there, &more);
		total[i] = signal_world_value(&world, busy, FIELD_RUN_QUEUE_NS);
		waited[i] = here + there;
		slices[i] += more;
		if (i == 0)
			(void)sleep(5);
	}
	off = total[1] - total[0] > waited[1] - waited[0]
		      ? total[1] - total[0] - (waited[1] - waited[0])
		      : waited[1] - waited[0] - (total[1] - total[0]);
	print_message("# in 5 s BPF says %.3f s waited, schedstat %.3f s (%" PRIu64 " slices)\n",
		(double)(total[1] - total[0]) / 1e9, (double)(waited[1] - waited[0]) / 1e9,
		slices[1] - slices[0]);
	/* three that want one CPU wait for two of them at least */
	assert_true(waited[1] - waited[0] > 8 * NS_PER_SECOND);
	/* a wait counts when it ends: the one that is under way may be as long as all others' turns
	 */
	assert_true(off < (waited[1] - waited[0]) / 20);

	/* Slices of some milliseconds: so are the waits, one for each slice. */
	reading = signal_world_read(&world, busy);
	assert_true(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS));
	assert_true(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P99_NS));
	print_message("# p50 %.3f ms, p99 %.3f ms; on average %.3f ms\n",
		(double)reading.value[FIELD_RUN_QUEUE_P50_NS] / 1e6,
		(double)reading.value[FIELD_RUN_QUEUE_P99_NS] / 1e6,
		(double)(waited[1] - waited[0]) / 1e6 / (double)(slices[1] - slices[0]));
	assert_in_range(reading.value[FIELD_RUN_QUEUE_P50_NS],
		(waited[1] - waited[0]) / (slices[1] - slices[0]) / 8,
		(waited[1] - waited[0]) / (slices[1] - slices[0]) * 4);
	assert_true(reading.value[FIELD_RUN_QUEUE_P99_NS] >= reading.value[FIELD_RUN_QUEUE_P50_NS]);

	/* Who slept all the time waited for nothing: no figure, not 0. */
	reading = signal_world_read(&world, idle);
	assert_true(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_NS));

	for (int i = 0; i <= SPINNERS; i++)
		source_world_kill(parents[i]);
	signal_world_close(&world);
}

/* One that sleeps and works is given the CPU soon; next to one that wants it all it waits. */
static void a_quiet_cgroup_has_no_percentile(void **state)
{
	struct signal_world world = signal_world_open(&signal_run_queue, 100);
	struct cgroup *quiet = add(&world, "quiet");
	struct cgroup *naps = add(&world, "naps");
	struct reading reading;
	uint64_t waits;
	pid_t parent;

	(void)state;
	reading = signal_world_read(&world, quiet);
	assert_true(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_NS));
	assert_int_equal(reading.value[FIELD_RUN_QUEUE_NS], 0);
	assert_false(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS));
	assert_false(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P99_NS));

	parent = source_world_run(world.cgroups, naps, nap, NULL);
	(void)sleep(2);
	waits = signal_world_value(&world, naps, FIELD_RUN_QUEUE_NS);
	assert_true(waits > 0);
	reading = signal_world_read(&world, naps);
	assert_true(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS));
	print_message("# of one that naps: p50 %.3f ms, p99 %.3f ms\n",
		(double)reading.value[FIELD_RUN_QUEUE_P50_NS] / 1e6,
		(double)reading.value[FIELD_RUN_QUEUE_P99_NS] / 1e6);
	/* the middle one is no longer than all together by half their number */
	assert_true(reading.value[FIELD_RUN_QUEUE_P50_NS] < waits);
	reading = signal_world_read(&world, quiet);
	assert_false(reading.valid & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS));

	source_world_kill(parent);
	signal_world_close(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_the_schedulers),
		cmocka_unit_test(a_quiet_cgroup_has_no_percentile),
	};

	return cmocka_run_group_tests_name("signal_run_queue", tests, NULL, NULL);
}
