/* How both programs end: told to, without a reader, without room on the disk. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <dirent.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define PROMPT_MS 20000 /* half a second, on a machine with time */

static struct pipeline *pipeline;

static int set_up(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	/* of a test that failed */
	(void)umount2(scratch_path(pipeline->scratch, "disk"), MNT_DETACH);
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

/* --- told to ---------------------------------------------------------------------------------- */

static unsigned count_entries(const char *folder)
{
	DIR *entries = opendir(folder);
	unsigned count = 0;

	assert_non_null(entries);
	while (readdir(entries))
		count++;
	(void)closedir(entries);
	return count;
}

static void end_promptly(struct process **process, int signal, const char *log)
{
	uint64_t start = wait_now_ms();
	char *text;

	process_signal(*process, signal);
	assert_int_equal(process_wait(*process, 60000), 0);
	print_message(
		"%s: ended after %llu ms\n", log, (unsigned long long)(wait_now_ms() - start));
	assert_in_range(wait_now_ms() - start, 0, PROMPT_MS);
	(void)process_end(*process);
	*process = NULL;
	text = scratch_read(scratch_path(pipeline->scratch, log));
	assert_non_null(strstr(text, "leaving"));
	free(text);
}

/* The agent writes no file; the aggregator's are its certificate, secrets and the kubeconfig, which
 * the next start reads again. No temporary file stays beside them. */
static void both_leave_when_told(void **state)
{
	static const int SIGNALS[] = {SIGTERM, SIGINT};
	const char *certs = scratch_path(pipeline->scratch, "certs");
	struct test_container container;

	(void)state;
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	for (size_t i = 0; i < sizeof(SIGNALS) / sizeof(SIGNALS[0]); i++) {
		pipeline_start_aggregator(pipeline);
		pipeline_start_agent(pipeline, "5s", "auto");
		assert_true(pipeline_wait_served(pipeline, &container, 0, 60000) >= 0);
		end_promptly(&pipeline->agent, SIGNALS[i], "agent.log");
		end_promptly(&pipeline->aggregator, SIGNALS[i], "aggregator.log");
		/* ".", "..", ca.crt, tls.crt, tls.key, token */
		assert_int_equal(count_entries(certs), 6);
	}
}

/* An aggregator is told to leave while clients are connected, an agent while nobody takes its
 * messages. */
static void neither_waits_for_the_other(void **state)
{
	struct https *client;

	(void)state;
	pipeline_start_aggregator(pipeline);
	pipeline_start_agent(pipeline, "5s", "files");
	client = https_open(pipeline->api_port, pipeline->ca_file);
	assert_non_null(client);
	assert_true(process_wait_log(pipeline->agent, "connected to", 60000));
	end_promptly(&pipeline->aggregator, SIGTERM, "aggregator.log");
	end_promptly(&pipeline->agent, SIGTERM, "agent.log");
	https_close(client);
}

/* While the delay lasts nothing changes but /readyz; then answers close their connections, and it
 * ends when the last one has gone. */
static void says_that_it_ends_and_serves_on(void **state)
{
	static const struct {
		const char *path;
		int status;
		const char *words;
	} DURING[] = {
		{"/readyz", 500, "[-]shutdown failed"},
		{"/readyz/shutdown", 500, "it was told to end"},
		{"/livez", 200, "ok"},
		{"/apis/metrics.k8s.io/v1/pods", 200, "PodMetricsList"},
	};
	struct https *client;

	(void)state;
	pipeline->aggregator_flag = "--shutdown-delay-duration=5s";
	pipeline_start_aggregator(pipeline);
	client = https_open(pipeline->api_port, pipeline->ca_file);
	assert_non_null(client);
	process_signal(pipeline->aggregator, SIGTERM);
	assert_true(process_wait_log(pipeline->aggregator, "SIGTERM: leaving", 20000));
	for (size_t i = 0; i < sizeof(DURING) / sizeof(DURING[0]); i++) {
		struct https_response answer =
			https_get(client, DURING[i].path, pipeline->token, "");

		assert_int_equal(answer.status, DURING[i].status);
		assert_non_null(strstr(answer.body, DURING[i].words));
		https_response_free(&answer);
	}
	assert_int_equal(process_wait(pipeline->aggregator, 30000), 0);
	(void)process_end(pipeline->aggregator);
	pipeline->aggregator = NULL;
	https_close(client);
}

static void a_second_signal_ends_it_at_once(void **state)
{
	(void)state;
	pipeline->aggregator_flag = "--shutdown-delay-duration=300s";
	pipeline_start_aggregator(pipeline);
	process_signal(pipeline->aggregator, SIGTERM);
	assert_true(process_wait_log(pipeline->aggregator, "SIGTERM: leaving", 20000));
	process_signal(pipeline->aggregator, SIGINT);
	assert_int_equal(process_wait(pipeline->aggregator, 20000), 0);
	(void)process_end(pipeline->aggregator);
	pipeline->aggregator = NULL;
}

/* --- without a reader ------------------------------------------------------------------------- */

/* Runs a line of bash where "$agent" looks once; its output is to be freed. */
static char *run_bash(const char *line, int *ret_status)
{
	char agent[700];
	const char *argv[] = {"bash", "-c", line, NULL};
	const char *environment[] = {agent, NULL};
	const char *out = scratch_path(pipeline->scratch, "out");
	struct process *process;

	(void)snprintf(agent, sizeof(agent),
		"agent=%s --once --window=1s --source=files --node-name=" PIPELINE_NODE
		" --cgroup-root=%s --log-root=%s",
		process_program("tacho-agent"), test_cgroups_root(pipeline->cgroups),
		test_cgroups_log_root(pipeline->cgroups));
	process = process_start(&(struct process_options){.argv = argv,
		.output = out,
		.errors = scratch_path(pipeline->scratch, "errors"),
		.environment = environment});
	(void)process_wait(process, 60000);
	*ret_status = process_end(process);
	return scratch_read(out);
}

static void assert_errors_say(const char *words)
{
	char *errors = scratch_read(scratch_path(pipeline->scratch, "errors"));

	if (!strstr(errors, words))
		print_message("%s", errors);
	assert_non_null(strstr(errors, words));
	free(errors);
}

static void a_reader_may_want_the_first_line_only(void **state)
{
	int status;
	char *text;

	(void)state;
	text = run_bash("$agent | head -1; exit ${PIPESTATUS[1]}", &status);
	assert_int_equal(status, 0);
	assert_int_equal(strncmp(text, "node ", 5), 0);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	free(text);
}

static void a_reader_that_left_is_said(void **state)
{
	static const char *const FORMS[] = {"$agent --output=table", "$agent --output=json"};

	(void)state;
	for (size_t i = 0; i < sizeof(FORMS) / sizeof(FORMS[0]); i++) {
		char line[128];
		int status;

		(void)snprintf(
			line, sizeof(line), "%s | exec true; exit ${PIPESTATUS[0]}", FORMS[i]);
		free(run_bash(line, &status));
		assert_int_equal(status, 1);
		assert_errors_say("writing the figures: Broken pipe");
	}
}

static void a_full_disk_is_said(void **state)
{
	int status;

	(void)state;
	free(run_bash("$agent --output=json >/dev/full", &status));
	assert_int_equal(status, 1);
	assert_errors_say("writing the figures: No space left on device");
	free(run_bash("$agent >/dev/full", &status));
	assert_int_equal(status, 1);
	assert_errors_say("writing the figures: No space left on device");
	free(run_bash("$agent --help >/dev/full", &status));
	assert_int_equal(status, 1);
	free(run_bash("$agent --version >/dev/full", &status));
	assert_int_equal(status, 1);
}

/* --- without room, or a place ----------------------------------------------------------------- */

/* Starts an aggregator that must not get far, with its certificates in `certs` and its agents on
 * `agents_port`; expects these words. */
static void expect_no_start(const char *certs, const char *kubeconfig, const char *secure_port,
	unsigned agents_port, const char *words)
{
	char program[512], listen[64], cert_dir[600], config[600], port[32];
	const char *argv[] = {program, "--standalone", port, listen, cert_dir, config, NULL};
	struct process *process;

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-aggregator"));
	(void)snprintf(port, sizeof(port), "--secure-port=%s", secure_port);
	(void)snprintf(listen, sizeof(listen), "--listen=tls+tcp://127.0.0.1:%u", agents_port);
	(void)snprintf(cert_dir, sizeof(cert_dir), "--cert-dir=%s", certs);
	(void)snprintf(config, sizeof(config), "--write-kubeconfig=%s", kubeconfig);
	process = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(pipeline->scratch, "errors")});
	(void)process_wait(process, 60000);
	assert_int_equal(process_end(process), 1);
	assert_errors_say(words);
}

static void mount_disk(const char *folder, const char *options, unsigned long flags)
{
	assert_int_equal(mkdir(folder, 0700), 0);
	assert_int_equal(mount("tmpfs", folder, "tmpfs", flags, options), 0);
}

/* Room for a file or two, not for all. What is half written is taken away. */
static void a_full_disk_stops_the_aggregator(void **state)
{
	const char *disk = scratch_path(pipeline->scratch, "disk");
	const char *kubeconfig = scratch_path(pipeline->scratch, "no-kubeconfig");
	unsigned port = pipeline_free_port();

	(void)state;
	for (unsigned inodes = 1; inodes <= 4; inodes++) {
		char options[64];

		/* one is the folder's own */
		(void)snprintf(options, sizeof(options), "nr_inodes=%u,size=64k", inodes);
		mount_disk(disk, options, 0);
		expect_no_start(disk, kubeconfig, "0", port, "No space left on device");
		assert_true(count_entries(disk) <= 2 + inodes - 1);
		assert_int_equal(umount2(disk, MNT_DETACH), 0);
		assert_int_equal(rmdir(disk), 0);
		assert_int_equal(access(kubeconfig, F_OK), -1);
	}
}

static void a_disk_that_is_read_only_stops_the_aggregator(void **state)
{
	const char *disk = scratch_path(pipeline->scratch, "disk");
	char config[512];
	const char *certs = scratch_path(pipeline->scratch, "own-certs");

	(void)state;
	mount_disk(disk, "", MS_RDONLY);
	(void)snprintf(config, sizeof(config), "%s/kubeconfig", disk);
	expect_no_start(disk, scratch_path(pipeline->scratch, "no-kubeconfig"), "0",
		pipeline_free_port(), "Read-only file system");
	expect_no_start(certs, config, "0", pipeline_free_port(), config);
	assert_errors_say("Read-only file system");
	assert_int_equal(umount2(disk, MNT_DETACH), 0);
}

/* The second one of a port says so, and takes nothing from the first. */
static void the_second_of_a_port_leaves_the_first_alone(void **state)
{
	const char *certs = scratch_path(pipeline->scratch, "other-certs");
	const char *kubeconfig = scratch_path(pipeline->scratch, "other-kubeconfig");
	struct https_response response;
	char api_port[16];

	(void)state;
	pipeline_start_aggregator(pipeline);
	(void)snprintf(api_port, sizeof(api_port), "%u", pipeline->api_port);
	expect_no_start(certs, kubeconfig, api_port, pipeline_free_port(), "in use");
	assert_errors_say(api_port);
	expect_no_start(certs, kubeconfig, "0", pipeline->agents_port, "is listening there");
	assert_int_equal(access(kubeconfig, F_OK), -1);
	response = pipeline_get(pipeline, "/apis/metrics.k8s.io/v1/nodes");
	assert_int_equal(response.status, 200);
	https_response_free(&response);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_that_it_ends_and_serves_on),
		TEST(a_second_signal_ends_it_at_once),
		TEST(both_leave_when_told),
		TEST(neither_waits_for_the_other),
		TEST(a_reader_may_want_the_first_line_only),
		TEST(a_reader_that_left_is_said),
		TEST(a_full_disk_is_said),
		TEST(a_full_disk_stops_the_aggregator),
		TEST(a_disk_that_is_read_only_stops_the_aggregator),
		TEST(the_second_of_a_port_leaves_the_first_alone),
	};

	return cmocka_run_group_tests_name("ends", tests, NULL, NULL);
}
