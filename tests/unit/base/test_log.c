/* base/log: the form of a line, levels, hostile text, and the limit. */
#include "base/log.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static int saved_stderr, from_stderr;

static void capture(void)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	saved_stderr = dup(STDERR_FILENO);
	assert_true(saved_stderr >= 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(ends[1]), 0);
	from_stderr = ends[0];
}

/* What was written to standard error since capture(). */
static void release(char *out, size_t size)
{
	ssize_t length;

	assert_int_equal(dup2(saved_stderr, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(saved_stderr), 0);
	length = read(from_stderr, out, size - 1);
	assert_true(length >= 0);
	out[length] = '\0';
	assert_int_equal(close(from_stderr), 0);
}

#define STAMP_LENGTH 24 /* 2026-01-31T23:59:59.123Z */

static void writes_one_line(void **state)
{
	int year, month, day, hour, minute, second, millis;
	char text[4096];

	(void)state;
	capture();
	log_warn("%s of %d", "one", 2);
	release(text, sizeof(text));
	assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ", &year, &month, &day, &hour,
				 &minute, &second, &millis),
		7);
	assert_in_range(year, 2024, 9999);
	assert_string_equal(text + STAMP_LENGTH, " WARN one of 2\n");
}

static void drops_what_is_above_the_level(void **state)
{
	static const struct {
		enum log_level level;
		const char *written;
	} CASES[] = {
		{LOG_LEVEL_ERROR, "E"},
		{LOG_LEVEL_WARN, "EW"},
		{LOG_LEVEL_INFO, "EWI"},
		{LOG_LEVEL_DEBUG, "EWID"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char text[4096], levels[8] = "";
		size_t count = 0;

		log_set_level(CASES[i].level);
		capture();
		log_error("x");
		log_warn("x");
		log_info("x");
		log_debug("x");
		release(text, sizeof(text));
		for (char *at = text; *at; at = strchr(at, '\n') + 1)
			levels[count++] = at[STAMP_LENGTH + 1];
		assert_string_equal(levels, CASES[i].written);
	}
	log_set_level(LOG_LEVEL_INFO);
}

static void nobody_forges_a_line(void **state)
{
	char text[4096];

	(void)state;
	capture();
	log_error("a\nb\rc\x1b[31m\x7f\ttab caf\xc3\xa9");
	release(text, sizeof(text));
	assert_string_equal(
		text + STAMP_LENGTH, " ERROR a\\x0ab\\x0dc\\x1b[31m\\x7f\\x09tab caf\xc3\xa9\n");
}

static void cuts_what_is_too_long(void **state)
{
	char text[8192], message[3000];

	(void)state;
	memset(message, 'a', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	capture();
	log_error("%s", message);
	release(text, sizeof(text));
	assert_in_range(strlen(text), 1000, 1400);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	memset(message, '\n', sizeof(message) - 1); /* each becomes four */
	capture();
	log_error("%s", message);
	release(text, sizeof(text));
	assert_in_range(strlen(text), 1000, 1400);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void a_limit_holds_lines_back(void **state)
{
	struct log_limit limit = {0};
	uint64_t held_back = 7;

	(void)state;
	assert_true(log_allowed(&limit, 3600 * NS_PER_SECOND, &held_back));
	assert_int_equal(held_back, 0);
	held_back = 7;
	assert_false(log_allowed(&limit, 3600 * NS_PER_SECOND, &held_back));
	assert_false(log_allowed(&limit, 3600 * NS_PER_SECOND, &held_back));
	assert_int_equal(held_back, 7);
	limit.next_ns = clock_monotonic_ns(); /* the hour is over */
	assert_true(log_allowed(&limit, 0, &held_back));
	assert_int_equal(held_back, 2);
	assert_true(log_allowed(&limit, 0, &held_back));
	assert_int_equal(held_back, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_one_line),
		cmocka_unit_test(drops_what_is_above_the_level),
		cmocka_unit_test(nobody_forges_a_line),
		cmocka_unit_test(cuts_what_is_too_long),
		cmocka_unit_test(a_limit_holds_lines_back),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
