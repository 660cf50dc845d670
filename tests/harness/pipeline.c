#include "tests/harness/pipeline.h"

#include "base/clock.h"
#include "base/number.h"
#include "tests/harness/wait.h"

#include <arpa/inet.h>
#include <math.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define READY_MS    60000 /* sanitizers make starting slow */
#define WRAPPER_MAX 8     /* words */

unsigned pipeline_free_port(void)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	(void)close(fd);
	return ntohs(address.sin_port);
}

struct pipeline *pipeline_new(enum test_driver driver)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));

	assert_non_null(pipeline);
	pipeline->scratch = scratch_new();
	pipeline->cgroups = test_cgroups_new(pipeline->scratch, driver);
	pipeline->agents_port = pipeline_free_port();
	pipeline->kubeconfig = scratch_path(pipeline->scratch, "kubeconfig");
	pipeline->ca_file = scratch_path(pipeline->scratch, "certs/ca.crt");
	pipeline->secret_file = scratch_path(pipeline->scratch, "secret");
	return pipeline;
}

static void print_log(struct pipeline *pipeline, const char *name)
{
	char *log = scratch_read(scratch_path(pipeline->scratch, name));

	(void)fprintf(stderr, "--- %s\n%s", name, log); /* print_message() cuts at 1 KiB */
	free(log);
}

/* True when it ended well. With TEST_LOGS set, its log is shown in any case. */
static bool end_program(struct pipeline *pipeline, struct process *process, const char *log)
{
	int status = process ? process_end(process) : 0;

	if (status != 0)
		print_message("%s: it ended with status %d\n", log, status);
	if (process && (status != 0 || getenv("TEST_LOGS")))
		print_log(pipeline, log);
	return status == 0;
}

void pipeline_free(struct pipeline *pipeline)
{
	bool well;

	if (!pipeline)
		return;
	well = end_program(pipeline, pipeline->agent, "agent.log");
	well &= end_program(pipeline, pipeline->aggregator, "aggregator.log");
	process_end_all();
	test_cgroups_free(pipeline->cgroups);
	scratch_free(pipeline->scratch);
	free(pipeline);
	assert_true(well);
}

/* The kubeconfig is complete when it is there: it is renamed into place. */
static void read_kubeconfig(struct pipeline *pipeline)
{
	char *text = scratch_read(pipeline->kubeconfig);
	char *server = strstr(text, "https://127.0.0.1:"), *token = strstr(text, "token");

	assert_non_null(server);
	assert_non_null(token);
	assert_int_equal(sscanf(server, "https://127.0.0.1:%u", &pipeline->api_port), 1);
	token += strlen("token");
	token += strspn(token, "\": ");
	assert_int_equal(sscanf(token, "%255[^\" \n]", pipeline->token), 1);
	free(text);
}

static bool is_ready(void *context)
{
	struct pipeline *pipeline = context;
	struct https_response response;
	bool ready;

	if (!process_alive(pipeline->aggregator))
		return true; /* no use in waiting */
	if (access(pipeline->kubeconfig, R_OK) < 0)
		return false;
	read_kubeconfig(pipeline);
	response = pipeline_get(pipeline, "/livez");
	ready = response.status == 200;
	https_response_free(&response);
	return ready;
}

void pipeline_start_aggregator(struct pipeline *pipeline)
{
	char program[512], listen[64], cert_dir[512], secret[512], kubeconfig[512];
	const char *argv[] = {program, "--standalone", "--bind-address=127.0.0.1",
		"--secure-port=0", listen, cert_dir, secret, kubeconfig, pipeline->aggregator_flag,
		NULL};

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-aggregator"));
	(void)snprintf(
		listen, sizeof(listen), "--listen=tls+tcp://127.0.0.1:%u", pipeline->agents_port);
	(void)snprintf(cert_dir, sizeof(cert_dir), "--cert-dir=%s",
		scratch_path(pipeline->scratch, "certs"));
	(void)snprintf(secret, sizeof(secret), "--agent-secret-file=%s", pipeline->secret_file);
	(void)snprintf(
		kubeconfig, sizeof(kubeconfig), "--write-kubeconfig=%s", pipeline->kubeconfig);
	(void)unlink(pipeline->kubeconfig);
	pipeline->aggregator = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(pipeline->scratch, "aggregator.log")});
	if (!wait_until(is_ready, pipeline, READY_MS) || !process_alive(pipeline->aggregator)) {
		print_log(pipeline, "aggregator.log");
		fail_msg("the aggregator did not become ready");
	}
}

void pipeline_start_agent(struct pipeline *pipeline, const char *window, const char *source)
{
	char program[512], url[64], ca[512], secret[512], root[512], logs[512], span[32], from[32];
	const char *const own[] = {program, "--standalone", url, ca, secret,
		"--node-name=" PIPELINE_NODE, root, logs, span, from, pipeline->agent_flag, NULL};
	const char *argv[WRAPPER_MAX + sizeof(own) / sizeof(own[0])];
	const char *const *wrapper = pipeline->agent_wrapper;
	size_t words = 0;

	while (wrapper && wrapper[words]) {
		assert_true(words < WRAPPER_MAX);
		argv[words] = wrapper[words];
		words++;
	}
	memcpy(argv + words, own, sizeof(own));
	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(
		url, sizeof(url), "--aggregator=tls+tcp://127.0.0.1:%u", pipeline->agents_port);
	(void)snprintf(ca, sizeof(ca), "--ca-file=%s", pipeline->ca_file);
	(void)snprintf(secret, sizeof(secret), "--secret-file=%s", pipeline->secret_file);
	(void)snprintf(
		root, sizeof(root), "--cgroup-root=%s", test_cgroups_root(pipeline->cgroups));
	(void)snprintf(
		logs, sizeof(logs), "--log-root=%s", test_cgroups_log_root(pipeline->cgroups));
	(void)snprintf(span, sizeof(span), "--window=%s", window);
	(void)snprintf(from, sizeof(from), "--source=%s", source);
	pipeline->agent = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(pipeline->scratch, "agent.log")});
}

struct process *pipeline_start_load(
	const struct test_container *container, const char *mode, const char *size)
{
	char program[512];
	const char *argv[] = {program, mode, size, NULL};

	(void)snprintf(program, sizeof(program), "%s", process_program("demo/load"));
	return process_start(&(struct process_options){.argv = argv, .join = container->join});
}

struct https_response pipeline_get(struct pipeline *pipeline, const char *path)
{
	struct https *https = https_open(pipeline->api_port, pipeline->ca_file);
	struct https_response response = {0};

	if (https)
		response = https_get(https, path, pipeline->token, "");
	https_close(https);
	return response;
}

json_t *pipeline_get_json(struct pipeline *pipeline, const char *path)
{
	struct https_response response = pipeline_get(pipeline, path);
	json_t *json = NULL;

	if (response.status == 200)
		json = json_loadb(response.body, response.length, 0, NULL);
	https_response_free(&response);
	return json;
}

/* A quantity of Kubernetes: a whole number and a suffix. */
static double parse_quantity(const char *text)
{
	static const struct {
		const char *suffix;
		double factor;
	} SUFFIXES[] = {
		{"", 1},
		{"n", 1e-9},
		{"u", 1e-6},
		{"m", 1e-3},
		{"k", 1e3},
		{"M", 1e6},
		{"G", 1e9},
		{"Ki", 1024.},
		{"Mi", 1048576.},
		{"Gi", 1073741824.},
		{"Ti", 1099511627776.},
	};
	char *end;
	double value = strtod(text, &end);

	for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(SUFFIXES[0]); i++)
		if (strcmp(end, SUFFIXES[i].suffix) == 0)
			return value * SUFFIXES[i].factor;
	fail_msg("\"%s\" is not a quantity", text);
	return 0;
}

/* `usage` of the node or container, timestamp and window of the object that it stands in. */
static void parse_served(json_t *object, json_t *usage, struct served *served)
{
	const char *cpu, *memory, *timestamp, *window;
	uint64_t window_ns;
	struct tm utc = {0};

	assert_int_equal(json_unpack(usage, "{s:s, s:s}", "cpu", &cpu, "memory", &memory), 0);
	assert_int_equal(
		json_unpack(object, "{s:s, s:s}", "timestamp", &timestamp, "window", &window), 0);
	assert_int_equal(number_parse_duration(window, &window_ns), 0);
	assert_non_null(strptime(timestamp, "%Y-%m-%dT%H:%M:%SZ", &utc));
	*served = (struct served){
		.cpu = parse_quantity(cpu),
		.memory = parse_quantity(memory),
		.window = (double)window_ns / 1e9,
		.timestamp = timegm(&utc),
	};
}

bool pipeline_container(struct pipeline *pipeline, const struct test_container *container,
	struct served *ret_served)
{
	char path[512];
	json_t *pod, *each;
	size_t i;
	bool found = false;

	(void)snprintf(path, sizeof(path), "/apis/metrics.k8s.io/v1beta1/namespaces/%s/pods/%s",
		container->namespace, container->pod);
	pod = pipeline_get_json(pipeline, path);
	json_array_foreach(json_object_get(pod, "containers"), i, each)
	{
		const char *name = json_string_value(json_object_get(each, "name"));

		if (!name || strcmp(name, container->name) != 0)
			continue;
		parse_served(pod, json_object_get(each, "usage"), ret_served);
		found = true;
	}
	json_decref(pod);
	return found;
}

struct own_cpu pipeline_own_cpu(struct pipeline *pipeline, const struct test_container *container)
{
	return (struct own_cpu){
		wait_now_ms(), test_container_cpu_usec(pipeline->cgroups, container)};
}

double pipeline_own_cores(struct pipeline *pipeline, const struct test_container *container,
	const struct own_cpu *since)
{
	struct own_cpu now = pipeline_own_cpu(pipeline, container);

	return (double)(now.usec - since->usec) / (double)(now.ms - since->ms + 1) / 1000;
}

bool pipeline_cpu_is_true(struct pipeline *pipeline, const struct test_container *container,
	unsigned span_ms, double tolerance)
{
	for (int i = 0; i < 5; i++) {
		uint64_t start_ms = wait_now_ms();
		uint64_t start_usec = test_container_cpu_usec(pipeline->cgroups, container);
		struct served served;
		double own;

		wait_ms(span_ms);
		own = (double)(test_container_cpu_usec(pipeline->cgroups, container) - start_usec) /
		      (double)(wait_now_ms() - start_ms) / 1000;
		if (!pipeline_container(pipeline, container, &served))
			return false;
		print_message("served %.4f cores over %.1f s, own reading %.4f\n", served.cpu,
			served.window, own);
		if (fabs(served.cpu - own) <= own * tolerance)
			return true;
	}
	return false;
}

bool pipeline_node(struct pipeline *pipeline, struct served *ret_served)
{
	json_t *node =
		pipeline_get_json(pipeline, "/apis/metrics.k8s.io/v1beta1/nodes/" PIPELINE_NODE);

	if (!node)
		return false;
	parse_served(node, json_object_get(node, "usage"), ret_served);
	json_decref(node);
	return true;
}

struct wish {
	struct pipeline *pipeline;
	const struct test_container *container;
	double window;
	bool gone;
};

static bool is_as_wished(void *context)
{
	struct wish *wish = context;
	struct served served;

	if (!pipeline_container(wish->pipeline, wish->container, &served))
		return wish->gone;
	return !wish->gone && served.window >= wish->window;
}

static long wait_for(struct wish *wish, unsigned timeout_ms)
{
	uint64_t start = wait_now_ms();

	return wait_until(is_as_wished, wish, timeout_ms) ? (long)(wait_now_ms() - start) : -1;
}

long pipeline_wait_served(struct pipeline *pipeline, const struct test_container *container,
	double window, unsigned timeout_ms)
{
	struct wish wish = {.pipeline = pipeline, .container = container, .window = window};

	return wait_for(&wish, timeout_ms);
}

long pipeline_wait_gone(
	struct pipeline *pipeline, const struct test_container *container, unsigned timeout_ms)
{
	struct wish wish = {.pipeline = pipeline, .container = container, .gone = true};

	return wait_for(&wish, timeout_ms);
}
