/* Pressure of containers and of the node: equal to the kernel's files, while there is some of each
 * kind. */
#include "tests/vm/guest.h"

#include "agent/figures.h"
#include "agent/history.h"
#include "agent/node.h"
#include "agent/slow_fields.h"
#include "agent/source_files.h"
#include "base/clock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB     (1024ULL * 1024)
#define TOP     "/kubepods.slice"
#define LOOKS   24 /* half a second apart */
#define LOOK_MS 500

enum load { CPU, MEMORY, IO, COUNT };

static const char *const PATHS[COUNT] = {TOP "/cpu.slice", TOP "/memory.slice", TOP "/io.slice"};

/* The six, in the order of the fields and of the metrics. */
enum { KINDS = 6 };
static const char *const FILES[KINDS / 2] = {"cpu", "memory", "io"};
static const char *const LINES[2] = {"some", "full"};

static const metric_set METRICS =
	METRIC_BIT(METRIC_PRESSURE_CPU_WAITING) | METRIC_BIT(METRIC_PRESSURE_CPU_STALLED) |
	METRIC_BIT(METRIC_PRESSURE_MEMORY_WAITING) | METRIC_BIT(METRIC_PRESSURE_MEMORY_STALLED) |
	METRIC_BIT(METRIC_PRESSURE_IO_WAITING) | METRIC_BIT(METRIC_PRESSURE_IO_STALLED);

struct world {
	struct hierarchy hierarchy;
	struct telemetry *telemetry;
	struct cgroup cgroups[COUNT];
	struct guest_load loads[COUNT];
};

/* --- loads ------------------------------------------------------------------------------------ */

/* Four at once, of which a fifth of a CPU is given. */
static void want_cpu(const void *argument, int ready)
{
	volatile unsigned int turns = 0;

	(void)argument;
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			for (;;)
				turns++;
	guest_ready(ready);
	for (;;)
		turns++;
}

/* Goes beyond memory.high again and again: the kernel makes it wait, for there is no swap. */
static void want_memory(const void *argument, int ready)
{
	(void)argument;
	guest_ready(ready);
	for (;;) {
		char *memory = mmap(
			NULL, 24 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		guest_need(memory != MAP_FAILED, "memory");
		for (size_t i = 0; i < 24 * MIB; i += 4096)
			memory[i] = 1;
		munmap(memory, 24 * MIB);
	}
}

static void want_disk(const void *argument, int ready)
{
	int fd = open(GUEST_DISK "/pressed", O_WRONLY | O_CREAT | O_DIRECT | O_CLOEXEC, 0600);
	char *piece = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)argument;
	guest_need(fd >= 0 && piece != MAP_FAILED, "a file");
	guest_ready(ready);
	for (;;) {
		guest_need(pwrite(fd, piece, MIB, 0) == (ssize_t)MIB, "to write");
		guest_need(fsync(fd) == 0, "to sync");
	}
}

/* --- the comparison --------------------------------------------------------------------------- */

/* What the files say, in microseconds: of each cgroup, and behind them of the node. */
struct totals {
	uint64_t usec[COUNT + 1][KINDS];
};

static struct totals note(void)
{
	struct totals totals;
	char path[256];

	for (int i = 0; i <= COUNT; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			if (i < COUNT)
				snprintf(path, sizeof(path), GUEST_CGROUPS "%s/%s.pressure",
					PATHS[i], FILES[kind / 2]);
			else
				snprintf(path, sizeof(path), "/proc/pressure/%s", FILES[kind / 2]);
			totals.usec[i][kind] = guest_pressure(path, LINES[kind % 2]);
		}
	return totals;
}

static enum field field_of(int kind)
{
	return (enum field)((int)FIELD_PRESSURE_CPU_SOME_NS + kind);
}

/* One cgroup's or the node's, as it was read between two notes. */
struct watched {
	struct history *history;
	struct reading reading;
	uint64_t first_ns[KINDS], first_at_ns; /* of the first look that read it */
	uint64_t last_ns[KINDS], last_at_ns;   /* of the last */
	unsigned fresh;                        /* looks that read it */
};

/* A total only grows: what was read lies between what the file said before and after. */
static void check_look(
	struct watched *watched, const uint64_t before[KINDS], const uint64_t after[KINDS])
{
	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t value = watched->reading.value[field_of(kind)];

		assert_true(watched->reading.valid & FIELD_BIT(field_of(kind)));
		if (watched->reading.old & FIELD_BIT(field_of(kind))) {
			assert_int_equal(value, watched->last_ns[kind]);
			continue;
		}
		assert_in_range(value, before[kind] * NS_PER_USEC, after[kind] * NS_PER_USEC);
		watched->last_ns[kind] = value;
		if (watched->fresh == 0)
			watched->first_ns[kind] = value;
	}
	if (!(watched->reading.old & FIELD_BIT(FIELD_PRESSURE_CPU_SOME_NS))) {
		watched->last_at_ns = watched->reading.at_ns;
		if (watched->fresh++ == 0)
			watched->first_at_ns = watched->reading.at_ns;
	}
	history_add(watched->history, &watched->reading);
}

static uint64_t rate_of(const struct watched *watched, int kind)
{
	uint64_t growth = watched->last_ns[kind] - watched->first_ns[kind];
	uint64_t span = watched->last_at_ns - watched->first_at_ns;
	uint64_t rate = (uint64_t)((double)growth * 1e9 / (double)span);

	return rate < NS_PER_SECOND ? rate : NS_PER_SECOND;
}

static void check_rates(
	const struct watched *watched, const struct figures *figures, const int metrics[KINDS])
{
	for (int kind = 0; kind < KINDS; kind++) {
		uint64_t rate, figure;

		if (metrics[kind] < 0)
			continue;
		rate = rate_of(watched, kind);
		figure = figures->value[metrics[kind]];
		assert_true(figures->present & METRIC_BIT(metrics[kind]));
		/* whole microseconds, of a division that is not ours */
		assert_in_range(figure, rate > 2000 ? rate - 2000 : 0, rate + 2000);
	}
}

static void look(struct world *world, struct source *source, struct node *node,
	struct watched watched[COUNT + 1])
{
	struct reading readings[COUNT] = {0};
	struct totals before = note(), after;

	source->ops->read(source, source->ops->fields(source), readings, COUNT);
	for (int i = 0; i < COUNT; i++) {
		watched[i].reading = readings[i];
		watched[i].reading.at_ns = clock_monotonic_ns();
	}
	node_read(node, &watched[COUNT].reading);
	after = note();
	for (int i = 0; i <= COUNT; i++)
		check_look(&watched[i], before.usec[i], after.usec[i]);
	(void)world;
}

static void equal_to_the_files(void **state)
{
	static const int OF_CONTAINER[KINDS] = {METRIC_PRESSURE_CPU_WAITING,
		METRIC_PRESSURE_CPU_STALLED, METRIC_PRESSURE_MEMORY_WAITING,
		METRIC_PRESSURE_MEMORY_STALLED, METRIC_PRESSURE_IO_WAITING,
		METRIC_PRESSURE_IO_STALLED};
	static const int OF_NODE[KINDS] = {METRIC_NODE_PRESSURE_CPU_WAITING, -1,
		METRIC_NODE_PRESSURE_MEMORY_WAITING, METRIC_NODE_PRESSURE_MEMORY_STALLED,
		METRIC_NODE_PRESSURE_IO_WAITING, METRIC_NODE_PRESSURE_IO_STALLED};
	const field_set fields = figures_fields(METRICS, METRIC_SCOPE_CONTAINER);
	const struct figures_options options = {
		~(metric_set)0 >> (64 - METRIC_COUNT), 60 * NS_PER_SECOND, LOOK_MS * NS_PER_MS, 2};
	struct watched watched[COUNT + 1] = {0};
	struct world *world = *state;
	struct figures figures;
	struct error err;
	struct source *source = source_files_new(&world->hierarchy, fields, world->telemetry, &err);
	struct node *node = node_new(&world->hierarchy, "/proc", &err);

	assert_non_null(source);
	assert_non_null(node);
	assert_int_equal(source->ops->fields(source), fields);
	node_watch_pressure(node, "/proc", fields);
	for (int i = 0; i <= COUNT; i++) {
		watched[i].history = history_new(LOOKS + 2, fields);
		if (i < COUNT)
			source->ops->add(source, &world->cgroups[i]);
	}
	for (int i = 0; i < LOOKS; i++) {
		look(world, source, node, watched);
		guest_wait_ms(LOOK_MS);
	}
	for (int i = 0; i <= COUNT; i++) {
		figures_compute(&options, i < COUNT ? METRIC_SCOPE_CONTAINER : METRIC_SCOPE_NODE,
			watched[i].history, &watched[i].reading, &figures);
		check_rates(&watched[i], &figures, i < COUNT ? OF_CONTAINER : OF_NODE);
		for (int kind = 0; kind < KINDS; kind++)
			print_message("# %s: %s %s %.3f s/s\n", i < COUNT ? PATHS[i] : "the node",
				FILES[kind / 2], LINES[kind % 2],
				(double)rate_of(&watched[i], kind) / 1e9);
	}
	/* each load shows as what it is, and read no more often than it should be */
	assert_true(rate_of(&watched[CPU], 0) > 500 * NS_PER_MS);
	assert_true(rate_of(&watched[MEMORY], 2) > 50 * NS_PER_MS);
	assert_true(rate_of(&watched[IO], 4) > 5 * NS_PER_MS);
	assert_true(rate_of(&watched[COUNT], 4) > 5 * NS_PER_MS);
	for (int i = 0; i < COUNT; i++)
		assert_in_range(watched[i].fresh, 3,
			2 + 1 + LOOKS * LOOK_MS * NS_PER_MS * 2 / SLOW_FIELDS_NS);
	for (int i = 0; i <= COUNT; i++)
		history_free(watched[i].history);
	source->ops->free(source);
	node_free(node);
}

static int start(void **state)
{
	static void (*const WORK[COUNT])(const void *, int) = {want_cpu, want_memory, want_disk};
	static struct world world;
	struct error err;

	if (hierarchy_find("/proc/self/mountinfo", &world.hierarchy, &err) < 0) {
		print_error("%s\n", err.message);
		return -1;
	}
	world.telemetry = telemetry_new();
	for (int i = 0; i < COUNT; i++) {
		world.cgroups[i].id = guest_cgroup_make(PATHS[i]);
		world.cgroups[i].slot = (uint32_t)i;
		world.cgroups[i].path = strdup(PATHS[i]);
	}
	guest_cgroup_write(PATHS[CPU], "cpu.max", "20000 100000");
	guest_cgroup_write(PATHS[MEMORY], "memory.high", "8388608");
	for (int i = 0; i < COUNT; i++)
		world.loads[i] = guest_load_start(PATHS[i], WORK[i], NULL);
	*state = &world;
	return 0;
}

static int stop(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < COUNT; i++) {
		guest_load_stop(world->loads[i]);
		free(world->cgroups[i].path);
	}
	telemetry_free(world->telemetry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_to_the_files),
	};

	return cmocka_run_group_tests_name("guest_pressure", tests, start, stop);
}
