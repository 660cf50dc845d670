/* agent/watchdog: a loop that stands still ends its process, one that turns does not. */
#include "agent/watchdog.h"

#include "base/clock.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SHORT_NS (300 * NS_PER_MS)

/* Runs `body` in a child. Its exit status, or 128 + the signal that killed it; *ret_said is what
 * came over standard error. */
static int in_child(void (*body)(void), char ret_said[256])
{
	int pipe_fds[2], status;
	ssize_t size;
	pid_t pid;

	assert_int_equal(pipe(pipe_fds), 0);
	pid = fork();
	if (pid == 0) {
		(void)dup2(pipe_fds[1], STDERR_FILENO);
		if (watchdog_start(NULL) < 0)
			_exit(99);
		body();
		_exit(0);
	}
	assert_true(pid > 0);
	(void)close(pipe_fds[1]);
	size = read(pipe_fds[0], ret_said, 255);
	ret_said[size > 0 ? size : 0] = '\0';
	(void)close(pipe_fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void sleep_long(void)
{
	watchdog_feed(SHORT_NS);
	for (;;)
		(void)pause();
}

static void spin_long(void)
{
	volatile unsigned turns = 0;

	watchdog_feed(SHORT_NS);
	for (;;)
		turns++;
}

static void turn(void)
{
	for (int i = 0; i < 30; i++) {
		watchdog_feed(10 * SHORT_NS);
		wait_ms(20);
	}
}

static void never_start(void)
{
	wait_ms(500);
}

static void give_up(void)
{
	watchdog_feed(SHORT_NS);
	watchdog_feed(0);
	wait_ms(700);
}

/* A signal mask that was inherited must not disarm it. */
static void sleep_with_a_mask(void)
{
	sigset_t all;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)watchdog_start(NULL);
	sleep_long();
}

static void ends_who_stands_still(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(in_child(sleep_long, said), 1);
	assert_non_null(strstr(said, "the loop stands still: leaving"));
	assert_int_equal(in_child(spin_long, said), 1);
	assert_non_null(strstr(said, "the loop stands still: leaving"));
	assert_int_equal(in_child(sleep_with_a_mask, said), 1);
}

static void leaves_alone_who_turns(void **state)
{
	char said[256];

	(void)state;
	assert_int_equal(in_child(turn, said), 0);
	assert_int_equal(in_child(never_start, said), 0);
	assert_int_equal(in_child(give_up, said), 0);
	assert_string_equal(said, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_who_stands_still),
		cmocka_unit_test(leaves_alone_who_turns),
	};

	return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
