/* agent/privileges: what is left of a process's rights, as /proc/self/status says it. */
#include "agent/privileges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/capability.h>

#include <cmocka.h>

#define KEPT (1ULL << 38 | 1ULL << 39 | 1ULL << 2) /* PERFMON, BPF, DAC_READ_SEARCH */

static uint64_t status_line(const char *name, int base)
{
	char line[256];
	uint64_t value = ~0ULL;
	FILE *file = fopen("/proc/self/status", "r");

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			value = strtoull(line + strlen(name), NULL, base);
	if (file)
		(void)fclose(file);
	return value;
}

/* Runs `body` in a child, for rights don't come back; its answer is the child's exit status. */
static int in_child(int (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(body());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int drop_and_look_for(bool network)
{
	uint64_t kept = KEPT | (network ? 1ULL << 12 : 0); /* NET_ADMIN */
	uint64_t held = status_line("CapPrm:", 16);
	struct error err;

	if (privileges_drop(network, &err) < 0)
		return 1;
	if (status_line("NoNewPrivs:", 10) != 1)
		return 2;
	if (status_line("CapPrm:", 16) != (held & kept))
		return 3;
	if (status_line("CapEff:", 16) != (held & kept))
		return 4;
	if (status_line("CapInh:", 16) != 0 || status_line("CapAmb:", 16) != 0)
		return 5;
	return 0;
}

static int drop_and_look(void)
{
	return drop_and_look_for(false);
}

static int drop_and_look_network(void)
{
	return drop_and_look_for(true);
}

static int drop_without_any(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capset, &header, none) < 0)
		return 10;
	return drop_and_look();
}

static void keeps_only_what_it_needs(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_and_look), 0);
}

static void keeps_the_networks_right_for_who_counts_packets(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_and_look_network), 0);
}

static void needs_nothing_to_give_up(void **state)
{
	(void)state;
	assert_int_equal(in_child(drop_without_any), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_only_what_it_needs),
		cmocka_unit_test(keeps_the_networks_right_for_who_counts_packets),
		cmocka_unit_test(needs_nothing_to_give_up),
	};

	return cmocka_run_group_tests_name("privileges", tests, NULL, NULL);
}
