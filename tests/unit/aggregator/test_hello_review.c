/* ingest/hello_review: order, bounds, failures and abandoned questions, with a desk that answers as
 * the test says. */
#include "aggregator/ingest/hello_review.h"

#include "aggregator/ingest/hello_queue.h"
#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/review_desk.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 60000
#define MAX_WAITING 6000

struct world {
	struct telemetry *telemetry;
	struct review_desk *desk;
	struct kube_desk kube;
	struct hello_reviews *reviews;
};

static void start(struct world *world, uint32_t max_under_way, uint32_t max_waiting)
{
	const struct hello_reviews_options options = {.desk = &world->kube,
		.audience = REVIEW_DESK_AUDIENCE,
		.service_account = REVIEW_DESK_ACCOUNT,
		.max_under_way = max_under_way,
		.max_waiting = max_waiting,
		.telemetry = world->telemetry};

	world->reviews = hello_reviews_new(&options);
	assert_non_null(world->reviews);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->telemetry = telemetry_new();
	world->desk = review_desk_new();
	world->kube = review_desk_of(world->desk);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	hello_reviews_free(world->reviews);
	review_desk_free(world->desk);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static struct hello_review *ask(struct world *world, const char *worth, void *context)
{
	char token[REVIEW_DESK_TOKEN];
	struct hello_review *review = NULL;

	assert_int_equal(hello_review_ask(world->reviews, review_desk_token(token, worth, 0),
				 context, &review),
		0);
	assert_non_null(review);
	return review;
}

static bool has_verdict(void *context)
{
	struct world *world = context;

	hello_reviews_poll(world->reviews, clock_monotonic_ns());
	return hello_reviews_next(world->reviews);
}

static struct hello_review *next(struct world *world)
{
	assert_true(wait_until(has_verdict, world, PATIENCE_MS));
	return hello_reviews_next(world->reviews);
}

static uint64_t counted(struct world *world, const char *result)
{
	return telemetry_get(telemetry_counter(
		world->telemetry, "tacho_aggregator_agent_reviews_total", "", "result", result));
}

static uint64_t gauge(struct world *world, const char *name)
{
	return telemetry_get(telemetry_gauge(world->telemetry, name, "", NULL, NULL));
}

/* --- verdicts --------------------------------------------------------------------------------- */

static void says_who_is_an_agent_and_who_is_not(void **state)
{
	static const struct {
		const char *worth, *node, *pod, *reason; /* node NULL: refused */
	} CASES[] = {
		{"agent/node-1/b2a1", "node-1", "b2a1", ""},
		{"agent/node-1", "node-1", "", ""},
		{"bad/node-1/b2a1", NULL, NULL, "does not accept the token: [invalid bearer"},
		{"other/node-1/b2a1", NULL, NULL,
			"is that of 'system:serviceaccount:tacho:other', agents are"},
		{"agent2/node-1/b2a1", NULL, NULL, "tacho:agent2', agents are"},
		{"agent/-/b2a1", NULL, NULL, "is bound to no node"},
		{"agent/Node_1/b2a1", NULL, NULL, "'Node_1', which is no node"},
		{"agent/node-1/a-uid-of-more-than-sixty-three-bytes-which-is-not-one-of-kubernetes",
			NULL, NULL, "without a sane uid"},
	};
	struct world *world = *state;

	start(world, 10, MAX_WAITING);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		int context;
		struct hello_review *review = ask(world, CASES[i].worth, &context);
		const struct hello_verdict *verdict;

		assert_ptr_equal(next(world), review);
		assert_ptr_equal(hello_review_context(review), &context);
		verdict = hello_review_verdict(review);
		if (CASES[i].node) {
			assert_int_equal(verdict->kind, HELLO_ACCEPTED);
			assert_string_equal(verdict->node, CASES[i].node);
			assert_string_equal(verdict->pod_uid, CASES[i].pod);
		} else {
			assert_int_equal(verdict->kind, HELLO_REFUSED);
			assert_non_null(strstr(verdict->reason.message, CASES[i].reason));
		}
		hello_review_free(review);
	}
	assert_null(hello_reviews_next(world->reviews));
	assert_int_equal(counted(world, "accepted"), 2);
	assert_int_equal(counted(world, "refused"), 6);
	assert_int_equal(counted(world, "no_answer"), 0);
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* A kube-apiserver that answers in 20 ms, and every agent at once. */
static void asks_for_five_thousand_at_once(void **state)
{
	enum { AGENTS = 5000, AT_A_TIME = 100 };
	struct world *world = *state;
	struct review_desk_counts counts;
	size_t taken = 0;

	start(world, AT_A_TIME, AGENTS);
	review_desk_set_delay(world->desk, 20);
	for (size_t i = 0; i < AGENTS; i++) {
		char worth[64];

		(void)snprintf(worth, sizeof(worth), "agent/node-%zu/pod-%zu", i, i);
		(void)ask(world, worth, NULL);
	}
	while (taken < AGENTS) {
		struct hello_review *review = next(world);
		char node[32];

		/* One answer like the other: they come in the order of the questions. */
		(void)snprintf(node, sizeof(node), "node-%zu", taken++);
		assert_string_equal(hello_review_verdict(review)->node, node);
		hello_review_free(review);
	}
	counts = review_desk_counts(world->desk);
	assert_int_equal(counts.asked, AGENTS);
	assert_int_equal(counts.most_under_way, AT_A_TIME);
	assert_int_equal(gauge(world, "tacho_aggregator_agent_reviews_in_flight"), 0);
	assert_int_equal(gauge(world, "tacho_aggregator_agent_reviews_waiting"), 0);
}

static void lets_no_more_wait_than_is_said(void **state)
{
	struct world *world = *state;
	struct hello_review *reviews[5], *more;

	start(world, 2, 3);
	review_desk_set_holding(world->desk, true);
	for (size_t i = 0; i < 5; i++) {
		reviews[i] = ask(world, "agent/node", NULL);
		assert_true(review_desk_asked(world->desk, i < 2 ? i + 1 : 2));
	}
	assert_int_equal(
		hello_review_ask(world->reviews, "e30.e30.agent/node", NULL, &more), -ENOSPC);
	assert_int_equal(gauge(world, "tacho_aggregator_agent_reviews_in_flight"), 2);
	assert_int_equal(gauge(world, "tacho_aggregator_agent_reviews_waiting"), 3);
	hello_review_free(reviews[4]); /* there is room again */
	reviews[4] = ask(world, "agent/node", NULL);
	assert_int_equal(review_desk_counts(world->desk).most_under_way, 2);
	for (size_t i = 0; i < 5; i++)
		hello_review_free(reviews[i]);
	assert_int_equal(gauge(world, "tacho_aggregator_agent_reviews_waiting"), 0);
}

/* --- no answer -------------------------------------------------------------------------------- */

static bool is_accounted_for(void *context)
{
	struct world *world = context;
	struct review_desk_counts counts;

	hello_reviews_poll(world->reviews, clock_monotonic_ns());
	counts = review_desk_counts(world->desk);
	return counts.asked == counted(world, "no_answer") + counts.under_way;
}

static void waits_until_kube_apiserver_is_back(void **state)
{
	enum { AGENTS = 300 };
	struct world *world = *state;
	struct log_capture *log = log_capture_start();
	struct review_desk_counts away;
	bool said;

	start(world, 100, AGENTS);
	review_desk_set_away(world->desk, true);
	for (int i = 0; i < AGENTS; i++)
		(void)ask(world, "agent/node", NULL);
	for (int i = 0; i < 150; i++) { /* 3 s */
		hello_reviews_poll(world->reviews, clock_monotonic_ns());
		assert_null(hello_reviews_next(world->reviews));
		wait_ms(20);
	}
	away = review_desk_counts(world->desk);
	/* At most a hundred before the first fails, then one at a time, after 0.8 s and more. */
	assert_in_range(away.asked, 2, 110);
	assert_true(wait_until(is_accounted_for, world, PATIENCE_MS));
	review_desk_set_away(world->desk, false);
	for (int i = 0; i < AGENTS; i++) {
		struct hello_review *review = next(world);

		assert_int_equal(hello_review_verdict(review)->kind, HELLO_ACCEPTED);
		hello_review_free(review);
	}
	said = log_capture_has(log, "kube-apiserver says again whose tokens", PATIENCE_MS);
	assert_int_equal(log_capture_count(log, "does not say whose tokens agents have"), 1);
	log_capture_stop(log);
	assert_true(said);
}

/* One question that never gets an answer keeps nobody else waiting, and ends. */
static void gives_up_one_that_alone_fails(void **state)
{
	struct world *world = *state;
	struct hello_review *poison;
	size_t others = 0;

	start(world, 4, MAX_WAITING);
	review_desk_set_delay(world->desk, 5);
	review_desk_set_poison(world->desk, "agent/poison");
	poison = ask(world, "agent/poison", NULL);
	for (uint64_t began_ms = wait_now_ms(); wait_now_ms() - began_ms < 120000;) {
		struct hello_review *review;

		(void)ask(world, "agent/node", NULL);
		(void)ask(world, "agent/node", NULL);
		review = next(world);
		if (review == poison)
			break;
		others++;
		hello_review_free(review);
		wait_ms(5);
	}
	assert_true(others > 10);
	assert_ptr_equal(hello_reviews_next(world->reviews), poison);
	assert_int_equal(hello_review_verdict(poison)->kind, HELLO_NO_ANSWER);
	assert_non_null(strstr(hello_review_verdict(poison)->reason.message, "nobody answers"));
	assert_true(counted(world, "no_answer") >= HELLO_REVIEW_TRIES);
	hello_review_free(poison);
	review_desk_set_delay(world->desk, 0);
	while (gauge(world, "tacho_aggregator_agent_reviews_waiting") +
			gauge(world, "tacho_aggregator_agent_reviews_in_flight") >
		0)
		hello_review_free(next(world));
	while (hello_reviews_next(world->reviews))
		hello_review_free(hello_reviews_next(world->reviews));
}

/* --- questions that nobody asks any more ------------------------------------------------------ */

static void nobody_wants_the_answer(void **state)
{
	struct world *world = *state;
	struct hello_review *under_way, *waiting, *kept;

	start(world, 1, MAX_WAITING);
	review_desk_set_holding(world->desk, true);
	under_way = ask(world, "agent/a", NULL);
	assert_true(review_desk_asked(world->desk, 1));
	waiting = ask(world, "agent/b", NULL);
	kept = ask(world, "agent/c", NULL);
	hello_review_free(waiting);
	hello_review_free(under_way);
	review_desk_set_holding(world->desk, false);
	assert_ptr_equal(next(world), kept);
	assert_int_equal(review_desk_counts(world->desk).asked, 2); /* never for b */
	hello_review_free(kept);
	hello_review_free(NULL);
	assert_null(hello_reviews_next(world->reviews));
}

static void cancels_what_is_under_way_at_the_end(void **state)
{
	struct world *world = *state;
	struct hello_review *reviews[10];

	start(world, 5, MAX_WAITING);
	review_desk_set_holding(world->desk, true);
	for (size_t i = 0; i < 10; i++)
		reviews[i] = ask(world, "agent/node", NULL);
	assert_true(review_desk_asked(world->desk, 5));
	for (size_t i = 0; i < 10; i++)
		hello_review_free(reviews[i]);
	hello_reviews_free(world->reviews);
	world->reviews = NULL;
	assert_int_equal(review_desk_counts(world->desk).cancelled, 5);
	hello_reviews_free(NULL);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(says_who_is_an_agent_and_who_is_not),
		T(asks_for_five_thousand_at_once),
		T(lets_no_more_wait_than_is_said),
		T(waits_until_kube_apiserver_is_back),
		T(gives_up_one_that_alone_fails),
		T(nobody_wants_the_answer),
		T(cancels_what_is_under_way_at_the_end),
	};

	return cmocka_run_group_tests_name("hello_review", tests, NULL, NULL);
}
