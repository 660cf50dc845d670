/* The VM is what the other guest tests stand on: a whole cgroup v2 tree, BTF, a disk. */
#include "tests/vm/guest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmocka.h>

#define CGROUP "/selftest.slice/one.scope"
#define MIB    (1024UL * 1024)
#define HELD   (8 * MIB)

static void hold_memory(const void *argument, int ready)
{
	volatile char *held = mmap(NULL, HELD, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	(void)argument;
	guest_need(held != MAP_FAILED, "memory");
	guest_ready(ready);
}

static void has_every_controller(void **state)
{
	static const char *const FILES[] = {"cpu.stat", "memory.current", "memory.stat",
		"memory.peak", "memory.swap.current", "io.stat", "pids.current", "cpuset.cpus",
		"cgroup.freeze"};

	(void)state;
	guest_cgroup_make(CGROUP);
	for (size_t i = 0; i < sizeof(FILES) / sizeof(FILES[0]); i++)
		if (!guest_cgroup_has(CGROUP, FILES[i]))
			fail_msg("a cgroup has no %s", FILES[i]);
}

static void counts_a_load(void **state)
{
	struct guest_load load;

	(void)state;
	guest_cgroup_make(CGROUP);
	load = guest_load_start(CGROUP, hold_memory, NULL);
	guest_cgroup_freeze(CGROUP, true);
	assert_int_equal(guest_number(CGROUP, "pids.current"), 1);
	assert_in_range(guest_number(CGROUP, "memory.current"), HELD, HELD + 4 * MIB);
	assert_true(guest_keyed(CGROUP, "cpu.stat", "usage_usec") > 0);
	guest_cgroup_freeze(CGROUP, false);
	guest_load_stop(load);
	guest_cgroup_remove(CGROUP);
}

static void has_btf_and_a_disk(void **state)
{
	struct utsname name;

	(void)state;
	assert_int_equal(access("/sys/kernel/btf/vmlinux", R_OK), 0);
	assert_int_equal(access(GUEST_DISK, W_OK), 0);
	assert_int_equal(uname(&name), 0);
	print_message("# Linux %s\n", name.release);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_every_controller),
		cmocka_unit_test(counts_a_load),
		cmocka_unit_test(has_btf_and_a_disk),
	};

	return cmocka_run_group_tests_name("guest_selftest", tests, NULL, NULL);
}
