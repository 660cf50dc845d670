/* tacho-agent's own /metrics, asked by curl: what is there is what the kernel says, and only who
 * may see it does. */
#include "tests/harness/pipeline.h"
#include "tests/harness/pki.h"
#include "tests/harness/wait.h"

#include <curl/curl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define READY_MS 60000 /* sanitizers make starting slow */

static struct scratch *scratch;
static struct test_cgroups *cgroups;
static struct process *agent;
static unsigned port;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	cgroups = test_cgroups_new(scratch, TEST_DRIVER_SYSTEMD);
	(void)scratch_write(scratch, "secret", "0123456789abcdef0123456789abcdef\n");
	port = pipeline_free_port();
	return 0;
}

static int tear_down(void **state)
{
	int status = agent ? process_end(agent) : 0;

	(void)state;
	agent = NULL;
	process_end_all();
	test_cgroups_free(cgroups);
	scratch_free(scratch);
	assert_int_equal(status, 0); /* a sanitizer has found something */
	return 0;
}

/* Pushes to nobody. `flags` are up to four more, or NULL. */
static void start_agent(const char *const flags[4])
{
	char program[512], secret[512], root[512], logs[512], address[64];
	const char *argv[] = {program, "--standalone", "--aggregator=ipc:///nonexistent/socket",
		secret, root, logs, "--window=2s", address, NULL, NULL, NULL, NULL, NULL};

	(void)snprintf(program, sizeof(program), "%s", process_program("tacho-agent"));
	(void)snprintf(secret, sizeof(secret), "--secret-file=%s", scratch_path(scratch, "secret"));
	(void)snprintf(root, sizeof(root), "--cgroup-root=%s", test_cgroups_root(cgroups));
	(void)snprintf(logs, sizeof(logs), "--log-root=%s", test_cgroups_log_root(cgroups));
	(void)snprintf(address, sizeof(address), "--metrics-address=127.0.0.1:%u", port);
	for (int i = 0; flags && i < 4; i++)
		argv[8 + i] = flags[i];
	agent = process_start(&(struct process_options){
		.argv = argv, .errors = scratch_path(scratch, "agent.log")});
	if (!process_wait_log(agent, "/metrics is served on", READY_MS)) {
		char *log = scratch_read(scratch_path(scratch, "agent.log"));

		fail_msg("%s", log);
	}
}

/* --- curl ------------------------------------------------------------------------------------- */

struct page {
	char *text;
	size_t length;
	long status; /* 0: no answer */
	char type[128];
};

static size_t take(char *data, size_t size, size_t count, void *context)
{
	struct page *page = context;

	page->text = realloc(page->text, page->length + size * count + 1);
	assert_non_null(page->text);
	memcpy(page->text + page->length, data, size * count);
	page->length += size * count;
	page->text[page->length] = '\0';
	return size * count;
}

struct client {
	const char *ca, *cert, *key, *accept; /* NULL: none */
};

static struct page get(const char *scheme, const char *path, const struct client *client)
{
	struct curl_slist *headers = NULL;
	CURL *curl = curl_easy_init();
	struct page page = {0};
	const char *type = NULL;
	char url[128];

	assert_non_null(curl);
	(void)snprintf(url, sizeof(url), "%s://127.0.0.1:%u%s", scheme, port, path);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, &page);
	(void)curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "gzip");
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, 30L);
	if (client && client->ca)
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, client->ca);
	if (client && client->cert) {
		(void)curl_easy_setopt(curl, CURLOPT_SSLCERT, client->cert);
		(void)curl_easy_setopt(curl, CURLOPT_SSLKEY, client->key);
	}
	if (client && client->accept) {
		headers = curl_slist_append(NULL, client->accept);
		(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	}
	if (curl_easy_perform(curl) == CURLE_OK) {
		(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &page.status);
		(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
		(void)snprintf(page.type, sizeof(page.type), "%s", type ? type : "");
	}
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return page;
}

/* The value of the first sample of the name whose labels have all of this in them, in this order;
 * -1 when there is none. */
static double sample(const char *text, const char *name, const char *labels)
{
	size_t length = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *end, *found;

		line += *line == '\n';
		if (strncmp(line, name, length) != 0 ||
			(line[length] != '{' && line[length] != ' '))
			continue;
		end = strchr(line, '\n');
		found = strstr(line, labels);
		if (!end || !found || found > end)
			continue;
		while (end[-1] != ' ')
			end--;
		return strtod(end, NULL);
	}
	return -1;
}

struct wanted {
	const char *name, *labels;
	double at_least;
};

static bool is_there(void *context)
{
	const struct wanted *wanted = context;
	struct page page = get("http", "/metrics", NULL);
	bool there = page.status == 200 &&
		     sample(page.text, wanted->name, wanted->labels) >= wanted->at_least;

	free(page.text);
	return there;
}

static void wait_for(const char *name, const char *labels, double at_least)
{
	struct wanted wanted = {name, labels, at_least};
	struct page page;

	if (wait_until(is_there, &wanted, READY_MS))
		return;
	page = get("http", "/metrics", NULL);
	(void)fprintf(stderr, "%s\n", page.text ? page.text : "nothing");
	fail_msg("%s{%s} does not come to %f", name, labels, at_least);
}

/* --- tests ------------------------------------------------------------------------------------ */

static void the_counters_are_the_kernels(void **state)
{
	struct test_container container;
	struct process *load, *memory;
	uint64_t before, after;
	struct page page;
	char labels[1024];
	double value;

	(void)state;
	test_container_make(cgroups, "shop", "web-1", NULL, "server", &container);
	load = pipeline_start_load(&container, "cpu", "250");
	memory = pipeline_start_load(&container, "memory", "64");
	start_agent(NULL);
	(void)snprintf(labels, sizeof(labels),
		"container=\"server\",image=\"unknown\",namespace=\"shop\",pod=\"web-1\",id=\"%s\","
		"name=\"%s\"}",
		container.path, container.id);
	wait_for("container_cpu_usage_seconds_total", labels, 0.5);
	wait_for("container_memory_working_set_bytes", labels, 60e6);
	/* it lies between what the kernel says a look before, and now */
	before = test_container_cpu_usec(cgroups, &container);
	wait_ms(1200);
	page = get("http", "/metrics", NULL);
	after = test_container_cpu_usec(cgroups, &container);
	assert_int_equal(page.status, 200);
	assert_string_equal(page.type, "text/plain; version=0.0.4; charset=utf-8");
	value = sample(page.text, "container_cpu_usage_seconds_total", labels) * 1e6;
	print_message("%.0f <= %.0f <= %.0f us\n", (double)before, value, (double)after);
	assert_true(value >= (double)before && value <= (double)after);
	/* of the pod, what was used since the agent looked */
	value = sample(
		page.text, "pod_cpu_usage_seconds_total", "{namespace=\"shop\",pod=\"web-1\"}");
	assert_true(value > 0.1 && value * 1e6 < (double)after);
	assert_true(sample(page.text, "node_cpu_usage_seconds_total", "") > 1);
	assert_true(sample(page.text, "tacho_agent_samples_total", "") >= 1);
	value = sample(page.text, "container_start_time_seconds", labels);
	assert_true(value > (double)time(NULL) - 120 && value <= (double)time(NULL) + 1);
	free(page.text);
	page = get("http", "/metrics/resource",
		&(struct client){.accept = "Accept: application/openmetrics-text"});
	assert_int_equal(page.status, 200);
	assert_string_equal(
		page.type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
	assert_string_equal(page.text + page.length - 6, "# EOF\n");
	assert_true(sample(page.text, "container_memory_working_set_bytes", labels) > 60e6);
	free(page.text);
	page = get("http", "/", NULL);
	assert_int_equal(page.status, 404);
	free(page.text);
	(void)process_end(load);
	(void)process_end(memory);
}

/* A container ends and another of the same pod begins: the pod's counter goes on. */
static void a_pods_counter_outlives_its_containers(void **state)
{
	static const char POD[] = "{namespace=\"shop\",pod=\"web-1\"}";
	struct test_container first, stays, second;
	struct process *load;
	struct page page;
	double before, value;

	(void)state;
	test_container_make(cgroups, "shop", "web-1", NULL, "stays", &stays);
	test_container_make(cgroups, "shop", "web-1", stays.uid, "server", &first);
	load = pipeline_start_load(&first, "cpu", "500");
	start_agent(NULL);
	wait_for("pod_cpu_usage_seconds_total", POD, 0.5);
	(void)process_end(load);
	wait_ms(1200);
	page = get("http", "/metrics", NULL);
	before = sample(page.text, "pod_cpu_usage_seconds_total", POD);
	free(page.text);
	test_container_remove(cgroups, &first);
	test_container_make(cgroups, "shop", "web-1", stays.uid, "server", &second);
	load = pipeline_start_load(&second, "cpu", "250");
	wait_for("container_cpu_usage_seconds_total", second.id, 0.1);
	page = get("http", "/metrics", NULL);
	value = sample(page.text, "pod_cpu_usage_seconds_total", POD);
	print_message("%f s before, %f s after\n", before, value);
	assert_true(value >= before + 0.1);
	assert_true(sample(page.text, "container_cpu_usage_seconds_total", first.id) < 0);
	free(page.text);
	(void)process_end(load);
}

/* One series a pod, of all that its containers' sockets sent, those that are gone included. */
static void network_is_the_pods(void **state)
{
	static const char POD[] = "interface=\"all\",name=\"\",namespace=\"shop\",pod=\"web-1\"}";
	static const char SENT[] = "container_network_transmit_bytes_total";
	struct test_container first, second;
	struct process *load;
	struct page page;
	bool uncounted;
	double before;
	char *log;

	(void)state;
	test_container_make(cgroups, "shop", "web-1", NULL, "server", &first);
	test_container_make(cgroups, "shop", "web-1", first.uid, "proxy", &second);
	start_agent(NULL);
	wait_for("container_last_seen", first.id, 1);
	log = scratch_read(scratch_path(scratch, "agent.log"));
	uncounted = strstr(log, "the signal network is not used") || strstr(log, "BPF is not used");
	free(log);
	if (uncounted) {
		print_message("packets can't be counted here\n");
		skip();
	}
	load = pipeline_start_load(&first, "network", "100");
	wait_for(SENT, POD, 200 * 1024);
	(void)process_end(load);
	wait_ms(1500);
	page = get("http", "/metrics", NULL);
	before = sample(page.text, SENT, POD);
	assert_true(sample(page.text, "container_network_receive_bytes_total", POD) >= before);
	assert_true(sample(page.text, SENT, "container=\"server\"") < 0);
	free(page.text);
	test_container_remove(cgroups, &first);
	load = pipeline_start_load(&second, "network", "100");
	wait_for(SENT, POD, before + 50 * 1024);
	page = get("http", "/metrics", NULL);
	print_message("%.0f bytes before, %.0f after\n", before, sample(page.text, SENT, POD));
	assert_true(sample(page.text, "container_last_seen", first.id) < 0);
	free(page.text);
	(void)process_end(load);
}

static void tls_is_for_who_has_a_certificate(void **state)
{
	struct pki *authority = pki_new("authority"), *other = pki_new("other");
	struct pki_pair own = pki_issue(authority, "IP:127.0.0.1", 3600);
	const struct pki_client prometheus = {.common_name = "prometheus", .usage = "clientAuth"};
	struct pki_pair good = pki_issue_client(authority, &prometheus),
			bad = pki_issue_client(other, &prometheus);
	struct client client = {.ca = scratch_write(scratch, "ca.crt", pki_ca(authority))};
	char cert[512], key[512], ca[512];
	struct page page;

	(void)state;
	(void)snprintf(cert, sizeof(cert), "--metrics-cert-file=%s",
		scratch_write(scratch, "tls.crt", own.cert));
	(void)snprintf(key, sizeof(key), "--metrics-key-file=%s",
		scratch_write(scratch, "tls.key", own.key));
	(void)snprintf(ca, sizeof(ca), "--metrics-client-ca-file=%s", client.ca);
	start_agent((const char *[4]){cert, key, ca, NULL});
	page = get("https", "/metrics", &client);
	assert_int_equal(page.status, 0);
	free(page.text);
	client.cert = scratch_write(scratch, "bad.crt", bad.cert);
	client.key = scratch_write(scratch, "bad.key", bad.key);
	page = get("https", "/metrics", &client);
	assert_int_equal(page.status, 0);
	free(page.text);
	page = get("http", "/metrics", NULL);
	assert_int_equal(page.status, 0);
	free(page.text);
	client.cert = scratch_write(scratch, "good.crt", good.cert);
	client.key = scratch_write(scratch, "good.key", good.key);
	page = get("https", "/metrics", &client);
	assert_int_equal(page.status, 200);
	assert_true(sample(page.text, "tacho_agent_metrics_connections_closed_total",
			    "handshake_failed") >= 2);
	free(page.text);
	pki_pair_free(&own);
	pki_pair_free(&good);
	pki_pair_free(&bad);
	pki_free(authority);
	pki_free(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_counters_are_the_kernels, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			a_pods_counter_outlives_its_containers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(network_is_the_pods, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			tls_is_for_who_has_a_certificate, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("exporter", tests, NULL, NULL);
}
