/* Waits for a CPU, by BPF, are those that the scheduler itself accounts for
 * (/proc/PID/schedstat), on this kernel too. */
#include "agent/hierarchy.h"
#include "agent/signal_run_queue.h"
#include "base/clock.h"
#include "tests/vm/guest.h"

#include <inttypes.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define CGROUP "/kubepods.slice/busy"
#define LOADS  3

static void spin(const void *argument, int ready)
{
	cpu_set_t cpus;

	(void)argument;
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	guest_need(sched_setaffinity(0, sizeof(cpus), &cpus) == 0, "staying on one CPU");
	guest_ready(ready);
	for (;;)
		;
}

static uint64_t scheduler_says(const struct guest_load *loads)
{
	uint64_t sum = 0;

	for (int i = 0; i < LOADS; i++) {
		char path[64], line[128];
		uint64_t waited;
		FILE *file;

		(void)snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)loads[i].pid);
		file = fopen(path, "re");
		assert_non_null(file);
		assert_non_null(fgets(line, sizeof(line), file));
		assert_int_equal(sscanf(line, "%*u %" SCNu64, &waited), 1);
		(void)fclose(file);
		sum += waited;
	}
	return sum;
}

static void waits_are_the_schedulers(void **state)
{
	struct telemetry *telemetry = telemetry_new();
	struct hierarchy hierarchy;
	struct error err = {0};
	struct signal_options options = {.hierarchy = &hierarchy,
		.wanted = ~(field_set)0,
		.max_cgroups = 100,
		.telemetry = telemetry,
		.window_ns = 15 * NS_PER_SECOND};
	char path[] = CGROUP;
	struct cgroup cgroup = {.path = path};
	struct reading reading[2] = {{0}};
	struct guest_load loads[LOADS];
	struct source *source;
	uint64_t said[2], counted;

	(void)state;
	assert_int_equal(hierarchy_find("/proc/self/mountinfo", &hierarchy, &err), 0);
	cgroup.id = guest_cgroup_make(CGROUP);
	source = signal_run_queue.open(&options, &err);
	if (!source)
		print_error("%s\n", err.message);
	assert_non_null(source);
	source->ops->add(source, &cgroup);
	for (int i = 0; i < LOADS; i++)
		loads[i] = guest_load_start(CGROUP, spin, NULL);
	guest_wait_ms(500);
	for (int i = 0; i < 2; i++) {
		said[i] = scheduler_says(loads);
		source->ops->read(source, options.wanted, &reading[i], 1);
		assert_true(reading[i].valid & FIELD_BIT(FIELD_RUN_QUEUE_NS));
		if (i == 0)
			guest_wait_ms(4000);
	}
	counted = reading[1].value[FIELD_RUN_QUEUE_NS] - reading[0].value[FIELD_RUN_QUEUE_NS];
	print_message("# BPF %" PRIu64 " ms, schedstat %" PRIu64 " ms; p50 %" PRIu64
		      " us, p99 %" PRIu64 " us\n",
		counted / 1000000, (said[1] - said[0]) / 1000000,
		reading[1].value[FIELD_RUN_QUEUE_P50_NS] / 1000,
		reading[1].value[FIELD_RUN_QUEUE_P99_NS] / 1000);
	assert_true(said[1] - said[0] > 4 * NS_PER_SECOND);
	assert_in_range(counted, (said[1] - said[0]) / 100 * 93, (said[1] - said[0]) / 100 * 107);
	assert_true(reading[1].valid & FIELD_BIT(FIELD_RUN_QUEUE_P50_NS));
	assert_in_range(reading[1].value[FIELD_RUN_QUEUE_P50_NS], NS_PER_MS / 2, NS_PER_SECOND);
	for (int i = 0; i < LOADS; i++)
		guest_load_stop(loads[i]);
	source->ops->free(source);
	telemetry_free(telemetry);
	guest_cgroup_remove(CGROUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_the_schedulers),
	};

	return cmocka_run_group_tests_name("guest_waits", tests, NULL, NULL);
}
