#include "aggregator/kube/exec_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A run, with files in memory: nobody has to read while it writes. */
struct run {
	const struct exec_run_options *options;
	const char *name;
	int output, errors;
};

static int set_files(const struct run *run, posix_spawn_file_actions_t *actions)
{
	int r = posix_spawn_file_actions_adddup2(actions, run->output, STDOUT_FILENO);

	if (r == 0 && run->options->attendance != EXEC_ATTENDED)
		r = posix_spawn_file_actions_addopen(
			actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0 && run->options->attendance == EXEC_ALONE)
		r = posix_spawn_file_actions_adddup2(actions, run->errors, STDERR_FILENO);
	return r;
}

/* We ignore SIGPIPE; it is not to inherit that. */
static int set_signals(posix_spawnattr_t *attributes)
{
	sigset_t usual;
	int r;

	(void)sigemptyset(&usual);
	(void)sigaddset(&usual, SIGPIPE);
	r = posix_spawnattr_setsigdefault(attributes, &usual);
	return r == 0 ? posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGDEF) : r;
}

static int start(const struct run *run, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r = posix_spawn_file_actions_init(&actions);

	if (r != 0)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r == 0) {
		r = set_files(run, &actions);
		if (r == 0)
			r = set_signals(&attributes);
		if (r == 0)
			r = posix_spawnp(ret_pid, run->name, &actions, &attributes,
				run->options->arguments, run->options->variables);
		(void)posix_spawnattr_destroy(&attributes);
	}
	(void)posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* 0, -ETIMEDOUT: then it was killed; or -ECHILD. */
static int wait_for(pid_t pid, int limit_ms, int *ret_status)
{
	struct pollfd ended = {.events = POLLIN};
	int r = 1;

	if (limit_ms >= 0) {
		ended.fd = (int)syscall(SYS_pidfd_open, pid, 0);
		while (ended.fd >= 0 && (r = poll(&ended, 1, limit_ms)) < 0 && errno == EINTR)
			;
		if (ended.fd >= 0)
			(void)close(ended.fd);
		if (r == 0)
			(void)kill(pid, SIGKILL);
	}
	while (waitpid(pid, ret_status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

/* Appends what it wrote. 0, -EFBIG, -ENOMEM or -EIO. */
static int read_back(int fd, struct buffer *out)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *to;

	if (size < 0)
		return -EIO;
	if (size > EXEC_RUN_MAX_BYTES)
		return -EFBIG;
	to = buffer_reserve(out, (size_t)size + 1);
	if (!to)
		return -ENOMEM;
	if (pread(fd, to, (size_t)size, 0) != size)
		return -EIO;
	to[size] = '\0';
	out->length += (size_t)size;
	return 0;
}

/* The last line that says something. */
static const char *last_words(int errors, struct buffer *text)
{
	char *line;

	if (read_back(errors, text) < 0)
		return "";
	while (text->length > 0 && strchr(" \t\r\n", text->data[text->length - 1]))
		text->data[--text->length] = '\0';
	line = strrchr(text->data, '\n');
	return line ? line + 1 : text->data;
}

static int explain_end(const struct run *run, int status, struct error *err)
{
	struct buffer text = {0};
	const char *words =
		run->options->attendance == EXEC_ALONE ? last_words(run->errors, &text) : "";

	(void)error_set(err, EIO, "%s ended with %s %d%s%.200s", run->name,
		WIFSIGNALED(status) ? "signal" : "status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), *words ? ": " : "",
		words);
	buffer_free(&text);
	return -EIO;
}

static int explain_start(const struct run *run, int r, struct error *err)
{
	const char *hint = r == -ENOENT ? run->options->hint : NULL;

	return error_set(err, -r, "running %s: %s%s%.300s", run->name, strerror(-r),
		hint ? ". " : "", hint ? hint : "");
}

static int run_to_end(const struct run *run, struct buffer *out, struct error *err)
{
	int status, r;
	pid_t pid;

	r = start(run, &pid);
	if (r < 0)
		return explain_start(run, r, err);
	r = wait_for(
		pid, run->options->attendance == EXEC_ALONE ? run->options->limit_ms : -1, &status);
	if (r < 0 && r != -ETIMEDOUT)
		return error_errno(err, -r, "waiting for %s", run->name);
	if (r < 0)
		return error_set(err, ETIMEDOUT, "%s did not end within %d ms", run->name,
			run->options->limit_ms);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return explain_end(run, status, err);
	r = read_back(run->output, out);
	return r < 0 ? error_errno(err, -r, "reading what %s wrote", run->name) : 0;
}

int exec_run(const struct exec_run_options *options, struct buffer *out, struct error *err)
{
	struct run run = {.options = options,
		.name = options->arguments[0],
		.output = memfd_create("output", MFD_CLOEXEC),
		.errors = memfd_create("errors", MFD_CLOEXEC)};
	int r = run.output < 0 || run.errors < 0 ? error_errno(err, errno, "running %s", run.name)
						 : run_to_end(&run, out, err);

	if (run.output >= 0)
		(void)close(run.output);
	if (run.errors >= 0)
		(void)close(run.errors);
	return r;
}
