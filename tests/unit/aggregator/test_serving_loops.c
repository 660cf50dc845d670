/* aggregator/api/serving_loop: several threads serve at once, while all that they share changes
 * under them. To be run with TSan, too. */
#include "aggregator/api/serving_loop.h"

#include "tests/harness/guarded_api.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/pki.h"
#include "tests/harness/wait.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES "/apis/metrics.k8s.io/v1/nodes"
#define OPEN  "tacho_aggregator_http_connections"
#define LOOPS 4

static struct guarded_api *api;
static const struct pki_pair *proxy;

static void start(const struct guarded_options *options)
{
	api = guarded_start(options);
	proxy = guarded_front_proxy(api);
	guarded_allow(api, true);
}

static int tear_down(void **state)
{
	(void)state;
	proxy = NULL;
	guarded_stop(api);
	api = NULL;
	return 0;
}

/* --- who has which connections ---------------------------------------------------------------- */

/* What the thread has had of a CPU, in ns. */
static uint64_t cpu_ns_of(const char *thread)
{
	char path[300], name[32] = "";
	unsigned long long ns = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/schedstat", thread);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%31s", name) == 1)
		ns = strtoull(name, NULL, 10);
	(void)fclose(file);
	return ns;
}

static bool is_serving(const char *thread, unsigned *ret_loop)
{
	char path[300], name[32] = "";
	FILE *file;
	bool serves;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%s/comm", thread);
	file = fopen(path, "re");
	if (!file)
		return false;
	serves = fgets(name, sizeof(name), file) && sscanf(name, "serve-%u", ret_loop) == 1;
	(void)fclose(file);
	return serves;
}

static unsigned serving_threads(uint64_t cpu_ns[LOOPS])
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	unsigned count = 0, loop;

	assert_non_null(tasks);
	while ((task = readdir(tasks))) {
		if (!is_serving(task->d_name, &loop))
			continue;
		assert_true(loop < LOOPS);
		cpu_ns[loop] = cpu_ns_of(task->d_name);
		count++;
	}
	(void)closedir(tasks);
	return count;
}

static void expect_answer(struct https *connection)
{
	struct https_response answer =
		guarded_ask_on(connection, "GET", NODES, "X-Remote-User: alice\r\n");

	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

static void each_loop_gets_its_share_of_connections(void **state)
{
	const struct guarded_options options = {.api = {.serving_threads = LOOPS}};
	struct https *connections[LOOPS];
	uint64_t before[LOOPS] = {0}, after[LOOPS] = {0}, most = 0;

	(void)state;
	start(&options);
	for (int i = 0; i < LOOPS; i++)
		connections[i] = guarded_connect(api, proxy);
	for (int i = 0; i < LOOPS; i++)
		expect_answer(connections[i]);
	assert_int_equal(serving_threads(before), LOOPS);
	for (int i = 0; i < LOOPS * 50; i++)
		expect_answer(connections[i % LOOPS]);
	assert_int_equal(serving_threads(after), LOOPS);
	for (int i = 0; i < LOOPS; i++)
		most = after[i] - before[i] > most ? after[i] - before[i] : most;
	for (int i = 0; i < LOOPS; i++)
		if (after[i] - before[i] < most / 8)
			fail_msg("serve-%d: %llu of %llu ns", i,
				(unsigned long long)(after[i] - before[i]),
				(unsigned long long)most);
	for (int i = 0; i < LOOPS; i++)
		https_close(connections[i]);
	guarded_await(api, OPEN, 0);
}

static void one_thread_serves_if_no_more_are_wanted(void **state)
{
	const struct guarded_options options = {.api = {.serving_threads = 1}};
	uint64_t cpu_ns[LOOPS];

	(void)state;
	start(&options);
	assert_int_equal(serving_threads(cpu_ns), 1);
	assert_int_equal(guarded_code(api, proxy, NODES, "X-Remote-User: alice\r\n"), 200);
}

/* However they are dealt to the loops. */
/* Whoever has been idle for the longest in the new one's loop makes room for it. */
static void the_bound_on_connections_is_that_of_all_loops(void **state)
{
	const struct guarded_options options = {
		.api = {.serving_threads = LOOPS, .max_connections = 5}};
	struct https *connections[5], *sixth;
	int left = 0;

	(void)state;
	start(&options);
	for (int i = 0; i < 5; i++) {
		connections[i] = guarded_connect(api, proxy);
		expect_answer(connections[i]);
	}
	sixth = guarded_connect(api, proxy);
	expect_answer(sixth);
	guarded_await(api, OPEN, 5);
	for (int i = 0; i < 5; i++) {
		struct https_response response = guarded_ask_on(connections[i], "GET", "/apis", "");

		left += response.status != 0;
		https_response_free(&response);
		https_close(connections[i]);
	}
	https_close(sixth);
	assert_int_equal(left, 4);
	guarded_await(api, OPEN, 0);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_http_connections_closed_total",
				 "reason", "made_room"),
		1);
}

/* What one loop was told the others learn in main's loop. */
static void kube_apiserver_is_asked_once_for_all_loops(void **state)
{
	const struct guarded_options options = {
		.api = {.serving_threads = LOOPS}, .access = {.allow_ttl_ns = 600 * 1000000000ULL}};
	struct https *connections[LOOPS];

	(void)state;
	start(&options);
	for (int i = 0; i < LOOPS; i++)
		connections[i] = guarded_connect(api, proxy);
	for (int i = 0; i < 3 * LOOPS; i++)
		expect_answer(connections[i % LOOPS]);
	assert_int_equal(guarded_access_reviews(api), 1);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_review_cache_misses_total", "kind", "access"),
		1);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_review_cache_hits_total", "kind", "access"),
		3 * LOOPS - 1);
	for (int i = 0; i < LOOPS; i++)
		https_close(connections[i]);
}

/* --- everything at once ----------------------------------------------------------------------- */

#define ASKERS    6
#define HAMMER_MS 5000

struct asker {
	unsigned number;
	unsigned port;
	char ca[200];
	struct pki_pair proxy; /* its own: the API's goes with it */
	atomic_bool *stop;
	pthread_t thread;
	unsigned answers, unexpected;
};

/* The first request of a connection is always answered; those behind it may meet its end. */
static void count(struct asker *asker, bool first, struct https_response *answer)
{
	switch (answer->status) {
	case 200:
	case 401: /* while the authorities are others, and of tokens that nobody knows */
	case 403:
	case 429:
		asker->answers++;
		break;
	default:
		asker->unexpected += first || answer->status != 0;
		break;
	}
	https_response_free(answer);
}

/* Some keep their connections, some leave before the answer, each with its own questions. */
static void *ask(void *context)
{
	struct asker *asker = context;

	for (unsigned i = 0; !atomic_load(asker->stop); i++) {
		bool token = (asker->number + i) % 2;
		struct https *https = https_open_as(asker->port, asker->ca,
			token ? NULL : asker->proxy.cert, token ? NULL : asker->proxy.key);
		char request[200];
		int length = snprintf(request, sizeof(request),
			"GET " NODES " HTTP/1.1\r\nHost: x\r\n%s%u-%u\r\n\r\n",
			token ? "Authorization: Bearer t" : "X-Remote-User: u", asker->number,
			i / 4);

		for (unsigned j = 0; https && j < 3; j++) {
			struct https_response answer;

			if (!https_send(https, request, (size_t)length) || i % 3 == 0)
				break;
			answer = https_receive(https, 30000);
			count(asker, j == 0, &answer);
		}
		https_close(https);
	}
	return NULL;
}

static void start_askers(struct asker *askers, atomic_bool *stop)
{
	for (unsigned i = 0; i < ASKERS; i++) {
		askers[i] = (struct asker){.number = i,
			.port = https_server_port(guarded_server(api)),
			.proxy = {strdup(proxy->cert), strdup(proxy->key)},
			.stop = stop};
		(void)snprintf(askers[i].ca, sizeof(askers[i].ca), "%s",
			https_server_ca(guarded_server(api)));
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
}

static void join_askers(struct asker *askers)
{
	for (unsigned i = 0; i < ASKERS; i++) {
		(void)pthread_join(askers[i].thread, NULL);
		pki_pair_free(&askers[i].proxy);
	}
}

static void change_everything(unsigned round)
{
	char *both = NULL;

	assert_true(asprintf(&both, "%s%s", pki_ca(guarded_proxy_ca(api)),
			    pki_ca(guarded_other_ca(api))) > 0);
	guarded_replace_proxy_ca(api, round % 2 ? pki_ca(guarded_proxy_ca(api)) : both);
	free(both);
	https_server_renew_certificate(guarded_server(api));
	guarded_set_tokens(api, round % 3 == 0 ? GUARDED_HOLDS : GUARDED_ANSWERS);
	guarded_set_accesses(api, round % 3 == 1 ? GUARDED_HOLDS : GUARDED_ANSWERS);
	wait_ms(300);
}

static void hammer(struct asker *askers, atomic_bool *stop)
{
	const struct guarded_options options = {.api = {.serving_threads = LOOPS},
		.access = {.token_ttl_ns = 50000000,
			.allow_ttl_ns = 50000000,
			.deny_ttl_ns = 50000000,
			.max_reviews = 8}};
	uint64_t end_ms;

	start(&options);
	start_askers(askers, stop);
	end_ms = wait_now_ms() + HAMMER_MS;
	for (unsigned round = 0; wait_now_ms() < end_ms; round++)
		change_everything(round);
	guarded_set_tokens(api, GUARDED_ANSWERS);
	guarded_set_accesses(api, GUARDED_ANSWERS);
}

static bool all_is_answered(void *unused)
{
	(void)unused;
	return https_server_requests(guarded_server(api)) == 0;
}

static void all_may_change_while_requests_come_and_go(void **state)
{
	struct asker askers[ASKERS];
	atomic_bool stop = false;
	unsigned answers = 0;

	(void)state;
	hammer(askers, &stop);
	https_server_drain(guarded_server(api));
	wait_ms(200);
	atomic_store(&stop, true);
	join_askers(askers);
	for (unsigned i = 0; i < ASKERS; i++) {
		assert_int_equal(askers[i].unexpected, 0);
		answers += askers[i].answers;
	}
	assert_true(answers > ASKERS);
	assert_true(wait_until(all_is_answered, NULL, 20000));
	guarded_await(api, OPEN, 0);
	guarded_await(api, "tacho_aggregator_http_requests_in_flight", 0);
	guarded_await(api, "tacho_aggregator_reviews_waiting", 0);
	assert_true(guarded_figure(
			    api, "tacho_aggregator_certificate_reloads_total", "result", "ok") > 0);
	assert_true(guarded_figure(
			    api, "tacho_aggregator_ca_changes_total", "of", "front proxies") > 1);
}

/* With questions on their way to main's loop and back. */
static void stopping_under_load_is_clean(void **state)
{
	struct asker askers[ASKERS];
	atomic_bool stop = false;

	(void)state;
	hammer(askers, &stop);
	guarded_stop(api);
	api = NULL;
	atomic_store(&stop, true);
	join_askers(askers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(each_loop_gets_its_share_of_connections, tear_down),
		cmocka_unit_test_teardown(one_thread_serves_if_no_more_are_wanted, tear_down),
		cmocka_unit_test_teardown(the_bound_on_connections_is_that_of_all_loops, tear_down),
		cmocka_unit_test_teardown(kube_apiserver_is_asked_once_for_all_loops, tear_down),
		cmocka_unit_test_teardown(all_may_change_while_requests_come_and_go, tear_down),
		cmocka_unit_test_teardown(stopping_under_load_is_clean, tear_down),
	};

	return cmocka_run_group_tests_name("serving_loops", tests, NULL, NULL);
}
