/* agent/node: the machine's own figures, from written files and from this machine. */
#include "agent/node.h"

#include "tests/harness/log_capture.h"

#include <errno.h>
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

#define MEMINFO                                                                         \
	"MemTotal:        1000 kB\nMemFree:          100 kB\nBuffers:          10 kB\n" \
	"Cached:           300 kB\nSwapCached:         5 kB\nInactive(file):  200 kB\n" \
	"AnonPages:        400 kB\nSwapTotal:        64 kB\nSwapFree:         60 kB\n"

static char folder[64];

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static int setup(void **state)
{
	char path[128];

	(void)state;
	(void)strcpy(folder, "/tmp/tacho-test-node-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	(void)snprintf(path, sizeof(path), "%s/pressure", folder);
	return mkdir(path, 0700);
}

static int teardown(void **state)
{
	static const char *const NAMES[] = {"meminfo", "cpu.stat", "memory.stat", "pressure/cpu",
		"pressure/memory", "pressure"};
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, NAMES[i]);
		(void)remove(path);
	}
	return rmdir(folder);
}

static struct reading read_once(bool hybrid)
{
	struct hierarchy hierarchy = {{0}};
	struct reading reading;
	struct error err;
	struct node *node;

	(void)strcpy(hierarchy.v2, folder);
	if (hybrid)
		(void)strcpy(hierarchy.memory_v1, folder);
	node = node_new(&hierarchy, folder, &err);
	assert_non_null(node);
	node_read(node, &reading);
	node_free(node);
	return reading;
}

static void memory_of_the_root_cgroup(void **state)
{
	struct reading reading;

	(void)state;
	write_file("meminfo", MEMINFO);
	write_file("cpu.stat", "usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n");
	write_file("memory.stat", "anon 1000\nfile 500\nkernel 77\ninactive_file 200\n");
	reading = read_once(false);
	assert_int_equal(reading.value[FIELD_CPU_USAGE_NS], 1234567000);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 1500);
	assert_int_equal(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 200);
	assert_int_equal(reading.value[FIELD_MEMORY_SWAP_BYTES], 4 * 1024);
}

static void memory_of_meminfo_on_a_hybrid_host(void **state)
{
	struct reading reading;

	(void)state;
	write_file("meminfo", MEMINFO);
	write_file("cpu.stat", "usage_usec 1\n");
	write_file("memory.stat", "anon 1\nfile 1\ninactive_file 1\n"); /* not looked at */
	reading = read_once(true);
	assert_int_equal(reading.value[FIELD_MEMORY_USAGE_BYTES], 715 * 1024);
	assert_int_equal(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES], 200 * 1024);
}

static void what_is_missing_is_not_valid(void **state)
{
	struct reading reading;

	(void)state;
	write_file("meminfo", "MemTotal: 1000 kB\nAnonPages: x kB\nSwapTotal: 1 kB\n");
	write_file("cpu.stat", "");
	reading = read_once(true);
	assert_int_equal(reading.valid, 0);
}

static void numbers_beyond_64_bits(void **state)
{
	struct reading reading;

	(void)state;
	write_file("meminfo",
		"SwapTotal: 99999999999999999999 kB\nSwapFree: 1 kB\nMemTotal: 18446744073709551615 kB\n");
	write_file("cpu.stat", "usage_usec 18446744073709551615\n");
	reading = read_once(true);
	assert_int_equal(reading.valid, 0);
}

static void pressure_of_the_node(void **state)
{
	const field_set memory =
		FIELD_BIT(FIELD_PRESSURE_MEMORY_SOME_NS) | FIELD_BIT(FIELD_PRESSURE_MEMORY_FULL_NS);
	const field_set io =
		FIELD_BIT(FIELD_PRESSURE_IO_SOME_NS) | FIELD_BIT(FIELD_PRESSURE_IO_FULL_NS);
	const field_set cpu = FIELD_BIT(FIELD_PRESSURE_CPU_SOME_NS);
	struct log_capture *capture = log_capture_start();
	struct hierarchy hierarchy = {{0}};
	struct reading reading;
	struct error err;
	struct node *node;
	char *log;

	(void)state;
	write_file("meminfo", MEMINFO);
	write_file("cpu.stat", "usage_usec 1\n");
	write_file("pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=5\n");
	write_file("pressure/memory", "some avg10=0.00 total=6\nfull avg10=0.00 total=7\n");
	(void)strcpy(hierarchy.v2, folder);
	(void)strcpy(hierarchy.memory_v1, folder);
	node = node_new(&hierarchy, folder, &err);
	assert_non_null(node);
	node_read(node, &reading);
	assert_int_equal(reading.valid & (cpu | memory | io), 0); /* nobody asked */

	node_watch_pressure(node, folder, cpu | memory | io);
	node_read(node, &reading);
	assert_int_equal(reading.valid & (cpu | memory | io), cpu | memory);
	assert_int_equal(reading.value[FIELD_PRESSURE_CPU_SOME_NS], 5000);
	assert_int_equal(reading.value[FIELD_PRESSURE_MEMORY_SOME_NS], 6000);
	assert_int_equal(reading.value[FIELD_PRESSURE_MEMORY_FULL_NS], 7000);

	write_file("pressure/cpu", "some total=18446744073709552\n");
	write_file("pressure/memory", "some total=\nfull total=9\n");
	node_read(node, &reading);
	assert_int_equal(
		reading.valid & (cpu | memory | io), FIELD_BIT(FIELD_PRESSURE_MEMORY_FULL_NS));
	node_free(node);
	log = log_capture_end(capture);
	assert_int_equal(log_capture_count_in(log, "/pressure/io: No such file"), 1);
	assert_int_equal(log_capture_count_in(log, "\n"), 1);
	free(log);
}

static void no_meminfo_is_an_error(void **state)
{
	struct hierarchy hierarchy = {{0}};
	struct error err;

	(void)state;
	(void)strcpy(hierarchy.v2, folder);
	assert_null(node_new(&hierarchy, folder, &err));
	assert_non_null(strstr(err.message, "/meminfo: No such file or directory"));
}

static void this_machine(void **state)
{
	struct node_capacity capacity;
	struct hierarchy hierarchy;
	struct reading reading;
	struct error err;
	struct node *node;
	long pages = sysconf(_SC_PHYS_PAGES);

	(void)state;
	assert_int_equal(hierarchy_find("/proc/self/mountinfo", &hierarchy, &err), 0);
	node = node_new(&hierarchy, "/proc", &err);
	assert_non_null(node);
	node_capacity(node, &capacity);
	assert_int_equal(capacity.cpus, sysconf(_SC_NPROCESSORS_ONLN));
	assert_true(capacity.memory_bytes == (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE));
	node_read(node, &reading);
	assert_true(reading.valid & FIELD_BIT(FIELD_CPU_USAGE_NS));
	assert_true(reading.value[FIELD_CPU_USAGE_NS] > 0);
	assert_true(reading.valid & FIELD_BIT(FIELD_MEMORY_USAGE_BYTES));
	assert_true(reading.value[FIELD_MEMORY_USAGE_BYTES] < capacity.memory_bytes);
	assert_true(reading.value[FIELD_MEMORY_INACTIVE_FILE_BYTES] <=
		    reading.value[FIELD_MEMORY_USAGE_BYTES]);
	node_free(node);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(memory_of_the_root_cgroup, setup, teardown),
		cmocka_unit_test_setup_teardown(
			memory_of_meminfo_on_a_hybrid_host, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_missing_is_not_valid, setup, teardown),
		cmocka_unit_test_setup_teardown(numbers_beyond_64_bits, setup, teardown),
		cmocka_unit_test_setup_teardown(pressure_of_the_node, setup, teardown),
		cmocka_unit_test_setup_teardown(no_meminfo_is_an_error, setup, teardown),
		cmocka_unit_test(this_machine),
	};

	return cmocka_run_group_tests_name("node", tests, NULL, NULL);
}
