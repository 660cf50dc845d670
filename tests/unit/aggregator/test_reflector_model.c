/* aggregator/kube/reflector against a model of kube-apiserver in memory: what it asks is answered
 * byte by byte, badly or not at all, and no time passes. */
#include "aggregator/kube/reflector.h"

#include "tests/harness/log_capture.h"
#include "tests/unit/aggregator/kube_model.h"

#include <errno.h>
#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* --- who learns of it ------------------------------------------------------------------------- */

struct known {
	bool there, fresh; /* fresh: put since begin */
	char uid[16];
	uint64_t version;
};

struct world {
	struct event_base *base;
	struct telemetry *telemetry;
	struct reflector *reflector;
	struct known known[MODEL_OBJECTS];
	unsigned begins, ends, puts, removes;
	unsigned no_memory; /* so many puts fail */
};

static void on_begin(void *context)
{
	struct world *world = context;

	world->begins++;
	for (size_t i = 0; i < MODEL_OBJECTS; i++)
		world->known[i].fresh = false;
}

static struct known *find(struct world *world, const struct object_metadata *object)
{
	unsigned long number = strtoul(object->name + 1, NULL, 10);

	assert_int_equal(object->name[0], 'o');
	assert_true(number < MODEL_OBJECTS);
	assert_string_equal(object->namespace, "n");
	return &world->known[number];
}

static int on_put(void *context, const struct object_metadata *object)
{
	struct world *world = context;
	struct known *known = find(world, object);

	if (world->no_memory > 0) {
		world->no_memory--;
		return -ENOMEM;
	}
	world->puts++;
	known->there = known->fresh = true;
	(void)snprintf(known->uid, sizeof(known->uid), "%s", object->uid);
	known->version = strtoull(object->resource_version, NULL, 10);
	return 0;
}

static void on_remove(void *context, const struct object_metadata *object)
{
	struct world *world = context;
	struct known *known = find(world, object);

	world->removes++;
	if (known->there && strcmp(known->uid, object->uid) == 0)
		known->there = false;
}

static void on_end(void *context)
{
	struct world *world = context;

	world->ends++;
	for (size_t i = 0; i < MODEL_OBJECTS; i++)
		world->known[i].there = world->known[i].there && world->known[i].fresh;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct error err;

	assert_non_null(world);
	model_reset();
	world->base = event_base_new();
	world->telemetry = telemetry_new();
	assert_non_null(world->base);
	assert_non_null(world->telemetry);
	const struct reflector_options options = {.base = world->base,
		.resource = "pods",
		.path = "/api/v1/pods",
		.field_selector = "status.phase=Running",
		.handler = {on_begin, on_put, on_remove, on_end, world},
		.telemetry = world->telemetry};

	world->reflector = reflector_start(&options, &err);
	assert_non_null(world->reflector);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	reflector_stop(world->reflector);
	event_base_free(world->base);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static void turn(const struct world *world)
{
	(void)event_base_loop(world->base, EVLOOP_NONBLOCK);
}

/* Timers and answers until nothing more comes of it. */
static void settle(const struct world *world)
{
	for (int still = 0; still < 3; still++) {
		turn(world);
		if (model_answer(SIZE_MAX) > 0)
			still = 0;
	}
}

static void expect_same(const struct world *world)
{
	for (size_t i = 0; i < MODEL_OBJECTS; i++) {
		char uid[16];

		assert_int_equal(world->known[i].there, model.object[i].there);
		if (!world->known[i].there)
			continue;
		(void)snprintf(uid, sizeof(uid), "u%u", model.object[i].uid);
		assert_string_equal(world->known[i].uid, uid);
		assert_true(world->known[i].version == model.object[i].version);
	}
}

static bool asked_for(const char *text)
{
	return strstr(model.last_target, text) != NULL;
}

static uint64_t ended(const struct world *world, const char *reason)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_aggregator_metadata_ends_total", "", "reason", reason));
}

static uint64_t gauge(const struct world *world, const char *name)
{
	return telemetry_get(telemetry_gauge(world->telemetry, name, "", "resource", "pods"));
}

/* --- tests ------------------------------------------------------------------------------------ */

static void put_some(void)
{
	for (unsigned i = 0; i < 10; i++)
		model_put(i);
}

static void begins_with_a_watch_of_all(void **state)
{
	static const char TARGET[] =
		"/api/v1/pods?watch=true&allowWatchBookmarks=true&fieldSelector=status.phase%3D"
		"Running&resourceVersion=0&sendInitialEvents=true&resourceVersionMatch="
		"NotOlderThan&timeoutSeconds=";
	struct world *world = *state;

	put_some();
	turn(world);
	assert_memory_equal(model.last_target, TARGET, sizeof(TARGET) - 1);
	assert_false(reflector_synced(world->reflector));
	settle(world);
	assert_true(reflector_synced(world->reflector));
	expect_same(world);
	assert_int_equal(world->begins, 1);
	assert_int_equal(world->ends, 1);
	model_put(3);
	model_delete(4);
	model_put(20);
	settle(world);
	expect_same(world);
	assert_int_equal(model.calls, 1); /* all in one watch */
	assert_int_equal(gauge(world, "tacho_aggregator_metadata_objects"), 10);
	assert_int_equal(gauge(world, "tacho_aggregator_metadata_synced"), 1);
}

static void lists_where_it_can_not(void **state)
{
	struct world *world = *state;

	put_some();
	model.watch_list = MODEL_WATCH_LIST_400;
	settle(world);
	assert_int_equal(model.calls, 3); /* the watch, a list, a watch */
	assert_true(asked_for("&resourceVersion=11&"));
	assert_true(reflector_synced(world->reflector));
	expect_same(world);
	assert_int_equal(world->ends, 1);
}

static void lists_where_it_says_so_in_an_event(void **state)
{
	struct world *world = *state;

	put_some();
	model.watch_list = MODEL_WATCH_LIST_ERROR;
	settle(world);
	assert_int_equal(model.calls, 3);
	assert_int_equal(ended(world, "refused"), 1);
	expect_same(world);
	/* It is not asked again so soon. */
	model_compact();
	model_put(30);
	model_compact();
	model_cut();
	settle(world);
	expect_same(world);
	assert_int_equal(model.calls, 6); /* a watch that has expired, a list, a watch */
	assert_int_equal(ended(world, "expired"), 1);
}

/* What it knew stands, and what is gone meanwhile goes in the end. */
static void keeps_what_it_has_while_a_list_breaks(void **state)
{
	struct world *world = *state;

	put_some();
	settle(world);
	model_delete(7);
	model_put(11);
	model_compact();
	model_put(12);
	model_compact();
	model_cut(); /* it has not seen any of it */
	turn(world);
	while (model_asked() && !asked_for("sendInitialEvents")) {
		(void)model_answer(SIZE_MAX);
		turn(world);
	}
	(void)model_answer(700); /* some of the objects */
	assert_int_equal(world->begins, 2);
	model_cut();
	assert_true(world->known[7].there);
	for (unsigned i = 0; i < 10; i++)
		assert_true(world->known[i].there);
	turn(world);
	assert_false(asked_for("watch=true")); /* now as a list */
	assert_true(asked_for("resourceVersionMatch=NotOlderThan"));
	(void)model_answer(200);
	model_cut();
	for (unsigned i = 0; i < 10; i++)
		assert_true(world->known[i].there);
	settle(world);
	expect_same(world);
	assert_int_equal(world->ends, 2);
}

static void reads_pages(void **state)
{
	struct world *world = *state;

	put_some();
	model.watch_list = MODEL_WATCH_LIST_400;
	model.pages = true;
	settle(world);
	expect_same(world);
	assert_int_equal(model.calls, 1 + 4 + 1);
	assert_int_equal(world->ends, 1);
}

static void gives_pages_up_that_expire(void **state)
{
	struct world *world = *state;

	put_some();
	model.watch_list = MODEL_WATCH_LIST_400;
	model.pages = true;
	turn(world);
	(void)model_answer(SIZE_MAX);
	turn(world);
	assert_true(asked_for("limit=500"));
	(void)model_answer(SIZE_MAX); /* the first page */
	assert_true(asked_for("continue=3v11"));
	model_put(0);
	model_delete(1); /* which was on the first page */
	model_compact();
	(void)model_answer(SIZE_MAX); /* 410 */
	turn(world);
	assert_false(asked_for("limit="));
	settle(world);
	expect_same(world);
	assert_int_equal(ended(world, "expired"), 1);
}

static void goes_on_behind_the_last_bookmark(void **state)
{
	struct world *world = *state;

	put_some();
	settle(world);
	model.version += 100; /* of other resources */
	for (uint64_t i = 12; i <= model.version; i++)
		changes[i] = (struct change){0, model.object[0].uid, NULL};
	model_end();
	model.calls = 0;
	turn(world);
	assert_true(asked_for("&resourceVersion=11&"));
	call->begun = call->watch = true;
	call->status = 200;
	call->seen = model.version;
	model_bookmark();
	(void)model_answer(SIZE_MAX);
	model_compact();
	model_end(); /* cleanly, as after its time */
	turn(world);
	assert_true(asked_for("&resourceVersion=111&"));
	model_put(2);
	settle(world);
	expect_same(world);
	assert_int_equal(world->begins, 1);
	assert_int_equal(model.calls, 2);
	assert_true(ended(world, "done") >= 1);
}

static void lists_again_when_its_version_is_too_old(void **state)
{
	struct world *world = *state;

	put_some();
	settle(world);
	for (int event = 0; event < 2; event++) {
		model.error_410 = event;
		model_cut();
		model_delete(event ? 5u : 6u);
		model_put(25);
		model_compact();
		settle(world);
		expect_same(world);
		assert_int_equal(ended(world, "expired"), event + 1);
		assert_int_equal(world->ends, event + 2);
	}
}

static void begins_anew_when_memory_was_short(void **state)
{
	struct world *world = *state;

	put_some();
	settle(world);
	world->no_memory = 1;
	model_put(15);
	settle(world);
	expect_same(world);
	assert_int_equal(ended(world, "memory"), 1);
	assert_int_equal(world->ends, 2);
	/* In a list too. */
	world->no_memory = 2;
	model_cut();
	model_put(16);
	model_compact();
	settle(world);
	expect_same(world);
}

static void waits_for_one_that_is_away(void **state)
{
	struct world *world = *state;

	put_some();
	model.away = true;
	for (int i = 0; i < 50; i++) {
		turn(world);
		(void)model_answer(SIZE_MAX);
	}
	assert_false(reflector_synced(world->reflector));
	assert_true(asked_for("sendInitialEvents")); /* it may be able to */
	model.away = false;
	settle(world);
	expect_same(world);
	model.away = true;
	for (int i = 0; i < 50; i++) {
		turn(world);
		(void)model_answer(SIZE_MAX);
	}
	for (unsigned i = 0; i < 10; i++)
		assert_true(world->known[i].there);
	model_delete(2);
	model.away = false;
	settle(world);
	expect_same(world);
	assert_int_equal(world->ends, 1); /* the watch went on where it stood */
}

/* Anything may happen, in any order, between any two bytes: in the end it knows what there is, and
 * what was always there was never forgotten. */
static void happen(struct world *world, unsigned *seed)
{
	unsigned object = 3 + (unsigned)rand_r(seed) % (MODEL_OBJECTS - 3);

	switch (rand_r(seed) % 40) {
	case 0:
		model_cut();
		break;
	case 1:
		model_end();
		break;
	case 2:
		model_compact();
		break;
	case 3:
		model_bookmark();
		break;
	case 4:
		model.watch_list = (enum model_watch_list)(rand_r(seed) % 3);
		model.error_410 = rand_r(seed) % 2;
		model.pages = rand_r(seed) % 2;
		break;
	case 5:
		model.away = rand_r(seed) % 4 == 0;
		break;
	case 6:
		world->no_memory = (unsigned)rand_r(seed) % 2;
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		model_delete(object);
		break;
	case 11:
	case 12:
	case 13:
	case 14:
	case 15:
		model_put(rand_r(seed) % 8 ? object : object % 3);
		break;
	case 16:
	case 17:
		(void)model_answer(SIZE_MAX);
		break;
	default:
		(void)model_answer((size_t)rand_r(seed) % 300);
	}
	turn(world);
}

static void loses_nothing_and_keeps_nothing(void **state)
{
	struct log_capture *log = log_capture_start();

	for (unsigned round = 0; round < 60; round++) {
		unsigned seed = round;
		struct world *world;
		bool synced = false;

		assert_int_equal(teardown(state), 0);
		assert_int_equal(setup(state), 0);
		world = *state;
		for (unsigned i = 0; i < 3; i++)
			model_put(i);
		for (int i = 0; i < 3000; i++) {
			happen(world, &seed);
			synced = synced || world->ends > 0;
			for (unsigned j = 0; synced && j < 3; j++)
				assert_true(world->known[j].there);
		}
		model.away = false;
		world->no_memory = 0;
		settle(world);
		expect_same(world);
		assert_true(reflector_synced(world->reflector));
	}
	log_capture_stop(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(begins_with_a_watch_of_all, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_where_it_can_not, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lists_where_it_says_so_in_an_event, setup, teardown),
		cmocka_unit_test_setup_teardown(
			keeps_what_it_has_while_a_list_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(reads_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(gives_pages_up_that_expire, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_behind_the_last_bookmark, setup, teardown),
		cmocka_unit_test_setup_teardown(
			lists_again_when_its_version_is_too_old, setup, teardown),
		cmocka_unit_test_setup_teardown(begins_anew_when_memory_was_short, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_one_that_is_away, setup, teardown),
		cmocka_unit_test_setup_teardown(loses_nothing_and_keeps_nothing, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
