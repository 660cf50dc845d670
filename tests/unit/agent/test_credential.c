/* agent/credential: a secret once, a token again and again. */
#include "agent/credential.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
	struct scratch *scratch;
	struct telemetry *telemetry;
	uint64_t now_ns;
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->scratch = scratch_new();
	fixture->telemetry = telemetry_new();
	fixture->now_ns = clock_monotonic_ns();
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	telemetry_free(fixture->telemetry);
	scratch_free(fixture->scratch);
	free(fixture);
	return 0;
}

static struct credential *open_credential(struct fixture *fixture, const char *path, bool renewed)
{
	struct error err = {{0}};
	struct credential *credential =
		credential_new("--token-file", path, renewed, fixture->telemetry, &err);

	assert_string_equal(err.message, "");
	assert_non_null(credential);
	return credential;
}

static void assert_bytes(const struct credential *credential, const char *text)
{
	size_t size;
	const void *bytes = credential_bytes(credential, &size);

	assert_int_equal(size, strlen(text));
	assert_memory_equal(bytes, text, size);
}

/* Eleven seconds later. */
static void look(struct fixture *fixture, struct credential *credential)
{
	fixture->now_ns += 11 * NS_PER_SECOND;
	credential_refresh(credential, fixture->now_ns);
}

static void takes_bytes_without_line_ends(void **state)
{
	static const struct {
		const char *text, *bytes;
	} CASES[] = {
		{"secret", "secret"},
		{"secret\n", "secret"},
		{"secret\r\n\n", "secret"},
		{"two\nlines\n", "two\nlines"},
		{" spaces stay ", " spaces stay "},
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *path = scratch_write(fixture->scratch, "secret", CASES[i].text);
		struct credential *credential = open_credential(fixture, path, false);

		assert_bytes(credential, CASES[i].bytes);
		assert_int_equal(credential_version(credential), 1);
		credential_free(credential);
	}
}

static void says_what_is_wrong_at_the_start(void **state)
{
	struct fixture *fixture = *state;
	char *longest = calloc(1, CREDENTIAL_MAX + 2);
	const char *long_path, *bound_path;
	const struct {
		const char *path, *words;
	} CASES[] = {
		{scratch_path(fixture->scratch, "absent"), "absent: No such file or directory"},
		{scratch_write(fixture->scratch, "empty", ""), "/empty is empty"},
		{scratch_write(fixture->scratch, "newlines", "\n\r\n"), "/newlines is empty"},
		{scratch_path(fixture->scratch, ""), "Is a directory"},
	};
	struct credential *credential;
	struct error err;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		assert_null(credential_new(
			"--token-file", CASES[i].path, true, fixture->telemetry, &err));
		assert_non_null(strstr(err.message, "--token-file"));
		assert_non_null(strstr(err.message, CASES[i].words));
	}
	assert_non_null(longest);
	memset(longest, 'x', CREDENTIAL_MAX);
	bound_path = scratch_write(fixture->scratch, "bound", longest);
	credential = open_credential(fixture, bound_path, true);
	assert_bytes(credential, longest);
	credential_free(credential);
	longest[CREDENTIAL_MAX] = 'x';
	long_path = scratch_write(fixture->scratch, "long", longest);
	assert_null(credential_new("--token-file", long_path, true, fixture->telemetry, &err));
	assert_non_null(strstr(err.message, "longer than 16384 bytes"));
	free(longest);
}

/* As the kubelet does it: token -> ..data/token, ..data -> ..<time>, which is swapped by rename. */
static void put_token(struct fixture *fixture, const char *folder, const char *token)
{
	char name[64];

	assert_int_equal(mkdir(scratch_path(fixture->scratch, folder), 0700), 0);
	(void)snprintf(name, sizeof(name), "%s/token", folder);
	(void)scratch_write(fixture->scratch, name, token);
	assert_int_equal(symlink(folder, scratch_path(fixture->scratch, "..data_tmp")), 0);
	assert_int_equal(rename(scratch_path(fixture->scratch, "..data_tmp"),
				 scratch_path(fixture->scratch, "..data")),
		0);
}

static void follows_a_token_as_kubelet_renews_it(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_path(fixture->scratch, "token");
	struct credential *credential;

	put_token(fixture, "..1", "first");
	assert_int_equal(symlink("..data/token", path), 0);
	credential = open_credential(fixture, path, true);
	put_token(fixture, "..2", "other");
	credential_refresh(credential, fixture->now_ns + 5 * NS_PER_SECOND);
	assert_bytes(credential, "first"); /* not due yet */
	look(fixture, credential);
	assert_bytes(credential, "other");
	assert_int_equal(credential_version(credential), 2);
	look(fixture, credential);
	assert_int_equal(credential_version(credential), 2);
	put_token(fixture, "..3", "other\n"); /* the same, written otherwise */
	look(fixture, credential);
	assert_int_equal(credential_version(credential), 2);
	assert_int_equal(telemetry_get(telemetry_counter(fixture->telemetry,
				 "tacho_agent_credential_renewals_total", "", NULL, NULL)),
		1);
	credential_free(credential);
}

static void goes_on_with_the_last_one(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_write(fixture->scratch, "token", "first");
	struct credential *credential = open_credential(fixture, path, true);
	struct log_capture *log = log_capture_start();
	unsigned warned, again;

	assert_int_equal(unlink(path), 0);
	look(fixture, credential);
	look(fixture, credential);
	(void)scratch_write(fixture->scratch, "token", "");
	look(fixture, credential);
	warned = log_capture_count(log, "the last one is used on");
	assert_bytes(credential, "first");
	assert_int_equal(credential_version(credential), 1);
	(void)scratch_write(fixture->scratch, "token", "second");
	look(fixture, credential);
	again = log_capture_count(log, "can be used again");
	log_capture_stop(log);
	assert_int_equal(warned, 1);
	assert_int_equal(again, 1);
	assert_bytes(credential, "second");
	assert_int_equal(telemetry_get(telemetry_counter(fixture->telemetry,
				 "tacho_agent_credential_errors_total", "", NULL, NULL)),
		3);
	credential_free(credential);
}

static void a_secret_is_read_once(void **state)
{
	struct fixture *fixture = *state;
	const char *path = scratch_write(fixture->scratch, "secret", "first");
	struct credential *credential = open_credential(fixture, path, false);

	(void)scratch_write(fixture->scratch, "secret", "second");
	look(fixture, credential);
	assert_bytes(credential, "first");
	credential_free(credential);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_bytes_without_line_ends),
		TEST(says_what_is_wrong_at_the_start),
		TEST(follows_a_token_as_kubelet_renews_it),
		TEST(goes_on_with_the_last_one),
		TEST(a_secret_is_read_once),
	};

	return cmocka_run_group_tests_name("credential", tests, NULL, NULL);
}
