/* Agents that send what no agent sends: each is counted and told in the log, and the figures of an
 * honest one go on. */
#include "agent/push.h"
#include "base/buffer.h"
#include "base/telemetry.h"
#include "base/tls_config.h"
#include "proto/bounds.h"
#include "proto/tacho.pb-c.h"
#include "tests/harness/crowd.h"
#include "tests/harness/pipeline.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER_MS 60000
#define CPU       1 /* wire ids, see proto/metrics.def */
#define MEMORY    5

static struct pipeline *pipeline;
static struct test_container container; /* the honest agent's */
static struct telemetry *telemetry;
static struct tls_config *tls;
static struct push *push;
static char secret[256];

static int set_up(void **state)
{
	char url[64], *text;
	struct error err;

	(void)state;
	pipeline = pipeline_new(TEST_DRIVER_SYSTEMD);
	pipeline_start_aggregator(pipeline);
	test_container_make(pipeline->cgroups, "shop", "web", NULL, "server", &container);
	pipeline_start_agent(pipeline, "5s", "files");
	if (pipeline_wait_served(pipeline, &container, 0, 15000) < 0)
		return -1;
	text = scratch_read(pipeline->secret_file);
	(void)snprintf(secret, sizeof(secret), "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
	telemetry = telemetry_new();
	(void)snprintf(url, sizeof(url), "tls+tcp://127.0.0.1:%u", pipeline->agents_port);
	push = push_new(telemetry, &err);
	if (!push || tls_config_client(pipeline->ca_file, "localhost", &tls, &err) < 0)
		return -1;
	return push_start(push, url, tls_config_nng(tls), &err);
}

static int tear_down(void **state)
{
	(void)state;
	push_free(push);
	push = NULL;
	tls_config_free(tls);
	tls = NULL;
	telemetry_free(telemetry);
	telemetry = NULL;
	pipeline_free(pipeline);
	pipeline = NULL;
	return 0;
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool is_connected(void *context)
{
	(void)context;
	return push_connection(push) != 0;
}

static void send_bytes(const void *data, size_t size)
{
	assert_true(wait_until(is_connected, NULL, ANSWER_MS));
	assert_int_equal(push_send(push, data, size), 0);
}

static void send_message(const Tacho__V1__Message *message)
{
	size_t size = tacho__v1__message__get_packed_size(message);
	uint8_t *data = malloc(size + 1);

	assert_non_null(data);
	(void)tacho__v1__message__pack(message, data);
	send_bytes(data, size);
	free(data);
}

static void send_hello(const char *node_name)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Hello hello = TACHO__V1__HELLO__INIT;
	char node[300], version[] = "test";

	(void)snprintf(node, sizeof(node), "%s", node_name);
	hello.node = node;
	hello.agent_version = version;
	hello.credential.data = (uint8_t *)secret;
	hello.credential.len = strlen(secret);
	message.kind_case = TACHO__V1__MESSAGE__KIND_HELLO;
	message.hello = &hello;
	send_message(&message);
}

/* Pods of two containers each. */
static void send_catalog(size_t pods)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	struct crowd crowd;

	crowd_make(&crowd, "crowd", 0, pods, 2);
	message.kind_case = TACHO__V1__MESSAGE__KIND_CATALOG;
	message.catalog = &crowd.message;
	send_message(&message);
	crowd_free(&crowd);
}

/* A column of CPU with this many values, and one of memory, which may be that of CPU again. */
static void send_sample(uint64_t revision, size_t cpu_rows, uint32_t second, size_t rows)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Sample sample = TACHO__V1__SAMPLE__INIT;
	Tacho__V1__Column column[2] = {TACHO__V1__COLUMN__INIT, TACHO__V1__COLUMN__INIT};
	Tacho__V1__Column *columns[] = {&column[0], &column[1]};
	size_t most = cpu_rows > rows ? cpu_rows : rows;
	uint64_t *values = calloc(most + 1, sizeof(*values));

	assert_non_null(values);
	for (size_t i = 0; i < most; i++)
		values[i] = 1;
	column[0].metric = CPU;
	column[1].metric = second;
	column[0].n_values = cpu_rows;
	column[1].n_values = rows;
	column[0].values = column[1].values = values;
	sample.revision = revision;
	sample.timestamp_ms = 1700000000000;
	sample.window_ms = 1000;
	sample.n_columns = 2;
	sample.columns = columns;
	message.kind_case = TACHO__V1__MESSAGE__KIND_SAMPLE;
	message.sample = &sample;
	send_message(&message);
	free(values);
}

/* --- what became of it ------------------------------------------------------------------------ */

struct awaited {
	const char *series; /* as in /metrics, up to its value */
	double at_least;
};

static bool is_counted(void *context)
{
	const struct awaited *awaited = context;
	struct https_response response = pipeline_get(pipeline, "/metrics");
	const char *found = response.body ? strstr(response.body, awaited->series) : NULL;
	bool counted = found && strtod(found + strlen(awaited->series), NULL) >= awaited->at_least;

	https_response_free(&response);
	return counted;
}

#define DROPPED(reason) "tacho_aggregator_messages_dropped_total{reason=\"" reason "\"} "
#define CLOSED(reason)  "tacho_aggregator_connections_closed_total{reason=\"" reason "\"} "
#define TAKEN(kind)     "tacho_aggregator_messages_total{kind=\"" kind "\"} "

static void await_count(const char *series, double at_least)
{
	struct awaited awaited = {series, at_least};

	if (!wait_until(is_counted, &awaited, ANSWER_MS))
		fail_msg("%s is not %g", series, at_least);
}

static void await_log(const char *words)
{
	if (!process_wait_log(pipeline->aggregator, words, ANSWER_MS))
		fail_msg("the aggregator did not say \"%s\"", words);
}

/* Its figures get newer, and the stranger has none. */
static void assert_honest_agent_is_served(void)
{
	struct https_response response;
	struct served before, now;
	uint64_t end = wait_now_ms() + ANSWER_MS;

	assert_true(pipeline_container(pipeline, &container, &before));
	do {
		wait_ms(100);
		assert_true(pipeline_container(pipeline, &container, &now));
	} while (now.timestamp <= before.timestamp && wait_now_ms() < end);
	assert_true(now.timestamp > before.timestamp);
	response = pipeline_get(pipeline, "/apis/metrics.k8s.io/v1/nodes/stranger");
	assert_int_equal(response.status, 404);
	https_response_free(&response);
	response = pipeline_get(pipeline, "/apis/metrics.k8s.io/v1/namespaces/crowd/pods");
	assert_int_equal(response.status, 200);
	assert_null(strstr(response.body, "\"name\""));
	https_response_free(&response);
	assert_true(process_alive(pipeline->aggregator));
	assert_true(process_alive(pipeline->agent));
}

/* --- tests ------------------------------------------------------------------------------------ */

static void nothing_is_applied_before_hello(void **state)
{
	(void)state;
	send_catalog(1);
	await_count(CLOSED("before_hello"), 1);
	await_log("speaks before its Hello");
	assert_honest_agent_is_served();
}

static void what_is_no_protobuf_is_dropped(void **state)
{
	/* a Sample whose one column says that it is 127 bytes long, and ends */
	static const uint8_t TRUNCATED[] = {0x1a, 0x04, 0x2a, 0x7f, 0x08, 0x01};
	static const uint8_t NOISE[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	static const uint8_t UNKNOWN_KIND[] = {0xa2, 0x06, 0x03, 'n', 'e', 'w'};

	(void)state;
	send_hello("stranger");
	send_bytes(TRUNCATED, sizeof(TRUNCATED));
	send_bytes(NOISE, sizeof(NOISE));
	await_count(DROPPED("malformed"), 2);
	await_log("node stranger at 127.0.0.1:");
	await_log(": sent a message that does not decode (");
	send_bytes(UNKNOWN_KIND, sizeof(UNKNOWN_KIND));
	await_count(DROPPED("unknown_kind"), 1);
	assert_honest_agent_is_served();
}

static void what_is_too_long_ends_its_connection(void **state)
{
	const size_t size = WIRE_MAX_MESSAGE + 1;
	char *data = calloc(1, size);
	uint64_t connection;

	(void)state;
	assert_non_null(data);
	send_hello("stranger");
	connection = push_connection(push);
	send_bytes(data, size);
	free(data);
	await_count(CLOSED("peer"), 1);
	assert_true(push_connection(push) != connection);
	assert_honest_agent_is_served();
}

/* A million rows in 1 MiB; and empty pods, two bytes each, that unfold to a hundred. */
static void what_unfolds_without_bounds_is_dropped(void **state)
{
	const size_t half_mebi = 1 << 18;
	uint8_t *data = malloc(2 * half_mebi + 16), *at = data;

	(void)state;
	assert_non_null(data);
	*at++ = 0x12; /* Message.catalog */
	for (size_t length = 2 * half_mebi; length; length >>= 7)
		*at++ = (uint8_t)(length & 127) | (length > 127 ? 128 : 0);
	for (size_t i = 0; i < half_mebi; i++) {
		*at++ = 0x1a; /* Catalog.pods */
		*at++ = 0;
	}
	send_hello("stranger");
	send_bytes(data, (size_t)(at - data));
	free(data);
	await_count(DROPPED("too_complex"), 1);
	await_log("unfolds beyond all bounds");
	send_sample(1, 1000000, MEMORY, 1);
	await_count(DROPPED("too_complex"), 2);
	assert_honest_agent_is_served();
}

static void a_node_beyond_the_bounds_is_refused(void **state)
{
	(void)state;
	send_hello("stranger");
	send_catalog(1025);
	await_count(DROPPED("catalog_refused"), 1);
	await_log("the node has 1025 pods, more than 1024");
	assert_honest_agent_is_served();
}

static void samples_that_do_not_fit_are_dropped(void **state)
{
	(void)state;
	send_hello("stranger");
	send_catalog(2); /* 4 rows */
	await_count(TAKEN("catalog"), 2);
	send_sample(2, 4, MEMORY, 4);
	await_count(DROPPED("unknown_revision"), 1);
	send_sample(1, 5, MEMORY, 4);
	send_sample(1, 4, MEMORY, 3);
	await_count(DROPPED("sample_refused"), 2);
	send_sample(1, 4, CPU, 4);
	await_count(DROPPED("sample_refused"), 3);
	send_sample(1, 100000, MEMORY, 4);
	await_count(DROPPED("sample_refused"), 4);
	await_log("stranger: ");
	assert_honest_agent_is_served();
}

static void a_name_that_is_none_gets_no_hello(void **state)
{
	(void)state;
	send_hello("Bad_Name\n2026-01-01T00:00:00.000Z ERROR forged");
	await_count(DROPPED("hello_refused"), 1);
	await_log("Bad_Name\\x0a2026");
	assert_honest_agent_is_served();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_applied_before_hello),
		TEST(what_is_no_protobuf_is_dropped),
		TEST(what_is_too_long_ends_its_connection),
		TEST(what_unfolds_without_bounds_is_dropped),
		TEST(a_node_beyond_the_bounds_is_refused),
		TEST(samples_that_do_not_fit_are_dropped),
		TEST(a_name_that_is_none_gets_no_hello),
	};

	return cmocka_run_group_tests_name("agents", tests, NULL, NULL);
}
