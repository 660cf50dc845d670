/* aggregator/api/workload: whose pods are whose, by names and labels as Kubernetes' controllers
 * make them. */
#include "aggregator/api/workload.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void knows_resources(void **state)
{
	(void)state;
	assert_int_equal(workload_by_resource("deployments.apps"), WORKLOAD_DEPLOYMENT);
	assert_int_equal(workload_by_resource("deployments"), WORKLOAD_DEPLOYMENT);
	assert_int_equal(workload_by_resource("jobs.batch"), WORKLOAD_JOB);
	assert_int_equal(workload_by_resource("statefulsets.apps"), WORKLOAD_STATEFUL_SET);
	assert_int_equal(workload_by_resource("deployments.extensions"), -1);
	assert_int_equal(workload_by_resource("deployment"), -1);
	assert_int_equal(workload_by_resource("services"), -1);
	assert_int_equal(workload_by_resource(""), -1);
	assert_string_equal(workload_info(WORKLOAD_DAEMON_SET)->kind, "DaemonSet");
	assert_string_equal(workload_info(WORKLOAD_JOB)->api_version, "batch/v1");
}

#define N46 "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn"

static void tells_whose_a_pod_is(void **state)
{
	static const struct label TEMPLATE[] = {{"app", "web"}, {"pod-template-hash", "6d4b9c"}};
	static const struct label LONG[] = {{"pod-template-hash", "6d4b9c77f6"}};
	static const struct label JOB[] = {{"job-name", "web"}};
	static const struct label SET[] = {{"controller-revision-hash", "web-5f"},
		{"statefulset.kubernetes.io/pod-name", "web-0"}};
	static const struct label DAEMON[] = {
		{"controller-revision-hash", "5f"}, {"pod-template-generation", "1"}};
	static const struct label PLAIN[] = {{"app", "web"}};
	static const struct labels NONE = {0};
#define OF(of) (&(const struct labels){(of), sizeof(of) / sizeof((of)[0])})
	const struct {
		enum workload_kind kind;
		const char *name, *pod;
		const struct labels *labels;
		bool is;
	} cases[] = {
		{WORKLOAD_DEPLOYMENT, "web", "web-6d4b9c-x2x4z", OF(TEMPLATE), true},
		{WORKLOAD_DEPLOYMENT, "web", "web-6d4b9c-x2x4", OF(TEMPLATE), false},
		{WORKLOAD_DEPLOYMENT, "web", "web-6d4b9d-x2x4z", OF(TEMPLATE), false},
		{WORKLOAD_DEPLOYMENT, "web", "web-6d4b9cx2x4z", OF(TEMPLATE), false},
		{WORKLOAD_DEPLOYMENT, "web", "web-b-6d4b9c-x2x4z", OF(TEMPLATE), false},
		{WORKLOAD_DEPLOYMENT, "web-b", "web-b-6d4b9c-x2x4z", OF(TEMPLATE), true},
		{WORKLOAD_DEPLOYMENT, "we", "web-6d4b9c-x2x4z", OF(TEMPLATE), false},
		{WORKLOAD_DEPLOYMENT, "web", "web-6d4b9c-x2x4z", OF(PLAIN), false},
		/* 57 bytes before the random ones, and 58: the '-' is cut; 59: the hash is */
		{WORKLOAD_DEPLOYMENT, N46, N46 "-6d4b9c77f6-x2x4z", OF(LONG), true},
		{WORKLOAD_DEPLOYMENT, N46 "n", N46 "n-6d4b9c77f6x2x4z", OF(LONG), true},
		{WORKLOAD_DEPLOYMENT, N46 "nn", N46 "nn-6d4b9c77fx2x4z", OF(LONG), false},
		{WORKLOAD_REPLICA_SET, "web-6d4b9c", "web-6d4b9c-x2x4z", OF(TEMPLATE), true},
		{WORKLOAD_REPLICA_SET, "web", "web-x2x4z", OF(TEMPLATE), false},
		{WORKLOAD_REPLICA_SET, "web", "web-x2x4z", OF(PLAIN), true},
		{WORKLOAD_REPLICA_SET, "web", "web-x2x4z", OF(DAEMON), false},
		{WORKLOAD_REPLICA_SET, "web", "web-x2x4z", OF(JOB), false},
		{WORKLOAD_REPLICA_SET, "web", "web", &NONE, false},
		{WORKLOAD_STATEFUL_SET, "web", "web-0", OF(SET), true},
		{WORKLOAD_STATEFUL_SET, "web", "web-120", OF(SET), true},
		{WORKLOAD_STATEFUL_SET, "web", "web-", OF(SET), false},
		{WORKLOAD_STATEFUL_SET, "web", "web-0a", OF(SET), false},
		{WORKLOAD_STATEFUL_SET, "web", "web-0", OF(PLAIN), false},
		{WORKLOAD_DAEMON_SET, "web", "web-x2x4z", OF(DAEMON), true},
		{WORKLOAD_DAEMON_SET, "web", "web-x2x4z", OF(PLAIN), false},
		{WORKLOAD_DAEMON_SET, "web", "web-a-x2x4", OF(DAEMON), false},
		{WORKLOAD_JOB, "web", "web-x2x4z", OF(JOB), true},
		{WORKLOAD_JOB, "web", "something-else", OF(JOB), true},
		{WORKLOAD_JOB, "we", "we-x2x4z", OF(JOB), false},
		{WORKLOAD_JOB, "web", "web-x2x4z", OF(PLAIN), false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (workload_has_pod(cases[i].kind, cases[i].name, cases[i].pod, cases[i].labels) !=
			cases[i].is)
			fail_msg("%s %s, %s", workload_info(cases[i].kind)->kind, cases[i].name,
				cases[i].pod);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_resources),
		cmocka_unit_test(tells_whose_a_pod_is),
	};

	return cmocka_run_group_tests_name("workload", tests, NULL, NULL);
}
