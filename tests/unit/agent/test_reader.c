/* agent/reader: choosing and mistrusting sources, with sources that do as they are told; and the
 * whole on real cgroups. */
#include "agent/reader.h"

#include "tests/harness/log_capture.h"
#include "tests/harness/source_world.h"

#include <errno.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define CPU    FIELD_BIT(FIELD_CPU_USAGE_NS)
#define USAGE  FIELD_BIT(FIELD_MEMORY_USAGE_BYTES)
#define PIDS   FIELD_BIT(FIELD_PIDS)
#define WANTED (CPU | USAGE | PIDS)
#define SLOTS  4

/* --- a source that says what the test wants ------------------------------------------------------
 */

struct puppet {
	struct source base;
	field_set gives;
	uint64_t value[SLOTS][FIELD_COUNT];
	field_set lacks[SLOTS]; /* fields that are left out of a slot's reading */
	bool gone[SLOTS];
	bool added[SLOTS];
	unsigned reads, rests, freed;
	unsigned wrong_reads; /* the next so many readings say twice what they should */
	field_set asked;      /* the last time */
	int top_result;
};

static struct puppet *puppet_of(struct source *source)
{
	return (struct puppet *)source;
}

static field_set puppet_fields(const struct source *source)
{
	return ((const struct puppet *)source)->gives;
}

static void puppet_add(struct source *source, const struct cgroup *cgroup)
{
	puppet_of(source)->added[cgroup->slot] = true;
}

static void puppet_remove(struct source *source, const struct cgroup *cgroup)
{
	puppet_of(source)->added[cgroup->slot] = false;
}

static void puppet_read(
	struct source *source, field_set fields, struct reading *readings, uint32_t count)
{
	struct puppet *puppet = puppet_of(source);
	uint64_t factor = puppet->wrong_reads > 0 ? 2 : 1;

	puppet->reads++;
	puppet->wrong_reads -= puppet->wrong_reads > 0;
	puppet->asked = fields;
	for (uint32_t slot = 0; slot < count && slot < SLOTS; slot++) {
		struct reading *reading = &readings[slot];
		field_set want = fields & puppet->gives & ~puppet->lacks[slot] & ~reading->valid;

		if (!puppet->added[slot])
			continue;
		if (puppet->gone[slot]) {
			*reading = (struct reading){.gone = true};
			continue;
		}
		for (enum field field = 0; field < FIELD_COUNT; field++)
			if (want & FIELD_BIT(field))
				reading->value[field] = factor * puppet->value[slot][field];
		reading->valid |= want;
		reading->at_ns = 1;
	}
}

static int puppet_set_top(struct source *source, const char *top, struct error *err)
{
	int r = puppet_of(source)->top_result;

	return r < 0 ? error_set(err, -r, "no top %s", top) : 0;
}

static void puppet_rest(struct source *source)
{
	puppet_of(source)->rests++;
}

static void puppet_free(struct source *source)
{
	puppet_of(source)->freed++;
}

static const struct source_ops FAST_OPS = {"bpf", puppet_fields, puppet_add, puppet_remove,
	puppet_read, puppet_set_top, NULL, puppet_free};
static const struct source_ops FILES_OPS = {"files", puppet_fields, puppet_add, puppet_remove,
	puppet_read, NULL, puppet_rest, puppet_free};

static const struct source_ops SIGNAL_OPS = {"signal", puppet_fields, puppet_add, puppet_remove,
	puppet_read, puppet_set_top, NULL, puppet_free};

struct reader_test {
	struct puppet fast, files;
	struct telemetry *telemetry;
	struct reader *reader;
	struct cgroup cgroups[SLOTS];
	char paths[SLOTS][8];
	struct reading readings[SLOTS];
};

/* Two puppets that agree on every field, and cgroups /c0 to /c3; `signal` may be NULL. */
static void begin_with(struct reader_test *test, field_set fast_gives, struct puppet *signal)
{
	memset(test, 0, sizeof(*test));
	test->fast.base.ops = &FAST_OPS;
	test->fast.gives = fast_gives;
	test->files.base.ops = &FILES_OPS;
	test->files.gives = WANTED;
	test->telemetry = telemetry_new();
	test->reader =
		reader_new_from(&test->fast.base, &test->files.base, WANTED, test->telemetry);
	assert_non_null(test->reader);
	if (signal)
		assert_int_equal(reader_take_signal(test->reader, &signal->base), 0);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		(void)snprintf(test->paths[slot], sizeof(test->paths[slot]), "/c%u", slot);
		test->cgroups[slot] =
			(struct cgroup){.id = slot + 1, .slot = slot, .path = test->paths[slot]};
		for (int field = 0; field < FIELD_COUNT; field++)
			test->fast.value[slot][field] = test->files.value[slot][field] =
				((uint64_t)1 << 40) + slot;
		reader_add(test->reader, &test->cgroups[slot]);
	}
}

static void begin(struct reader_test *test, field_set fast_gives)
{
	begin_with(test, fast_gives, NULL);
}

static void end(struct reader_test *test)
{
	reader_free(test->reader);
	assert_int_equal(test->fast.freed, 1);
	assert_int_equal(test->files.freed, 1);
	telemetry_free(test->telemetry);
}

static uint64_t counted(const struct reader_test *test, const char *name)
{
	return telemetry_get(telemetry_counter(test->telemetry, name, "", NULL, NULL));
}

static void read_all(struct reader_test *test)
{
	memset(test->readings, 0xff, sizeof(test->readings)); /* the reader clears them */
	reader_read(test->reader, test->readings, SLOTS);
}

static void asks_the_files_for_nothing_that_bpf_gives(void **state)
{
	struct reader_test test;

	(void)state;
	begin(&test, WANTED);
	read_all(&test);
	assert_int_equal(test.fast.reads, 3); /* twice to compare */
	assert_int_equal(test.files.reads, 1);
	assert_int_equal(test.files.rests, 1);
	read_all(&test);
	assert_int_equal(test.fast.reads, 4);
	assert_int_equal(test.files.reads, 1);
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		assert_int_equal(test.readings[slot].valid, WANTED);
		assert_int_equal(test.readings[slot].value[FIELD_PIDS], ((uint64_t)1 << 40) + slot);
		assert_false(test.readings[slot].gone);
	}
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 0);
	assert_string_equal(reader_source_of(test.reader, FIELD_PIDS), "bpf");
	assert_string_equal(reader_source_of(test.reader, FIELD_IO_READS), "");
	end(&test);
}

static void reads_signals_first_and_what_they_leave_out_from_files(void **state)
{
	struct puppet signal = {.base.ops = &SIGNAL_OPS, .gives = PIDS | FIELD_BIT(FIELD_IO_READS)};
	struct reader_test test;
	unsigned files;

	(void)state;
	begin_with(&test, CPU | USAGE, &signal);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		signal.value[slot][FIELD_PIDS] = 100 + slot;
	read_all(&test); /* the comparison leaves the signal out */
	files = test.files.reads;
	read_all(&test);
	assert_int_equal(test.files.reads, files); /* nothing is left for them */
	assert_int_equal(signal.asked, PIDS);      /* no one wants the other */
	for (uint32_t slot = 0; slot < SLOTS; slot++) {
		assert_true(signal.added[slot]);
		assert_int_equal(test.readings[slot].valid, WANTED);
		assert_int_equal(test.readings[slot].value[FIELD_PIDS], 100 + slot);
	}
	assert_string_equal(reader_source_of(test.reader, FIELD_PIDS), "signal");
	assert_string_equal(reader_source_of(test.reader, FIELD_CPU_USAGE_NS), "bpf");

	signal.lacks[2] = PIDS;
	read_all(&test);
	assert_int_equal(test.files.reads, files + 1);
	assert_int_equal(test.readings[1].value[FIELD_PIDS], 101);
	assert_int_equal(test.readings[2].value[FIELD_PIDS], ((uint64_t)1 << 40) + 2);
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 0);
	reader_remove(test.reader, &test.cgroups[3]);
	assert_false(signal.added[3]);
	end(&test);
	assert_int_equal(signal.freed, 1);
}

static void a_signal_does_not_stand_for_the_walk(void **state)
{
	struct puppet signal = {.base.ops = &SIGNAL_OPS, .gives = PIDS};
	struct reader_test test;

	(void)state;
	begin_with(&test, CPU | USAGE, &signal);
	test.fast.lacks[1] = CPU | USAGE;
	test.files.gone[1] = true;
	read_all(&test);
	assert_true(test.readings[1].gone); /* asked of the files, though the signal counts it */
	assert_int_equal(test.readings[1].valid, 0);
	assert_int_equal(counted(&test, "tacho_agent_bpf_missed_total"), 1);
	end(&test);
}

static void says_once_which_signal_lacks_its_top(void **state)
{
	struct puppet signal = {.base.ops = &SIGNAL_OPS, .gives = PIDS, .top_result = -ENOENT};
	struct log_capture *capture;
	struct reader_test test;
	char *log;

	(void)state;
	begin_with(&test, CPU | USAGE, &signal);
	capture = log_capture_start();
	for (int i = 0; i < 3; i++)
		reader_set_top(test.reader, "/x");
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "signal can't start: no top /x"), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), 1);
	free(log);
	end(&test);
}

static void takes_no_more_signals_than_it_has_room_for(void **state)
{
	struct puppet signals[9] = {0}; /* SIGNALS_MAX and one */
	struct reader_test test;

	(void)state;
	begin(&test, CPU);
	for (int i = 0; i < 9; i++) {
		signals[i].base.ops = &SIGNAL_OPS;
		assert_int_equal(
			reader_take_signal(test.reader, &signals[i].base), i < 8 ? 0 : -ENOSPC);
	}
	assert_int_equal(signals[8].freed, 1);
	end(&test);
	for (int i = 0; i < 9; i++)
		assert_int_equal(signals[i].freed, 1);
}

static void fills_gaps_from_the_files(void **state)
{
	struct reader_test test;

	(void)state;
	begin(&test, CPU | USAGE);
	test.fast.lacks[1] = CPU | USAGE; /* not in the walk at all */
	test.fast.lacks[2] = USAGE;
	test.files.gone[3] = true;
	test.fast.lacks[3] = CPU | USAGE;
	read_all(&test);
	for (uint32_t slot = 0; slot < 3; slot++)
		assert_int_equal(test.readings[slot].valid, WANTED);
	assert_true(test.readings[3].gone);
	assert_int_equal(test.readings[3].valid, 0);
	assert_int_equal(counted(&test, "tacho_agent_bpf_missed_total"), 2);
	assert_string_equal(reader_source_of(test.reader, FIELD_CPU_USAGE_NS), "bpf");
	assert_string_equal(reader_source_of(test.reader, FIELD_PIDS), "files");

	/* Those that were removed are missed no more. */
	reader_remove(test.reader, &test.cgroups[1]);
	reader_remove(test.reader, &test.cgroups[3]);
	read_all(&test);
	assert_int_equal(test.readings[1].valid, 0);
	assert_int_equal(test.readings[2].valid, WANTED);
	assert_int_equal(counted(&test, "tacho_agent_bpf_missed_total"), 2);
	end(&test);
}

static void the_file_wins_where_they_differ(void **state)
{
	struct log_capture *capture = log_capture_start();
	struct reader_test test;
	char *log;

	(void)state;
	begin(&test, WANTED);
	test.fast.value[2][FIELD_MEMORY_USAGE_BYTES] = 5;
	read_all(&test);
	read_all(&test);
	log = log_capture_end(capture);
	assert_int_equal(test.readings[2].valid, WANTED);
	assert_int_equal(test.readings[2].value[FIELD_MEMORY_USAGE_BYTES], ((uint64_t)1 << 40) + 2);
	assert_int_equal(test.fast.asked, CPU | PIDS); /* for every cgroup */
	assert_string_equal(reader_source_of(test.reader, FIELD_MEMORY_USAGE_BYTES), "files");
	assert_string_equal(reader_source_of(test.reader, FIELD_CPU_USAGE_NS), "bpf");
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), 1);
	assert_non_null(strstr(log,
		"MEMORY_USAGE_BYTES (memory.current ) of cgroup /c2: bpf says 5 and then 5, the "
		"file in between 1099511627778: the file wins"));
	free(log);
	end(&test);
}

static void a_difference_must_last(void **state)
{
	struct reader_test test;

	(void)state;
	begin(&test, WANTED);
	test.files.wrong_reads = 2; /* of the three looks */
	read_all(&test);
	assert_int_equal(test.files.reads, 3);
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 0);
	assert_string_equal(reader_source_of(test.reader, FIELD_CPU_USAGE_NS), "bpf");
	end(&test);

	begin(&test, WANTED);
	test.files.wrong_reads = 3;
	read_all(&test);
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 3);
	assert_string_equal(reader_source_of(test.reader, FIELD_CPU_USAGE_NS), "files");
	read_all(&test);
	assert_int_equal(test.readings[0].valid, WANTED);
	end(&test);
}

static void does_not_believe_what_no_file_shows(void **state)
{
	struct reader_test test;

	(void)state;
	begin(&test, WANTED);
	for (uint32_t slot = 0; slot < SLOTS; slot++)
		test.files.lacks[slot] = PIDS;
	read_all(&test);
	assert_int_equal(test.readings[0].valid, CPU | USAGE);
	assert_int_equal(counted(&test, "tacho_agent_source_mismatch_total"), 0);
	end(&test);

	/* One cgroup's file is enough. */
	begin(&test, WANTED);
	for (uint32_t slot = 1; slot < SLOTS; slot++)
		test.files.lacks[slot] = PIDS;
	read_all(&test);
	assert_int_equal(test.readings[1].valid, WANTED);
	end(&test);
}

static void says_once_that_the_top_is_missing(void **state)
{
	struct log_capture *capture = log_capture_start();
	struct reader_test test;
	char *log;

	(void)state;
	begin(&test, WANTED);
	for (int i = 0; i < 3; i++) {
		test.fast.top_result = i < 2 ? -ENOENT : 0;
		reader_set_top(test.reader, "/x");
	}
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "bpf can't start: no top /x"), 1);
	free(log);
	end(&test);
}

/* --- real sources
 * --------------------------------------------------------------------------------- */

static void use_cpu(void *context)
{
	(void)context;
	for (volatile unsigned i = 0; i < 20000000; i++)
		;
}

static struct reader_options real_options(
	struct source_world *world, struct telemetry *telemetry, enum reader_source source)
{
	return (struct reader_options){.hierarchy = source_world_hierarchy(world),
		.source = source,
		.wanted = CPU | USAGE | FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES),
		.max_cgroups = 100,
		.telemetry = telemetry};
}

static void real_sources_agree(void **state)
{
	struct source_world *world = source_world_real();
	struct telemetry *telemetry = telemetry_new();
	struct reader_options options = real_options(world, telemetry, READER_SOURCE_BPF);
	struct error err;
	struct reader *reader = reader_new(&options, &err);
	struct cgroup *cgroup = source_world_make(world, "a", false);
	pid_t pid = source_world_run(world, cgroup, use_cpu, NULL);
	struct reading by_bpf, by_files;

	(void)state;
	if (!reader) {
		print_message("skipped: %s\n", err.message);
		source_world_kill(pid);
		telemetry_free(telemetry);
		source_world_free(world);
		skip();
	}
	reader_set_top(reader, source_world_top(world));
	reader_add(reader, cgroup);
	usleep(50000); /* what it needs to fall asleep is used by then, on a busy machine too */
	reader_read(reader, &by_bpf, 1);
	assert_int_equal(by_bpf.valid, options.wanted);
	assert_string_equal(reader_source_of(reader, FIELD_CPU_USAGE_NS), "bpf");
	assert_string_equal(reader_source_of(reader, FIELD_MEMORY_USAGE_BYTES), "bpf");
	assert_int_equal(telemetry_get(telemetry_counter(
				 telemetry, "tacho_agent_source_mismatch_total", "", NULL, NULL)),
		0);
	reader_free(reader);

	options.source = READER_SOURCE_FILES;
	reader = reader_new(&options, &err);
	assert_non_null(reader);
	reader_set_top(reader, source_world_top(world));
	reader_add(reader, cgroup);
	reader_read(reader, &by_files, 1);
	assert_string_equal(reader_source_of(reader, FIELD_CPU_USAGE_NS), "files");
	assert_int_equal(by_files.valid, options.wanted);
	/* The process sleeps, and used something like 10 ms before. */
	assert_int_equal(
		by_bpf.value[FIELD_CPU_USAGE_NS] / 1000 * 1000, by_files.value[FIELD_CPU_USAGE_NS]);
	assert_true(by_files.value[FIELD_CPU_USAGE_NS] > 1000000);
	assert_int_equal(
		by_bpf.value[FIELD_MEMORY_USAGE_BYTES], by_files.value[FIELD_MEMORY_USAGE_BYTES]);
	reader_free(reader);
	source_world_kill(pid);
	telemetry_free(telemetry);
	source_world_free(world);
}

/* Exit status: what the process that lacks all capabilities made of each mode. */
enum {
	AUTO_READS = 1,
	AUTO_SAYS_WHY = 2,
	BPF_FAILS = 4,
};

static int without_capabilities(struct source_world *world)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0, 0, 0}};
	struct telemetry *telemetry = telemetry_new();
	struct reader_options options = real_options(world, telemetry, READER_SOURCE_AUTO);
	struct cgroup *cgroup = source_world_make(world, "a", false);
	struct log_capture *capture = log_capture_start();
	struct error err = {""};
	struct reading reading;
	struct reader *reader;
	int result = 0;
	char *log;

	if (syscall(SYS_capset, &header, none) < 0)
		return 0;
	reader = reader_new(&options, &err);
	log = log_capture_end(capture);
	if (strstr(log, "BPF is not used: loading the BPF program cgroup_stat: this process lacks "
			"CAP_BPF and CAP_PERFMON"))
		result |= AUTO_SAYS_WHY;
	free(log);
	if (reader) {
		reader_set_top(reader, source_world_top(world));
		reader_add(reader, cgroup);
		reader_read(reader, &reading, 1);
		if (reading.valid & CPU)
			result |= AUTO_READS;
		reader_free(reader);
	}
	options.source = READER_SOURCE_BPF;
	if (!reader_new(&options, &err) && strstr(err.message, "CAP_BPF"))
		result |= BPF_FAILS;
	telemetry_free(telemetry);
	return result;
}

static void reads_files_when_bpf_is_denied(void **state)
{
	struct source_world *world = source_world_real();
	int status = 0;
	pid_t pid = fork();

	(void)state;
	if (pid == 0)
		_exit(without_capabilities(world));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	source_world_free(world);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), AUTO_READS | AUTO_SAYS_WHY | BPF_FAILS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_the_files_for_nothing_that_bpf_gives),
		cmocka_unit_test(reads_signals_first_and_what_they_leave_out_from_files),
		cmocka_unit_test(a_signal_does_not_stand_for_the_walk),
		cmocka_unit_test(says_once_which_signal_lacks_its_top),
		cmocka_unit_test(takes_no_more_signals_than_it_has_room_for),
		cmocka_unit_test(fills_gaps_from_the_files),
		cmocka_unit_test(the_file_wins_where_they_differ),
		cmocka_unit_test(a_difference_must_last),
		cmocka_unit_test(does_not_believe_what_no_file_shows),
		cmocka_unit_test(says_once_that_the_top_is_missing),
		cmocka_unit_test(real_sources_agree),
		cmocka_unit_test(reads_files_when_bpf_is_denied),
	};

	return cmocka_run_group_tests_name("reader", tests, NULL, NULL);
}
