#include "tests/harness/log_capture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

struct log_capture log_capture_begin(void)
{
	struct log_capture capture = {memfd_create("log", MFD_CLOEXEC), dup(STDERR_FILENO)};

	assert_true(capture.file >= 0 && capture.saved >= 0);
	assert_int_equal(dup2(capture.file, STDERR_FILENO), STDERR_FILENO);
	return capture;
}

char *log_capture_end(struct log_capture *capture)
{
	off_t size;
	char *text;

	assert_int_equal(dup2(capture->saved, STDERR_FILENO), STDERR_FILENO);
	size = lseek(capture->file, 0, SEEK_END);
	text = calloc(1, (size_t)size + 1);
	assert_non_null(text);
	assert_int_equal(pread(capture->file, text, (size_t)size, 0), size);
	(void)close(capture->file);
	(void)close(capture->saved);
	return text;
}

unsigned log_capture_count(const char *text, const char *part)
{
	unsigned count = 0;

	for (const char *at = text; (at = strstr(at, part)) != NULL; at += strlen(part))
		count++;
	return count;
}
