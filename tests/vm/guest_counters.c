/* What the agent reads of a cgroup is what the kernel says of it, whichever way it is read.
 *
 * The loads are frozen before anything is compared: then no level moves, and all that was counted
 * per CPU has been added up after the kernel's own two seconds. The test reads the kernel's files
 * itself, before and after the agent's code does. */
#include "tests/vm/guest.h"
#include "tests/vm/loads.h"

#include "agent/reader.h"
#include "agent/source_bpf.h"
#include "agent/source_files.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define SETTLE_MS   2500 /* the kernel adds up memory.stat every 2 s (FLUSH_TIME in memcontrol.c) */
#define MAX_CGROUPS 64
#define SLACK       (MIB / 4) /* what a process needs for itself */

struct world {
	struct hierarchy hierarchy;
	struct telemetry *telemetry;
	struct cgroup cgroups[LOAD_COUNT];
	bool frozen;
};

/* Where the kernel says the same, in steps of `unit`: 1000 where the file says microseconds. */
static const struct {
	const char *file;
	const char *key; /* NULL = the file is one number */
	uint64_t unit;
	bool io;
} KERNEL[FIELD_COUNT] = {
	[FIELD_CPU_USAGE_NS] = {"cpu.stat", "usage_usec", 1000, false},
	[FIELD_CPU_THROTTLED_PERIODS] = {"cpu.stat", "nr_throttled", 1, false},
	[FIELD_CPU_THROTTLED_NS] = {"cpu.stat", "throttled_usec", 1000, false},
	[FIELD_MEMORY_USAGE_BYTES] = {"memory.current", NULL, 1, false},
	[FIELD_MEMORY_INACTIVE_FILE_BYTES] = {"memory.stat", "inactive_file", 1, false},
	[FIELD_MEMORY_ANON_BYTES] = {"memory.stat", "anon", 1, false},
	[FIELD_MEMORY_FILE_BYTES] = {"memory.stat", "file", 1, false},
	[FIELD_MEMORY_SWAP_BYTES] = {"memory.swap.current", NULL, 1, false},
	[FIELD_MEMORY_PEAK_BYTES] = {"memory.peak", NULL, 1, false},
	[FIELD_PIDS] = {"pids.current", NULL, 1, false},
	[FIELD_IO_READ_BYTES] = {"io.stat", "rbytes", 1, true},
	[FIELD_IO_WRITE_BYTES] = {"io.stat", "wbytes", 1, true},
	[FIELD_IO_READS] = {"io.stat", "rios", 1, true},
	[FIELD_IO_WRITES] = {"io.stat", "wios", 1, true},
	[FIELD_CPU_PERIODS] = {"cpu.stat", "nr_periods", 1, false},
	[FIELD_MEMORY_SOCKET_BYTES] = {"memory.stat", "sock", 1, false},
};

/* Those of the table: for pressure see guest_pressure.c, for limits guest_limits.c. */
static field_set all_fields(void)
{
	field_set fields = 0;

	for (int field = 0; field < FIELD_COUNT; field++)
		if (KERNEL[field].file)
			fields |= FIELD_BIT(field);
	return fields;
}

#define ALL_FIELDS all_fields()

static uint64_t kernel_value(enum load load, enum field field)
{
	const char *cgroup = load_cgroup(load), *file = KERNEL[field].file;

	if (!file)
		return 0;
	if (KERNEL[field].io)
		return guest_io(cgroup, KERNEL[field].key);
	if (!KERNEL[field].key)
		return guest_number(cgroup, file);
	return guest_keyed(cgroup, file, KERNEL[field].key);
}

static void kernel_values(uint64_t ret_values[LOAD_COUNT][FIELD_COUNT])
{
	for (int load = 0; load < LOAD_COUNT; load++)
		for (int field = 0; field < FIELD_COUNT; field++)
			ret_values[load][field] = kernel_value((enum load)load, (enum field)field);
}

/* Each valid figure lies within what the kernel said before and after; where the two are the same
 * it is equal. Counts the figures. */
static unsigned int compare(const struct reading *readings,
	uint64_t before[LOAD_COUNT][FIELD_COUNT], uint64_t after[LOAD_COUNT][FIELD_COUNT])
{
	unsigned int compared = 0, wrong = 0;

	for (int load = 0; load < LOAD_COUNT; load++) {
		assert_false(readings[load].gone);
		for (int field = 0; field < FIELD_COUNT; field++) {
			const uint64_t unit = KERNEL[field].unit,
				       value = readings[load].value[field];

			if (!(readings[load].valid & FIELD_BIT(field)))
				continue;
			compared++;
			if (value >= before[load][field] * unit &&
				value < (after[load][field] + 1) * unit)
				continue;
			wrong++;
			print_error("%s of %s: read %llu, the kernel says %llu to %llu\n",
				field_info((enum field)field)->name, load_cgroup((enum load)load),
				(unsigned long long)value,
				(unsigned long long)(before[load][field] * unit),
				(unsigned long long)(after[load][field] * unit));
		}
	}
	assert_int_equal(wrong, 0);
	return compared;
}

static void freeze(struct world *world)
{
	if (world->frozen)
		return;
	guest_cgroup_freeze(LOADS_TOP, true);
	guest_wait_ms(SETTLE_MS);
	world->frozen = true;
}

static void thaw(struct world *world)
{
	guest_cgroup_freeze(LOADS_TOP, false);
	world->frozen = false;
}

static struct source *new_files(struct world *world)
{
	struct error err;
	struct source *source =
		source_files_new(&world->hierarchy, ALL_FIELDS, world->telemetry, &err);

	if (!source)
		fail_msg("%s", err.message);
	for (int i = 0; i < LOAD_COUNT; i++)
		source->ops->add(source, &world->cgroups[i]);
	return source;
}

static struct source *new_bpf(struct world *world)
{
	struct error err;
	struct source *source =
		source_bpf_new(&world->hierarchy, LOADS_TOP, MAX_CGROUPS, world->telemetry, &err);

	if (!source)
		fail_msg("%s", err.message);
	for (int i = 0; i < LOAD_COUNT; i++)
		source->ops->add(source, &world->cgroups[i]);
	return source;
}

static struct reader *new_reader(struct world *world, enum reader_source from)
{
	const struct reader_options options = {.hierarchy = &world->hierarchy,
		.source = from,
		.wanted = ALL_FIELDS,
		.max_cgroups = MAX_CGROUPS,
		.telemetry = world->telemetry};
	struct error err;
	struct reader *reader = reader_new(&options, &err);

	if (!reader)
		fail_msg("%s", err.message);
	reader_set_top(reader, LOADS_TOP);
	for (int i = 0; i < LOAD_COUNT; i++)
		reader_add(reader, &world->cgroups[i]);
	return reader;
}

/* Every field that the source claims, with nothing moving. */
static void compare_frozen(struct world *world, struct source *source)
{
	uint64_t before[LOAD_COUNT][FIELD_COUNT], after[LOAD_COUNT][FIELD_COUNT];
	struct reading readings[LOAD_COUNT] = {0};
	uint64_t start_ns;

	freeze(world);
	kernel_values(before);
	start_ns = clock_monotonic_ns();
	source->ops->read(source, ALL_FIELDS & source->ops->fields(source), readings, LOAD_COUNT);
	for (int i = 0; i < LOAD_COUNT; i++)
		assert_in_range(readings[i].at_ns, start_ns, clock_monotonic_ns());
	kernel_values(after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(compare(readings, before, after),
		LOAD_COUNT * __builtin_popcountll(ALL_FIELDS & source->ops->fields(source)));
}

/* Counters alone: they grow, so what is read lies between what was there before and after. */
static void compare_moving(struct world *world, struct source *source)
{
	uint64_t before[LOAD_COUNT][FIELD_COUNT], after[LOAD_COUNT][FIELD_COUNT];
	field_set counters = 0;

	thaw(world);
	for (int field = 0; field < FIELD_COUNT; field++)
		if (KERNEL[field].file && field_info((enum field)field)->kind == FIELD_KIND_COUNTER)
			counters |= FIELD_BIT(field);
	for (int i = 0; i < 5; i++) {
		struct reading readings[LOAD_COUNT] = {0};

		guest_wait_ms(100);
		kernel_values(before);
		source->ops->read(source, counters, readings, LOAD_COUNT);
		kernel_values(after);
		assert_true(compare(readings, before, after) > 0);
	}
}

/* Every field there is, with nothing moving. */
static void read_frozen(
	struct world *world, enum reader_source from, struct reading ret_readings[LOAD_COUNT])
{
	uint64_t before[LOAD_COUNT][FIELD_COUNT], after[LOAD_COUNT][FIELD_COUNT];
	struct reader *reader = new_reader(world, from);

	freeze(world);
	kernel_values(before);
	reader_read(reader, ret_readings, LOAD_COUNT);
	kernel_values(after);
	assert_int_equal(compare(ret_readings, before, after),
		LOAD_COUNT * __builtin_popcountll(ALL_FIELDS));
	assert_string_equal(reader_source_of(reader, FIELD_CPU_USAGE_NS),
		from == READER_SOURCE_FILES ? "files" : "bpf");
	reader_free(reader);
}

static void files_equal_the_kernel(void **state)
{
	struct source *source = new_files(*state);

	assert_int_equal(source->ops->fields(source), ALL_FIELDS);
	compare_frozen(*state, source);
	source->ops->free(source);
}

static void bpf_equals_the_kernel(void **state)
{
	struct source *source = new_bpf(*state);

	assert_true(source->ops->fields(source) & FIELD_BIT(FIELD_CPU_USAGE_NS));
	for (int field = 0; field < FIELD_COUNT; field++)
		if (source->ops->fields(source) & FIELD_BIT(field))
			print_message("# BPF gives %s\n", field_info((enum field)field)->name);
	compare_frozen(*state, source);
	source->ops->free(source);
}

static void the_reader_gives_every_field(void **state)
{
	struct reading readings[LOAD_COUNT];

	read_frozen(*state, READER_SOURCE_FILES, readings);
	read_frozen(*state, READER_SOURCE_BPF, readings);
}

/* The kernel's own figures are of no use if the wrong ones are read: each load must show. */
static void each_load_is_counted(void **state)
{
	struct reading readings[LOAD_COUNT] = {0};
	const uint64_t *memory = readings[LOAD_MEMORY].value, *cache = readings[LOAD_CACHE].value;
	const uint64_t *disk = readings[LOAD_DISK].value, *busy = readings[LOAD_BUSY].value;
	const uint64_t *swap = readings[LOAD_SWAP].value;

	read_frozen(*state, READER_SOURCE_AUTO, readings);
	assert_in_range(
		memory[FIELD_MEMORY_ANON_BYTES], LOAD_MEMORY_HELD, LOAD_MEMORY_HELD + SLACK);
	assert_in_range(
		memory[FIELD_MEMORY_USAGE_BYTES], LOAD_MEMORY_HELD, LOAD_MEMORY_HELD + 2 * SLACK);
	assert_in_range(memory[FIELD_MEMORY_PEAK_BYTES], 2 * LOAD_MEMORY_HELD,
		2 * LOAD_MEMORY_HELD + 4 * SLACK);

	assert_in_range(cache[FIELD_MEMORY_FILE_BYTES], LOAD_CACHE_READ, LOAD_CACHE_READ + SLACK);
	assert_in_range(
		cache[FIELD_MEMORY_INACTIVE_FILE_BYTES], LOAD_CACHE_READ, LOAD_CACHE_READ + SLACK);
	assert_in_range(cache[FIELD_IO_READ_BYTES], LOAD_CACHE_READ, LOAD_CACHE_READ + SLACK);
	assert_in_range(cache[FIELD_IO_READS], 1, LOAD_CACHE_READ / 4096);

	assert_in_range(disk[FIELD_IO_WRITE_BYTES], LOAD_DISK_WRITTEN, LOAD_DISK_WRITTEN + SLACK);
	assert_in_range(disk[FIELD_IO_WRITES], 1, LOAD_DISK_WRITTEN / 4096);
	assert_true(disk[FIELD_MEMORY_FILE_BYTES] <= SLACK);

	assert_true(busy[FIELD_CPU_THROTTLED_PERIODS] >= 3);
	assert_true(busy[FIELD_CPU_THROTTLED_NS] > 0);
	assert_true(busy[FIELD_CPU_USAGE_NS] > 0);
	assert_int_equal(memory[FIELD_CPU_THROTTLED_PERIODS], 0);

	assert_int_equal(readings[LOAD_PIDS].value[FIELD_PIDS], LOAD_PIDS_COUNT);
	assert_int_equal(busy[FIELD_PIDS], 1);

	/* A page on its way can count twice: it is in memory still and has its place in swap. */
	assert_in_range(swap[FIELD_MEMORY_SWAP_BYTES], LOAD_SWAP_HELD / 4, LOAD_SWAP_HELD + SLACK);
	assert_true(
		swap[FIELD_MEMORY_SWAP_BYTES] + swap[FIELD_MEMORY_ANON_BYTES] >= LOAD_SWAP_HELD);
	assert_int_equal(memory[FIELD_MEMORY_SWAP_BYTES], 0);
}

static void files_move_with_the_kernel(void **state)
{
	struct source *source = new_files(*state);

	compare_moving(*state, source);
	source->ops->free(source);
}

static void bpf_moves_with_the_kernel(void **state)
{
	struct source *source = new_bpf(*state);

	compare_moving(*state, source);
	source->ops->free(source);
}

/* crun's way: the processes are in a cgroup inside of the scope. When that one goes its page cache
 * still counts for the scope. */
static void what_a_removed_child_left_is_counted(void **state)
{
	struct reading readings[LOAD_COUNT];

	load_remove(LOAD_CACHE);
	read_frozen(*state, READER_SOURCE_AUTO, readings);
	assert_in_range(readings[LOAD_CACHE].value[FIELD_MEMORY_INACTIVE_FILE_BYTES],
		LOAD_CACHE_READ, LOAD_CACHE_READ + SLACK);
	assert_int_equal(readings[LOAD_CACHE].value[FIELD_PIDS], 0);
}

static void a_removed_cgroup_is_gone(void **state)
{
	static const enum reader_source SOURCES[] = {READER_SOURCE_FILES, READER_SOURCE_BPF};
	struct reader *readers[2];
	struct reading readings[LOAD_COUNT];

	thaw(*state);
	for (int i = 0; i < 2; i++) {
		readers[i] = new_reader(*state, SOURCES[i]);
		reader_read(readers[i], readings, LOAD_COUNT);
		assert_false(readings[LOAD_PIDS].gone);
	}
	load_remove(LOAD_PIDS);
	for (int i = 0; i < 2; i++) {
		reader_read(readers[i], readings, LOAD_COUNT);
		assert_true(readings[LOAD_PIDS].gone);
		assert_int_equal(readings[LOAD_PIDS].valid, 0);
		assert_int_equal(readings[LOAD_BUSY].valid, ALL_FIELDS);
		reader_free(readers[i]);
	}
}

static int start(void **state)
{
	static struct world world;
	struct error err;

	if (hierarchy_find("/proc/self/mountinfo", &world.hierarchy, &err) < 0) {
		print_error("%s\n", err.message);
		return -1;
	}
	world.telemetry = telemetry_new();
	loads_start();
	for (int i = 0; i < LOAD_COUNT; i++) {
		world.cgroups[i].id = load_cgroup_id((enum load)i);
		world.cgroups[i].slot = (uint32_t)i;
		world.cgroups[i].path = strdup(load_cgroup((enum load)i));
	}
	*state = &world;
	return 0;
}

static int stop(void **state)
{
	struct world *world = *state;

	loads_stop();
	for (int i = 0; i < LOAD_COUNT; i++)
		free(world->cgroups[i].path);
	telemetry_free(world->telemetry);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(files_equal_the_kernel),
		cmocka_unit_test(bpf_equals_the_kernel),
		cmocka_unit_test(the_reader_gives_every_field),
		cmocka_unit_test(each_load_is_counted),
		cmocka_unit_test(files_move_with_the_kernel),
		cmocka_unit_test(bpf_moves_with_the_kernel),
		cmocka_unit_test(what_a_removed_child_left_is_counted),
		cmocka_unit_test(a_removed_cgroup_is_gone),
	};

	return cmocka_run_group_tests_name("guest_counters", tests, start, stop);
}
