/* agent/source_files: on folders of plain files for what can be wrong with them, on real cgroups
 * for what only the kernel does. */
#include "agent/source_files.h"

#include "agent/cgroup_file.h"
#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/source_world.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL all_fields()

/* That a file gives. */
static field_set all_fields(void)
{
	field_set fields = 0;

	for (int field = 0; field < FIELD_COUNT; field++)
		if (*field_info((enum field)field)->file)
			fields |= FIELD_BIT(field);
	return fields;
}

#define PRESSURE(some, full)                                      \
	"some avg10=1.50 avg60=0.00 avg300=0.00 total=" some "\n" \
	"full avg10=0.00 avg60=0.00 avg300=0.00 total=" full "\n"

/* Of the six pressure figures, in their order. */
#define PRESSURE_FIELDS (FIELD_BIT(FIELD_PRESSURE_CPU_SOME_NS) * 0x3f)
#define SLOW_FIELDS                                              \
	(PRESSURE_FIELDS | FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES) | \
		FIELD_BIT(FIELD_HUGETLB_2MB_BYTES) | FIELD_BIT(FIELD_HUGETLB_1GB_BYTES))

struct files_test {
	struct source_world *world;
	struct telemetry *telemetry;
	struct source *source;
};

static struct files_test begin(struct source_world *world, field_set wanted)
{
	struct files_test test = {.world = world, .telemetry = telemetry_new()};
	struct error err = {""};

	test.source = source_files_new(source_world_hierarchy(world), wanted, test.telemetry, &err);
	assert_string_equal(err.message, "");
	assert_non_null(test.source);
	return test;
}

static void end(struct files_test *test)
{
	test->source->ops->free(test->source);
	telemetry_free(test->telemetry);
	source_world_free(test->world);
}

static uint64_t counted(
	const struct files_test *test, const char *name, const char *label, const char *label_value)
{
	return telemetry_get(telemetry_counter(test->telemetry, name, "", label, label_value));
}

static uint64_t errors(const struct files_test *test, const char *reason)
{
	return counted(test, "tacho_agent_read_errors_total", "reason", reason);
}

static struct cgroup *add(struct files_test *test, const char *name, bool v2_only)
{
	struct cgroup *cgroup = source_world_make(test->world, name, v2_only);

	test->source->ops->add(test->source, cgroup);
	return cgroup;
}

static struct reading read_one(
	struct files_test *test, const struct cgroup *cgroup, field_set fields)
{
	static struct reading readings[1024];
	uint32_t count = cgroup->slot + 1;

	memset(readings, 0, count * sizeof(*readings));
	test->source->ops->read(test->source, fields, readings, count);
	return readings[cgroup->slot];
}

static void write_text(
	struct files_test *test, const struct cgroup *cgroup, const char *file, const char *text)
{
	source_world_write(test->world, cgroup, false, file, text, strlen(text));
}

static void write_v1(
	struct files_test *test, const struct cgroup *cgroup, const char *file, const char *text)
{
	source_world_write(test->world, cgroup, true, file, text, strlen(text));
}

/* Everything that a cgroup v2 has. */
static void write_all(struct files_test *test, const struct cgroup *cgroup)
{
	write_text(test, cgroup, "cpu.stat",
		"usage_usec 1\nuser_usec 9\nnr_periods 11\nnr_throttled 2\nthrottled_usec 3\n");
	write_text(test, cgroup, "memory.current", "4096\n");
	write_text(test, cgroup, "memory.stat", "anon 5\nfile 6\nsock 12\ninactive_file 7\n");
	write_text(test, cgroup, "memory.swap.current", "8\n");
	write_text(test, cgroup, "memory.peak", "9\n");
	write_text(test, cgroup, "memory.max", "13\n");
	write_text(test, cgroup, "memory.events", "low 1\nmax 2\noom 3\noom_kill 23\n");
	write_text(test, cgroup, "hugetlb.2MB.current", "14\n");
	write_text(test, cgroup, "hugetlb.1GB.current", "15\n");
	write_text(test, cgroup, "pids.current", "10\n");
	write_text(test, cgroup, "io.stat",
		"8:0 rbytes=1 wbytes=2 rios=3 wios=4 depth=max avg_lat=16 win=20\n"
		"8:1 rbytes=10 wbytes=20 rios=30 wios=40 depth=max avg_lat=9 win=1\n");
	write_text(test, cgroup, "cpu.pressure", PRESSURE("17", "18"));
	write_text(test, cgroup, "memory.pressure", PRESSURE("19", "20"));
	write_text(test, cgroup, "io.pressure", PRESSURE("21", "22"));
}

static void reads_every_field_of_v2(void **state)
{
	struct files_test test =
		begin(source_world_fake(false, "cpuset cpu io memory hugetlb pids\n"), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	uint64_t before = clock_monotonic_ns();
	struct reading reading;

	(void)state;
	write_all(&test, cgroup);
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(test.source->ops->fields(test.source), ALL);
	assert_int_equal(reading.valid, ALL);
	assert_false(reading.gone);
	assert_in_range(reading.at_ns, before, clock_monotonic_ns());
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS], 1000);
	assert_int_equal(reading.value[FIELD_CPU_THROTTLED_PERIODS], 2);
	assert_int_equal(reading.value[FIELD_CPU_THROTTLED_NS], 3000);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 4096);
	assert_int_equal(reading.value[FIELD_MEMORY_ANON_BYTES], 5);
	assert_int_equal(reading.value[FIELD_MEMORY_FILE_BYTES], 6);
	assert_int_equal(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 7);
	assert_int_equal(reading.value[FIELD_MEMORY_SWAP_BYTES], 8);
	assert_int_equal(reading.value[FIELD_MEMORY_PEAK_BYTES], 9);
	assert_int_equal(reading.value[FIELD_PIDS], 10);
	assert_int_equal(reading.value[FIELD_CPU_PERIODS], 11);
	assert_int_equal(reading.value[FIELD_MEMORY_SOCKET_BYTES], 12);
	assert_int_equal(reading.value[FIELD_MEMORY_LIMIT_BYTES], 13);
	assert_int_equal(reading.value[FIELD_HUGETLB_2MB_BYTES], 14);
	assert_int_equal(reading.value[FIELD_HUGETLB_1GB_BYTES], 15);
	assert_int_equal(reading.value[FIELD_IO_LATENCY_NS], 16000);
	assert_int_equal(reading.value[FIELD_OOM_KILLS], 23);
	for (int i = 0; i < 6; i++)
		assert_int_equal(
			reading.value[FIELD_PRESSURE_CPU_SOME_NS + i], (17 + (uint64_t)i) * 1000);
	assert_int_equal(reading.old, 0);
	assert_int_equal(reading.value[FIELD_IO_READ_BYTES], 11);
	assert_int_equal(reading.value[FIELD_IO_WRITE_BYTES], 22);
	assert_int_equal(reading.value[FIELD_IO_READS], 33);
	assert_int_equal(reading.value[FIELD_IO_WRITES], 44);

	/* The held files show what is new in them. */
	write_text(&test, cgroup, "io.stat", "");
	write_text(&test, cgroup, "memory.current", "8192\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.valid, ALL & ~FIELD_BIT(FIELD_IO_LATENCY_NS));
	assert_int_equal(reading.value[FIELD_IO_READ_BYTES], 0);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 8192);
	end(&test);
}

static void reads_memory_of_a_hybrid_host_from_v1(void **state)
{
	field_set memory = FIELD_BIT(FIELD_MEMORY_USAGE_BYTES) |
			   FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES) |
			   FIELD_BIT(FIELD_MEMORY_ANON_BYTES) | FIELD_BIT(FIELD_MEMORY_FILE_BYTES) |
			   FIELD_BIT(FIELD_MEMORY_PEAK_BYTES) | FIELD_BIT(FIELD_OOM_KILLS);
	field_set given = memory | FIELD_BIT(FIELD_CPU_USAGE_NS) |
			  FIELD_BIT(FIELD_MEMORY_SWAP_BYTES) | FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES) |
			  PRESSURE_FIELDS;
	struct log_capture *capture = log_capture_start();
	struct files_test test = begin(source_world_fake(true, "\n"), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct reading reading;
	char *log;

	(void)state;
	write_text(&test, cgroup, "cpu.stat", "usage_usec 1\n");
	write_v1(&test, cgroup, "memory.usage_in_bytes", "4096\n");
	write_v1(&test, cgroup, "memory.max_usage_in_bytes", "8192\n");
	write_v1(&test, cgroup, "memory.stat",
		"cache 1\nrss 1\ninactive_file 1\ntotal_cache 6\ntotal_rss 5\ntotal_inactive_file "
		"7\n");
	write_v1(&test, cgroup, "memory.limit_in_bytes", "9223372036854771712\n");
	write_v1(&test, cgroup, "memory.oom_control",
		"oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
	write_text(&test, cgroup, "memory.pressure", PRESSURE("5", "4"));
	reading = read_one(&test, cgroup, ALL);
	log = log_capture_end(capture);
	assert_int_equal(test.source->ops->fields(test.source), given);
	assert_int_equal(reading.valid, memory | FIELD_BIT(FIELD_CPU_USAGE_NS) |
						FIELD_BIT(FIELD_PRESSURE_MEMORY_SOME_NS) |
						FIELD_BIT(FIELD_PRESSURE_MEMORY_FULL_NS));
	assert_int_equal(reading.value[FIELD_PRESSURE_MEMORY_SOME_NS], 5000);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 4096);
	assert_int_equal(reading.value[FIELD_MEMORY_ANON_BYTES], 5);
	assert_int_equal(reading.value[FIELD_MEMORY_FILE_BYTES], 6);
	assert_int_equal(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 7);
	assert_int_equal(reading.value[FIELD_MEMORY_PEAK_BYTES], 8192);
	/* Each absence is said. */
	assert_non_null(strstr(log, "the controller pids is not in the cgroup v2 tree"));
	assert_non_null(strstr(log, "the controller io is not"));
	assert_non_null(strstr(log, "the controller cpu is not"));
	assert_non_null(strstr(log, "the controller hugetlb is not"));
	assert_null(strstr(log, "the controller memory is not"));
	assert_non_null(strstr(log, "cgroup /a has no memory.swap.current"));
	assert_non_null(strstr(log, "v1's memory controller has nothing like memory.stat sock"));
	assert_null(strstr(log, "limit_in_bytes"));
	write_v1(&test, cgroup, "memory.limit_in_bytes", "1048576\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.value[FIELD_MEMORY_LIMIT_BYTES], 1048576);
	end(&test);
	free(log);
}

/* Files that are read less often: the first two looks read them, then each cgroup in its turn. */
static void slow_files_keep_what_they_said(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct reading reading;

	(void)state;
	write_all(&test, cgroup);
	assert_int_equal(read_one(&test, cgroup, ALL).old, 0);
	write_text(&test, cgroup, "cpu.pressure", PRESSURE("27", "28"));
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.old, 0);
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_SOME_NS], 27000);

	write_text(&test, cgroup, "cpu.pressure", PRESSURE("37", "38"));
	write_text(&test, cgroup, "memory.max", "26\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.valid, ALL);
	assert_int_equal(reading.old, SLOW_FIELDS);
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_SOME_NS], 27000);
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_FULL_NS], 28000);
	assert_int_equal(reading.value[FIELD_MEMORY_LIMIT_BYTES], 13);

	/* another cgroup in the same slot has nothing of it */
	test.source->ops->remove(test.source, cgroup);
	test.source->ops->add(test.source, cgroup);
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.old, 0);
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_SOME_NS], 37000);
	end(&test);
}

/* No limit is no trouble and nothing to tell; a limit that comes later is seen. */
static void no_limit_is_absent(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct log_capture *capture;
	struct reading reading;
	char *log;

	(void)state;
	write_all(&test, cgroup);
	write_text(&test, cgroup, "memory.max", "max\n");
	capture = log_capture_start();
	reading = read_one(&test, cgroup, ALL);
	log = log_capture_end(capture);
	assert_string_equal(log, "");
	free(log);
	assert_int_equal(reading.valid, ALL & ~FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES));
	assert_int_equal(errors(&test, "malformed"), 0);
	write_text(&test, cgroup, "memory.max", "4096\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.valid, ALL);
	assert_int_equal(reading.value[FIELD_MEMORY_LIMIT_BYTES], 4096);
	end(&test);
}

/* Kernels before 5.13 say nothing of "full" for the CPU. */
static void a_pressure_file_may_lack_a_line(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct log_capture *capture = log_capture_start();
	struct reading reading;
	char *log;

	(void)state;
	write_all(&test, cgroup);
	write_text(&test, cgroup, "cpu.pressure", "some avg10=0.00 avg60=0.00 total=9\n");
	reading = read_one(&test, cgroup, ALL);
	log = log_capture_end(capture);
	assert_non_null(strstr(log, "cgroup /a has no cpu.pressure full"));
	free(log);
	assert_int_equal(reading.valid, ALL & ~FIELD_BIT(FIELD_PRESSURE_CPU_FULL_NS));
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_SOME_NS], 9000);
	end(&test);
}

static void finds_a_v1_folder_that_comes_later(void **state)
{
	field_set usage = FIELD_BIT(FIELD_MEMORY_USAGE_BYTES);
	struct files_test test = begin(source_world_fake(true, "\n"), ALL);
	struct cgroup *cgroup = add(&test, "a", true);
	struct reading reading;

	(void)state;
	write_text(&test, cgroup, "cpu.stat", "usage_usec 1\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.valid, FIELD_BIT(FIELD_CPU_USAGE_NS));
	assert_false(reading.gone);
	source_world_make_v1(test.world, cgroup);
	write_v1(&test, cgroup, "memory.usage_in_bytes", "4096\n");
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(reading.valid, FIELD_BIT(FIELD_CPU_USAGE_NS) | usage);
	end(&test);
}

static void leaves_alone_what_is_not_asked_or_valid_already(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct reading reading;

	(void)state;
	write_all(&test, cgroup);
	reading = read_one(&test, cgroup, FIELD_BIT(FIELD_PIDS));
	assert_int_equal(reading.valid, FIELD_BIT(FIELD_PIDS));
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS], 0);
	assert_int_not_equal(reading.at_ns, 0);
	assert_int_equal(counted(&test, "tacho_agent_open_cgroup_files", NULL, NULL), 1);

	reading = (struct reading){.at_ns = 5, .valid = FIELD_BIT(FIELD_CPU_USAGE_NS)};
	reading.value[FIELD_CPU_USAGE_NS] = 77;
	test.source->ops->read(test.source, ALL, &reading, 1);
	assert_int_equal(reading.valid, ALL);
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS], 77);
	assert_int_equal(reading.at_ns, 5);
	end(&test);
}

static void leaves_out_a_figure_that_is_wrong(void **state)
{
	static const struct {
		const char *file, *text, *reason, *words;
		field_set lost;
	} CASES[] = {
		{"memory.current", "", "malformed", "not a number",
			FIELD_BIT(FIELD_MEMORY_USAGE_BYTES)},
		{"memory.current", "max\n", "malformed", "not a number",
			FIELD_BIT(FIELD_MEMORY_USAGE_BYTES)},
		{"pids.current", "18446744073709551616\n", "too_large", "a number beyond 64 bits",
			FIELD_BIT(FIELD_PIDS)},
		{"cpu.stat",
			"usage_usec 18446744073709552\nnr_periods 1\nnr_throttled 2\nthrottled_usec "
			"3\n",
			"too_large", "a number beyond 64 bits", FIELD_BIT(FIELD_CPU_USAGE_NS)},
		{"memory.stat", "anon x\nfile 6\nsock 1\ninactive_file 7\n", "malformed",
			"not a number", FIELD_BIT(FIELD_MEMORY_ANON_BYTES)},
		{"io.stat", "8:0 rbytes=x wbytes=2 avg_lat=1\n", "malformed", "not a number",
			FIELD_BIT(FIELD_IO_READ_BYTES)},
		{"io.stat", "8:0 avg_lat=x\n", "malformed", "not a number",
			FIELD_BIT(FIELD_IO_LATENCY_NS)},
		{"io.stat", "8:0 avg_lat=18446744073709552\n", "too_large",
			"a number beyond 64 bits", FIELD_BIT(FIELD_IO_LATENCY_NS)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct files_test test = begin(source_world_fake(false, NULL), ALL);
		struct cgroup *cgroup = add(&test, "a\nb", false);
		struct log_capture *capture;
		struct reading reading;
		char *log;

		write_all(&test, cgroup);
		write_text(&test, cgroup, CASES[i].file, CASES[i].text);
		capture = log_capture_start();
		for (int again = 0; again < 3; again++)
			reading = read_one(&test, cgroup, ALL);
		log = log_capture_end(capture);
		assert_int_equal(reading.valid, ALL & ~CASES[i].lost);
		assert_int_equal(errors(&test, CASES[i].reason), 3);
		assert_int_equal(log_capture_count_in(log, CASES[i].words), 1);
		assert_int_equal(log_capture_count_in(log, "\n"), 1);
		assert_non_null(strstr(log, CASES[i].file));
		assert_non_null(strstr(log, "/a\\x0ab"));
		free(log);
		end(&test);
	}
}

static void leaves_out_a_slow_figure_that_is_wrong(void **state)
{
	static const struct {
		const char *file, *text, *reason;
		field_set lost;
	} CASES[] = {
		{"cpu.pressure", "some avg10=0.00 total=x\nfull total=1\n", "malformed",
			FIELD_BIT(FIELD_PRESSURE_CPU_SOME_NS)},
		{"memory.pressure", "some avg10=0.00\nfull avg10=0.00 total=1\n", "malformed",
			FIELD_BIT(FIELD_PRESSURE_MEMORY_SOME_NS)},
		{"io.pressure", "some total=1\nfull total=18446744073709552\n", "too_large",
			FIELD_BIT(FIELD_PRESSURE_IO_FULL_NS)},
		{"memory.max", "maximum\n", "malformed", FIELD_BIT(FIELD_MEMORY_LIMIT_BYTES)},
		{"hugetlb.2MB.current", "max\n", "malformed", FIELD_BIT(FIELD_HUGETLB_2MB_BYTES)},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct files_test test = begin(source_world_fake(false, NULL), ALL);
		struct cgroup *cgroup = add(&test, "a", false);
		struct log_capture *capture = log_capture_start();
		char *log;

		write_all(&test, cgroup);
		write_text(&test, cgroup, CASES[i].file, CASES[i].text);
		for (int again = 0; again < 3; again++)
			assert_int_equal(read_one(&test, cgroup, ALL).valid, ALL & ~CASES[i].lost);
		log = log_capture_end(capture);
		assert_int_equal(errors(&test, CASES[i].reason), 2); /* the third look is none */
		assert_int_equal(log_capture_count_in(log, CASES[i].file), 1);
		free(log);
		end(&test);
	}
}

static void a_file_may_be_long_but_not_endless(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	size_t size = CGROUP_FILE_MAX + 1;
	char *text = malloc(size);
	struct reading reading;

	(void)state;
	write_all(&test, cgroup);
	memset(text, '\n', size);
	memcpy(text + CGROUP_FILE_MAX - 7, "anon 5\n", 7);
	source_world_write(test.world, cgroup, false, "memory.stat", text, CGROUP_FILE_MAX);
	reading = read_one(&test, cgroup, FIELD_BIT(FIELD_MEMORY_ANON_BYTES));
	assert_int_equal(reading.value[FIELD_MEMORY_ANON_BYTES], 5);
	assert_int_equal(errors(&test, "too_long"), 0);

	source_world_write(test.world, cgroup, false, "memory.stat", text, size);
	reading = read_one(&test, cgroup, ALL);
	assert_int_equal(errors(&test, "too_long"), 1);
	assert_int_equal(reading.valid,
		ALL & ~(FIELD_BIT(FIELD_MEMORY_ANON_BYTES) | FIELD_BIT(FIELD_MEMORY_FILE_BYTES) |
			      FIELD_BIT(FIELD_MEMORY_SOCKET_BYTES) |
			      FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES)));
	free(text);
	end(&test);
}

static void absent_files_are_absent_fields_said_once(void **state)
{
	struct log_capture *capture = log_capture_start();
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct reading reading;
	char *log;

	(void)state;
	for (int i = 0; i < 3; i++) {
		char name[8];
		struct cgroup *cgroup;

		(void)snprintf(name, sizeof(name), "c%d", i);
		cgroup = add(&test, name, false);
		write_text(&test, cgroup, "cpu.stat", "usage_usec 1\n");
		reading = read_one(&test, cgroup, ALL);
		assert_int_equal(reading.valid, FIELD_BIT(FIELD_CPU_USAGE_NS));
		assert_false(reading.gone);
	}
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "has no memory.current"), 1);
	assert_int_equal(log_capture_count_in(log, "has no cpu.stat nr_throttled"), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), __builtin_popcountll(ALL) - 1);
	free(log);
	end(&test);
}

static void another_folder_at_the_same_path_is_another_cgroup(void **state)
{
	struct files_test test = begin(source_world_fake(false, NULL), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	struct reading reading;

	(void)state;
	write_all(&test, cgroup);
	cgroup->id++; /* as if the folder had been made anew since */
	reading = read_one(&test, cgroup, ALL);
	assert_true(reading.gone);
	assert_int_equal(reading.valid, 0);
	end(&test);
}

static unsigned count_fds(void)
{
	DIR *folder = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static void check_everything_is_read(struct files_test *test, uint32_t count)
{
	struct reading *readings = calloc(count, sizeof(*readings));

	assert_non_null(readings);
	test->source->ops->read(test->source, ALL, readings, count);
	for (uint32_t slot = 0; slot < count; slot++) {
		assert_int_equal(readings[slot].valid, ALL);
		assert_int_equal(readings[slot].value[FIELD_MEMORY_ANON_BYTES], 5);
	}
	free(readings);
}

/* The last test: a hard limit can't be raised again. */
static void few_file_descriptors_are_enough(void **state)
{
	const uint32_t count = 300;
	struct rlimit limit = {256, 256};
	struct log_capture *capture = log_capture_start();
	struct files_test test;
	int taken[256];
	unsigned before;
	char *log;

	(void)state;
	test = begin(source_world_fake(false, NULL), ALL);
	for (uint32_t i = 0; i < count; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "c%u", i);
		write_all(&test, add(&test, name, false));
	}
	before = count_fds();
	check_everything_is_read(&test, count);
	assert_true(count_fds() > before + count); /* there are plenty: they are held */
	test.source->ops->rest(test.source);
	assert_int_equal(count_fds(), before);
	test.source->ops->free(test.source);

	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	test.source =
		source_files_new(source_world_hierarchy(test.world), ALL, test.telemetry, NULL);
	assert_non_null(test.source);
	for (uint32_t slot = 0; slot < count; slot++)
		test.source->ops->add(test.source, source_world_at(test.world, slot));
	check_everything_is_read(&test, count);
	check_everything_is_read(&test, count);
	assert_int_equal(counted(&test, "tacho_agent_open_cgroup_files", NULL, NULL), 144);
	assert_true(counted(&test, "tacho_agent_files_reopened_total", NULL, NULL) > 2 * count);

	/* The rest of the process takes all that are left: the source gives some of its own back.
	 */
	for (int i = 0; i < 256; i++)
		taken[i] = dup(STDERR_FILENO);
	check_everything_is_read(&test, count);
	assert_int_equal(counted(&test, "tacho_agent_open_cgroup_files", NULL, NULL), 144 - 16);
	assert_int_equal(errors(&test, "open"), 0);
	for (int i = 0; i < 256; i++)
		if (taken[i] >= 0)
			(void)close(taken[i]);
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "cgroup files are held open, and more"), 1);
	free(log);
	end(&test);
}

static void a_removed_cgroup_is_gone_and_closed(void **state)
{
	struct files_test test = begin(source_world_real(), ALL);
	struct cgroup *stays = add(&test, "stays", false), *goes = add(&test, "goes", false);
	struct reading reading;
	unsigned before;

	(void)state;
	assert_true(read_one(&test, goes, ALL).valid & FIELD_BIT(FIELD_CPU_USAGE_NS));
	before = count_fds();
	source_world_remove(test.world, goes);
	reading = read_one(&test, goes, ALL);
	assert_true(reading.gone);
	assert_int_equal(reading.valid, 0);
	assert_true(count_fds() < before);
	assert_false(read_one(&test, stays, ALL).gone);

	before = count_fds();
	test.source->ops->remove(test.source, goes);
	test.source->ops->remove(test.source, stays);
	assert_true(count_fds() < before);
	assert_int_equal(counted(&test, "tacho_agent_open_cgroup_files", NULL, NULL), 0);
	for (const char *const *reason = (const char *const[]){"open", "read", "malformed", NULL};
		*reason; reason++)
		assert_int_equal(errors(&test, *reason), 0);
	end(&test);
}

static void use_memory(void *context)
{
	static char *memory; /* kept until the process ends */

	memory = malloc(*(size_t *)context);
	assert_non_null(memory);
	memset(memory, 1, *(size_t *)context);
}

static void reads_real_counters(void **state)
{
	struct files_test test = begin(source_world_real(), ALL);
	struct cgroup *cgroup = add(&test, "a", false);
	size_t size = 16 << 20;
	pid_t pid = source_world_run(test.world, cgroup, use_memory, &size);
	struct reading reading = read_one(&test, cgroup, ALL);
	uint64_t usec;

	(void)state;
	/* The process sleeps: its counters stand still. */
	assert_true(
		source_world_number(test.world, cgroup, false, "cpu.stat", "usage_usec", &usec));
	assert_in_range(reading.value[FIELD_CPU_USAGE_NS], 1000, usec * 1000);
	assert_true(reading.valid & FIELD_BIT(FIELD_MEMORY_ANON_BYTES));
	assert_in_range(reading.value[FIELD_MEMORY_ANON_BYTES], size, size + (4 << 20));
	assert_true(reading.value[FIELD_MEMORY_USAGE_BYTES] >= size);
	assert_true(
		reading.value[FIELD_MEMORY_PEAK_BYTES] >= reading.value[FIELD_MEMORY_USAGE_BYTES]);
	source_world_kill(pid);
	end(&test);
}

static void says_which_mount_point_is_missing(void **state)
{
	struct hierarchy hierarchy = {.v2 = "/nonexistent/cgroup"};
	struct telemetry *telemetry = telemetry_new();
	struct error err = {""};

	(void)state;
	assert_null(source_files_new(&hierarchy, ALL, telemetry, &err));
	assert_string_equal(err.message, "opening /nonexistent/cgroup: No such file or directory");
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_field_of_v2),
		cmocka_unit_test(reads_memory_of_a_hybrid_host_from_v1),
		cmocka_unit_test(finds_a_v1_folder_that_comes_later),
		cmocka_unit_test(leaves_alone_what_is_not_asked_or_valid_already),
		cmocka_unit_test(leaves_out_a_figure_that_is_wrong),
		cmocka_unit_test(leaves_out_a_slow_figure_that_is_wrong),
		cmocka_unit_test(slow_files_keep_what_they_said),
		cmocka_unit_test(no_limit_is_absent),
		cmocka_unit_test(a_pressure_file_may_lack_a_line),
		cmocka_unit_test(a_file_may_be_long_but_not_endless),
		cmocka_unit_test(absent_files_are_absent_fields_said_once),
		cmocka_unit_test(another_folder_at_the_same_path_is_another_cgroup),
		cmocka_unit_test(a_removed_cgroup_is_gone_and_closed),
		cmocka_unit_test(reads_real_counters),
		cmocka_unit_test(says_which_mount_point_is_missing),
		cmocka_unit_test(few_file_descriptors_are_enough),
	};

	return cmocka_run_group_tests_name("source_files", tests, NULL, NULL);
}
