/* Limits and what is in use of them: equal to the kernel's files, and absent where there is none.
 */
#include "tests/vm/guest.h"

#include "agent/figures.h"
#include "agent/history.h"
#include "agent/reader.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define MIB       (1024ULL * 1024)
#define TOP       "/kubepods.slice"
#define SETTLE_MS 2500 /* the kernel adds up memory.stat every 2 s */
#define PAGES     3    /* huge ones */

enum which { LIMITED, FREE, COUNT };

static const char *const PATHS[COUNT] = {TOP "/limited.slice", TOP "/free.slice"};

static const metric_set METRICS =
	METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_CPU_THROTTLED_RATIO) |
	METRIC_BIT(METRIC_CPU_PERIODS) | METRIC_BIT(METRIC_MEMORY_LIMIT) |
	METRIC_BIT(METRIC_MEMORY_USAGE) | METRIC_BIT(METRIC_MEMORY_USAGE_RATIO) |
	METRIC_BIT(METRIC_MEMORY_HUGETLB);

struct world {
	struct hierarchy hierarchy;
	struct telemetry *telemetry;
	struct cgroup cgroups[COUNT];
	struct guest_load loads[COUNT];
	uint64_t huge_pages; /* that the kernel could give */
};

static void *hold(size_t size, int flags)
{
	void *memory = mmap(
		NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);

	guest_need(memory != MAP_FAILED, "memory");
	memset(memory, 1, size);
	return memory;
}

/* Holds memory, and huge pages where there are some, and is busy. */
static void work(const void *argument, int ready)
{
	const struct world *world = argument;
	volatile unsigned int turns = 0;

	(void)hold(32 * MIB, 0);
	if (world->huge_pages)
		(void)hold(world->huge_pages * 2 * MIB, MAP_HUGETLB);
	guest_ready(ready);
	for (;;)
		turns++;
}

/* What one way of reading says at two frozen moments, three seconds of work apart; what the files
 * say then is in `kernel`. */
struct moment {
	uint64_t periods, throttled, usage, inactive;
};

static void note(struct moment kernel[COUNT])
{
	for (int i = 0; i < COUNT; i++)
		kernel[i] = (struct moment){guest_keyed(PATHS[i], "cpu.stat", "nr_periods"),
			guest_keyed(PATHS[i], "cpu.stat", "nr_throttled"),
			guest_number(PATHS[i], "memory.current"),
			guest_keyed(PATHS[i], "memory.stat", "inactive_file")};
}

static void freeze_and_read(struct reader *reader, struct history *histories[COUNT],
	struct reading readings[COUNT], struct moment kernel[COUNT])
{
	guest_cgroup_freeze(TOP, true);
	guest_wait_ms(SETTLE_MS);
	note(kernel);
	reader_read(reader, readings, COUNT);
	for (int i = 0; i < COUNT; i++)
		history_add(histories[i], &readings[i]);
	guest_cgroup_freeze(TOP, false);
}

static void check(struct world *world, const struct figures figures[COUNT],
	const struct moment first[COUNT], const struct moment second[COUNT])
{
	const struct figures *limited = &figures[LIMITED], *without = &figures[FREE];
	uint64_t periods = second[LIMITED].periods - first[LIMITED].periods;
	uint64_t throttled = second[LIMITED].throttled - first[LIMITED].throttled;
	uint64_t huge = 0;

	assert_true(periods > 10);
	assert_true(throttled > 5);
	assert_int_equal(limited->value[METRIC_CPU_THROTTLED_RATIO], throttled * 1000 / periods);
	assert_false(without->present & METRIC_BIT(METRIC_CPU_THROTTLED_RATIO));

	assert_int_equal(guest_number(PATHS[LIMITED], "memory.max"), 64 * MIB);
	assert_int_equal(limited->value[METRIC_MEMORY_LIMIT], 64 * MIB);
	assert_int_equal(limited->value[METRIC_MEMORY_USAGE], second[LIMITED].usage);
	assert_int_equal(limited->value[METRIC_MEMORY_USAGE_RATIO],
		(second[LIMITED].usage - second[LIMITED].inactive) * 1000 / (64 * MIB));
	assert_in_range(limited->value[METRIC_MEMORY_USAGE_RATIO], 500, 600);
	assert_int_equal(guest_number(PATHS[FREE], "memory.max"), UINT64_MAX);
	assert_false(without->present & METRIC_BIT(METRIC_MEMORY_LIMIT));
	assert_false(without->present & METRIC_BIT(METRIC_MEMORY_USAGE_RATIO));
	assert_int_equal(without->value[METRIC_MEMORY_USAGE], second[FREE].usage);

	for (int i = 0; i < COUNT; i++) {
		bool counted = guest_cgroup_has(PATHS[i], "hugetlb.2MB.current");

		assert_int_equal(
			!!(figures[i].present & METRIC_BIT(METRIC_MEMORY_HUGETLB)), counted);
		if (!counted)
			continue;
		huge = guest_number(PATHS[i], "hugetlb.2MB.current");
		assert_int_equal(figures[i].value[METRIC_MEMORY_HUGETLB], huge);
		assert_int_equal(huge, world->huge_pages * 2 * MIB);
	}
	print_message("# throttled %llu of %llu periods, %llu of 1000 of the limit, huge pages "
		      "%llu bytes\n",
		(unsigned long long)throttled, (unsigned long long)periods,
		(unsigned long long)limited->value[METRIC_MEMORY_USAGE_RATIO],
		(unsigned long long)huge);
}

static void equal_to_the_files(struct world *world, enum reader_source source)
{
	const struct reader_options reader_options = {&world->hierarchy, source,
		figures_fields(METRICS, METRIC_SCOPE_CONTAINER), 64, .telemetry = world->telemetry};
	const struct figures_options options = {METRICS, 15 * NS_PER_SECOND, NS_PER_SECOND, 2};
	struct history *histories[COUNT];
	struct reading readings[COUNT];
	struct figures figures[COUNT];
	struct moment first[COUNT], second[COUNT];
	struct error err;
	struct reader *reader = reader_new(&reader_options, &err);

	if (!reader)
		fail_msg("%s", err.message);
	reader_set_top(reader, TOP);
	for (int i = 0; i < COUNT; i++) {
		reader_add(reader, &world->cgroups[i]);
		histories[i] = history_new(8, reader_options.wanted);
	}
	freeze_and_read(reader, histories, readings, first);
	guest_wait_ms(3000);
	freeze_and_read(reader, histories, readings, second);
	for (int i = 0; i < COUNT; i++) {
		figures_compute(
			&options, METRIC_SCOPE_CONTAINER, histories[i], &readings[i], &figures[i]);
		history_free(histories[i]);
	}
	check(world, figures, first, second);
	reader_free(reader);
}

static void files_say_what_the_kernel_says(void **state)
{
	equal_to_the_files(*state, READER_SOURCE_FILES);
}

static void the_walk_says_what_the_kernel_says(void **state)
{
	equal_to_the_files(*state, READER_SOURCE_BPF);
}

/* How many huge pages there are when some are asked for: memory may be in pieces, or the kernel
 * without them. */
static uint64_t make_huge_pages(void)
{
	FILE *file = fopen("/proc/sys/vm/nr_hugepages", "r+e");
	unsigned long long count = 0;

	if (!file)
		return 0;
	(void)fprintf(file, "%d", COUNT * PAGES);
	(void)fflush(file);
	rewind(file);
	if (fscanf(file, "%llu", &count) != 1)
		count = 0;
	(void)fclose(file);
	return count / COUNT;
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
	world.huge_pages = make_huge_pages();
	if (world.huge_pages == 0)
		print_message("# the kernel gave no huge pages: their figure is compared at 0\n");
	for (int i = 0; i < COUNT; i++) {
		world.cgroups[i].id = guest_cgroup_make(PATHS[i]);
		world.cgroups[i].slot = (uint32_t)i;
		world.cgroups[i].path = strdup(PATHS[i]);
	}
	guest_cgroup_write(PATHS[LIMITED], "cpu.max", "20000 100000");
	guest_cgroup_write(PATHS[LIMITED], "memory.max", "67108864");
	for (int i = 0; i < COUNT; i++)
		world.loads[i] = guest_load_start(PATHS[i], work, &world);
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
		cmocka_unit_test(files_say_what_the_kernel_says),
		cmocka_unit_test(the_walk_says_what_the_kernel_says),
	};

	return cmocka_run_group_tests_name("guest_limits", tests, start, stop);
}
