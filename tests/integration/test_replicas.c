/* Two aggregators behind one name, as a headless Service has them: each is complete, losing one
 * loses no answer, and the agent follows the name.
 *
 * The name is real to getaddrinfo(3): the agent sees an /etc/hosts of the test's own, in a mount
 * namespace of its own. */
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
#include <unistd.h>

#include <cmocka.h>

#define NAME     "replicas.tacho.invalid"
#define AGAIN_MS 60000

static struct pipeline *pipeline; /* the first's, at 127.0.0.1 */
static struct pipeline second;    /* at 127.0.0.2; all but its aggregator is the first's */
static struct test_container container;
static const char *hosts_file, *token_file;

/* --- the world -------------------------------------------------------------------------------- */

/* In place: what is mounted over /etc/hosts is the file, not its name. */
static void name_has(const char *const *addresses)
{
	FILE *file = fopen(hosts_file, "w");

	assert_non_null(file);
	for (; *addresses; addresses++)
		assert_true(fprintf(file, "%s " NAME "\n", *addresses) > 0);
	assert_int_equal(fclose(file), 0);
}

#define NAME_HAS(...) name_has((const char *const[]){__VA_ARGS__, NULL})

static bool has_ended_or_serves(void *context)
{
	struct pipeline *each = context;
	struct https_response response;
	char *text;
	bool well = false;

	if (!process_alive(each->aggregator))
		return true;
	text = scratch_read(each->kubeconfig);
	if (sscanf(strstr(text, "https://127.0.0.1:") ? strstr(text, "https://127.0.0.1:") : "",
		    "https://127.0.0.1:%u", &each->api_port) == 1) {
		response = pipeline_get(each, "/livez");
		well = response.status == 200;
		https_response_free(&response);
	}
	free(text);
	return well;
}

/* As pipeline_start_aggregator(), at another address, with the same certificate and secrets. */
static void start_second(void)
{
	char program[512], listen[64], cert_dir[512], secret[512], kubeconfig[512];
	const char *argv[] = {program, "--standalone", "--secure-port=0", listen, cert_dir, secret,
		kubeconfig, NULL};

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-aggregator"));
	(void)snprintf(
		listen, sizeof(listen), "--listen=tls+tcp://127.0.0.2:%u", pipeline->agents_port);
	(void)snprintf(cert_dir, sizeof(cert_dir), "--cert-dir=%s",
		scratch_path(pipeline->scratch, "certs"));
	(void)snprintf(secret, sizeof(secret), "--agent-secret-file=%s", pipeline->secret_file);
	(void)snprintf(kubeconfig, sizeof(kubeconfig), "--write-kubeconfig=%s", second.kubeconfig);
	(void)unlink(second.kubeconfig);
	second.aggregator = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(pipeline->scratch, "second.log")});
	assert_true(wait_until(has_ended_or_serves, &second, AGAIN_MS));
	assert_true(process_alive(second.aggregator));
}

/* The program is exec'ed by unshare and sh: one process, which is the agent in the end. */
static void start_agent(void)
{
	char program[512], script[768], url[128], ca[512], token[512], root[512], logs[512];
	const char *argv[] = {"unshare", "-m", "sh", "-c", script, program, url, ca, token,
		"--server-name=localhost", "--node-name=" PIPELINE_NODE, "--standalone", root, logs,
		"--window=5s", "--source=files", "--log-level=debug", NULL};

	(void)snprintf(script, sizeof(script), "mount --bind %s /etc/hosts && exec \"$0\" \"$@\"",
		hosts_file);
	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(
		url, sizeof(url), "--aggregator=tls+tcp://" NAME ":%u", pipeline->agents_port);
	(void)snprintf(ca, sizeof(ca), "--ca-file=%s", pipeline->ca_file);
	(void)snprintf(token, sizeof(token), "--token-file=%s", token_file);
	(void)snprintf(
		root, sizeof(root), "--cgroup-root=%s", test_cgroups_root(pipeline->cgroups));
	(void)snprintf(
		logs, sizeof(logs), "--log-root=%s", test_cgroups_log_root(pipeline->cgroups));
	pipeline->agent = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(pipeline->scratch, "agent.log")});
}

static int set_up(void **state)
{
	char *secret;

	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	second = *pipeline;
	second.kubeconfig = scratch_path(pipeline->scratch, "kubeconfig2");
	start_second();
	hosts_file = scratch_write(pipeline->scratch, "hosts", "");
	secret = scratch_read(pipeline->secret_file);
	token_file = scratch_write(pipeline->scratch, "token", secret);
	free(secret);
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	return 0;
}

static int tear_down(void **state)
{
	int status = second.aggregator ? process_end(second.aggregator) : 0;

	(void)state;
	second.aggregator = NULL;
	pipeline_free(pipeline);
	pipeline = NULL;
	return status;
}

static void kill_hard(struct process **process)
{
	process_signal(*process, SIGKILL);
	assert_int_equal(process_end(*process), 128 + SIGKILL);
	*process = NULL;
}

static void await_log(const char *words, unsigned timeout_ms)
{
	if (!process_wait_log(pipeline->agent, words, timeout_ms))
		fail_msg("the agent did not say '%s' within %u ms", words, timeout_ms);
}

/* For `ms`, the second serves the container without a gap. */
static void assert_second_goes_on(unsigned ms)
{
	uint64_t end = wait_now_ms() + ms;
	struct served served;

	while (wait_now_ms() < end) {
		assert_true(pipeline_container(&second, &container, &served));
		wait_ms(50);
	}
}

static size_t agent_fds(void)
{
	char path[64];
	DIR *folder;
	size_t count = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)process_id(pipeline->agent));
	folder = opendir(path);
	assert_non_null(folder);
	while (readdir(folder))
		count++;
	(void)closedir(folder);
	return count;
}

static bool has_so_many_fds(void *most)
{
	return agent_fds() <= *(const size_t *)most;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void each_is_complete_and_one_may_die(void **state)
{
	(void)state;
	NAME_HAS("127.0.0.1", "127.0.0.2");
	start_agent();
	assert_true(pipeline_wait_served(pipeline, &container, 2, AGAIN_MS) >= 0);
	assert_true(pipeline_wait_served(&second, &container, 2, AGAIN_MS) >= 0);
	kill_hard(&pipeline->aggregator);
	assert_second_goes_on(3000);
	pipeline_start_aggregator(pipeline);
	assert_true(pipeline_wait_served(pipeline, &container, 0, AGAIN_MS) >= 0);
	assert_second_goes_on(500);
}

/* A new address is pushed to; one that is gone and down is given up after 30 s and leaves no file
 * descriptor behind; it may come back. */
static void follows_the_name(void **state)
{
	size_t fds;

	(void)state;
	NAME_HAS("127.0.0.1");
	start_agent();
	assert_true(pipeline_wait_served(pipeline, &container, 2, AGAIN_MS) >= 0);
	fds = agent_fds() + 1;
	kill_hard(&pipeline->aggregator);
	NAME_HAS("127.0.0.2");
	assert_true(pipeline_wait_served(&second, &container, 0, AGAIN_MS) >= 0);
	await_log(" is given up: the name has had other addresses for 30 s", 60000);
	assert_true(wait_until(has_so_many_fds, &fds, AGAIN_MS));
	pipeline_start_aggregator(pipeline);
	kill_hard(&second.aggregator);
	NAME_HAS("127.0.0.1", "127.0.0.2");
	assert_true(pipeline_wait_served(pipeline, &container, 0, AGAIN_MS) >= 0);
	start_second();
	assert_true(pipeline_wait_served(&second, &container, 0, AGAIN_MS) >= 0);
}

/* The name is not known any more: living connections stay, and broken ones come back. */
static void outlives_its_name_servers(void **state)
{
	(void)state;
	NAME_HAS("127.0.0.1", "127.0.0.2");
	start_agent();
	assert_true(pipeline_wait_served(pipeline, &container, 2, AGAIN_MS) >= 0);
	assert_true(pipeline_wait_served(&second, &container, 2, AGAIN_MS) >= 0);
	name_has((const char *const[]){NULL});
	kill_hard(&pipeline->aggregator); /* so that it asks at once */
	await_log("looking up " NAME ": ", 60000);
	assert_second_goes_on(2000);
	pipeline_start_aggregator(pipeline);
	assert_true(pipeline_wait_served(pipeline, &container, 0, AGAIN_MS) >= 0);
	assert_second_goes_on(500);
}

/* The aggregators here know one credential: a Hello with another one is noticed. */
static void says_hello_with_the_new_token(void **state)
{
	(void)state;
	NAME_HAS("127.0.0.1", "127.0.0.2");
	start_agent();
	assert_true(pipeline_wait_served(pipeline, &container, 2, AGAIN_MS) >= 0);
	assert_true(pipeline_wait_served(&second, &container, 2, AGAIN_MS) >= 0);
	(void)scratch_write(pipeline->scratch, "token", "another token\n");
	assert_true(process_wait_log(
		pipeline->aggregator, "the secret of node '" PIPELINE_NODE "' is wrong", AGAIN_MS));
	await_log("hung up", AGAIN_MS);
	assert_true(process_wait_log(
		second.aggregator, "the secret of node '" PIPELINE_NODE "' is wrong", AGAIN_MS));
}

static bool may_mount(void)
{
	return geteuid() == 0 && system("unshare -m true 2>/dev/null") == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void needs_a_mount_namespace(void **state)
{
	(void)state;
	print_message("skipped: no right to make a mount namespace\n");
	skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_is_complete_and_one_may_die),
		TEST(follows_the_name),
		TEST(outlives_its_name_servers),
		TEST(says_hello_with_the_new_token),
	};
	const struct CMUnitTest none[] = {cmocka_unit_test(needs_a_mount_namespace)};

	if (!may_mount())
		return cmocka_run_group_tests_name("replicas", none, NULL, NULL);
	return cmocka_run_group_tests_name("replicas", tests, NULL, NULL);
}
