#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int error_set(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (err) {
		va_start(args, format);
		(void)vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
	}
	errno = saved;
	return -code;
}

int error_errno(struct error *err, int code, const char *format, ...)
{
	int saved = errno;
	va_list args;

	if (err) {
		char text[128];
		size_t length;

		va_start(args, format);
		(void)vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
		length = strlen(err->message);
		(void)snprintf(err->message + length, sizeof(err->message) - length, ": %s",
			strerror_r(code, text, sizeof(text)));
	}
	errno = saved;
	return -code;
}

int error_context(struct error *err, int result, const char *format, ...)
{
	va_list args;

	if (err) {
		struct error inner = *err;
		size_t length;

		va_start(args, format);
		(void)vsnprintf(err->message, sizeof(err->message), format, args);
		va_end(args);
		length = strlen(err->message);
		(void)snprintf(err->message + length, sizeof(err->message) - length, ": %s",
			inner.message);
	}
	return result;
}
