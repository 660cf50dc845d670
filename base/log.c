#include "base/log.h"

#include "base/clock.h"
#include "base/escape.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static _Atomic int threshold = LOG_LEVEL_INFO;

static const char *const LEVEL_NAMES[] = {"ERROR", "WARN", "INFO", "DEBUG"};

void log_set_level(enum log_level level)
{
	atomic_store(&threshold, (int)level);
}

void log_write(enum log_level level, const char *format, ...)
{
	char message[1024], line[1400];
	struct timespec now;
	struct tm utc;
	size_t length;
	va_list args;

	if ((int)level > atomic_load(&threshold))
		return;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	(void)gmtime_r(&now.tv_sec, &utc);
	length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &utc);
	length += (size_t)snprintf(line + length, sizeof(line) - length, ".%03ldZ %s ",
		now.tv_nsec / 1000000, LEVEL_NAMES[level]);
	length += escape_controls(line + length, sizeof(line) - length - 1, message);
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return; /* there is nowhere left to say it */
}

bool log_allowed(struct log_limit *limit, uint64_t interval_ns, uint64_t *ret_held_back)
{
	uint64_t now = clock_monotonic_ns();

	if (now < limit->next_ns) {
		limit->held_back++;
		return false;
	}
	*ret_held_back = limit->held_back;
	limit->held_back = 0;
	limit->next_ns = now + interval_ns;
	return true;
}
