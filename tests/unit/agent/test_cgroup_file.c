/* agent/cgroup_file: the formats, and every way in which a file can be wrong. */
#include "agent/cgroup_file.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY(name)                      \
	{                              \
		name, sizeof(name) - 1 \
	}

static const struct cgroup_file_key ANON_FILE[] = {KEY("anon"), KEY("file")};
static const struct cgroup_file_key IO[] = {KEY("rbytes"), KEY("wbytes")};

static int file_of(const char *text, size_t length)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, length), length);
	return fd;
}

static void reads_the_whole_file(void **state)
{
	static const struct {
		size_t length;
		ssize_t result;
	} CASES[] = {
		{0, 0},
		{1, 1},
		{4096, 4096},
		{4097, 4097},
		{CGROUP_FILE_MAX - 1, CGROUP_FILE_MAX - 1},
		{CGROUP_FILE_MAX, CGROUP_FILE_MAX},
		{CGROUP_FILE_MAX + 1, -EFBIG},
	};
	char *text = malloc(CGROUP_FILE_MAX + 1), *buffer = malloc(CGROUP_FILE_MAX);

	(void)state;
	for (size_t i = 0; i <= CGROUP_FILE_MAX; i++)
		text[i] = (char)('a' + i % 26);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		int fd = file_of(text, CASES[i].length);

		for (int again = 0; again < 2; again++) /* from the start each time */
			assert_int_equal(cgroup_file_read(fd, buffer), CASES[i].result);
		if (CASES[i].result > 0)
			assert_memory_equal(buffer, text, CASES[i].length);
		(void)close(fd);
	}
	assert_int_equal(cgroup_file_read(-1, buffer), -EBADF);
	free(text);
	free(buffer);
}

static void parses_one_number(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} CASES[] = {
		{"0\n", 0, 0},
		{"42\n", 0, 42},
		{"42", 0, 42},
		{"18446744073709551615\n", 0, UINT64_MAX},
		{"18446744073709551616\n", -ERANGE, 0},
		{"max\n", -EINVAL, 0},
		{"", -EINVAL, 0},
		{"\n", -EINVAL, 0},
		{"-1\n", -EINVAL, 0},
		{"1 2\n", -EINVAL, 0},
		{"1\n2\n", -EINVAL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t value = 7;

		assert_int_equal(cgroup_file_number(CASES[i].text, strlen(CASES[i].text), &value),
			CASES[i].result);
		assert_int_equal(value, CASES[i].result == 0 ? CASES[i].value : 7);
	}
}

struct keyed_case {
	const char *text;
	struct cgroup_file_result result;
	uint64_t values[2];
};

static void check_keyed(
	const struct keyed_case *c, struct cgroup_file_result result, const uint64_t values[2])
{
	if (result.found != c->result.found || result.malformed != c->result.malformed ||
		result.too_large != c->result.too_large)
		fail_msg("\"%s\": found %x, malformed %x, too large %x", c->text, result.found,
			result.malformed, result.too_large);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(values[i], result.found >> i & 1 ? c->values[i] : 7);
}

static void picks_keys_of_a_flat_file(void **state)
{
	static const struct keyed_case CASES[] = {
		{"anon 1\nfile 2\n", {3, 0, 0}, {1, 2}},
		{"file 2\nkernel 9\nanon 1\n", {3, 0, 0}, {1, 2}},
		{"anon 1\nfile 2", {3, 0, 0}, {1, 2}},
		{"", {0, 0, 0}, {0}},
		{"\n\n", {0, 0, 0}, {0}},
		{"file 5\n", {2, 0, 0}, {0, 5}},
		{"anon_thp 4\nxfile 5\n", {0, 0, 0}, {0}}, /* longer keys are other keys */
		{"ano 4\n", {0, 0, 0}, {0}},
		{"anon\nfile 2\n", {2, 0, 0}, {0, 2}},
		{"anon \nfile 2\n", {2, 1, 0}, {0, 2}},
		{"anon max\nfile 2\n", {2, 1, 0}, {0, 2}},
		{"anon -1\nfile 2\n", {2, 1, 0}, {0, 2}},
		{"anon 1 2\nfile 2\n", {2, 1, 0}, {0, 2}},
		{"anon  1\nfile 2\n", {2, 1, 0}, {0, 2}},
		{"anon 18446744073709551615\n", {1, 0, 0}, {UINT64_MAX}},
		{"anon 18446744073709551616\nfile 2\n", {2, 0, 1}, {0, 2}},
		{"anon 1\nanon 5\nfile 2\n", {3, 0, 0}, {1, 2}},
		{"anon x\nanon 5\nfile 2\n", {2, 1, 0}, {0, 2}},
		{" anon 1\n%n%s 3\n\x01\xff\nfile 2\n", {2, 0, 0}, {0, 2}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t values[2] = {7, 7};

		check_keyed(&CASES[i],
			cgroup_file_flat(
				CASES[i].text, strlen(CASES[i].text), ANON_FILE, 2, values),
			values);
	}
}

static void sums_keys_of_a_nested_file(void **state)
{
	static const struct keyed_case CASES[] = {
		{"", {3, 0, 0}, {0, 0}}, /* no I/O yet */
		{"8:0 rbytes=1 wbytes=2 rios=3\n", {3, 0, 0}, {1, 2}},
		{"8:0 rbytes=1 wbytes=2\n253:1 rbytes=10 wbytes=20\n", {3, 0, 0}, {11, 22}},
		{"8:0 \n253:1 rbytes=10\n", {3, 0, 0}, {10, 0}},
		{"8:0 rbytes=1", {3, 0, 0}, {1, 0}},
		{"8:0 xrbytes=1 rbytesx=1 rbytes =1\n", {3, 0, 0}, {0, 0}},
		{"8:0 rbytes= wbytes=2\n", {2, 1, 0}, {0, 2}},
		{"8:0 rbytes=x wbytes=2\n8:1 rbytes=4 wbytes=2\n", {2, 1, 0}, {0, 4}},
		{"8:0 rbytes=1=2 wbytes=2\n", {2, 1, 0}, {0, 2}},
		{"8:0 rbytes=18446744073709551615\n8:1 rbytes=1\n", {3, 0, 0}, {UINT64_MAX, 0}},
		{"8:0 rbytes=18446744073709551616 wbytes=1\n", {2, 0, 1}, {0, 1}},
		{"junk\n===\n\n= =\n", {3, 0, 0}, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t values[2] = {7, 7};

		check_keyed(&CASES[i],
			cgroup_file_nested(CASES[i].text, strlen(CASES[i].text), IO, 2, values),
			values);
	}
}

static void takes_the_largest_of_a_nested_file(void **state)
{
	static const struct cgroup_file_key KEYS[] = {{"avg_lat", 7, true}, {"rios", 4, false}};
	static const struct keyed_case CASES[] = {
		{"", {2, 0, 0}, {0, 0}},
		{"8:0 rios=1\n", {2, 0, 0}, {0, 1}},
		{"8:0 rios=1 depth=max avg_lat=5 win=1\n8:1 rios=1 avg_lat=9\n8:2 avg_lat=7\n",
			{3, 0, 0}, {9, 2}},
		{"8:0 avg_lat=0\n", {3, 0, 0}, {0, 0}},
		{"8:0 avg_lat=-\n8:1 avg_lat=1\n", {2, 1, 0}, {0, 0}},
		{"8:0 avg_lat=18446744073709551615\n8:1 avg_lat=2\n", {3, 0, 0}, {UINT64_MAX, 0}},
		{"8:0 avg_lat=18446744073709551616\n", {2, 0, 1}, {0, 0}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t values[2] = {7, 7};

		check_keyed(&CASES[i],
			cgroup_file_nested(CASES[i].text, strlen(CASES[i].text), KEYS, 2, values),
			values);
	}
}

static void takes_totals_of_a_pressure_file(void **state)
{
	static const struct keyed_case CASES[] = {
		{"some avg10=0.12 avg60=3.00 avg300=13.72 total=307285272\n"
		 "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
			{3, 0, 0}, {307285272, 0}},
		{"some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n", {1, 0, 0}, {7, 0}},
		{"full avg10=0.00 total=8", {2, 0, 0}, {0, 8}},
		{"", {0, 0, 0}, {0}},
		{"some\nfull\n", {0, 0, 0}, {0}},
		{"some \nfull total\n", {0, 3, 0}, {0}},
		{"some avg10=0.00\nfull total=3\n", {2, 1, 0}, {0, 3}},
		{"some total=\nfull total=3\n", {2, 1, 0}, {0, 3}},
		{"some total=1.5\nfull total=-3\n", {0, 3, 0}, {0}},
		{"some total=1 x\nfull xtotal=3\n", {0, 3, 0}, {0}},
		{"some total=18446744073709551616\nfull total=18446744073709551615\n", {2, 0, 1},
			{0, UINT64_MAX}},
		{"something total=4\n full total=5\n", {0, 0, 0}, {0}},
	};
	static const struct cgroup_file_key KEYS[] = {{"some", 4, false}, {"full", 4, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		char *exact = malloc(strlen(CASES[i].text) + 1);
		uint64_t values[2] = {7, 7};

		memcpy(exact, CASES[i].text, strlen(CASES[i].text));
		check_keyed(&CASES[i],
			cgroup_file_pressure(exact, strlen(CASES[i].text), KEYS, 2, values),
			values);
		free(exact);
	}
}

static void a_limit_may_be_none(void **state)
{
	static const struct {
		const char *text;
		int result;
		uint64_t value;
	} CASES[] = {
		{"4096\n", 0, 4096},
		{"0\n", 0, 0},
		{"max\n", -ENOENT, 0},
		{"max", -ENOENT, 0},
		{"9223372036854771712\n", -ENOENT, 0}, /* v1, pages of 4 KiB */
		{"9223372036854710272\n", -ENOENT, 0}, /* of 64 KiB */
		{"9223372036854710271\n", 0, 9223372036854710271ULL},
		{"", -EINVAL, 0},
		{"maximum\n", -EINVAL, 0},
		{"maxx", -EINVAL, 0},
		{"ma", -EINVAL, 0},
		{"18446744073709551616\n", -ERANGE, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		uint64_t value = 7;

		assert_int_equal(cgroup_file_limit(CASES[i].text, strlen(CASES[i].text), &value),
			CASES[i].result);
		assert_true(value == (CASES[i].result == 0 ? CASES[i].value : 7));
	}
}

/* Texts that are not terminated: the sanitizer sees a read beyond the end. */
static void stays_within_the_text(void **state)
{
	static const char TEXT[] = "anon 12\nfile 34\n8:0 rbytes=56 wbytes=78\n";

	(void)state;
	for (size_t length = 0; length < sizeof(TEXT); length++) {
		char *exact = malloc(length ? length : 1);
		uint64_t values[2], number;

		memcpy(exact, TEXT, length);
		(void)cgroup_file_flat(exact, length, ANON_FILE, 2, values);
		(void)cgroup_file_nested(exact, length, IO, 2, values);
		(void)cgroup_file_number(exact, length, &number);
		(void)cgroup_file_limit(exact, length, &number);
		free(exact);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_whole_file),
		cmocka_unit_test(parses_one_number),
		cmocka_unit_test(picks_keys_of_a_flat_file),
		cmocka_unit_test(sums_keys_of_a_nested_file),
		cmocka_unit_test(takes_the_largest_of_a_nested_file),
		cmocka_unit_test(takes_totals_of_a_pressure_file),
		cmocka_unit_test(a_limit_may_be_none),
		cmocka_unit_test(stays_within_the_text),
	};

	return cmocka_run_group_tests_name("cgroup_file", tests, NULL, NULL);
}
