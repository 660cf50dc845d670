/* aggregator/api/probes: the answers of healthz, livez and readyz. */
#include "aggregator/api/probes.h"
#include "tests/harness/headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct evkeyvalq no_headers = TAILQ_HEAD_INITIALIZER(no_headers);

static const char *reason_of(void *context)
{
	return context;
}

static char down[] = "it is down";

static const struct probes_check FINE[] = {{"ping", reason_of, NULL}, {"log", reason_of, NULL}};
static const struct probes_check BAD[] = {{"ping", reason_of, NULL}, {"disk", reason_of, down}};

static void answers(void **state)
{
	static const struct {
		const struct probes_check *checks;
		const char *target;
		bool passed;
		const char *text;
	} CASES[] = {
		{FINE, "/readyz", true, "ok"},
		{FINE, "/readyz?verbose", true, "[+]ping ok\n[+]log ok\nreadyz check passed\n"},
		{FINE, "/readyz?verbose=false", true,
			"[+]ping ok\n[+]log ok\nreadyz check passed\n"},
		{FINE, "/readyz?exclude=log", true, "ok"},
		{FINE, "/readyz?exclude=log&verbose", true,
			"[+]ping ok\n[+]log excluded: ok\nreadyz check passed\n"},
		{FINE, "/readyz?verbose&exclude=x", true,
			"[+]ping ok\n[+]log ok\nwarn: some health checks cannot be excluded: no "
			"matches for \"x\"\nreadyz check passed\n"},
		{FINE, "/readyz?verbose&exclude=x&exclude=ping&exclude=y", true,
			"[+]ping excluded: ok\n[+]log ok\nwarn: some health checks cannot be "
			"excluded: no matches for \"x\", \"y\"\nreadyz check passed\n"},
		{BAD, "/readyz", false,
			"[+]ping ok\n[-]disk failed: reason withheld\nreadyz check failed\n"},
		{BAD, "/readyz?exclude=disk", true, "ok"},
		{BAD, "/readyz?exclude=ping&exclude=disk&verbose", true,
			"[+]ping excluded: ok\n[+]disk excluded: ok\nreadyz check passed\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const struct probes_probe probe = {"readyz", CASES[i].checks, 2};
		struct buffer out = {0};
		struct request request;
		struct error err;

		assert_int_equal(
			request_parse(&request, REQUEST_GET, CASES[i].target, &no_headers, &err),
			0);
		assert_int_equal(probes_run(&probe, &request, &out), CASES[i].passed);
		assert_string_equal(buffer_terminate(&out), CASES[i].text);
		buffer_free(&out);
		request_free(&request);
	}
}

static void one_check_tells_its_reason(void **state)
{
	const struct probes_probe probe = {"readyz", BAD, 2};
	struct buffer out = {0};

	(void)state;
	assert_null(probes_find(&probe, "nothing"));
	assert_true(probes_run_one(probes_find(&probe, "ping"), &out));
	assert_string_equal(buffer_terminate(&out), "ok");
	buffer_clear(&out);
	assert_false(probes_run_one(probes_find(&probe, "disk"), &out));
	assert_string_equal(buffer_terminate(&out), "internal server error: it is down\n");
	buffer_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(one_check_tells_its_reason),
	};

	return cmocka_run_group_tests_name("probes", tests, NULL, NULL);
}
