#include "base/process_figures.h"

#include "base/clock.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define STARTTIME_FIELD 22 /* of /proc/self/stat: clock ticks since boot */

static void head(struct buffer *out, const char *name, const char *type, const char *help)
{
	buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", name, help, name, type, name);
}

static void number(struct buffer *out, uint64_t value)
{
	buffer_append_uint(out, value);
	buffer_append_char(out, '\n');
}

static void seconds(struct buffer *out, uint64_t ns)
{
	buffer_printf(out, "%" PRIu64 ".%09" PRIu64 "\n", ns / (uint64_t)NS_PER_SECOND,
		ns % (uint64_t)NS_PER_SECOND);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now = {0, 0};

	(void)clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * (uint64_t)NS_PER_SECOND + (uint64_t)now.tv_nsec;
}

static bool read_line(const char *path, char *line, size_t size)
{
	FILE *file = fopen(path, "re");
	bool read = file && fgets(line, (int)size, file);

	if (file)
		(void)fclose(file);
	return read;
}

static bool resident_bytes(uint64_t *ret_bytes)
{
	char line[128];
	uint64_t pages;

	if (!read_line("/proc/self/statm", line, sizeof(line)) ||
		sscanf(line, "%*u %" SCNu64, &pages) != 1)
		return false;
	*ret_bytes = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

static bool started_ns(uint64_t *ret_ns)
{
	char line[512];
	const char *at;
	uint64_t ticks;

	if (!read_line("/proc/self/stat", line, sizeof(line)))
		return false;
	at = strrchr(line, ')'); /* the end of field 2, which may have anything in it */
	for (int field = 2; at && field < STARTTIME_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at || sscanf(at, "%" SCNu64, &ticks) != 1)
		return false;
	*ret_ns = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
		  ticks * ((uint64_t)NS_PER_SECOND / (uint64_t)sysconf(_SC_CLK_TCK));
	return true;
}

static bool open_fds(uint64_t *ret_count)
{
	DIR *folder = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!folder)
		return false;
	for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
		count += entry->d_name[0] != '.';
	(void)closedir(folder);
	*ret_count = count - 1; /* without the folder's own */
	return true;
}

void process_figures_render(struct buffer *out)
{
	struct rlimit limit;
	uint64_t value;

	head(out, "process_cpu_seconds_total", "counter",
		"CPU time that this process used, in seconds.");
	seconds(out, clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	if (resident_bytes(&value)) {
		head(out, "process_resident_memory_bytes", "gauge",
			"Memory of this process that is in RAM.");
		number(out, value);
	}
	if (open_fds(&value)) {
		head(out, "process_open_fds", "gauge", "File descriptors that are open.");
		number(out, value);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		head(out, "process_max_fds", "gauge", "File descriptors that may be open.");
		number(out, limit.rlim_cur);
	}
	if (started_ns(&value)) {
		head(out, "process_start_time_seconds", "gauge",
			"When this process started, in seconds since 1970.");
		seconds(out, value);
	}
}
