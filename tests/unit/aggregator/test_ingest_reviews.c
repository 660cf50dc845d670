/* aggregator/ingest in a cluster, whole: agents over NNG, the kube thread, its client, and
 * TokenReview over HTTPS with a double of kube-apiserver. */
#include "tests/harness/ingest_fixture.h"

#include "aggregator/ingest/hello_review.h"
#include "base/clock.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REVIEWS     "/apis/authentication.k8s.io/v1/tokenreviews"
#define ACCOUNT     "system:serviceaccount:tacho:agent"
#define PATIENCE_MS 60000

struct world {
	struct ingest_fixture *fixture;
	struct kube_double *server;
	struct metadata *metadata;
	struct ingest_agents agents;
	atomic_int under_way, most_under_way;
};

/* Tokens are "good-NODE", "other-NODE" (another audience) or no good. */
static void review(struct kube_exchange *exchange, void *context)
{
	static const char YES[] =
		"{\"kind\":\"TokenReview\",\"apiVersion\":\"authentication.k8s.io/v1\","
		"\"status\":{\"authenticated\":true,\"user\":{\"username\":\"" ACCOUNT "\","
		"\"groups\":[\"system:serviceaccounts\"],\"extra\":{"
		"\"authentication.kubernetes.io/node-name\":[\"%s\"],"
		"\"authentication.kubernetes.io/pod-uid\":[\"pod-of-%s\"]}},"
		"\"audiences\":[\"%s\"]}}";
	struct world *world = context;
	size_t size;
	const char *body = kube_exchange_body(exchange, &size);
	const char *good = strstr(body, "\"good-"), *other = strstr(body, "\"other-");
	int under_way = atomic_fetch_add(&world->under_way, 1) + 1, most;
	char node[64] = "", answer[1024];

	most = atomic_load(&world->most_under_way);
	while (under_way > most &&
		!atomic_compare_exchange_weak(&world->most_under_way, &most, under_way))
		;
	(void)kube_exchange_wait(exchange, 20);
	atomic_fetch_sub(&world->under_way, 1);
	if (good || other)
		(void)sscanf(strchr(good ? good : other, '-') + 1, "%63[^\"]", node);
	if (node[0] && strstr(body, "\"tacho-aggregator\""))
		(void)snprintf(answer, sizeof(answer), YES, node, node,
			good ? "tacho-aggregator" : "https://kubernetes.default.svc");
	else
		(void)snprintf(answer, sizeof(answer),
			"{\"kind\":\"TokenReview\",\"status\":{\"user\":{},\"error\":\"not "
			"valid\"}}");
	(void)kube_exchange_reply_text(exchange, 201, "application/json", answer);
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config;
	struct metadata_options options;
	void *fixture;

	assert_non_null(world);
	assert_int_equal(ingest_fixture_set_up(&fixture), 0);
	world->fixture = fixture;
	world->server = kube_double_start(NULL);
	kube_double_on(world->server, REVIEWS, review, world);
	config = kube_double_config(world->server);
	options = (struct metadata_options){.config = &config,
		.node_selector = "",
		.store = world->fixture->store,
		.telemetry = world->fixture->telemetry};
	world->metadata = metadata_start(&options, NULL);
	assert_non_null(world->metadata);
	world->agents = (struct ingest_agents){.desk = kube_desk_of(world->metadata),
		.audience = "tacho-aggregator",
		.service_account = ACCOUNT};
	world->fixture->options.agents = &world->agents;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;
	void *fixture = world->fixture;

	ingest_stop(world->fixture->ingest); /* before what it asks */
	world->fixture->ingest = NULL;
	metadata_stop(world->metadata);
	kube_double_stop(world->server);
	(void)ingest_fixture_tear_down(&fixture);
	free(world);
	return 0;
}

static void lets_in_whom_kube_apiserver_knows(void **state)
{
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;
	struct wire_client *agent, *rogue, *stranger;

	ingest_fixture_start(fixture);
	agent = ingest_fixture_connect(fixture);
	rogue = ingest_fixture_connect(fixture);
	stranger = ingest_fixture_connect(fixture);
	wire_client_send_hello(agent, "node-1", "good-node-1");
	wire_client_send_catalog(agent, 1, 1);
	wire_client_send_hello(rogue, "node-2", "forged-node-2");
	wire_client_send_hello(stranger, "node-3", "other-node-3");
	assert_true(wire_client_hung_up(rogue));
	assert_true(wire_client_hung_up(stranger));
	assert_true(ingest_fixture_closed(fixture, "hello_refused", 2));
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	wire_client_send_sample(agent, 1, 1, 7);
	assert_true(ingest_fixture_serves(fixture, 7));
	wire_client_free(agent);
	wire_client_free(rogue);
	wire_client_free(stranger);
}

/* Forbidden is no no: an operator who forgot the ClusterRoleBinding repairs it. */
static void waits_while_it_may_not_ask(void **state)
{
	struct world *world = *state;
	struct ingest_fixture *fixture = world->fixture;
	struct wire_client *agent;

	kube_double_answer(world->server, REVIEWS, 403, "application/json",
		"{\"kind\":\"Status\",\"message\":\"tokenreviews is forbidden\"}");
	ingest_fixture_start(fixture);
	agent = ingest_fixture_connect(fixture);
	wire_client_send_hello(agent, "node-1", "good-node-1");
	wire_client_send_catalog(agent, 1, 1);
	assert_true(kube_double_await(world->server, REVIEWS, 2, PATIENCE_MS));
	kube_double_on(world->server, REVIEWS, review, world);
	wait_ms(1000);
	assert_true(ingest_fixture_took(fixture, "catalog", 1));
	wire_client_free(agent);
}

static bool has_verdict(void *context)
{
	hello_reviews_poll(context, clock_monotonic_ns());
	return hello_reviews_next(context);
}

static void asks_for_many_at_once_through_the_real_client(void **state)
{
	enum { AGENTS = 1000, AT_A_TIME = 100 };
	struct world *world = *state;
	const struct hello_reviews_options options = {.desk = &world->agents.desk,
		.audience = "tacho-aggregator",
		.service_account = ACCOUNT,
		.max_under_way = AT_A_TIME,
		.max_waiting = AGENTS,
		.telemetry = world->fixture->telemetry};
	struct hello_reviews *reviews = hello_reviews_new(&options);
	size_t accepted = 0;

	assert_non_null(reviews);
	for (size_t i = 0; i < AGENTS; i++) {
		struct hello_review *asked;
		char token[64];

		(void)snprintf(token, sizeof(token), "good-node-%zu", i);
		assert_int_equal(hello_review_ask(reviews, token, NULL, &asked), 0);
	}
	for (size_t i = 0; i < AGENTS; i++) {
		struct hello_review *answered;

		assert_true(wait_until(has_verdict, reviews, PATIENCE_MS));
		answered = hello_reviews_next(reviews);
		accepted += hello_review_verdict(answered)->kind == HELLO_ACCEPTED;
		hello_review_free(answered);
	}
	hello_reviews_free(reviews);
	assert_int_equal(accepted, AGENTS);
	assert_in_range(atomic_load(&world->most_under_way), 2, AT_A_TIME);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(lets_in_whom_kube_apiserver_knows),
		T(waits_while_it_may_not_ask),
		T(asks_for_many_at_once_through_the_real_client),
	};

	return cmocka_run_group_tests_name("ingest_reviews", tests, NULL, NULL);
}
