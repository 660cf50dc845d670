/* agent/source_bpf on real cgroups, against the kernel's own files; and what it says when it may
 * not or can not. */
#include "agent/source_bpf.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/source_world.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define ALL      ((field_set)(FIELD_BIT(FIELD_COUNT) - 1))
#define CPU      FIELD_BIT(FIELD_CPU_USAGE_NS)
#define USAGE    FIELD_BIT(FIELD_MEMORY_USAGE_BYTES)
#define INACTIVE FIELD_BIT(FIELD_MEMORY_INACTIVE_FILE_BYTES)
#define MB       ((size_t)1 << 20)

struct bpf_test {
	struct source_world *world;
	struct telemetry *telemetry;
	struct source *source;
};

/* Skips the running test, with the reason, where BPF can't be used. */
static struct bpf_test begin(uint32_t max_cgroups)
{
	struct bpf_test test = {.world = source_world_real(), .telemetry = telemetry_new()};
	struct error err;

	test.source = source_bpf_new(source_world_hierarchy(test.world),
		source_world_top(test.world), max_cgroups, test.telemetry, &err);
	if (!test.source) {
		print_message("skipped: %s\n", err.message);
		source_world_free(test.world);
		telemetry_free(test.telemetry);
		skip();
	}
	return test;
}

static void end(struct bpf_test *test)
{
	test->source->ops->free(test->source);
	telemetry_free(test->telemetry);
	source_world_free(test->world);
}

static uint64_t counted(const struct bpf_test *test, const char *name)
{
	return telemetry_get(telemetry_counter(test->telemetry, name, "", "signal", "walk"));
}

static struct cgroup *add(struct bpf_test *test, const char *name, bool v2_only)
{
	struct cgroup *cgroup = source_world_make(test->world, name, v2_only);

	test->source->ops->add(test->source, cgroup);
	return cgroup;
}

static struct reading read_one(struct bpf_test *test, const struct cgroup *cgroup, field_set fields)
{
	static struct reading readings[1024];
	uint32_t count = cgroup->slot + 1;

	memset(readings, 0, count * sizeof(*readings));
	test->source->ops->read(test->source, fields, readings, count);
	return readings[cgroup->slot];
}

static bool hybrid(const struct bpf_test *test)
{
	return hierarchy_is_hybrid(source_world_hierarchy(test->world));
}

static uint64_t inactive_file_of(struct bpf_test *test, const struct cgroup *cgroup)
{
	uint64_t value = 0;

	assert_true(source_world_number(test->world, cgroup, hybrid(test), "memory.stat",
		hybrid(test) ? "total_inactive_file" : "inactive_file", &value));
	return value;
}

static uint64_t usage_of(struct bpf_test *test, const struct cgroup *cgroup)
{
	uint64_t value = 0;

	assert_true(source_world_number(test->world, cgroup, hybrid(test),
		hybrid(test) ? "memory.usage_in_bytes" : "memory.current", "", &value));
	return value;
}

static void write_all(int fd, const char *bytes, size_t size)
{
	if (write(fd, bytes, size) != (ssize_t)size)
		_exit(1);
	(void)fsync(fd); /* dirty pages would be written, and moved, later */
}

/* Uses some CPU, holds 4 MiB, and leaves 8 MiB of page cache.
 *
 * The kernel keeps what it counted of a memory cgroup per CPU, and can forget to add a CPU's share
 * when that cgroup is flushed at the very moment of the last update, until that CPU has another
 * one. So there are some more, on the same CPU. */
static void work(void *context)
{
	char path[] = "/var/tmp/tacho-test-XXXXXX"; /* not a tmpfs */
	int fd, cpu = sched_getcpu();
	static char *memory; /* kept until the process ends */
	cpu_set_t cpus;

	(void)context;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)(cpu < 0 ? 0 : cpu), &cpus);
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
	fd = mkstemp(path);
	memory = malloc(4 * MB);
	assert_non_null(memory);
	memset(memory, 1, 4 * MB);
	(void)unlink(path);
	write_all(fd, memory, 4 * MB);
	write_all(fd, memory, 4 * MB);
	for (int i = 0; i < 3; i++) {
		(void)usleep(10000);
		write_all(fd, memory, 4096);
	}
}

static void reads_what_the_files_say(void **state)
{
	struct bpf_test test = begin(100);
	struct cgroup *idle = add(&test, "idle", false), *busy = add(&test, "busy", false);
	pid_t pid = source_world_run(test.world, busy, work, NULL);
	uint64_t before = clock_monotonic_ns(), usec, peak;
	struct reading reading = read_one(&test, busy, ALL);

	(void)state;
	assert_int_equal(reading.valid & (CPU | USAGE | INACTIVE), CPU | USAGE | INACTIVE);
	assert_int_equal(reading.valid & ~test.source->ops->fields(test.source), 0);
	assert_in_range(reading.at_ns, before, clock_monotonic_ns());
	/* The process sleeps: its counters stand still, and are exactly those of the files. */
	assert_true(source_world_number(test.world, busy, false, "cpu.stat", "usage_usec", &usec));
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS] / 1000, usec);
	assert_true(usec > 0);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], usage_of(&test, busy));
	assert_true(reading.value[FIELD_MEMORY_USAGE_BYTES] >= 12 * MB);
	assert_in_range(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES],
		inactive_file_of(&test, busy) - MB / 2, inactive_file_of(&test, busy) + MB / 2);
	assert_in_range(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 8 * MB, 9 * MB);
	assert_true(source_world_number(test.world, busy, hybrid(&test),
		hybrid(&test) ? "memory.max_usage_in_bytes" : "memory.peak", "", &peak));
	assert_int_equal(reading.value[FIELD_MEMORY_PEAK_BYTES], peak);
	if (!hybrid(&test)) {
		assert_true(reading.valid & FIELD_BIT(FIELD_PIDS));
		assert_int_equal(reading.value[FIELD_PIDS], 1);
	}

	reading = read_one(&test, idle, ALL);
	assert_int_equal(reading.valid & (CPU | USAGE | INACTIVE), CPU | USAGE | INACTIVE);
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS], 0);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 0);
	source_world_kill(pid);
	end(&test);
}

static void reads_only_what_is_asked(void **state)
{
	struct bpf_test test = begin(100);
	struct cgroup *cgroup = add(&test, "a", false);
	struct reading reading;

	(void)state;
	reading = read_one(&test, cgroup, USAGE);
	assert_int_equal(reading.valid, USAGE);
	assert_int_not_equal(reading.at_ns, 0);
	reading = (struct reading){.at_ns = 5, .valid = USAGE};
	reading.value[FIELD_MEMORY_USAGE_BYTES] = 77;
	test.source->ops->read(test.source, CPU | USAGE, &reading, 1);
	assert_int_equal(reading.valid, CPU | USAGE);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 77);
	end(&test);
}

static void counts_page_cache_of_nested_cgroups(void **state)
{
	struct bpf_test test = begin(100);
	struct cgroup *outer = add(&test, "a", false), *beside = add(&test, "b", false);
	struct cgroup *inner = source_world_make(test.world, "a/container/x", false);
	pid_t pid = source_world_run(test.world, inner, work, NULL);
	struct reading reading = read_one(&test, outer, INACTIVE);

	(void)state;
	assert_int_equal(reading.valid, INACTIVE);
	assert_in_range(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 8 * MB, 9 * MB);
	reading = read_one(&test, beside, INACTIVE);
	assert_int_equal(reading.valid, INACTIVE);
	assert_int_equal(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 0);

	/* Removed, the inner cgroup is not walked any more, but its page cache still counts. */
	source_world_kill(pid);
	source_world_remove(test.world, inner);
	reading = read_one(&test, outer, USAGE | INACTIVE);
	assert_int_equal(reading.valid, USAGE | INACTIVE);
	assert_in_range(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] + MB / 2,
		inactive_file_of(&test, outer), inactive_file_of(&test, outer) + MB);
	reading = read_one(&test, beside, INACTIVE);
	assert_int_equal(reading.valid, INACTIVE);
	end(&test);
}

static void leaves_out_what_it_did_not_see(void **state)
{
	struct bpf_test test = begin(100);
	struct cgroup *goes = add(&test, "goes", false), *stays = add(&test, "stays", false);
	struct cgroup *again;
	struct reading reading;

	(void)state;
	source_world_remove(test.world, goes);
	reading = read_one(&test, goes, CPU);
	assert_int_equal(reading.valid, 0);
	assert_false(reading.gone); /* the files know that */
	test.source->ops->remove(test.source, goes);
	source_world_forget(test.world, goes);
	assert_int_equal(read_one(&test, stays, CPU).valid, CPU);

	again = add(&test, "again", false); /* into the slot that became free */
	assert_int_equal(again->slot, 0);
	assert_int_equal(read_one(&test, again, CPU).valid, CPU);
	test.source->ops->remove(test.source, again);
	assert_int_equal(read_one(&test, again, CPU).valid, 0);
	end(&test);
}

static void finds_a_v1_folder_that_comes_later(void **state)
{
	struct bpf_test test = begin(100);
	struct cgroup *cgroup = add(&test, "a", true);

	(void)state;
	if (hybrid(&test)) {
		assert_int_equal(read_one(&test, cgroup, CPU | USAGE).valid, CPU);
		source_world_make_v1(test.world, cgroup);
	}
	assert_int_equal(read_one(&test, cgroup, CPU | USAGE).valid, CPU | USAGE);
	end(&test);
}

static void counts_cgroups_beyond_its_room(void **state)
{
	struct bpf_test test = begin(4); /* the top and three more */
	struct log_capture *capture;
	char name[8], *log;

	(void)state;
	for (int i = 0; i < 3; i++) {
		(void)snprintf(name, sizeof(name), "c%d", i);
		assert_int_equal(read_one(&test, add(&test, name, true), CPU).valid, CPU);
	}
	assert_int_equal(counted(&test, "tacho_agent_bpf_dropped_total"), 0);
	capture = log_capture_start();
	assert_int_equal(read_one(&test, add(&test, "c3", true), CPU).valid, 0);
	assert_int_equal(read_one(&test, source_world_at(test.world, 0), CPU).valid, CPU);
	log = log_capture_end(capture);
	assert_int_equal(counted(&test, "tacho_agent_bpf_dropped_total"), 2);
	assert_int_equal(log_capture_count_in(log, "there are 5 cgroups below"), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), 1);
	free(log);
	end(&test);
}

/* Where the room ends within a cgroup, the cgroup's own figures still count all that is below. */
static void gives_the_whole_where_the_room_ends(void **state)
{
	struct bpf_test test = begin(2); /* the top and one more */
	struct cgroup *outer = add(&test, "a", false);
	struct cgroup *inner = source_world_make(test.world, "a/container", false);
	pid_t pid = source_world_run(test.world, inner, work, NULL);
	struct reading reading = read_one(&test, outer, INACTIVE);

	(void)state;
	assert_int_equal(reading.valid, INACTIVE);
	assert_in_range(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 8 * MB, 9 * MB);
	source_world_kill(pid);
	end(&test);
}

static void walks_another_top_when_told(void **state)
{
	struct bpf_test test = begin(16384);
	struct cgroup *a = add(&test, "a/x", false), *b = add(&test, "b/x", false);
	struct error err = {""};
	char top[128], words[4500];

	(void)state;
	(void)snprintf(top, sizeof(top), "%s/a", source_world_top(test.world));
	assert_int_equal(source_bpf_set_top(test.source, top, &err), 0);
	assert_int_equal(source_bpf_set_top(test.source, top, &err), 0);
	assert_int_equal(read_one(&test, a, CPU).valid, CPU);
	assert_int_equal(read_one(&test, b, CPU).valid, 0);

	(void)snprintf(top, sizeof(top), "%s/later", source_world_top(test.world));
	assert_true(source_bpf_set_top(test.source, top, &err) < 0);
	(void)snprintf(words, sizeof(words), "opening %s%s: No such file or directory",
		source_world_hierarchy(test.world)->v2, top);
	assert_string_equal(err.message, words);
	assert_int_equal(read_one(&test, a, CPU).valid, 0);

	/* It comes, goes, and comes again: each time it is found without being told. */
	for (int i = 0; i < 2; i++) {
		struct cgroup *later = add(&test, "later", false);

		assert_int_equal(read_one(&test, later, CPU | USAGE).valid, CPU | USAGE);
		source_world_remove(test.world, later);
		assert_int_equal(read_one(&test, later, CPU | USAGE).valid, 0);
		test.source->ops->remove(test.source, later);
		source_world_forget(test.world, later);
	}
	assert_int_equal(source_bpf_set_top(test.source, "", &err), 0);
	assert_int_equal(read_one(&test, b, CPU).valid & CPU, CPU);
	assert_int_equal(counted(&test, "tacho_agent_bpf_errors_total"), 0);
	end(&test);
}

/* The folder's descriptor would be 0, which the kernel takes for the root of the tree. */
static void walks_its_top_alone_without_standard_input(void **state)
{
	int input = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	struct bpf_test test;
	struct cgroup *cgroup;

	(void)state;
	(void)close(STDIN_FILENO);
	test = begin(2); /* the top and ours */
	cgroup = add(&test, "a", false);
	assert_true(read_one(&test, cgroup, CPU).valid & CPU);
	assert_int_equal(counted(&test, "tacho_agent_bpf_dropped_total"), 0);
	end(&test);
	if (input >= 0)
		assert_int_equal(dup2(input, STDIN_FILENO), STDIN_FILENO);
	(void)close(input);
}

/* --- what is said when it can't be used ------------------------------------------------------- */

/* Keeps just these capabilities. */
static bool keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {
		{(uint32_t)kept, (uint32_t)kept, 0},
		{(uint32_t)(kept >> 32), (uint32_t)(kept >> 32), 0},
	};

	return syscall(SYS_capset, &header, data) == 0;
}

static bool hide_btf(uint64_t unused)
{
	(void)unused;
	return unshare(CLONE_NEWNS) == 0 && /* not "/": in a chroot that is no mount point */
	       mount("none", "/sys", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL) == 0;
}

/* Starts a source in a process that `hamper` has hampered; its message, or "started". */
static void start_hampered(bool (*hamper)(uint64_t), uint64_t argument, char message[600])
{
	struct source_world *world = source_world_real();
	int result[2];
	ssize_t length;
	pid_t pid;

	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct telemetry *telemetry = telemetry_new();
		struct error err = {"started"};
		struct source *source = NULL;

		if (!hamper(argument))
			(void)strcpy(err.message, "could not be hampered");
		else
			source = source_bpf_new(source_world_hierarchy(world),
				source_world_top(world), 10, telemetry, &err);
		if (source && source_bpf_set_top(source, source_world_top(world), &err) == 0)
			(void)strcpy(err.message, "started");
		if (write(result[1], err.message, strlen(err.message)) < 0)
			_exit(1);
		if (source)
			source->ops->free(source);
		telemetry_free(telemetry);
		_exit(0);
	}
	(void)close(result[1]);
	length = read(result[0], message, 599);
	message[length > 0 ? length : 0] = '\0';
	(void)close(result[0]);
	(void)waitpid(pid, NULL, 0);
	source_world_free(world);
}

static void names_the_capability_that_is_missing(void **state)
{
	const uint64_t bpf = (uint64_t)1 << CAP_BPF, perfmon = (uint64_t)1 << CAP_PERFMON;
	const struct {
		uint64_t kept;
		const char *message;
	} CASES[] = {
		{0, "loading the BPF program cgroup_stat: this process lacks CAP_BPF and "
		    "CAP_PERFMON: Operation not permitted"},
		{bpf, "loading the BPF program cgroup_stat: this process lacks CAP_PERFMON: "
		      "Operation not permitted"},
		{perfmon, "loading the BPF program cgroup_stat: this process lacks CAP_BPF: "
			  "Operation not permitted"},
		{bpf | perfmon, "started"},
	};
	struct bpf_test test = begin(4); /* skips where BPF can't be used at all */
	char message[600];

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		start_hampered(keep_capabilities, CASES[i].kept, message);
		assert_string_equal(message, CASES[i].message);
	}
	end(&test);
}

static void says_that_type_information_is_missing(void **state)
{
	char message[600];

	(void)state;
	start_hampered(hide_btf, 0, message);
	if (strcmp(message, "could not be hampered") == 0) {
		print_message("skipped: no right to make a mount namespace\n");
		skip();
	}
	assert_non_null(strstr(message, "the kernel has no type information "
					"(/sys/kernel/btf/vmlinux, CONFIG_DEBUG_INFO_BTF)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_the_files_say),
		cmocka_unit_test(reads_only_what_is_asked),
		cmocka_unit_test(counts_page_cache_of_nested_cgroups),
		cmocka_unit_test(leaves_out_what_it_did_not_see),
		cmocka_unit_test(finds_a_v1_folder_that_comes_later),
		cmocka_unit_test(counts_cgroups_beyond_its_room),
		cmocka_unit_test(gives_the_whole_where_the_room_ends),
		cmocka_unit_test(walks_another_top_when_told),
		cmocka_unit_test(walks_its_top_alone_without_standard_input),
		cmocka_unit_test(names_the_capability_that_is_missing),
		cmocka_unit_test(says_that_type_information_is_missing),
	};

	return cmocka_run_group_tests_name("source_bpf", tests, NULL, NULL);
}
