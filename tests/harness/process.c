#include "tests/harness/process.h"

#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct process {
	struct process *next;
	pid_t pid;
	int status; /* -1 while it runs */
	char *errors;
};

static struct process *all; /* what runs, for process_end_all() */

const char *process_program(const char *name)
{
	static char path[512];
	const char *build = getenv("BUILD");

	(void)snprintf(path, sizeof(path), "%s/%s", build ? build : "build", name);
	return path;
}

static int redirect(const char *path, int fd)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	return file < 0 ? -1 : dup2(file, fd);
}

static int enter_cgroup(const char *procs)
{
	int fd = open(procs, O_WRONLY | O_CLOEXEC);

	return fd < 0 ? -1 : (int)write(fd, "0", 1);
}

/* In the child: never returns. What goes wrong is seen as exit status 127. */
static void become(const struct process_options *options)
{
	const char *output = options->output ? options->output : "/dev/null";
	union {
		const char *const *constant;
		char *const *argv;
	} argv = {.constant = options->argv};

	(void)signal(SIGPIPE, SIG_DFL); /* whatever the test does with it */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		_exit(127);
	for (const char *const *file = options->join; file && *file; file++)
		if (enter_cgroup(*file) < 0)
			_exit(127);
	if (redirect(output, STDOUT_FILENO) < 0)
		_exit(127);
	if (options->errors && redirect(options->errors, STDERR_FILENO) < 0)
		_exit(127);
	for (const char *const *pair = options->environment; pair && *pair; pair++) {
		char *name = strdup(*pair);
		char *equals = name ? strchr(name, '=') : NULL;

		if (!equals)
			_exit(127);
		*equals = '\0';
		if (setenv(name, equals + 1, 1) < 0)
			_exit(127);
	}
	(void)execvp(options->argv[0], argv.argv);
	_exit(127);
}

struct process *process_start(const struct process_options *options)
{
	struct process *process = calloc(1, sizeof(*process));

	assert_non_null(process);
	process->status = -1;
	process->errors = options->errors ? strdup(options->errors) : NULL;
	if (options->errors)
		(void)unlink(options->errors); /* the words of an earlier one are not its */
	process->pid = fork();
	if (process->pid == 0)
		become(options);
	assert_true(process->pid > 0);
	process->next = all;
	all = process;
	return process;
}

pid_t process_id(const struct process *process)
{
	return process->pid;
}

void process_signal(const struct process *process, int signal)
{
	if (process->status < 0)
		(void)kill(process->pid, signal);
}

static bool has_ended(void *context)
{
	struct process *process = context;
	int status;

	if (process->status < 0 && waitpid(process->pid, &status, WNOHANG) == process->pid)
		process->status =
			WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return process->status >= 0;
}

int process_wait(struct process *process, unsigned timeout_ms)
{
	(void)wait_until(has_ended, process, timeout_ms);
	return process->status;
}

bool process_alive(struct process *process)
{
	return !has_ended(process);
}

struct awaited {
	struct process *process;
	const char *text;
	bool found;
};

static bool is_logged(void *context)
{
	struct awaited *awaited = context;
	bool ended = has_ended(awaited->process); /* before reading: its last words count */
	char *log = scratch_read(awaited->process->errors);

	awaited->found = strstr(log, awaited->text) != NULL;
	free(log);
	return awaited->found || ended;
}

bool process_wait_log(struct process *process, const char *text, unsigned timeout_ms)
{
	struct awaited awaited = {.process = process, .text = text};

	assert_non_null(process->errors);
	(void)wait_until(is_logged, &awaited, timeout_ms);
	return awaited.found;
}

int process_end(struct process *process)
{
	struct process **link = &all;
	int status;

	if (!process)
		return -1;
	process_signal(process, SIGTERM);
	if (process_wait(process, 60000) < 0) {
		process_signal(process, SIGKILL);
		(void)process_wait(process, 10000);
	}
	while (*link && *link != process)
		link = &(*link)->next;
	if (*link)
		*link = process->next;
	status = process->status;
	free(process->errors);
	free(process);
	return status;
}

void process_end_all(void)
{
	while (all)
		(void)process_end(all);
}
