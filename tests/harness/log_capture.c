#include "tests/harness/log_capture.h"

#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_LOG (256U << 10) /* bytes; more is not looked at */

struct log_capture {
	int fd, standard_error;
	const char *wanted;
	char text[MAX_LOG + 1];
};

struct log_capture *log_capture_start(void)
{
	struct log_capture *capture = malloc(sizeof(*capture));

	assert_non_null(capture);
	capture->fd = memfd_create("log", MFD_CLOEXEC);
	capture->standard_error = dup(STDERR_FILENO);
	assert_true(capture->fd >= 0 && capture->standard_error >= 0);
	assert_true(dup2(capture->fd, STDERR_FILENO) >= 0);
	return capture;
}

unsigned log_capture_count_in(const char *log, const char *text)
{
	unsigned count = 0;

	for (const char *at = log; (at = strstr(at, text)); at++)
		count++;
	return count;
}

static void take(struct log_capture *capture)
{
	ssize_t length = pread(capture->fd, capture->text, MAX_LOG, 0);

	assert_true(length >= 0);
	capture->text[length] = '\0';
}

unsigned log_capture_count(struct log_capture *capture, const char *text)
{
	take(capture);
	return log_capture_count_in(capture->text, text);
}

static bool has(void *context)
{
	struct log_capture *capture = context;

	return log_capture_count(capture, capture->wanted) > 0;
}

bool log_capture_has(struct log_capture *capture, const char *text, unsigned timeout_ms)
{
	capture->wanted = text;
	return wait_until(has, capture, timeout_ms);
}

char *log_capture_end(struct log_capture *capture)
{
	char *log;

	take(capture);
	log = strdup(capture->text);
	log_capture_stop(capture);
	assert_non_null(log);
	return log;
}

void log_capture_stop(struct log_capture *capture)
{
	if (!capture)
		return;
	(void)dup2(capture->standard_error, STDERR_FILENO);
	(void)close(capture->standard_error);
	(void)close(capture->fd);
	free(capture);
}
