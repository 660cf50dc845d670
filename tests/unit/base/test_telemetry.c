/* base/telemetry: registering, counting from many threads, and Prometheus' text. */
#include "base/telemetry.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void expect(struct telemetry *telemetry, const char *text)
{
	struct buffer out = {0};

	telemetry_render(telemetry, &out);
	assert_string_equal(buffer_terminate(&out), text);
	buffer_free(&out);
}

static void renders_nothing_when_empty(void **state)
{
	struct telemetry *telemetry = telemetry_new();

	(void)state;
	expect(telemetry, "");
	telemetry_free(telemetry);
	telemetry_free(NULL);
}

static void counts_and_sets(void **state)
{
	struct telemetry *telemetry = telemetry_new();
	struct telemetry_series *counter, *gauge;

	(void)state;
	counter = telemetry_counter(telemetry, "t_total", "Things", NULL, NULL);
	gauge = telemetry_gauge(telemetry, "level", "Level", NULL, NULL);
	telemetry_add(counter, 2);
	telemetry_add(counter, 40);
	telemetry_set(gauge, 9);
	telemetry_set(gauge, UINT64_MAX);
	assert_int_equal(telemetry_get(counter), 42);
	expect(telemetry, "# HELP t_total Things\n# TYPE t_total counter\nt_total 42\n"
			  "# HELP level Level\n# TYPE level gauge\nlevel 18446744073709551615\n");
	telemetry_free(telemetry);
}

static void counts_by_buckets(void **state)
{
	static const struct telemetry_bucket BUCKETS[] = {{1000000, "0.001"}, {10000000, "0.01"}};
	struct telemetry *telemetry = telemetry_new();
	struct telemetry_histogram *histogram =
		telemetry_histogram(telemetry, "wait_seconds", "Waits", NULL, NULL, BUCKETS, 2);

	(void)state;
	assert_ptr_equal(
		telemetry_histogram(telemetry, "wait_seconds", "Waits", NULL, NULL, BUCKETS, 2),
		histogram);
	telemetry_observe(histogram, 0);
	telemetry_observe(histogram, 1000000); /* the end is in it */
	telemetry_observe(histogram, 1000001);
	telemetry_observe(histogram, 2500000000);
	expect(telemetry, "# HELP wait_seconds Waits\n# TYPE wait_seconds histogram\n"
			  "wait_seconds_bucket{le=\"0.001\"} 2\n"
			  "wait_seconds_bucket{le=\"0.01\"} 3\n"
			  "wait_seconds_bucket{le=\"+Inf\"} 4\n"
			  "wait_seconds_sum 2.502000001\nwait_seconds_count 4\n");
	telemetry_free(telemetry);
}

static void counts_by_labels_and_buckets(void **state)
{
	static const struct telemetry_bucket BUCKETS[] = {{1000000, "0.001"}};
	struct telemetry *telemetry = telemetry_new();
	struct telemetry_histogram *x =
		telemetry_histogram(telemetry, "a_seconds", "A", "kind", "x", BUCKETS, 1);
	struct telemetry_histogram *y =
		telemetry_histogram(telemetry, "a_seconds", "A", "kind", "y", BUCKETS, 1);

	(void)state;
	assert_ptr_not_equal(x, y);
	telemetry_observe(x, 1);
	telemetry_observe(y, 1000001);
	expect(telemetry, "# HELP a_seconds A\n# TYPE a_seconds histogram\n"
			  "a_seconds_bucket{kind=\"x\",le=\"0.001\"} 1\n"
			  "a_seconds_bucket{kind=\"x\",le=\"+Inf\"} 1\n"
			  "a_seconds_sum{kind=\"x\"} 0.000000001\na_seconds_count{kind=\"x\"} 1\n"
			  "a_seconds_bucket{kind=\"y\",le=\"0.001\"} 0\n"
			  "a_seconds_bucket{kind=\"y\",le=\"+Inf\"} 1\n"
			  "a_seconds_sum{kind=\"y\"} 0.001000001\na_seconds_count{kind=\"y\"} 1\n");
	telemetry_free(telemetry);
}

static void keeps_series_of_one_name_together(void **state)
{
	struct telemetry *telemetry = telemetry_new();

	(void)state;
	telemetry_add(telemetry_counter(telemetry, "a_total", "A", "reason", "x"), 1);
	telemetry_add(telemetry_counter(telemetry, "b_total", "B", NULL, NULL), 2);
	telemetry_add(telemetry_counter(telemetry, "a_total", "A", "reason", "y"), 3);
	telemetry_add(telemetry_counter(telemetry, "a_total", "A", "reason", "z"), 4);
	expect(telemetry,
		"# HELP a_total A\n# TYPE a_total counter\n"
		"a_total{reason=\"x\"} 1\na_total{reason=\"y\"} 3\na_total{reason=\"z\"} 4\n"
		"# HELP b_total B\n# TYPE b_total counter\nb_total 2\n");
	telemetry_free(telemetry);
}

static void registers_each_series_once(void **state)
{
	struct telemetry *telemetry = telemetry_new();
	struct telemetry_series *plain, *labelled;

	(void)state;
	plain = telemetry_counter(telemetry, "a_total", "A", NULL, NULL);
	labelled = telemetry_counter(telemetry, "a_total", "A", "reason", "x");
	assert_ptr_not_equal(plain, labelled);
	assert_ptr_equal(plain, telemetry_counter(telemetry, "a_total", "A", NULL, NULL));
	assert_ptr_equal(labelled, telemetry_counter(telemetry, "a_total", "A", "reason", "x"));
	assert_ptr_not_equal(labelled, telemetry_counter(telemetry, "a_total", "A", "kind", "x"));
	telemetry_free(telemetry);
}

#define THREADS 4
#define STEPS   10000

static void *count_on(void *telemetry)
{
	struct buffer out = {0};

	for (int i = 0; i < STEPS; i++) {
		telemetry_add(telemetry_counter(telemetry, "a_total", "A", NULL, NULL), 1);
		if (i % 1000 == 0)
			telemetry_render(telemetry, &out);
	}
	buffer_free(&out);
	return NULL;
}

static void counts_from_many_threads(void **state)
{
	struct telemetry *telemetry = telemetry_new();
	pthread_t thread[THREADS];

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count_on, telemetry), 0);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_int_equal(telemetry_get(telemetry_counter(telemetry, "a_total", "A", NULL, NULL)),
		THREADS * STEPS);
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(renders_nothing_when_empty),
		cmocka_unit_test(counts_and_sets),
		cmocka_unit_test(counts_by_buckets),
		cmocka_unit_test(counts_by_labels_and_buckets),
		cmocka_unit_test(keeps_series_of_one_name_together),
		cmocka_unit_test(registers_each_series_once),
		cmocka_unit_test(counts_from_many_threads),
	};

	return cmocka_run_group_tests_name("telemetry", tests, NULL, NULL);
}
