/* ingest/proof: when a token is reviewed, and how long its acceptance holds. Time is what the test
 * says; the reviews are a desk's. */
#include "aggregator/ingest/proof.h"

#include "aggregator/ingest/token_claims.h"
#include "base/clock.h"
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
#define GAP_NS      (10 * NS_PER_SECOND)
#define START_NS    (1000 * NS_PER_SECOND)
#define START_S     1700000000ULL
#define HOUR_S      3600ULL

struct world {
	struct telemetry *telemetry;
	struct store *store;
	struct review_desk *desk;
	struct kube_desk kube;
	struct proof_rules rules;
	struct proof proof;
	uint64_t now_ns, realtime_s;
	const char *node; /* of the accepted connection, or NULL */
	char accepted[NODE_NAME_MAX + 1];
	struct error err;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct hello_reviews_options options;

	assert_non_null(world);
	world->telemetry = telemetry_new();
	world->store = store_new(&(struct store_options){.expiry_ns = 15 * NS_PER_SECOND,
					 .max_nodes = 3,
					 .metadata = true,
					 .max_pods = 10,
					 .telemetry = world->telemetry},
		NULL);
	assert_non_null(world->store);
	world->desk = review_desk_new();
	world->kube = review_desk_of(world->desk);
	options = (struct hello_reviews_options){.desk = &world->kube,
		.audience = REVIEW_DESK_AUDIENCE,
		.service_account = REVIEW_DESK_ACCOUNT,
		.max_under_way = 10,
		.max_waiting = 10,
		.telemetry = world->telemetry};
	world->rules = (struct proof_rules){.reviews = hello_reviews_new(&options),
		.desk = &world->kube,
		.store = world->store,
		.gap_ns = GAP_NS};
	world->now_ns = START_NS;
	world->realtime_s = START_S;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	proof_clear(&world->proof);
	hello_reviews_free(world->rules.reviews);
	review_desk_free(world->desk);
	store_free(world->store);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

/* --- what happens to a connection ------------------------------------------------------------- */

static void pass(struct world *world, uint64_t seconds)
{
	world->now_ns += seconds * NS_PER_SECOND;
	world->realtime_s += seconds;
}

static int hello_with(struct world *world, const char *node, const void *token, size_t size)
{
	union {
		const void *in;
		uint8_t *out;
	} bytes = {token};
	union {
		const char *in;
		char *out;
	} name = {node};
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;

	hello.node = name.out;
	hello.credential.data = bytes.out;
	hello.credential.len = size;
	hello.interval_ms = 1000;
	return proof_hello(&world->proof, world->node, &hello, &world->err);
}

static int hello(struct world *world, const char *node, const char *worth, uint64_t ends_s)
{
	char token[REVIEW_DESK_TOKEN];

	(void)review_desk_token(token, worth, ends_s);
	return hello_with(world, node, token, strlen(token));
}

static void ask(struct world *world)
{
	proof_ask(&world->proof, &world->rules, world, world->now_ns);
}

static bool has_verdict(void *context)
{
	struct world *world = context;

	hello_reviews_poll(world->rules.reviews, clock_monotonic_ns());
	return hello_reviews_next(world->rules.reviews);
}

static enum proof_result verdict(struct world *world)
{
	enum proof_result result;

	assert_non_null(world->proof.review);
	assert_true(wait_until(has_verdict, world, PATIENCE_MS));
	assert_ptr_equal(hello_reviews_next(world->rules.reviews), world->proof.review);
	result = proof_verdict(
		&world->proof, world->node, world->now_ns, world->accepted, &world->err);
	if (result == PROOF_ACCEPTED)
		world->node = world->accepted;
	return result;
}

static enum proof_result check(struct world *world)
{
	enum proof_result result = proof_check(
		&world->proof, &world->rules, world->now_ns, world->realtime_s, &world->err);

	ask(world);
	return result;
}

static void be_accepted(struct world *world, const char *worth, uint64_t ends_s)
{
	assert_int_equal(hello(world, "", worth, ends_s), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
}

static size_t asked(struct world *world)
{
	return review_desk_counts(world->desk).asked;
}

static void put_pod(struct world *world, const char *uid)
{
	const struct labels none = {0};
	const struct store_pod_metadata pod = {
		.namespace = "tacho", .name = uid, .uid = uid, .cgroup_uid = uid, .labels = &none};

	assert_int_equal(store_put_pod(world->store, &pod, NULL), 0);
}

static void remove_pod(struct world *world, const char *uid)
{
	store_remove_pod(world->store, "tacho", uid, uid);
}

/* --- Hellos ----------------------------------------------------------------------------------- */

static void refuses_what_is_no_hello(void **state)
{
	static char long_token[TOKEN_MAX + 2];
	struct world *world = *state;

	memset(long_token, 'a', TOKEN_MAX + 1);
	assert_int_equal(hello_with(world, "Node_1", "a.b.c", 5), -EINVAL);
	assert_non_null(strstr(world->err.message, "'Node_1' is not a node name"));
	assert_int_equal(hello_with(world, "node", "", 0), -EINVAL);
	assert_non_null(strstr(world->err.message, "without a token"));
	assert_int_equal(hello_with(world, "node", "a b", 3), -EINVAL);
	assert_int_equal(hello_with(world, "node", "a\0b", 3), -EINVAL);
	assert_int_equal(hello_with(world, "node", "a\nb", 3), -EINVAL);
	assert_int_equal(hello_with(world, "node", "a\xc3\xa4", 3), -EINVAL);
	assert_int_equal(hello_with(world, "node", long_token, TOKEN_MAX + 1), -EINVAL);
	assert_null(world->proof.token);
	assert_int_equal(hello_with(world, "node", long_token, TOKEN_MAX), 0);
	assert_string_equal(world->proof.token, long_token + 1);
}

static void takes_the_node_from_the_token(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1/pod-1", START_S + HOUR_S);
	assert_string_equal(world->accepted, "node-1");
	assert_string_equal(world->proof.pod_uid, "pod-1");
	assert_int_equal(world->proof.ends_s, START_S + HOUR_S);
	assert_int_equal(hello(world, "node-1", "agent/node-1/pod-1", START_S + HOUR_S), 0);
	ask(world);
	assert_int_equal(asked(world), 1); /* the same token is not asked for twice */
}

static void refuses_an_agent_that_speaks_for_another_node(void **state)
{
	struct world *world = *state;

	assert_int_equal(hello(world, "node-2", "agent/node-1/pod-1", 0), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_REFUSED);
	assert_string_equal(world->err.message,
		"speaks for node 'node-2', but its token is that of an agent on node 'node-1'");
	assert_null(world->node);
}

static void no_later_hello_changes_the_node(void **state)
{
	struct world *world = *state;

	assert_int_equal(hello(world, "node-1", "bad", 0), 0);
	assert_int_equal(hello(world, "node-2", "agent/node-2", 0), -EPERM);
	be_accepted(world, "agent/node-1", 0);
	assert_int_equal(hello(world, "node-2", "agent/node-2", 0), -EPERM);
	assert_int_equal(hello(world, "", "agent/node-2", 0), 0); /* it does not say so … */
	pass(world, 20);
	ask(world);
	assert_int_equal(verdict(world), PROOF_REFUSED); /* … but its token does */
	assert_non_null(strstr(world->err.message, "speaks for node 'node-1', but its token"));
}

static void refuses_a_bad_token(void **state)
{
	struct world *world = *state;

	assert_int_equal(hello(world, "node-1", "bad/node-1", 0), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_REFUSED);
	assert_non_null(strstr(world->err.message, "kube-apiserver does not accept the token"));
}

/* --- a fresh token ---------------------------------------------------------------------------- */

static void the_old_acceptance_holds_until_the_fresh_token_is_reviewed(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1/pod-1", START_S + HOUR_S);
	pass(world, HOUR_S + PROOF_LEEWAY_S + 1);
	review_desk_set_holding(world->desk, true);
	assert_int_equal(hello(world, "", "agent/node-1/pod-1", START_S + 2 * HOUR_S), 0);
	ask(world);
	for (int i = 0; i < 100; i++) { /* kube-apiserver is away for hours */
		pass(world, 60);
		assert_int_equal(check(world), PROOF_GOES_ON);
	}
	review_desk_set_holding(world->desk, false);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
	assert_int_equal(world->proof.ends_s, START_S + 2 * HOUR_S);
}

static void a_no_to_the_fresh_token_ends_it(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1/pod-1", START_S + HOUR_S);
	pass(world, 60);
	assert_int_equal(hello(world, "", "bad", START_S + 9 * HOUR_S), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_REFUSED);
}

/* The answer about an older token says nothing about the newest. */
static void asks_for_the_newest_of_several_hellos(void **state)
{
	struct world *world = *state;

	review_desk_set_holding(world->desk, true);
	assert_int_equal(hello(world, "", "bad/1", 0), 0);
	ask(world);
	assert_int_equal(hello(world, "", "bad/2", 0), 0);
	ask(world); /* one at a time */
	assert_int_equal(hello(world, "", "agent/node-1", 0), 0);
	ask(world);
	review_desk_set_holding(world->desk, false);
	assert_int_equal(verdict(world), PROOF_GOES_ON);
	ask(world);
	assert_null(world->proof.review); /* not so soon after the last */
	pass(world, GAP_NS / NS_PER_SECOND);
	ask(world);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
	assert_int_equal(asked(world), 2);
}

static void bounds_how_often_one_connection_is_reviewed(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1", 0);
	for (int second = 0; second < 100; second++) {
		char worth[64];

		(void)snprintf(worth, sizeof(worth), "agent/node-1/pod-%d", second);
		pass(world, 1);
		assert_int_equal(hello(world, "", worth, 0), 0);
		ask(world);
		if (world->proof.review)
			assert_int_equal(verdict(world), PROOF_ACCEPTED);
	}
	assert_int_equal(asked(world), 1 + 100 / (GAP_NS / NS_PER_SECOND));
}

/* --- its end ---------------------------------------------------------------------------------- */

static void ends_with_the_token(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1", START_S + HOUR_S);
	pass(world, HOUR_S + PROOF_LEEWAY_S);
	assert_int_equal(check(world), PROOF_GOES_ON);
	pass(world, 1);
	assert_int_equal(check(world), PROOF_EXPIRED);
	assert_non_null(strstr(world->err.message, "its token ended 31 s ago"));
}

static void a_token_without_an_end_is_reviewed_now_and_then(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1", 0);
	pass(world, PROOF_AGE_NS / NS_PER_SECOND);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_null(world->proof.review);
	pass(world, 1);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
	pass(world, PROOF_AGE_NS / NS_PER_SECOND);
	(void)strcpy(strrchr(world->proof.token, '.'), ".bad"); /* is no longer good */
	pass(world, 1);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_int_equal(verdict(world), PROOF_REVOKED);
}

/* --- its pod ---------------------------------------------------------------------------------- */

static void is_reviewed_when_its_pod_is_gone(void **state)
{
	struct world *world = *state;

	put_pod(world, "pod-1");
	review_desk_set_synced(world->desk, true);
	be_accepted(world, "agent/node-1/pod-1", START_S + 9 * HOUR_S);
	pass(world, 600);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_null(world->proof.review);
	remove_pod(world, "pod-1");
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_int_equal(verdict(world), PROOF_ACCEPTED); /* it is still ending */
	for (uint64_t s = 0; s < PROOF_POD_AGAIN_NS / NS_PER_SECOND; s++) {
		pass(world, 1);
		assert_int_equal(check(world), PROOF_GOES_ON);
		assert_null(world->proof.review);
	}
	pass(world, 1);
	(void)strcpy(strrchr(world->proof.token, '.'), ".bad");
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_int_equal(verdict(world), PROOF_POD_GONE);
	assert_int_equal(asked(world), 3);
}

static void a_pod_that_is_not_known_yet_has_a_minute(void **state)
{
	struct world *world = *state;

	be_accepted(world, "agent/node-1/pod-1", START_S + 9 * HOUR_S);
	pass(world, 600);
	assert_int_equal(check(world), PROOF_GOES_ON); /* nothing is known of pods yet */
	assert_null(world->proof.review);
	pass(world, 1);
	assert_int_equal(hello(world, "", "agent/node-1/pod-2", START_S + 9 * HOUR_S), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
	review_desk_set_synced(world->desk, true);
	pass(world, PROOF_POD_PATIENCE_NS / NS_PER_SECOND);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_null(world->proof.review);
	pass(world, 1);
	assert_int_equal(check(world), PROOF_GOES_ON);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
}

/* --- no kube-apiserver ------------------------------------------------------------------------ */

static void an_outage_ends_no_acceptance(void **state)
{
	struct world *world = *state;

	put_pod(world, "pod-1");
	review_desk_set_synced(world->desk, true);
	review_desk_set_poison(world->desk, "agent/node-1/pod-1");
	assert_int_equal(hello(world, "", "agent/node-1/pod-1x", START_S + 9 * HOUR_S), 0);
	ask(world);
	assert_int_equal(verdict(world), PROOF_ACCEPTED);
	pass(world, 20);
	assert_int_equal(hello(world, "", "agent/node-1/pod-1", START_S + 9 * HOUR_S), 0);
	ask(world);
	/* Others are answered, this one is not: the verdict is that there is none. */
	for (uint64_t began_ms = wait_now_ms(); wait_now_ms() - began_ms < 120000;) {
		struct hello_review *other, *first;

		assert_int_equal(
			hello_review_ask(world->rules.reviews, "e30.e30.agent/other", NULL, &other),
			0);
		assert_true(wait_until(has_verdict, world, PATIENCE_MS));
		first = hello_reviews_next(world->rules.reviews);
		if (first == world->proof.review) {
			hello_review_free(other);
			break;
		}
		hello_review_free(first);
		wait_ms(5);
	}
	assert_int_equal(verdict(world), PROOF_GOES_ON);
	assert_true(world->proof.wanted); /* and it is asked for again */
	assert_non_null(world->node);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(refuses_what_is_no_hello),
		T(takes_the_node_from_the_token),
		T(refuses_an_agent_that_speaks_for_another_node),
		T(no_later_hello_changes_the_node),
		T(refuses_a_bad_token),
		T(the_old_acceptance_holds_until_the_fresh_token_is_reviewed),
		T(a_no_to_the_fresh_token_ends_it),
		T(asks_for_the_newest_of_several_hellos),
		T(bounds_how_often_one_connection_is_reviewed),
		T(ends_with_the_token),
		T(a_token_without_an_end_is_reviewed_now_and_then),
		T(is_reviewed_when_its_pod_is_gone),
		T(a_pod_that_is_not_known_yet_has_a_minute),
		T(an_outage_ends_no_acceptance),
	};

	return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}
