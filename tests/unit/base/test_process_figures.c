/* base/process_figures: against what the kernel says by other ways. */
#include "base/process_figures.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static double figure(const char *name)
{
	struct buffer text = {0};
	char wanted[128];
	const char *at;
	double value;

	process_figures_render(&text);
	buffer_append_char(&text, '\0');
	(void)snprintf(wanted, sizeof(wanted), "\n%s ", name);
	at = strstr((const char *)text.data, wanted);
	assert_non_null(at);
	value = strtod(at + strlen(wanted), NULL);
	buffer_free(&text);
	return value;
}

static void cpu_time_is_that_of_the_process(void **state)
{
	struct rusage usage;
	double before, after, said;
	volatile unsigned spun = 0;

	(void)state;
	(void)getrusage(RUSAGE_SELF, &usage);
	before = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	while (clock() < CLOCKS_PER_SEC / 5)
		spun++;
	said = figure("process_cpu_seconds_total");
	(void)getrusage(RUSAGE_SELF, &usage);
	after = (double)usage.ru_utime.tv_sec + (double)usage.ru_stime.tv_sec +
		(double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	assert_true(said >= 0.19);
	assert_true(said >= before && said <= after + 0.02);
}

static void memory_grows_by_what_is_touched(void **state)
{
	const size_t size = (size_t)32 << 20;
	double before = figure("process_resident_memory_bytes");
	char *held = malloc(size);

	(void)state;
	assert_non_null(held);
	memset(held, 1, size);
	assert_true(figure("process_resident_memory_bytes") - before > 0.9 * (double)size);
	free(held);
}

static void open_files_are_counted(void **state)
{
	double before = figure("process_open_fds");
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct rlimit limit;

	(void)state;
	assert_true(fd >= 0);
	assert_true(figure("process_open_fds") == before + 1);
	(void)close(fd);
	assert_true(figure("process_open_fds") == before);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_true(figure("process_max_fds") == (double)limit.rlim_cur);
}

static void it_started_a_moment_ago(void **state)
{
	double ago = (double)time(NULL) - figure("process_start_time_seconds");

	(void)state;
	assert_true(ago > -2 && ago < 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_time_is_that_of_the_process),
		cmocka_unit_test(memory_grows_by_what_is_touched),
		cmocka_unit_test(open_files_are_counted),
		cmocka_unit_test(it_started_a_moment_ago),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
