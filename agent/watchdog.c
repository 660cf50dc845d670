#include "agent/watchdog.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

/* Only what signal-safety(7) allows: the log is not. */
static void on_alarm(int signal)
{
	static const char TEXT[] = "tacho-agent: ERROR the loop stands still: leaving, so as to be "
				   "started anew\n";

	(void)signal;
	if (write(STDERR_FILENO, TEXT, sizeof(TEXT) - 1) < 0)
		_exit(EXIT_FAILURE);
	_exit(EXIT_FAILURE);
}

int watchdog_start(struct error *err)
{
	struct sigaction action = {.sa_handler = on_alarm};
	sigset_t alarm;

	(void)sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) < 0)
		return error_errno(err, errno, "setting up the watchdog");
	(void)sigemptyset(&alarm);
	(void)sigaddset(&alarm, SIGALRM);
	if (sigprocmask(SIG_UNBLOCK, &alarm, NULL) < 0)
		return error_errno(err, errno, "setting up the watchdog");
	return 0;
}

void watchdog_feed(uint64_t patience_ns)
{
	struct itimerval timer = {0};

	timer.it_value.tv_sec = (time_t)(patience_ns / NS_PER_SECOND);
	timer.it_value.tv_usec = (suseconds_t)(patience_ns % NS_PER_SECOND / NS_PER_USEC);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}
