/* What a request of the HPA costs the API: over TLS keep-alive, as kube-apiserver's front proxy
 * sends it, in front of a store with Kubernetes' metadata; each selector finds 10 pods. The API
 * runs in a process of its own, whose CPU time is what is told.
 *
 *   bench_requests [NAMESPACE_PODS [ALL_PODS [SECONDS [CONNECTIONS]]]] */
#include "aggregator/store/store.h"
#include "base/clock.h"
#include "base/telemetry.h"
#include "tests/harness/https_server.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/many_pods.h"
#include "tests/harness/pki.h"
#include "tests/harness/process.h"
#include "tests/harness/scratch.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PODS_OF_NODE       30
#define PODS_OF_DEPLOYMENT 10
#define NAMESPACE          "shop"
#define ACCESSES           "/apis/authorization.k8s.io/v1/subjectaccessreviews"
#define ALLOWED                                                                                    \
	"{\"kind\":\"SubjectAccessReview\",\"apiVersion\":\"authorization.k8s.io/v1\",\"status\":" \
	"{\"allowed\":true}}"

struct bench {
	size_t namespace_pods, pods, seconds, connections;
	struct scratch *scratch;
	const char *proxy_ca, *cert, *key, *targets;
	struct kube_double *kube; /* in the server's process */
	struct kube_client *client;
	struct telemetry *telemetry;
};

/* What the server says when it is ready. */
struct ready {
	uint16_t port;
	char ca[200]; /* a file */
};

static void need(bool right, const char *what)
{
	if (right)
		return;
	(void)fprintf(stderr, "bench_requests: %s failed\n", what);
	exit(1);
}

/* --- the cluster ------------------------------------------------------------------------------ */

static void put_pod(struct store *store, const struct bench *bench, size_t p)
{
	size_t owner = p / PODS_OF_DEPLOYMENT;
	char namespace[24] = NAMESPACE;

	if (p >= bench->namespace_pods)
		(void)snprintf(namespace, sizeof(namespace), "namespace-%03zu", owner % 300);
	many_pods_put_of(store, p, namespace, owner);
}

/* A node with every `nodes`-th pod, so that a Deployment's are all over the cluster. */
static void put_node(struct store *store, const struct bench *bench, size_t node, size_t nodes)
{
	static char uid[PODS_OF_NODE][MANY_PODS_UID_SIZE], name_0[] = "app",
							   name_1[] = "istio-proxy", id[] = "";
	Tacho__V1__Container container[2], *containers[] = {&container[0], &container[1]};
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column column[2], *columns[] = {&column[0], &column[1]};
	Tacho__V1__Pod pod[PODS_OF_NODE], *pods[PODS_OF_NODE];
	uint64_t value[2][2 * PODS_OF_NODE];
	size_t count = 0;
	char name[32];

	for (size_t c = 0; c < 2; c++) {
		tacho__v1__container__init(&container[c]);
		container[c].name = c == 0 ? name_0 : name_1;
		container[c].id = id;
	}
	for (size_t p = node; p < bench->pods; p += nodes, count++) {
		many_pods_uid(p, uid[count]);
		tacho__v1__pod__init(&pod[count]);
		pod[count].uid = uid[count];
		pod[count].n_containers = 2;
		pod[count].containers = containers;
		pods[count] = &pod[count];
		for (size_t c = 0; c < 2; c++) {
			value[0][2 * count + c] = p * 7919 % 4000 * 1000003 + 1;
			value[1][2 * count + c] = (p * 104729 % 262144 + 1) * 4096 + 1;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		tacho__v1__column__init(&column[i]);
		column[i].metric =
			metric_info(i == 0 ? METRIC_CPU_USAGE : METRIC_MEMORY_WORKING_SET)->id;
		column[i].n_values = 2 * count;
		column[i].values = value[i];
	}
	catalog.revision = sample.revision = 1;
	catalog.n_pods = count;
	catalog.pods = pods;
	sample.timestamp_ms = clock_realtime_ns() / NS_PER_MS;
	sample.window_ms = 15000;
	sample.n_columns = 2;
	sample.columns = columns;
	(void)snprintf(name, sizeof(name), "node-%05zu", node);
	need(store_put_node(store, name, &(struct labels){0}, NULL) == 0, "a node");
	need(store_apply_catalog(store, name, &catalog, clock_monotonic_ns(), NULL) == 0 &&
			store_apply_sample(store, name, &sample, clock_monotonic_ns(), NULL) == 0,
		"a catalog and a sample");
}

static struct store *fill(const struct bench *bench)
{
	size_t nodes = (bench->pods + PODS_OF_NODE - 1) / PODS_OF_NODE;
	const struct store_options options = {
		.expiry_ns = UINT64_MAX / 2,
		.max_nodes = (uint32_t)nodes,
		.max_pods = (uint32_t)bench->pods,
		.metadata = true,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET),
		.telemetry = bench->telemetry,
	};
	struct store *store = store_new(&options, NULL);

	need(store != NULL, "a store");
	for (size_t p = 0; p < bench->pods; p++)
		put_pod(store, bench, p);
	for (size_t node = 0; node < nodes; node++)
		put_node(store, bench, node, nodes);
	return store;
}

/* --- the server, in its process --------------------------------------------------------------- */

static void stop_client(void *context)
{
	struct bench *bench = context;

	kube_client_free(bench->client);
}

static struct access *make_access(void *context, struct event_base *base)
{
	struct bench *bench = context;
	struct kube_config config = kube_double_config(bench->kube);
	const struct kube_client_options client = {
		.config = &config, .base = base, .telemetry = bench->telemetry};
	struct access_options options = {
		.base = base,
		.requestheader_ca_file = bench->proxy_ca,
		.client_ca_file = bench->proxy_ca,
		.telemetry = bench->telemetry,
	};
	struct error err = {0};
	struct access *access;

	options.client = bench->client = kube_client_new(&client, &err);
	need(bench->client != NULL, err.message);
	access = access_new(&options, &err);
	need(access != NULL, err.message);
	return access;
}

/* Until the other end of `stop_fd` is closed. */
static void serve(struct bench *bench, int ready_fd, int stop_fd)
{
	const struct https_server_access access = {make_access, stop_client, bench};
	const struct api_options options = {0};
	struct ready ready = {0};
	struct https_server *server;
	struct store *store;
	char none;

	bench->telemetry = telemetry_new();
	bench->kube = kube_double_start(NULL);
	kube_double_answer(bench->kube, ACCESSES, 201, "application/json", ALLOWED);
	store = fill(bench);
	server = https_server_start_with(store, bench->telemetry, &options, &access);
	ready.port = https_server_port(server);
	(void)snprintf(ready.ca, sizeof(ready.ca), "%s", https_server_ca(server));
	need(write(ready_fd, &ready, sizeof(ready)) == (ssize_t)sizeof(ready), "telling the port");
	while (read(stop_fd, &none, 1) > 0)
		;
	https_server_stop(server);
	kube_double_stop(bench->kube);
	store_free(store);
	telemetry_free(bench->telemetry);
}

/* --- the clients ------------------------------------------------------------------------------ */

static void write_files(struct bench *bench)
{
	const struct pki_client front_proxy = {.common_name = "front-proxy-client",
		.common_name_size = strlen("front-proxy-client"),
		.usage = "clientAuth"};
	struct pki *pki = pki_new("front-proxy-ca");
	struct pki_pair pair = pki_issue_client(pki, &front_proxy);
	struct buffer targets = {0};

	for (size_t owner = 0; owner < bench->namespace_pods / PODS_OF_DEPLOYMENT; owner++)
		buffer_printf(&targets,
			"/apis/metrics.k8s.io/v1beta1/namespaces/" NAMESPACE
			"/pods?labelSelector=app.kubernetes.io%%2Finstance%%3Dservice-%zu%%2C"
			"app.kubernetes.io%%2Fname%%3Dservice-%zu\n",
			owner, owner);
	need(buffer_terminate(&targets) != NULL, "targets");
	bench->proxy_ca = scratch_write(bench->scratch, "proxy.crt", pki_ca(pki));
	bench->cert = scratch_write(bench->scratch, "client.crt", pair.cert);
	bench->key = scratch_write(bench->scratch, "client.key", pair.key);
	bench->targets = scratch_write(bench->scratch, "targets", targets.data);
	buffer_free(&targets);
	pki_pair_free(&pair);
	pki_free(pki);
}

static json_t *ask(const struct bench *bench, const struct ready *ready, pid_t server, size_t rate)
{
	char port[16], pid[16], rate_text[24], seconds[24], connections[24];
	const char *output = scratch_path(bench->scratch, "report");
	const char *const argv[] = {process_program("tests/bench/scale/asker"), "hpa", "--port",
		port, "--ca", ready->ca, "--server-name", "localhost", "--cert", bench->cert,
		"--key", bench->key, "--targets", bench->targets, "--connections", connections,
		"--seconds", seconds, "--rate", rate_text, "--server-pid", pid, "--items", "10",
		NULL};
	const struct process_options options = {.argv = argv, .output = output};
	struct process *process;
	json_t *report;

	(void)snprintf(port, sizeof(port), "%u", (unsigned)ready->port);
	(void)snprintf(pid, sizeof(pid), "%ld", (long)server);
	(void)snprintf(rate_text, sizeof(rate_text), "%zu", rate);
	(void)snprintf(seconds, sizeof(seconds), "%zu", bench->seconds);
	(void)snprintf(connections, sizeof(connections), "%zu", bench->connections);
	process = process_start(&options);
	need(process_wait(process, (unsigned)bench->seconds * 1000 + 60000) == 0, "asker");
	(void)process_end(process);
	report = json_load_file(output, 0, NULL);
	need(report != NULL, "asker's report");
	return report;
}

static double figure(json_t *report, const char *key)
{
	return json_number_value(json_object_get(report, key));
}

/* The rate that was reached. */
static double tell(const char *what, json_t *report)
{
	json_t *latency = json_object_get(report, "latency_us");
	json_t *errors = json_object_get(report, "errors");
	json_t *ok = json_object_get(json_object_get(report, "status"), "200");
	double rate = figure(report, "rate"), requests = figure(report, "requests");

	printf("%-12s %8.0f requests/s, %8.0f per second of the server's CPU time, %5.1f us each; "
	       "p50 %.0f us, p99 %.0f us, p99.9 %.0f us; asker's own CPU %.1f us each\n",
		what, rate, requests / figure(report, "server_cpu_s"),
		figure(report, "server_cpu_s") * 1e6 / requests, figure(latency, "p50"),
		figure(latency, "p99"), figure(latency, "p999"),
		figure(report, "cpu_s") * 1e6 / requests);
	if (json_number_value(ok) < requests || json_object_size(errors) > 0) {
		char *text = json_dumps(errors, 0);

		printf("%-12s %.0f answers were 200; errors: %s, the first: %s\n", "",
			json_number_value(ok), text,
			json_string_value(json_object_get(report, "first_error")));
		free(text);
	}
	json_decref(report);
	return rate;
}

/* The server's process. */
static pid_t start(struct bench *bench, struct ready *ret_ready, int *ret_stop_fd)
{
	int ready[2], stop[2];
	pid_t server;

	need(pipe2(ready, O_CLOEXEC) == 0 && pipe2(stop, O_CLOEXEC) == 0, "a pipe");
	server = fork();
	need(server >= 0, "fork");
	if (server == 0) {
		(void)close(stop[1]);
		serve(bench, ready[1], stop[0]);
		_exit(0);
	}
	(void)close(ready[1]);
	(void)close(stop[0]);
	need(read(ready[0], ret_ready, sizeof(*ret_ready)) == (ssize_t)sizeof(*ret_ready),
		"the server");
	(void)close(ready[0]);
	*ret_stop_fd = stop[1];
	return server;
}

static size_t argument(int argc, char **argv, int i, size_t otherwise)
{
	return i < argc ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct bench bench = {.scratch = scratch_new()};
	struct ready ready;
	int stop_fd;
	pid_t server;
	double rate;

	bench.namespace_pods = argument(argc, argv, 1, 1000);
	bench.pods = argument(argc, argv, 2, bench.namespace_pods);
	bench.seconds = argument(argc, argv, 3, 5);
	bench.connections = argument(argc, argv, 4, 16);
	need(bench.namespace_pods >= PODS_OF_DEPLOYMENT && bench.pods >= bench.namespace_pods &&
			bench.seconds > 0 && bench.connections > 0,
		"reading the arguments");
	write_files(&bench);
	server = start(&bench, &ready, &stop_fd);
	printf("%zu pods, a namespace of %zu, %zu connections; the server is process %ld\n",
		bench.pods, bench.namespace_pods, bench.connections, (long)server);
	(void)fflush(stdout);
	rate = tell("all it can", ask(&bench, &ready, server, 0));
	(void)tell("half of it", ask(&bench, &ready, server, (size_t)(rate / 2) + 1));
	(void)close(stop_fd);
	(void)waitpid(server, NULL, 0);
	scratch_free(bench.scratch);
	return 0;
}
