/* An agent that may not load BPF programs says so, and is as right without. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define CAPABILITIES "-bpf,-perfmon,-sys_admin"

static const char *const WITHOUT_BPF[] = {
	"setpriv", "--bounding-set=" CAPABILITIES, "--inh-caps=" CAPABILITIES, NULL};

/* As a DaemonSet's container runs: user 0 without the rights of root, and no way to get them. */
static const char *const BPF_ALONE[] = {"setpriv", "--no-new-privs",
	"--bounding-set=-all,+bpf,+perfmon,+net_admin", "--inh-caps=-all", NULL};

static const char *const WITHOUT_PACKETS[] = {
	"setpriv", "--no-new-privs", "--bounding-set=-all,+bpf,+perfmon", "--inh-caps=-all", NULL};

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	pipeline->agent_wrapper = WITHOUT_BPF;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

static void assert_said(const char *words)
{
	char *log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));

	if (!strstr(log, words))
		print_message("\"%s\" is not in\n%s", words, log);
	assert_non_null(strstr(log, words));
	free(log);
}

static void auto_says_why_and_reads_files(void **state)
{
	struct test_container container;
	struct process *load;
	struct served served;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	pipeline_start_agent(pipeline, "5s", "auto");
	assert_true(pipeline_wait_served(pipeline, &container, 4.9, 15000) >= 0);
	assert_true(pipeline_container(pipeline, &container, &served));
	assert_true(pipeline_cpu_is_true(pipeline, &container, 6000, 0.05));
	assert_true(served.memory > 0);
	assert_said("CAP_BPF is missing: BPF programs can't be loaded");
	assert_said("CAP_PERFMON is missing");
	assert_said("BPF is not used: ");
	assert_said("counters are read from the cgroups' files");
	(void)process_end(load);
}

/* Log folders are as kubelets since 1.30 make them. */
static void three_capabilities_are_enough(void **state)
{
	struct test_container container;
	char pods[512], *log;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	(void)snprintf(pods, sizeof(pods), "%s/pods", test_cgroups_log_root(pipeline->cgroups));
	assert_int_equal(chmod(pods, 0750), 0);
	pipeline->agent_wrapper = BPF_ALONE;
	pipeline_start_agent(pipeline, "5s", "auto");
	assert_true(pipeline_wait_served(pipeline, &container, 2, 15000) >= 0);
	log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));
	assert_null(strstr(log, "CAP_"));
	assert_null(strstr(log, "is not used"));
	assert_null(strstr(log, "names: reading"));
	free(log);
}

/* What sees packets is left out, with its reason, and nothing else. */
static void without_net_admin_only_packets_are_not_counted(void **state)
{
	struct test_container container;
	char *log;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	pipeline->agent_wrapper = WITHOUT_PACKETS;
	pipeline_start_agent(pipeline, "5s", "auto");
	assert_true(pipeline_wait_served(pipeline, &container, 2, 15000) >= 0);
	assert_said("CAP_NET_ADMIN is missing: packets can't be counted");
	assert_said("the signal network is not used: loading the BPF program network: this process "
		    "lacks CAP_NET_ADMIN: Operation not permitted; absent: network_receive_bytes");
	log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));
	assert_null(strstr(log, "BPF is not used"));
	assert_null(strstr(log, "the signal tcp"));
	assert_null(strstr(log, "the signal network_drops"));
	free(log);
}

static void bpf_says_why_and_leaves(void **state)
{
	(void)state;
	pipeline_start_agent(pipeline, "5s", "bpf");
	assert_int_equal(process_wait(pipeline->agent, 60000), 1);
	assert_said("CAP_BPF");
	assert_said("ERROR ");
	(void)process_end(pipeline->agent);
	pipeline->agent = NULL;
}

/* Nothing is missing for who asks for no BPF: no warning about its use. */
static void files_need_no_bpf(void **state)
{
	struct test_container container;
	char *log;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	pipeline_start_agent(pipeline, "5s", "files");
	assert_true(pipeline_wait_served(pipeline, &container, 0, 15000) >= 0);
	log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));
	assert_null(strstr(log, "BPF is not used"));
	free(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(auto_says_why_and_reads_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(three_capabilities_are_enough, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			without_net_admin_only_packets_are_not_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bpf_says_why_and_leaves, set_up, tear_down),
		cmocka_unit_test_setup_teardown(files_need_no_bpf, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
