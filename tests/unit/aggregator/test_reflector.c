/* aggregator/kube/reflector over HTTPS: what the model of test_reflector_model can't show, the real
 * client, real connections and real time. */
#include "aggregator/kube/reflector.h"

#include "base/clock.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/kube_objects.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/wait.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH        "/api/v1/nodes"
#define PATIENCE_MS 60000

enum watch_list {
	GOOD,    /* the feed serves it */
	BAD,     /* 400 */
	CUT,     /* in the middle of an object */
	SILENT,  /* it begins, and nothing comes */
	IN_JSON, /* of a server that can't do otherwise */
};

struct world {
	struct kube_double *server;
	struct kube_feed *feed; /* what watches are answered */
	_Atomic enum watch_list watch_list;
	struct buffer list;   /* what lists are answered */
	struct buffer events; /* to be fed */
	struct event_base *base;
	struct telemetry *telemetry;
	struct kube_client *client;
	struct reflector *reflector;
	char seen[1024]; /* "begin +a -b end" */
	struct error err;
};

/* --- the server, in its threads --------------------------------------------------------------- */

static void serve_half(struct kube_exchange *exchange)
{
	(void)kube_exchange_begin(
		exchange, 200, "application/vnd.kubernetes.protobuf;stream=watch");
	(void)kube_exchange_send(exchange,
		"\0\0\0\x40\x0a\x05"
		"ADD",
		9);
	kube_exchange_cut(exchange);
}

static void serve_nothing(struct kube_exchange *exchange)
{
	(void)kube_exchange_begin(
		exchange, 200, "application/vnd.kubernetes.protobuf;stream=watch");
	(void)kube_exchange_wait(exchange, PATIENCE_MS);
}

static void serve_from_the_beginning(struct kube_exchange *exchange, struct world *world)
{
	switch (world->watch_list) {
	case GOOD:
		kube_feed_serve(exchange, world->feed);
		break;
	case BAD:
		(void)kube_exchange_reply_status(exchange, 400, "BadRequest", "not this one");
		break;
	case CUT:
		serve_half(exchange);
		break;
	case SILENT:
		serve_nothing(exchange);
		break;
	case IN_JSON:
		(void)kube_exchange_reply_text(exchange, 200, "application/json", "{\"type\":\n");
		break;
	}
}

static void serve(struct kube_exchange *exchange, void *context)
{
	struct world *world = context;

	if (kube_exchange_asks(exchange, "sendInitialEvents=true"))
		serve_from_the_beginning(exchange, world);
	else if (kube_exchange_asks(exchange, "watch=true"))
		kube_feed_serve(exchange, world->feed);
	else
		(void)kube_exchange_reply(exchange, 200, "application/vnd.kubernetes.protobuf",
			world->list.data, world->list.length);
}

/* --- who learns of it ------------------------------------------------------------------------- */

static void say(struct world *world, const char *what, const char *name)
{
	size_t length = strlen(world->seen);

	(void)snprintf(world->seen + length, sizeof(world->seen) - length, "%s%s ", what, name);
}

static void on_begin(void *context)
{
	say(context, "begin", "");
}

static int on_put(void *context, const struct object_metadata *object)
{
	say(context, "+", object->name);
	return 0;
}

static void on_remove(void *context, const struct object_metadata *object)
{
	say(context, "-", object->name);
}

static void on_end(void *context)
{
	say(context, "end", "");
}

static struct kube_object node(const char *name, const char *version)
{
	return (struct kube_object){.name = name, .uid = name, .resource_version = version};
}

static void make_list(struct world *world)
{
	const struct kube_object objects[] = {node("a", "1"), node("b", "2")};

	kube_objects_put_list(&world->list, objects, 2, "5", NULL);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	make_list(world);
	world->server = kube_double_start(NULL);
	kube_double_on(world->server, PATH, serve, world);
	world->feed = kube_feed_new("application/vnd.kubernetes.protobuf;stream=watch");
	world->base = event_base_new();
	world->telemetry = telemetry_new();
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	reflector_stop(world->reflector);
	kube_client_free(world->client);
	kube_double_stop(world->server);
	kube_feed_free(world->feed);
	event_base_free(world->base);
	telemetry_free(world->telemetry);
	buffer_free(&world->list);
	buffer_free(&world->events);
	free(world);
	return 0;
}

static void start(struct world *world, uint64_t silence_ns, uint64_t watch_list_ns)
{
	const struct kube_config config = kube_double_config(world->server);
	const struct kube_client_options client = {
		.config = &config, .base = world->base, .telemetry = world->telemetry};
	struct reflector_options options = {.base = world->base,
		.resource = "nodes",
		.path = PATH,
		.label_selector = "pool=a",
		.handler = {on_begin, on_put, on_remove, on_end, world},
		.telemetry = world->telemetry,
		.silence_ns = silence_ns,
		.watch_list_ns = watch_list_ns};

	world->client = kube_client_new(&client, &world->err);
	assert_non_null(world->client);
	options.client = world->client;
	world->reflector = reflector_start(&options, &world->err);
	assert_non_null(world->reflector);
}

static void turn(struct world *world)
{
	const struct timeval step = {.tv_usec = 10000};

	(void)event_base_loopexit(world->base, &step);
	(void)event_base_dispatch(world->base);
}

static void await(struct world *world, const char *text)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;

	while (!strstr(world->seen, text)) {
		if (wait_now_ms() > until)
			fail_msg("'%s' did not come, but: %s", text, world->seen);
		turn(world);
	}
}

static void await_requests(struct world *world, unsigned count)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;

	while (kube_double_count(world->server, PATH) < count) {
		assert_true(wait_now_ms() < until);
		turn(world);
	}
}

static void push(struct world *world, const char *type, const char *name, const char *version)
{
	const struct kube_object object = node(name, version);

	buffer_clear(&world->events);
	kube_objects_put_event(&world->events, type, &object);
	kube_feed_push(world->feed, world->events.data, world->events.length);
}

static void push_bookmark(struct world *world, const char *version, bool end)
{
	buffer_clear(&world->events);
	kube_objects_put_bookmark(&world->events, version, end);
	kube_feed_push(world->feed, world->events.data, world->events.length);
}

static void expect_request(struct world *world, unsigned number, const char *text)
{
	char *request = kube_double_request(world->server, PATH, number);

	assert_non_null(request);
	if (!strstr(request, text))
		fail_msg("not '%s' in: %s", text, request);
	free(request);
}

/* Any of them: on a slow machine even a good answer can be taken for silence. */
static void await_request_with(struct world *world, const char *text)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;
	unsigned number = 0;
	bool found = false;

	while (!found) {
		assert_true(wait_now_ms() < until);
		turn(world);
		for (; !found && number < kube_double_count(world->server, PATH); number++) {
			char *request = kube_double_request(world->server, PATH, number);

			found = request && strstr(request, text);
			free(request);
		}
	}
}

static uint64_t ended(const struct world *world, const char *reason)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_aggregator_metadata_ends_total", "", "reason", reason));
}

/* --- tests ------------------------------------------------------------------------------------ */

static void follows_a_watch_of_all(void **state)
{
	struct world *world = *state;

	start(world, 0, 0);
	push(world, "ADDED", "a", "1");
	push(world, "ADDED", "b", "2");
	await(world, "begin +a +b ");
	assert_false(reflector_synced(world->reflector));
	push_bookmark(world, "5", true);
	await(world, "+b end ");
	assert_true(reflector_synced(world->reflector));
	push(world, "MODIFIED", "a", "6");
	push(world, "DELETED", "b", "7");
	await(world, "end +a -b ");
	expect_request(world, 0, "labelSelector=pool%3Da");
	expect_request(world, 0,
		"ccept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;"
		"g=meta.k8s.io;v=v1;stream=watch\r\n");
	assert_int_equal(kube_double_count(world->server, PATH), 1);
}

static void lists_and_watches(void **state)
{
	struct world *world = *state;

	world->watch_list = BAD;
	start(world, 0, 0);
	await(world, "begin begin +a +b end ");
	push(world, "ADDED", "c", "6");
	await(world, "+c ");
	expect_request(world, 1, PATH "?labelSelector=pool%3Da&limit=500&resourceVersion=0 ");
	expect_request(world, 1,
		"ccept: application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;"
		"g=meta.k8s.io;v=v1\r\n");
	expect_request(world, 2, "&resourceVersion=5&timeoutSeconds=");
}

static void lists_when_the_beginning_is_cut(void **state)
{
	struct world *world = *state;

	world->watch_list = CUT;
	start(world, 0, 0);
	await(world, "begin begin +a +b end ");
	assert_int_equal(ended(world, "cut"), 1);
}

static void lists_when_the_beginning_is_late(void **state)
{
	struct world *world = *state;

	world->watch_list = SILENT;
	start(world, 0, 100 * NS_PER_MS);
	await(world, "begin begin +a +b end ");
	assert_int_equal(ended(world, "late"), 1);
}

static void says_that_json_is_not_read(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;

	world->watch_list = IN_JSON;
	start(world, 0, 0);
	await(world, "+b end ");
	assert_int_equal(ended(world, "malformed"), 1);
	assert_true(log_capture_has(
		log, "listing nodes: the server sends JSON, not Kubernetes' protobuf", 10000));
	log_capture_stop(log);
}

static void goes_on_after_a_clean_end(void **state)
{
	struct world *world = *state;

	start(world, 0, 0);
	push_bookmark(world, "5", true);
	push(world, "ADDED", "a", "6");
	push_bookmark(world, "9", false);
	await(world, "end +a ");
	kube_feed_end(world->feed);
	await_requests(world, 2);
	expect_request(world, 1, "&resourceVersion=9&timeoutSeconds=");
	push(world, "DELETED", "a", "10");
	await(world, "-a ");
	assert_true(ended(world, "done") >= 1);
}

/* A watch over which nothing comes, not even a bookmark. */
static void notices_silence(void **state)
{
	struct world *world = *state;

	start(world, 2 * NS_PER_SECOND, 0);
	push(world, "ADDED", "a", "1");
	push_bookmark(world, "5", true);
	await(world, "end ");
	await_request_with(world, "&resourceVersion=5&timeoutSeconds=");
	assert_true(ended(world, "silent") >= 1);
	/* It did not help: all again. */
	world->watch_list = BAD;
	await(world, "end begin begin +a +b end ");
}

static void outlives_the_server(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;
	struct kube_double_options options = {.pki = NULL};
	uint16_t port = kube_double_port(world->server);
	struct pki *pki = pki_new("cluster");

	/* One authority for both. */
	kube_double_stop(world->server);
	options.pki = pki;
	options.port = port;
	world->server = kube_double_start(&options);
	kube_double_on(world->server, PATH, serve, world);
	start(world, 0, 0);
	push(world, "ADDED", "a", "1");
	push_bookmark(world, "5", true);
	await(world, "+a end ");
	kube_double_stop(world->server);
	for (int i = 0; i < 200; i++)
		turn(world);
	assert_true(ended(world, "cut") >= 2);
	assert_string_equal(world->seen, "begin +a end ");
	world->server = kube_double_start(&options);
	kube_double_on(world->server, PATH, serve, world);
	push(world, "ADDED", "b", "6");
	await(world, "end +b ");
	expect_request(world, 0, "&resourceVersion=5&timeoutSeconds=");
	log_capture_stop(log);
	pki_free(pki);
}

static void stops_in_the_middle(void **state)
{
	struct world *world = *state;

	start(world, 0, 0);
	push(world, "ADDED", "a", "1");
	await(world, "+a ");
	reflector_stop(world->reflector);
	world->reflector = NULL;
	push(world, "ADDED", "b", "1");
	for (int i = 0; i < 20; i++)
		turn(world);
	assert_string_equal(world->seen, "begin +a ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(follows_a_watch_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_and_watches, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_when_the_beginning_is_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_when_the_beginning_is_late, setup, teardown),
		cmocka_unit_test_setup_teardown(says_that_json_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_after_a_clean_end, setup, teardown),
		cmocka_unit_test_setup_teardown(notices_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(outlives_the_server, setup, teardown),
		cmocka_unit_test_setup_teardown(stops_in_the_middle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
