/* top/ask before a server that answers as told: which columns are asked for, and what is said of
 * those that did not come. */
#include "top/ask.h"

#include "tests/harness/kube_double.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GROUP     "/apis/metrics.k8s.io"
#define PODS      GROUP "/v1beta1/pods"
#define NODES     GROUP "/v1beta1/nodes"
#define CUSTOM    "/apis/custom.metrics.k8s.io/v1beta2"
#define JSON      "application/json"
#define THROTTLED COLUMN_BIT(COLUMN_THROTTLED)

struct world {
	struct kube_double *server;
	struct kube_config config;
	struct event_base *base;
	struct ask *ask;
	struct table table;
	bool done;
	char failure[512];
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct ask_options options = {.timeout_ns = UINT64_C(10000000000)};
	struct error err;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->config = kube_double_config(world->server);
	world->base = event_base_new();
	options.config = &world->config;
	options.base = world->base;
	world->ask = ask_new(&options, &err);
	if (!world->ask)
		fail_msg("%s", err.message);
	kube_double_answer(world->server, GROUP, 200, JSON,
		"{\"kind\":\"APIGroup\",\"versions\":[{\"version\":\"v1beta1\"}]}");
	kube_double_answer(world->server, CUSTOM, 200, JSON,
		"{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"pods/cpu_throttled_ratio\"}]}");
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	ask_free(world->ask);
	event_base_free(world->base);
	kube_double_stop(world->server);
	table_free(&world->table);
	free(world);
	return 0;
}

static void on_done(void *context, const char *failure)
{
	struct world *world = context;

	world->done = true;
	(void)snprintf(world->failure, sizeof(world->failure), "%s", failure ? failure : "");
}

static void round_of(struct world *world, enum kind kind, column_set columns)
{
	struct error err;

	world->done = false;
	if (ask_round(world->ask, kind, columns, &world->table, on_done, world, &err) < 0)
		fail_msg("%s", err.message);
	while (!world->done)
		(void)event_base_loop(world->base, EVLOOP_ONCE);
}

/* A pod in each of so many namespaces. */
static void have_pods(struct world *world, unsigned namespaces)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	(void)fputs("{\"items\":[", out);
	for (unsigned i = 0; i < namespaces; i++)
		(void)fprintf(out,
			"%s{\"metadata\":{\"name\":\"web\",\"namespace\":\"n%u\"},"
			"\"containers\":[{\"usage\":{\"cpu\":\"100m\",\"memory\":\"1Mi\"}}]}",
			i > 0 ? "," : "", i);
	(void)fputs("]}", out);
	assert_int_equal(fclose(out), 0);
	kube_double_answer(world->server, PODS, 200, JSON, text);
	free(text);
}

static void have_throttled(struct world *world, int status, const char *body)
{
	kube_double_answer(world->server, CUSTOM "/namespaces/n*", status, JSON, body);
}

#define VALUE                                                                       \
	"{\"items\":[{\"describedObject\":{\"namespace\":\"n0\",\"name\":\"web\"}," \
	"\"value\":\"250m\"}]}"

static bool has(struct world *world, column_set column)
{
	const struct row *row = table_find(&world->table, "n0", "web");

	assert_non_null(row);
	return row->has & column;
}

static void a_column_is_asked_of_each_namespace(void **state)
{
	struct world *world = *state;
	char *request;

	have_pods(world, 1);
	have_throttled(world, 200, VALUE);
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(world->failure, "");
	assert_string_equal(ask_note(world->ask), "");
	assert_string_equal(ask_problem(world->ask), "");
	assert_true(has(world, THROTTLED));
	request = kube_double_request(world->server, PODS, 0);
	assert_non_null(strstr(request, "User-Agent: tacho-top/"));
	free(request);
}

/* What does not come is not shown as it was, and it is said. */
static void a_column_that_fails_is_empty(void **state)
{
	struct world *world = *state;

	have_pods(world, 1);
	have_throttled(world, 200, VALUE);
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_true(has(world, THROTTLED));
	have_throttled(world, 403, "{\"kind\":\"Status\",\"message\":\"not you\"}");
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(world->failure, "");
	assert_string_equal(ask_problem(world->ask), "asking for throttled: 403: not you");
	assert_false(has(world, THROTTLED));
	assert_true(has(world, COLUMN_BIT(COLUMN_CPU)));
	have_throttled(world, 404, "{}"); /* nobody has a figure: nothing is wrong */
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(ask_problem(world->ask), "");
}

/* At the bound all are asked, beyond it none. */
static void more_namespaces_than_can_be_asked(void **state)
{
	struct world *world = *state;

	have_pods(world, ASK_MAX_QUESTIONS);
	have_throttled(world, 200, VALUE);
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(ask_problem(world->ask), "");
	assert_true(has(world, THROTTLED));
	have_pods(world, ASK_MAX_QUESTIONS + 1);
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(world->failure, "");
	assert_non_null(strstr(ask_problem(world->ask), "too many namespaces"));
	assert_false(has(world, THROTTLED));
	assert_true(has(world, COLUMN_BIT(COLUMN_CPU)));
}

/* 404 says that there is no such group; anything else says nothing about it. */
static void what_the_server_has_is_not_guessed(void **state)
{
	struct world *world = *state;

	have_pods(world, 1);
	kube_double_answer(
		world->server, CUSTOM, 503, JSON, "{\"kind\":\"Status\",\"message\":\"later\"}");
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(world->failure, "");
	assert_string_equal(ask_note(world->ask), "");
	assert_string_equal(
		ask_problem(world->ask), "asking for custom.metrics.k8s.io: 503: later");
	assert_true(has(world, COLUMN_BIT(COLUMN_CPU)));
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_int_equal(kube_double_count(world->server, CUSTOM), 1); /* not each second */
	assert_string_equal(
		ask_problem(world->ask), "asking for custom.metrics.k8s.io: 503: later");
}

static void no_custom_metrics_are_no_failure(void **state)
{
	struct world *world = *state;

	have_pods(world, 1);
	kube_double_answer(world->server, CUSTOM, 404, "text/plain", "404 page not found");
	round_of(world, KIND_PODS, COLUMN_BASIC | THROTTLED);
	assert_string_equal(world->failure, "");
	assert_string_equal(ask_problem(world->ask), "");
	assert_non_null(strstr(ask_note(world->ask), "CPU and memory only"));
	assert_int_equal(ask_offer(world->ask, KIND_PODS), COLUMN_BASIC);
}

static void without_the_metrics_api_there_is_nothing(void **state)
{
	struct world *world = *state;

	kube_double_answer(world->server, GROUP, 404, "text/plain", "404 page not found");
	round_of(world, KIND_NODES, COLUMN_BASIC);
	assert_non_null(strstr(world->failure, "the Metrics API is not available"));
	kube_double_answer(world->server, GROUP, 200, JSON,
		"{\"kind\":\"APIGroup\",\"versions\":[{\"version\":\"v1beta1\"}]}");
	kube_double_answer(
		world->server, NODES, 403, JSON, "{\"kind\":\"Status\",\"message\":\"no\"}");
	round_of(world, KIND_NODES, COLUMN_BASIC);
	assert_string_equal(world->failure, "asking for nodes: 403: no");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_column_is_asked_of_each_namespace),
		TEST(a_column_that_fails_is_empty),
		TEST(more_namespaces_than_can_be_asked),
		TEST(what_the_server_has_is_not_guessed),
		TEST(no_custom_metrics_are_no_failure),
		TEST(without_the_metrics_api_there_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
