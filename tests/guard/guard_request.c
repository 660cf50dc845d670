/* What an answer of the API costs: over TLS, to the front proxy, with the access review in the
 * cache.
 *
 * request: as the HPA asks, 10 pods of a namespace of 1,000 by their labels, in protobuf
 * list: that whole namespace, in JSON */
#include "tests/guard/counting.h"
#include "tests/guard/world.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/wait.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_NS     (3600 * NS_PER_SECOND)
#define PATIENCE_MS 120000

#define PODS_OF_NAMESPACE "/apis/metrics.k8s.io/v1beta1/namespaces/namespace-000/pods"
#define PODS_OF_SERVICE   PODS_OF_NAMESPACE "?labelSelector=app.kubernetes.io%2Fname%3Dservice-60"

/* What kube-apiserver hands on of the HPA controller's request. */
#define OF_THE_HPA                                                                       \
	"User-Agent: kube-controller-manager/v1.36.0 (linux/amd64) kubernetes/0000000/"  \
	"system:serviceaccount:kube-system:horizontal-pod-autoscaler\r\n"                \
	"Accept-Encoding: gzip\r\n"                                                      \
	"Audit-Id: 2f5b6f4e-3c1d-4c8a-9a66-0d3f0c6f3f01\r\n"                             \
	"X-Forwarded-For: 10.0.0.1\r\n"                                                  \
	"X-Remote-User: system:serviceaccount:kube-system:horizontal-pod-autoscaler\r\n" \
	"X-Remote-Uid: 8b8a4c1e-65a1-4cb2-8f1c-6f3d7c1f2a10\r\n"                         \
	"X-Remote-Group: system:serviceaccounts\r\n"                                     \
	"X-Remote-Group: system:serviceaccounts:kube-system\r\n"                         \
	"X-Remote-Group: system:authenticated\r\n"

#define AS_PROTOBUF OF_THE_HPA "Accept: application/vnd.kubernetes.protobuf,application/json\r\n"
#define AS_JSON     "Accept: application/json\r\nX-Remote-User: dashboard\r\n"

struct question {
	struct https *connection;
	const char *target, *headers;
	size_t length; /* of the answer; 0: not known yet */
};

static void ask(void *context, unsigned rounds)
{
	struct question *question = context;

	for (unsigned i = 0; i < rounds; i++) {
		struct https_response answer = guarded_ask_on(
			question->connection, "GET", question->target, question->headers);

		assert_int_equal(answer.status, 200);
		if (question->length > 0)
			assert_int_equal(answer.length, question->length);
		question->length = answer.length;
		https_response_free(&answer);
	}
}

/* Until the review has come: in callgrind its connection can take longer than it may. */
static struct https_response ask_patiently(
	struct https *connection, const char *target, const char *headers)
{
	uint64_t deadline_ms = wait_now_ms() + PATIENCE_MS;
	struct https_response answer = guarded_ask_on(connection, "GET", target, headers);

	while (answer.status != 200 && wait_now_ms() < deadline_ms) {
		https_response_free(&answer);
		answer = guarded_ask_on(connection, "GET", target, headers);
	}
	assert_int_equal(answer.status, 200);
	return answer;
}

static void expect_pods(
	struct https *connection, const char *target, const char *headers, unsigned expected)
{
	struct https_response answer = ask_patiently(connection, target, headers);
	unsigned pods = 0;

	for (const char *at = answer.body; (at = strstr(at, "\"containers\":")); at++)
		pods++;
	assert_int_equal(pods, expected);
	https_response_free(&answer);
}

static void counts(void **state)
{
	const struct world world = {.nodes = 42, .containers = 2, .namespaces = 1};
	const struct pki_client proxy = {
		.common_name = "front-proxy-client", .usage = "clientAuth"};
	struct telemetry *telemetry = telemetry_new();
	struct guarded_options options = {
		.api.handshake_ms = PATIENCE_MS,
		.access.allow_ttl_ns = HOUR_NS,
		.store = world_store(&world, telemetry),
	};
	struct question request = {.target = PODS_OF_SERVICE, .headers = AS_PROTOBUF};
	struct question list = {.target = PODS_OF_NAMESPACE, .headers = AS_JSON};
	struct guarded_api *api;
	struct pki_pair pair;

	(void)state;
	world_tell_nodes(options.store, &world);
	world_tell_pods(options.store, &world);
	world_tell_figures(options.store, &world);
	api = guarded_start(&options);
	guarded_allow(api, true);
	pair = pki_issue_client(guarded_proxy_ca(api), &proxy);
	request.connection = list.connection = guarded_connect(api, &pair);
	expect_pods(request.connection, PODS_OF_SERVICE, OF_THE_HPA, 10);
	expect_pods(list.connection, PODS_OF_NAMESPACE, AS_JSON, 1008);

	counted_work(
		&(struct counted_work){"request", COUNTED_OTHERS, ask, &request, 200, true, true});
	counted_work(&(struct counted_work){"list", COUNTED_OTHERS, ask, &list, 4});
	assert_int_equal(guarded_access_reviews(api), 2); /* the HPA's and the dashboard's */

	https_close(request.connection);
	pki_pair_free(&pair);
	guarded_stop(api);
	telemetry_free(telemetry);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
