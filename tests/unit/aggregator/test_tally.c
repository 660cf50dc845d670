/* ingest/tally: the age of samples. The rest is test_ingest's. */
#include "aggregator/ingest/tally.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AGE "tacho_aggregator_sample_age_seconds"

static struct telemetry *telemetry;
static struct tally tally;

static int set_up(void **state)
{
	(void)state;
	telemetry = telemetry_new();
	tally_register(&tally, telemetry);
	return telemetry ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	telemetry_free(telemetry);
	return 0;
}

static void expect_line(const char *line)
{
	struct buffer text = {0};
	bool found;

	telemetry_render(telemetry, &text);
	buffer_append_char(&text, '\0');
	found = strstr((const char *)text.data, line) != NULL;
	if (!found)
		print_message("no %s in\n%s", line, (const char *)text.data);
	buffer_free(&text);
	assert_true(found);
}

static uint64_t now_ms(void)
{
	return clock_realtime_ns() / NS_PER_MS;
}

static void a_sample_is_as_old_as_its_timestamp_says(void **state)
{
	(void)state;
	tally_sample_age(&tally, now_ms() - 2500);
	tally_sample_age(&tally, now_ms() - 4000);
	tally_sample_age(&tally, now_ms() - 3600000);
	expect_line(AGE "_bucket{le=\"2\"} 0\n");
	expect_line(AGE "_bucket{le=\"3\"} 1\n");
	expect_line(AGE "_bucket{le=\"5\"} 2\n");
	expect_line(AGE "_bucket{le=\"30\"} 2\n");
	expect_line(AGE "_bucket{le=\"+Inf\"} 3\n");
	expect_line(AGE "_sum 3606.");
	expect_line("\ntacho_aggregator_samples_ahead_total 0\n");
}

static void one_of_the_future_has_no_age(void **state)
{
	(void)state;
	tally_sample_age(&tally, now_ms() + 60000);
	tally_sample_age(&tally, UINT64_MAX);
	expect_line(AGE "_count 0\n");
	expect_line("\ntacho_aggregator_samples_ahead_total 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_sample_is_as_old_as_its_timestamp_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_of_the_future_has_no_age, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
