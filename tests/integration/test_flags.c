/* What is wrong with flags, files, ports and credentials is said clearly, and nothing goes on
 * without it. */
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define USAGE    2
#define FAILURE  1
#define MAX_ARGS 12

static struct scratch *scratch;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	process_end_all();
	scratch_free(scratch);
	return 0;
}

/* Runs a program and expects its end with this status and these words on standard error. */
static void expect_end(const char *name, const char *const *flags, int status, const char *words)
{
	char program[512], *said;
	const char *argv[MAX_ARGS + 2] = {program};
	const char *errors = scratch_path(scratch, "stderr");
	struct process *process;

	(void)snprintf(program, sizeof(program), "%s", process_program(name));
	for (size_t i = 0; i < MAX_ARGS && flags[i]; i++)
		argv[i + 1] = flags[i];
	process = process_start(&(struct process_options){.argv = argv, .errors = errors});
	(void)process_wait(process, 60000);
	said = scratch_read(errors);
	print_message("%s %s: %s\n", name, flags[0] ? flags[0] : "", said);
	assert_int_equal(process_end(process), status);
	assert_non_null(strstr(said, words));
	free(said);
}

#define EXPECT_END(name, status, words, ...) \
	expect_end(name, (const char *const[MAX_ARGS]){__VA_ARGS__}, status, words)

static void agent_says_what_is_wrong_with_its_flags(void **state)
{
	static const struct {
		const char *flags[MAX_ARGS];
		const char *words;
	} CASES[] = {
		{{"--agregator=x"}, "unknown flag --agregator: did you mean --aggregator?"},
		{{"--frobnicate"}, "unknown flag --frobnicate: --help lists the flags"},
		{{"now"}, "\"now\" is not a flag"},
		{{"--window=soon"}, "--window: \"soon\" is not a duration"},
		{{"--window=15"}, "--window: \"15\" is not a duration"},
		{{"--window=2m"}, "--window: 2m is not within 1s and 60s"},
		{{"--window=999ms"}, "--window: 999ms is not within 1s and 60s"},
		{{"--window=1s", "--interval=2s"}, "--window is shorter than --interval"},
		{{"--source=magic"}, "--source: \"magic\" is not one of auto|bpf|files"},
		{{"--once=perhaps"}, "--once: \"perhaps\" is neither true nor false"},
		{{"--once", "--metrics=cpu_usage,nonsense"}, "nonsense"},
		{{"--cgroup-root=a/b"}, "--cgroup-root: \"a/b\" does not start with /"},
		{{"--once", "--node-name=Bad_Name"}, "\"Bad_Name\" is no node name"},
		{{"--once", "--node-name=\xff"}, "is no node name"},
		{{"--secret-file"}, "--secret-file needs a value"},
		{{NULL}, "--aggregator is missing"},
		{{"--aggregator=tls+tcp://127.0.0.1:1"},
			"--token-file or --secret-file is missing"},
		{{"--aggregator=tls+tcp://127.0.0.1:1", "--token-file=a", "--secret-file=b"},
			"--token-file and --secret-file: want one of them, not both"},
#define PUSHES "--aggregator=tls+tcp://127.0.0.1:1", "--token-file=a"
		{{PUSHES, "--metrics-address=0.0.0.0:9113"}, "can be reached from elsewhere"},
		{{PUSHES, "--metrics-address=:9113", "--metrics-cert-file=a",
			 "--metrics-key-file=b"},
			"--metrics-client-ca-file is missing"},
		{{PUSHES, "--insecure-metrics"}, "of no use without --metrics-address"},
		{{"--once", "--metrics-address=127.0.0.1:9113"},
			"--once and --metrics-address: want one, not both"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		expect_end("tacho-agent", CASES[i].flags, USAGE, CASES[i].words);
}

static void agent_says_what_is_wrong_with_its_files(void **state)
{
	const char *empty = scratch_write(scratch, "empty", "\n");
	const char *text = scratch_write(scratch, "text", "not a certificate\n");
	const char *secret = scratch_write(scratch, "secret", "0123456789abcdef\n");
	char no_secret[512], empty_secret[512], a_secret[512], no_ca[512], text_ca[512];
	char no_token[512], empty_token[512];

	(void)state;
	(void)snprintf(no_secret, sizeof(no_secret), "--secret-file=%s-absent", empty);
	(void)snprintf(empty_secret, sizeof(empty_secret), "--secret-file=%s", empty);
	(void)snprintf(a_secret, sizeof(a_secret), "--secret-file=%s", secret);
	(void)snprintf(no_ca, sizeof(no_ca), "--ca-file=%s-absent", empty);
	(void)snprintf(text_ca, sizeof(text_ca), "--ca-file=%s", text);
	(void)snprintf(no_token, sizeof(no_token), "--token-file=%s-absent", empty);
	(void)snprintf(empty_token, sizeof(empty_token), "--token-file=%s", empty);
#define URL "--aggregator=tls+tcp://127.0.0.1:1"
	EXPECT_END("tacho-agent", FAILURE, "empty-absent: No such file", URL, no_token);
	EXPECT_END("tacho-agent", FAILURE, "is empty", URL, empty_token);
	EXPECT_END("tacho-agent", FAILURE, "empty-absent: No such file", URL, no_secret);
	EXPECT_END("tacho-agent", FAILURE, "is empty", URL, empty_secret);
	EXPECT_END("tacho-agent", FAILURE, "empty-absent", URL, a_secret, no_ca);
	EXPECT_END("tacho-agent", FAILURE, "/text", URL, a_secret, text_ca);
	EXPECT_END("tacho-agent", FAILURE, "insecure", "--aggregator=tcp://127.0.0.1:1", a_secret);
	EXPECT_END("tacho-agent", FAILURE, "cgroup", "--once", "--cgroup-root=/absent/cgroup");
}

static void aggregator_says_what_is_wrong_with_its_flags(void **state)
{
	static const struct {
		const char *flags[MAX_ARGS];
		const char *words;
	} CASES[] = {
		{{NULL}, "--agent-service-account is missing"},
		{{"--standlone"}, "did you mean --standalone?"},
		{{"--standalone", "--secure-port=65536"}, "--secure-port: 65536 is not within 0"},
		{{"--standalone", "--secure-port=https"}, "\"https\" is not a whole number"},
		{{"--standalone", "--bind-address=0.0.0.0"}, "is not a loopback address"},
		{{"--standalone", "--bind-address=::"}, "is not a loopback address"},
		{{"--standalone", "--bind-address=localhost.example"}, "is not a loopback address"},
		{{"--standalone", "--tls-cert-file=x"}, "--tls-private-key-file go together"},
		{{"--standalone", "--listen="}, "--listen names no address"},
		{{"--standalone", "--expiry=1s"}, "--expiry: 1s is not within 2s and 600s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++)
		expect_end("tacho-aggregator", CASES[i].flags, USAGE, CASES[i].words);
}

/* A listener that has the port already. */
static int occupy(unsigned *ret_port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

static void aggregator_says_what_is_in_its_way(void **state)
{
	char port[64], busy[64], url[64], insecure[64], certs[512], cert[512], key[512];
	unsigned taken;
	int fd = occupy(&taken);

	(void)state;
	(void)snprintf(port, sizeof(port), "--secure-port=%u", taken);
	(void)snprintf(busy, sizeof(busy), "--listen=tls+tcp://127.0.0.1:%u", taken);
	(void)snprintf(url, sizeof(url), "--listen=tls+tcp://127.0.0.1:%u", pipeline_free_port());
	(void)snprintf(
		insecure, sizeof(insecure), "--listen=tcp://127.0.0.1:%u", pipeline_free_port());
	(void)snprintf(certs, sizeof(certs), "--cert-dir=%s", scratch_path(scratch, "certs"));
	(void)snprintf(cert, sizeof(cert), "--tls-cert-file=%s", scratch_path(scratch, "absent"));
	(void)snprintf(
		key, sizeof(key), "--tls-private-key-file=%s", scratch_path(scratch, "absent"));
#define STANDALONE "--standalone", certs
	EXPECT_END("tacho-aggregator", FAILURE, "in use", STANDALONE, port, url);
	EXPECT_END("tacho-aggregator", FAILURE, "is listening there", STANDALONE, "--secure-port=0",
		busy);
	EXPECT_END(
		"tacho-aggregator", FAILURE, "insecure", STANDALONE, "--secure-port=0", insecure);
	EXPECT_END("tacho-aggregator", FAILURE, "absent", STANDALONE, "--secure-port=0", url, cert,
		key);
	EXPECT_END("tacho-aggregator", FAILURE, "/proc/absent", "--standalone",
		"--cert-dir=/proc/absent", "--secure-port=0", url);
	(void)close(fd);
}

/* What a program prints with one flag, to be freed. */
static char *printed(const char *name, const char *flag)
{
	char program[512];
	const char *argv[] = {program, flag, NULL}, *out = scratch_path(scratch, "stdout");
	struct process *process;

	(void)snprintf(program, sizeof(program), "%s", process_program(name));
	process = process_start(&(struct process_options){.argv = argv, .output = out});
	(void)process_wait(process, 60000);
	assert_int_equal(process_end(process), 0);
	return scratch_read(out);
}

static void both_print_help_and_version(void **state)
{
	static const struct {
		const char *name, *version, *flags[5];
	} PROGRAMS[] = {
		{"tacho-agent", "tacho-agent " TACHO_VERSION "\n",
			{"--aggregator", "--window", "--source", "--once", "--help"}},
		{"tacho-aggregator", "tacho-aggregator " TACHO_VERSION "\n",
			{"--standalone", "--secure-port", "--listen", "--cert-dir", "--help"}},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(PROGRAMS) / sizeof(PROGRAMS[0]); i++) {
		char *help = printed(PROGRAMS[i].name, "--help");
		char *version = printed(PROGRAMS[i].name, "--version");

		assert_int_equal(strncmp(help, PROGRAMS[i].name, strlen(PROGRAMS[i].name)), 0);
		for (size_t flag = 0; flag < 5; flag++)
			assert_non_null(strstr(help, PROGRAMS[i].flags[flag]));
		assert_string_equal(version, PROGRAMS[i].version);
		free(help);
		free(version);
	}
}

/* --- credentials ------------------------------------------------------------------------------ */

static struct pipeline *pipeline;

static int set_up_pipeline(void **state)
{
	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	return 0;
}

static int tear_down_pipeline(void **state)
{
	(void)state;
	pipeline_free(pipeline);
	return 0;
}

static int status_with_token(const char *token)
{
	struct https *https = https_open(pipeline->api_port, pipeline->ca_file);
	struct https_response response;
	int status;

	assert_non_null(https);
	response = https_get(https, "/apis/metrics.k8s.io/v1/nodes", token, "");
	status = response.status;
	https_response_free(&response);
	https_close(https);
	return status;
}

static void clients_need_the_token(void **state)
{
	char longer[300];

	(void)state;
	assert_int_equal(status_with_token(pipeline->token), 200);
	assert_int_equal(status_with_token("wrong"), 401);
	(void)snprintf(longer, sizeof(longer), "%sx", pipeline->token);
	assert_int_equal(status_with_token(longer), 401);
	longer[strlen(pipeline->token) - 1] = '\0';
	assert_int_equal(status_with_token(longer), 401);
	/* without any: nobody, who may see nothing but the probes */
	assert_in_range(status_with_token(NULL), 401, 403);
}

static void secrets_are_for_their_owner_only(void **state)
{
	const char *paths[] = {pipeline->kubeconfig, pipeline->secret_file,
		scratch_path(pipeline->scratch, "certs/tls.key")};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		struct stat status;

		assert_int_equal(stat(paths[i], &status), 0);
		assert_int_equal(status.st_mode & 0777, 0600);
	}
}

/* An agent that must not get in: both sides say so, and nothing of it is served. */
static void expect_refused(const char *side, const char *words)
{
	struct process *process;
	struct served served;

	pipeline_start_agent(pipeline, "5s", "files");
	process = strcmp(side, "agent") == 0 ? pipeline->agent : pipeline->aggregator;
	if (!process_wait_log(process, words, 60000)) {
		char *log = scratch_read(scratch_path(pipeline->scratch, "agent.log"));

		print_message("%s", log);
		free(log);
		fail_msg("the %s did not say \"%s\"", side, words);
	}
	assert_true(process_alive(pipeline->agent)); /* it tries again: secrets are rotated */
	assert_false(pipeline_node(pipeline, &served));
}

static void agent_with_a_wrong_secret_is_refused(void **state)
{
	(void)state;
	pipeline->secret_file = scratch_write(pipeline->scratch, "wrong", "not the secret\n");
	expect_refused("aggregator", "secret");
}

static void agent_believes_no_other_ca(void **state)
{
	struct pipeline *other = pipeline_new(TEST_DRIVER_SYSTEMD);

	(void)state;
	pipeline_start_aggregator(other);
	assert_null(https_open(pipeline->api_port, other->ca_file));
	pipeline->ca_file = other->ca_file;
	expect_refused("agent", "certificate");
	(void)process_end(pipeline->agent);
	pipeline->agent = NULL; /* before all processes are ended */
	(void)process_end(pipeline->aggregator);
	pipeline->aggregator = NULL;
	pipeline_free(other);
}

static void agent_believes_no_other_name(void **state)
{
	(void)state;
	pipeline->agent_flag = "--server-name=metrics.example";
	expect_refused("agent", "certificate");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			agent_says_what_is_wrong_with_its_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			agent_says_what_is_wrong_with_its_files, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			aggregator_says_what_is_wrong_with_its_flags, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			aggregator_says_what_is_in_its_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(both_print_help_and_version, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			clients_need_the_token, set_up_pipeline, tear_down_pipeline),
		cmocka_unit_test_setup_teardown(
			secrets_are_for_their_owner_only, set_up_pipeline, tear_down_pipeline),
		cmocka_unit_test_setup_teardown(
			agent_with_a_wrong_secret_is_refused, set_up_pipeline, tear_down_pipeline),
		cmocka_unit_test_setup_teardown(
			agent_believes_no_other_ca, set_up_pipeline, tear_down_pipeline),
		cmocka_unit_test_setup_teardown(
			agent_believes_no_other_name, set_up_pipeline, tear_down_pipeline),
	};

	return cmocka_run_group_tests_name("flags", tests, NULL, NULL);
}
