/* What an answer of the API costs: over TLS, to the front proxy, with the access review in the
 * cache.
 *
 * request: as the HPA asks, 10 pods of a namespace of 1,000 by their labels, in protobuf
 * list: that whole namespace, in JSON */
#include "tests/guard/counting.h"
#include "tests/guard/world.h"
#include "tests/harness/guarded_api.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_NS (3600 * NS_PER_SECOND)

#define PODS_OF_NAMESPACE "/apis/metrics.k8s.io/v1beta1/namespaces/namespace-000/pods"
#define PODS_OF_SERVICE   PODS_OF_NAMESPACE "?labelSelector=app.kubernetes.io%2Fname%3Dservice-300"

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

static void expect_pods(struct https *connection, const char *target, unsigned least, unsigned most)
{
	struct https_response answer = guarded_ask_on(connection, "GET", target, AS_JSON);
	unsigned pods = 0;

	assert_int_equal(answer.status, 200);
	for (const char *at = answer.body; (at = strstr(at, "\"containers\":")); at++)
		pods++;
	assert_in_range(pods, least, most);
	https_response_free(&answer);
}

int main(void)
{
	const struct world world = {.nodes = 500, .containers = 2, .namespaces = 12};
	const struct pki_client proxy = {
		.common_name = "front-proxy-client", .usage = "clientAuth"};
	struct telemetry *telemetry = telemetry_new();
	struct guarded_options options = {
		.access.allow_ttl_ns = HOUR_NS,
		.store = world_store(&world, telemetry),
	};
	struct question request = {.target = PODS_OF_SERVICE, .headers = AS_PROTOBUF};
	struct question list = {.target = PODS_OF_NAMESPACE, .headers = AS_JSON};
	struct guarded_api *api;
	struct pki_pair pair;

	world_tell_nodes(options.store, &world);
	world_tell_pods(options.store, &world);
	world_tell_figures(options.store, &world);
	api = guarded_start(&options);
	guarded_allow(api, true);
	pair = pki_issue_client(guarded_proxy_ca(api), &proxy);
	request.connection = list.connection = guarded_connect(api, &pair);
	expect_pods(request.connection, PODS_OF_SERVICE, 10, 10);
	expect_pods(list.connection, PODS_OF_NAMESPACE, 950, 1050);

	counted_work(
		&(struct counted_work){"request", COUNTED_OTHERS, ask, &request, 200, true, true});
	counted_work(&(struct counted_work){"list", COUNTED_OTHERS, ask, &list, 4});
	assert_int_equal(guarded_access_reviews(api), 2); /* the HPA's and the dashboard's */

	https_close(request.connection);
	pki_pair_free(&pair);
	guarded_stop(api);
	telemetry_free(telemetry);
	return 0;
}
