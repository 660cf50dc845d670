/* aggregator/kube/follow_plan: what is asked next, by how the last call ended. */
#include "aggregator/kube/follow_plan.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct follow_plan plan;
static uint64_t now_ns;

static int setup(void **state)
{
	(void)state;
	plan = (struct follow_plan){0};
	now_ns = 1000 * NS_PER_SECOND;
	return 0;
}

static void expect(enum follow_step step)
{
	assert_int_equal(follow_plan_begin(&plan, now_ns), step);
}

static uint32_t end(enum call_end_why why, int code)
{
	const struct call_end ended = {.why = why, .code = code};

	return follow_plan_ended(&plan, &ended, now_ns);
}

static void wait_s(unsigned seconds)
{
	now_ns += seconds * NS_PER_SECOND;
}

static void expect_list(const char *version, bool paged)
{
	struct list_query query;

	expect(FOLLOW_LIST);
	query = follow_plan_list(&plan);
	if (version)
		assert_string_equal(query.resource_version, version);
	else
		assert_null(query.resource_version);
	assert_int_equal(query.paged, paged);
	assert_null(query.continue_token);
}

static void list_at(const char *version)
{
	follow_plan_answered(&plan);
	follow_plan_listed(&plan, version);
}

/* Listed at 10 by a watch that is still under way. */
static void get_going(void)
{
	expect(FOLLOW_WATCH_LIST);
	list_at("10");
}

static void begins_with_a_watch(void **state)
{
	struct watch_query query;

	(void)state;
	expect(FOLLOW_WATCH_LIST);
	query = follow_plan_watch(&plan, 300);
	assert_string_equal(query.resource_version, "0");
	assert_true(query.initial_events);
	assert_int_equal(query.timeout_s, 300);
	list_at("10");
	follow_plan_event(&plan, "12", false);
	follow_plan_event(&plan, "", false); /* no version is no news */
	wait_s(300);
	assert_int_equal(end(CALL_END_DONE, 0), 0);
	expect(FOLLOW_WATCH);
	query = follow_plan_watch(&plan, 400);
	assert_string_equal(query.resource_version, "12");
	assert_false(query.initial_events);
}

/* What makes it list, and whether it waits. */
static void lists_where_a_watch_of_all_fails(void **state)
{
	static const struct {
		enum call_end_why why;
		int code;
		bool answered, listed_next, waits;
	} CASES[] = {
		{CALL_END_REFUSED, 400, false, true, false},
		{CALL_END_REFUSED, 406, false, true, false},
		{CALL_END_REFUSED, 422, false, true, false},
		{CALL_END_REFUSED, 500, true, true, false}, /* an ERROR event */
		{CALL_END_REFUSED, 401, false, true, true},
		{CALL_END_REFUSED, 403, false, true, true},
		{CALL_END_REFUSED, 429, false, true, true},
		{CALL_END_REFUSED, 503, false, true, true}, {CALL_END_DONE, 0, true, true, true},
		{CALL_END_LATE, 0, true, true, true}, {CALL_END_CUT, 0, true, true, true},
		{CALL_END_MALFORMED, 0, true, true, true},
		{CALL_END_CUT, 0, false, false, true}, /* nobody there: it is asked again */
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		(void)setup(state);
		expect(FOLLOW_WATCH_LIST);
		if (CASES[i].answered)
			follow_plan_answered(&plan);
		assert_int_equal(end(CASES[i].why, CASES[i].code) > 0, CASES[i].waits);
		expect(CASES[i].listed_next ? FOLLOW_LIST : FOLLOW_WATCH_LIST);
	}
}

/* kube-apiserver was away for long, and is back: the waiting is over. */
static void lists_at_once_when_a_server_that_was_away_can_not(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		expect(FOLLOW_WATCH_LIST);
		assert_true(end(CALL_END_CUT, 0) > 0);
	}
	expect(FOLLOW_WATCH_LIST);
	assert_int_equal(end(CALL_END_REFUSED, 500), 0);
	expect(FOLLOW_LIST);
	assert_true(end(CALL_END_REFUSED, 500) > 0);
	expect(FOLLOW_LIST);
}

static void asks_for_a_watch_of_all_again_later(void **state)
{
	(void)state;
	expect(FOLLOW_WATCH_LIST);
	(void)end(CALL_END_REFUSED, 400);
	expect_list("0", true);
	(void)end(CALL_END_REFUSED, 503);
	wait_s(599);
	expect_list("0", true);
	(void)end(CALL_END_REFUSED, 503);
	wait_s(2);
	expect(FOLLOW_WATCH_LIST);
}

static void gives_pages_up_then_its_version(void **state)
{
	(void)state;
	plan.watch_list_again_ns = UINT64_MAX;
	expect_list("0", true);
	assert_int_equal(end(CALL_END_EXPIRED, 410), 0);
	expect_list("0", false);
	assert_int_equal(end(CALL_END_EXPIRED, 410), 0);
	expect_list(NULL, true);
	assert_int_equal(end(CALL_END_EXPIRED, 410), 0);
	expect_list(NULL, false);
	assert_true(end(CALL_END_EXPIRED, 410) > 0); /* now it is enough */
	expect_list(NULL, true);
	list_at("30");
	assert_int_equal(end(CALL_END_DONE, 0), 0);
	expect(FOLLOW_WATCH);
	(void)end(CALL_END_EXPIRED, 410);
	expect_list("30", false); /* from the watch cache: no pages */
}

static void never_goes_back_unless_it_must(void **state)
{
	(void)state;
	get_going();
	follow_plan_event(&plan, "20", true);
	assert_int_equal(end(CALL_END_EXPIRED, 410), 0);
	expect(FOLLOW_WATCH_LIST);
	assert_string_equal(follow_plan_watch(&plan, 300).resource_version, "20");
	(void)end(CALL_END_REFUSED, 504); /* "Too large resource version" */
	expect_list(NULL, true);
	list_at("5"); /* etcd was put back */
	(void)end(CALL_END_DONE, 0);
	expect(FOLLOW_WATCH);
	assert_string_equal(follow_plan_watch(&plan, 300).resource_version, "5");
}

static void watches_on_where_it_stood(void **state)
{
	static const struct {
		enum call_end_why why;
		int code;
		bool listed, waits;
	} CASES[] = {
		{CALL_END_CUT, 0, false, true},
		{CALL_END_DONE, 0, false, true},
		{CALL_END_REFUSED, 401, false, true},
		{CALL_END_REFUSED, 403, false, true},
		{CALL_END_REFUSED, 429, false, true},
		{CALL_END_REFUSED, 500, false, true},
		{CALL_END_REFUSED, 503, false, true},
		{CALL_END_REFUSED, 400, true, true},
		{CALL_END_REFUSED, 404, true, true},
		{CALL_END_EXPIRED, 410, true, false}, /* the server was begun anew */
		{CALL_END_MALFORMED, 0, true, true},
		{CALL_END_MEMORY, 0, true, true},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		(void)setup(state);
		get_going();
		(void)end(CALL_END_CUT, 0);
		expect(FOLLOW_WATCH);
		assert_int_equal(end(CASES[i].why, CASES[i].code) > 0, CASES[i].waits);
		expect(CASES[i].listed ? FOLLOW_WATCH_LIST : FOLLOW_WATCH);
	}
}

/* Or list and 410 would chase each other. */
static void waits_when_the_version_of_a_list_is_too_old(void **state)
{
	(void)state;
	plan.watch_list_again_ns = UINT64_MAX;
	for (int i = 0; i < 3; i++) {
		expect(FOLLOW_LIST);
		list_at("10");
		assert_int_equal(end(CALL_END_DONE, 0), 0);
		expect(FOLLOW_WATCH);
		assert_true(end(CALL_END_EXPIRED, 410) >= (uint32_t)BACKOFF_FIRST_MS << i);
	}
}

static void lists_when_watches_are_refused_again_and_again(void **state)
{
	(void)state;
	get_going();
	(void)end(CALL_END_REFUSED, 500);
	expect(FOLLOW_WATCH);
	(void)end(CALL_END_REFUSED, 500);
	expect(FOLLOW_WATCH);
	(void)end(CALL_END_REFUSED, 500);
	expect(FOLLOW_WATCH_LIST);
}

static void waits_longer_each_time_until_it_works(void **state)
{
	uint32_t waited;

	(void)state;
	get_going();
	waited = end(CALL_END_CUT, 0);
	assert_in_range(waited, BACKOFF_FIRST_MS, 2 * BACKOFF_FIRST_MS);
	for (int i = 0; i < 10; i++) {
		expect(FOLLOW_WATCH);
		waited = end(CALL_END_CUT, 0);
	}
	assert_in_range(waited, BACKOFF_MAX_MS / 2, BACKOFF_MAX_MS);
	/* A list alone proves nothing: the watch behind it may fail each time. */
	plan.listed = false;
	plan.watch_list_again_ns = UINT64_MAX;
	expect(FOLLOW_LIST);
	list_at("40");
	(void)end(CALL_END_DONE, 0);
	expect(FOLLOW_WATCH);
	assert_in_range(end(CALL_END_CUT, 0), BACKOFF_MAX_MS / 2, BACKOFF_MAX_MS);
	expect(FOLLOW_WATCH);
	follow_plan_event(&plan, "41", false);
	assert_in_range(end(CALL_END_CUT, 0), BACKOFF_FIRST_MS, 2 * BACKOFF_FIRST_MS);
	/* Or that it lived for a while. */
	(void)end(CALL_END_CUT, 0);
	expect(FOLLOW_WATCH);
	wait_s(10);
	assert_in_range(end(CALL_END_CUT, 0), BACKOFF_FIRST_MS, 2 * BACKOFF_FIRST_MS);
}

static void heeds_retry_after(void **state)
{
	const struct call_end busy = {.why = CALL_END_REFUSED, .code = 429, .retry_after_s = 17};

	(void)state;
	expect(FOLLOW_WATCH_LIST);
	assert_true(follow_plan_ended(&plan, &busy, now_ns) >= 17000);
}

static void a_short_watch_is_not_begun_again_at_once(void **state)
{
	(void)state;
	get_going();
	assert_true(end(CALL_END_DONE, 0) > 0);
	expect(FOLLOW_WATCH);
	wait_s(2);
	assert_int_equal(end(CALL_END_DONE, 0), 0);
}

static void notices_silence(void **state)
{
	(void)state;
	get_going();
	/* No bookmark was seen yet: the time that was asked for. */
	assert_true(follow_plan_silence_ns(&plan, 300) == 320 * NS_PER_SECOND);
	follow_plan_event(&plan, "11", false);
	assert_true(follow_plan_silence_ns(&plan, 300) == 320 * NS_PER_SECOND);
	follow_plan_event(&plan, "12", true);
	assert_true(follow_plan_silence_ns(&plan, 300) == 90 * NS_PER_SECOND);
	wait_s(90);
	assert_int_equal(end(CALL_END_SILENT, 0), 0);
	expect(FOLLOW_WATCH);
	wait_s(50);
	follow_plan_event(&plan, "13", true); /* that helped */
	wait_s(90);
	assert_int_equal(end(CALL_END_SILENT, 0), 0);
	expect(FOLLOW_WATCH);
	wait_s(90);
	assert_int_equal(end(CALL_END_SILENT, 0), 0);
	expect(FOLLOW_WATCH_LIST); /* it did not */
	assert_true(follow_plan_silence_ns(&plan, 300) == 320 * NS_PER_SECOND);
}

static void keeps_no_version_that_is_too_long(void **state)
{
	char version[OBJECT_MAX_VERSION + 2];

	(void)state;
	get_going();
	memset(version, '9', sizeof(version));
	version[OBJECT_MAX_VERSION + 1] = '\0';
	follow_plan_event(&plan, version, false);
	assert_string_equal(plan.resource_version, "10");
	version[OBJECT_MAX_VERSION] = '\0';
	follow_plan_event(&plan, version, false);
	assert_string_equal(plan.resource_version, version);
}

static void writes_queries(void **state)
{
	static const struct resource PODS = {.path = "/api/v1/pods",
		.field_selector = "status.phase=Running",
		.label_selector = "a in (b,c), \xc3\xa4!=~d"};
	static const struct resource NODES = {.path = "/api/v1/nodes", .label_selector = ""};
	const struct {
		const struct resource *resource;
		struct list_query query;
		const char *target;
	} LISTS[] = {
		{&NODES, {0}, "/api/v1/nodes"},
		{&NODES, {.resource_version = "0", .paged = true},
			"/api/v1/nodes?limit=500&resourceVersion=0"},
		{&NODES, {.resource_version = "7"},
			"/api/v1/nodes?resourceVersion=7&resourceVersionMatch=NotOlderThan"},
		{&NODES, {.resource_version = "0", .paged = true, .continue_token = "a+/=&b"},
			"/api/v1/nodes?limit=500&continue=a%2B%2F%3D%26b"},
		{&PODS, {.resource_version = ""},
			"/api/v1/pods?fieldSelector=status.phase%3DRunning&labelSelector="
			"a%20in%20%28b%2Cc%29%2C%20%C3%A4%21%3D~d"},
	};
	const struct watch_query watch = {.resource_version = "9", .timeout_s = 4000000000U};
	char *target;

	(void)state;
	for (size_t i = 0; i < sizeof(LISTS) / sizeof(LISTS[0]); i++) {
		target = resource_query_list(LISTS[i].resource, &LISTS[i].query);
		assert_non_null(target);
		assert_string_equal(target, LISTS[i].target);
		free(target);
	}
	target = resource_query_watch(&NODES, &watch);
	assert_non_null(target);
	assert_string_equal(target,
		"/api/v1/nodes?watch=true&allowWatchBookmarks=true&resourceVersion=9&"
		"timeoutSeconds=4000000000");
	free(target);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(begins_with_a_watch, setup),
		cmocka_unit_test_setup(lists_where_a_watch_of_all_fails, setup),
		cmocka_unit_test_setup(lists_at_once_when_a_server_that_was_away_can_not, setup),
		cmocka_unit_test_setup(asks_for_a_watch_of_all_again_later, setup),
		cmocka_unit_test_setup(gives_pages_up_then_its_version, setup),
		cmocka_unit_test_setup(never_goes_back_unless_it_must, setup),
		cmocka_unit_test_setup(watches_on_where_it_stood, setup),
		cmocka_unit_test_setup(waits_when_the_version_of_a_list_is_too_old, setup),
		cmocka_unit_test_setup(lists_when_watches_are_refused_again_and_again, setup),
		cmocka_unit_test_setup(waits_longer_each_time_until_it_works, setup),
		cmocka_unit_test_setup(heeds_retry_after, setup),
		cmocka_unit_test_setup(a_short_watch_is_not_begun_again_at_once, setup),
		cmocka_unit_test_setup(notices_silence, setup),
		cmocka_unit_test_setup(keeps_no_version_that_is_too_long, setup),
		cmocka_unit_test(writes_queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
