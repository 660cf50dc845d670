/* tests/bench/scale/asker, the program: every mode against the real API, and against servers that
 * answer wrongly or not at all. */
#include "tests/harness/cluster.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/process.h"
#include "tests/harness/scratch.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_ARGUMENTS 40
#define PODS          40 /* of the one namespace */
#define LIST          "/apis/metrics.k8s.io/v1beta1/pods"
#define OF_NAMESPACE  "/apis/metrics.k8s.io/v1beta1/namespaces/namespace-000/pods"
#define TOKEN_HEADER  "Authorization: Bearer " HTTPS_SERVER_TOKEN
#define DEADLINE_MS   500
#define HANDSHAKE_MS  3000 /* with sanitizers, many of them at once */
#define BOTHERERS     5    /* of each kind */

static struct scratch *scratch;
static struct telemetry *telemetry;
static struct store *store;
static struct https_server *server;
static char port[8];

static int start(void **state)
{
	const struct cluster_shape shape = {
		.nodes = 4, .pods = PODS / 4, .containers = 2, .namespaces = 1, .seed = 1};
	/* What does harm is cut soon. */
	const struct api_options options = {
		.handshake_ms = HANDSHAKE_MS, .receive_ms = DEADLINE_MS, .idle_ms = DEADLINE_MS};

	(void)state;
	scratch = scratch_new();
	telemetry = telemetry_new();
	store = cluster_store(telemetry);
	cluster_fill(store, &shape);
	server = https_server_start(store, telemetry, &options);
	(void)snprintf(port, sizeof(port), "%u", (unsigned)https_server_port(server));
	return 0;
}

static int stop(void **state)
{
	(void)state;
	process_end_all();
	https_server_stop(server);
	store_free(store);
	telemetry_free(telemetry);
	scratch_free(scratch);
	return 0;
}

/* --- running it ------------------------------------------------------------------------------- */

struct run {
	struct process *process;
	const char *output, *errors;
};

static struct run begin(const char *name, const char *mode, const char *const *flags)
{
	const char *argv[MAX_ARGUMENTS] = {process_program("tests/bench/scale/asker"), mode};
	struct process_options options = {.argv = argv};
	struct run run;
	char file[64];
	size_t count = 2;

	while (*flags) {
		assert_true(count + 1 < MAX_ARGUMENTS);
		argv[count++] = *flags++;
	}
	(void)snprintf(file, sizeof(file), "%s.json", name);
	options.output = run.output = scratch_path(scratch, file);
	(void)snprintf(file, sizeof(file), "%s.errors", name);
	options.errors = run.errors = scratch_path(scratch, file);
	run.process = process_start(&options);
	return run;
}

/* The last line of what it printed; NULL when there is none. */
static json_t *end(const struct run *run, int status)
{
	char *text, *line;
	json_t *report;
	int r = process_wait(run->process, 60000);

	(void)process_end(run->process);
	if (r != status) {
		text = scratch_read(run->errors);
		fail_msg("it ended with %d: %s", r, text);
	}
	text = scratch_read(run->output);
	if (text[0])
		text[strlen(text) - 1] = '\0';
	line = strrchr(text, '\n');
	report = json_loads(line ? line + 1 : text, 0, NULL);
	free(text);
	return report;
}

#define ASK(mode, status, ...) run_with(mode, status, (const char *const[]){__VA_ARGS__, NULL})
#define TO_SERVER                                                                                  \
	"--port", port, "--ca", https_server_ca(server), "--server-name", "localhost", "--header", \
		TOKEN_HEADER

static json_t *run_with(const char *mode, int status, const char *const *flags)
{
	struct run run = begin("report", mode, flags);

	return end(&run, status);
}

static double number(json_t *report, const char *key)
{
	const json_t *value = json_object_get(report, key);

	if (!json_is_number(value))
		fail_msg("%s is missing", key);
	return json_number_value(value);
}

static double error_count(json_t *report, const char *kind)
{
	return json_number_value(json_object_get(json_object_get(report, "errors"), kind));
}

static double status_count(json_t *report, const char *code)
{
	return json_number_value(json_object_get(json_object_get(report, "status"), code));
}

static void expect_no_errors(json_t *report)
{
	if (json_object_size(json_object_get(report, "errors")) > 0)
		fail_msg("%s", json_dumps(report, JSON_INDENT(1)));
}

static const char *targets(const char *text)
{
	return scratch_write(scratch, "targets", text);
}

/* --- hpa -------------------------------------------------------------------------------------- */

static double sum_of_histogram(json_t *report)
{
	json_t *histogram = json_object_get(report, "histogram"), *bucket;
	double sum = 0, before = -1;
	size_t i;

	json_array_foreach(histogram, i, bucket)
	{
		double upper = json_number_value(json_array_get(bucket, 0));

		assert_true(upper > before);
		before = upper;
		sum += json_number_value(json_array_get(bucket, 1));
	}
	return sum;
}

static void asks_again_at_once(void **state)
{
	const char *file = targets(OF_NAMESPACE "?labelSelector=app%3Dx\n" OF_NAMESPACE "\n");
	json_t *report = ASK("hpa", 0, TO_SERVER, "--targets", file, "--connections", "4",
		"--seconds", "1", "--warmup", "0", "--progress");
	json_t *latency = json_object_get(report, "latency_us");
	double requests = number(report, "requests");

	(void)state;
	expect_no_errors(report);
	assert_true(requests > 10);
	assert_true(status_count(report, "200") == requests);
	assert_true(sum_of_histogram(report) == requests);
	assert_true(number(report, "rate") == requests);
	assert_true(number(latency, "p50") > 0 &&
		    number(latency, "p50") <= number(latency, "p99") &&
		    number(latency, "p99") <= number(latency, "max"));
	assert_true(number(json_object_get(report, "handshakes"), "count") == 4);
	assert_true(number(report, "cpu_s") > 0);
	json_decref(report);
}

/* Every intended request is asked, once. */
static void asks_at_a_rate(void **state)
{
	const char *file = targets(OF_NAMESPACE);
	char pid[16];
	json_t *report;

	(void)state;
	(void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	report = ASK("hpa", 0, TO_SERVER, "--targets", file, "--connections", "8", "--seconds", "2",
		"--warmup", "1", "--rate", "50", "--items", "40", "--server-pid", pid);
	expect_no_errors(report);
	assert_true(number(report, "requests") == 100);
	assert_true(number(report, "seconds") == 2);
	assert_true(number(report, "server_cpu_s") > 0);
	json_decref(report);
}

static void tells_of_lists_that_are_not_full(void **state)
{
	const char *file = targets(OF_NAMESPACE);
	json_t *report = ASK("hpa", 0, TO_SERVER, "--targets", file, "--seconds", "1", "--warmup",
		"0", "--rate", "20", "--items", "41");

	(void)state;
	assert_true(error_count(report, "wrong") == 20);
	assert_non_null(strstr(json_string_value(json_object_get(report, "first_error")),
		"40 items instead of 41"));
	json_decref(report);
}

static void counts_other_statuses(void **state)
{
	const char *file = targets(OF_NAMESPACE "/nobody\n" OF_NAMESPACE "\n");
	json_t *report = ASK("hpa", 0, TO_SERVER, "--targets", file, "--seconds", "1", "--warmup",
		"0", "--rate", "20");

	(void)state;
	expect_no_errors(report);
	assert_true(status_count(report, "200") == 10);
	assert_true(status_count(report, "404") == 10);
	json_decref(report);
}

/* The headers of the front proxy arrive: who asks is the HPA, with its groups. */
static void asks_as_the_front_proxy(void **state)
{
	struct guarded_api *guarded = guarded_start(NULL);
	const struct pki_pair *proxy = guarded_front_proxy(guarded);
	const char *cert = scratch_write(scratch, "client.crt", proxy->cert);
	const char *key = scratch_write(scratch, "client.key", proxy->key);
	const char *file = targets(OF_NAMESPACE);
	char number_of_port[8], *access;
	json_t *report;

	(void)state;
	guarded_allow(guarded, true);
	(void)snprintf(
		number_of_port, sizeof(number_of_port), "%u", (unsigned)guarded_port(guarded));
	report = ASK("hpa", 0, "--port", number_of_port, "--ca", guarded_server_ca(guarded),
		"--server-name", "localhost", "--cert", cert, "--key", key, "--targets", file,
		"--seconds", "1", "--warmup", "0", "--rate", "10");
	expect_no_errors(report);
	assert_true(status_count(report, "200") == 10);
	access = guarded_last_access(guarded);
	assert_non_null(
		strstr(access, "system:serviceaccount:kube-system:horizontal-pod-autoscaler|"));
	assert_non_null(strstr(access,
		"|system:serviceaccounts,system:serviceaccounts:kube-system,system:authenticated|"
		"authentication.kubernetes.io/credential-id=JTI="));
	free(access);
	json_decref(report);
	report = ASK("hpa", 0, "--port", number_of_port, "--ca", guarded_server_ca(guarded),
		"--server-name", "localhost", "--cert", cert, "--key", key, "--targets", file,
		"--seconds", "1", "--warmup", "0", "--rate", "10", "--header", "X-Remote-User: eve",
		"--header=X-Remote-Group: a,b");
	access = guarded_last_access(guarded);
	expect_no_errors(report);
	json_decref(report);
	assert_true(strncmp(access, "eve||a,b", 8) == 0 && !strstr(access, "JTI="));
	free(access);
	guarded_stop(guarded);
}

/* --- list ------------------------------------------------------------------------------------- */

static void lists(void **state)
{
	static const char *const FORMS[] = {
		"application/vnd.kubernetes.protobuf", "application/json"};
	json_t *report, *bytes;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		report = ASK("list", 0, TO_SERVER, "--path", LIST, "--accept", FORMS[i], "--count",
			"3", "--every", "20ms");
		expect_no_errors(report);
		assert_true(status_count(report, "200") == 3);
		bytes = json_object_get(report, "bytes");
		assert_int_equal(json_array_size(bytes), 3);
		assert_true(json_integer_value(json_array_get(bytes, 0)) > PODS * 50);
		assert_int_equal(json_array_size(json_object_get(report, "first_byte_ms")), 3);
		assert_true(
			json_number_value(
				json_array_get(json_object_get(report, "first_byte_ms"), 0)) <=
			json_number_value(json_array_get(json_object_get(report, "total_ms"), 0)));
		assert_true(number(json_object_get(report, "handshakes"), "count") == 1);
		json_decref(report);
	}
}

/* An idle connection that the server closed is opened again; what is compressed is counted, too. */
static void lists_again_after_a_while(void **state)
{
	const struct cluster_shape shape = {.first_node = 10,
		.nodes = 50,
		.pods = 30,
		.containers = 2,
		.namespaces = 1,
		.seed = 1};
	json_t *report;

	(void)state;
	cluster_fill(store, &shape);
	report = ASK("list", 0, TO_SERVER, "--path", LIST, "--count", "2", "--every", "2s",
		"--gzip", "--items", "1540");
	assert_true(error_count(report, "wrong") == 0);
	assert_true(json_integer_value(json_array_get(json_object_get(report, "bytes"), 0)) <
		    json_integer_value(json_array_get(json_object_get(report, "plain_bytes"), 0)));
	assert_true(number(report, "requests") + error_count(report, "closed") +
			    error_count(report, "reset") ==
		    2);
	json_decref(report);
}

/* --- bother ----------------------------------------------------------------------------------- */

static const struct {
	const char *kind;
	/* Until half of them are cut; most_ms 0: never mind. Deadlines differ by up to a half, and
	 * a client on a busy machine begins to count late. */
	unsigned least_ms, most_ms;
} KINDS[] = {
	{"silent", HANDSHAKE_MS / 4, 8000},
	{"handshake", HANDSHAKE_MS / 4, 8000},
	{"drip", DEADLINE_MS / 4, 5000},
	{"half-request", DEADLINE_MS / 4, 5000},
	{"idle", DEADLINE_MS / 4, 5000},
	{"slow-reader"},
	{"dead-reader"},
};
#define KIND_COUNT (sizeof(KINDS) / sizeof(KINDS[0]))

static void check_bother(size_t i, json_t *report)
{
	double life_ms = number(json_object_get(report, "life_ms"), "p50");
	double bytes = number(report, "bytes_read");

	assert_string_equal(json_string_value(json_object_get(report, "kind")), KINDS[i].kind);
	assert_true(json_is_true(json_object_get(report, "sees_all_cuts")));
	assert_true(error_count(report, "connect") == 0);
	if (number(report, "open_mean") <= 0 ||
		(KINDS[i].most_ms &&
			(number(report, "cuts") < BOTHERERS || number(report, "reconnects") < 1 ||
				life_ms < KINDS[i].least_ms || life_ms > KINDS[i].most_ms)))
		fail_msg("%s", json_dumps(report, JSON_INDENT(1)));
	if (strcmp(KINDS[i].kind, "slow-reader") == 0)
		assert_true(bytes > 0 && bytes <= BOTHERERS * 1024 * 8);
	else
		assert_true(bytes == 0);
}

/* All at once, and others are served all the same. */
static void bothers(void **state)
{
	struct run run[KIND_COUNT];
	struct https *https;
	struct https_response answer;

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++)
		run[i] = begin(KINDS[i].kind, "bother",
			(const char *const[]){TO_SERVER, "--kind", KINDS[i].kind, "--connections",
				"5", "--seconds", "8", "--progress", NULL});
	https = https_open(https_server_port(server), https_server_ca(server));
	assert_non_null(https);
	answer = https_get(https, LIST, HTTPS_SERVER_TOKEN, "");
	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
	https_close(https);
	for (size_t i = 0; i < KIND_COUNT; i++) {
		json_t *report = end(&run[i], 0);

		assert_non_null(report);
		check_bother(i, report);
		json_decref(report);
	}
}

/* --- wrong servers ---------------------------------------------------------------------------- */

struct wrong_server {
	struct kube_double *kube;
	const char *ca;
	char port[8];
};

#define TO_WRONG(server) "--port", (server).port, "--ca", (server).ca, "--server-name", "localhost"

/* Does this with whoever asks for LIST. */
static struct wrong_server start_wrong(
	void (*answer)(struct kube_exchange *exchange, void *context))
{
	struct wrong_server wrong = {.kube = kube_double_start(NULL)};

	wrong.ca = scratch_write(scratch, "double.crt", kube_double_ca(wrong.kube));
	(void)snprintf(
		wrong.port, sizeof(wrong.port), "%u", (unsigned)kube_double_port(wrong.kube));
	kube_double_on(wrong.kube, LIST, answer, NULL);
	return wrong;
}

static void answer_garbage(struct kube_exchange *exchange, void *context)
{
	static const char *const TEXTS[] = {
		"SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhalf",
	};
	const char *text = TEXTS[kube_exchange_number(exchange) % 2];

	(void)context;
	(void)kube_exchange_raw(exchange, text, strlen(text));
}

static void tells_what_is_wrong_with_a_server(void **state)
{
	struct wrong_server wrong = start_wrong(answer_garbage);
	json_t *report = ASK("hpa", 0, TO_WRONG(wrong), "--targets", targets(LIST), "--seconds",
		"3", "--warmup", "0");

	(void)state;
	assert_true(number(report, "requests") == 0);
	assert_true(error_count(report, "garbage") > 0);
	assert_true(error_count(report, "closed") > 0);
	assert_true(number(report, "reconnects") > 0);
	json_decref(report);
	report = ASK("list", 1, TO_WRONG(wrong), "--path", LIST);
	assert_true(error_count(report, "garbage") + error_count(report, "closed") == 1);
	json_decref(report);
	kube_double_stop(wrong.kube);
}

static void never_answer(struct kube_exchange *exchange, void *context)
{
	(void)context;
	while (kube_exchange_wait(exchange, 100))
		;
}

static void does_not_wait_for_ever(void **state)
{
	struct wrong_server dead = start_wrong(never_answer);
	json_t *report = ASK("hpa", 0, TO_WRONG(dead), "--targets", targets(LIST), "--seconds", "1",
		"--warmup", "0", "--rate", "10", "--timeout", "300ms", "--connections", "2");

	(void)state;
	assert_true(number(report, "requests") == 0);
	assert_true(error_count(report, "timeout") > 0);
	assert_true(error_count(report, "timeout") + error_count(report, "unanswered") == 10);
	json_decref(report);
	report = ASK("list", 1, TO_WRONG(dead), "--path", LIST, "--timeout", "300ms");
	assert_true(error_count(report, "timeout") == 1);
	json_decref(report);
	kube_double_stop(dead.kube);
}

/* --- wrong flags ------------------------------------------------------------------------------ */

static void says_what_is_wrong(void **state)
{
	const char *file = targets(LIST), *ca = https_server_ca(server);
	const char *empty = scratch_write(scratch, "empty", "\n\n");
	const char *bad = scratch_write(scratch, "bad", LIST "\npods\n");
	const struct {
		const char *mode, *flags[16], *message;
		int status;
	} cases[] = {
		{"hpa", {"--port", port, "--ca", ca, "--server-name", "localhost"},
			"--targets is missing", 2},
		{"hpa", {"--targets", file}, "--port is missing", 2},
		{"hpa", {"--port", port, "--targets", file}, "--ca is missing", 2},
		{"hpa", {"--port", port, "--targets", file, "--ca", ca}, "--server-name is missing",
			2},
		{"hpa", {"--port", "0"}, "not within 1 and 65535", 2},
		{"hpa", {"--prot", "1"}, "did you mean --port", 2},
		{"hpa", {"--header", "X"}, "is not \"Name: value\"", 2},
		{"hpa", {"--header"}, "is not \"Name: value\"", 2},
		{"hpa", {"--items", "many"}, "is not a whole number", 2},
		{"hpa", {TO_SERVER, "--targets", "/nowhere/targets"}, "No such file", 2},
		{"hpa", {TO_SERVER, "--targets", empty}, "there is no line in it", 2},
		{"hpa", {TO_SERVER, "--targets", bad}, "line 2 is no path", 2},
		{"hpa", {TO_SERVER, "--targets", file, "--cert", file}, "--key is missing", 2},
		{"hpa", {TO_SERVER, "--targets", file, "--cert", file, "--key", file}, "--cert", 2},
		{"hpa", {TO_SERVER, "--targets", file, "--address", "localhost"},
			"is no IP address", 2},
		{"list", {"--port", port, "--ca", "/nowhere/ca", "--server-name", "x"},
			"/nowhere/ca: No such file", 2},
		{"list", {"--port", port, "--ca", file, "--server-name", "x"}, "--ca", 2},
		{"list", {TO_SERVER, "--path", "pods"}, "is no path", 2},
		{"list", {TO_SERVER, "--server-pid", "999999999"}, "--server-pid", 2},
		{"bother", {"--kind", "loud"}, "is not one of", 2},
		{"bother", {"--port", port, "--kind", "idle"}, "--ca is missing", 2},
		{"dance", {NULL}, "is none of hpa, list and bother", 2},
		{"hpa",
			{"--port", port, "--ca", ca, "--server-name", "other", "--targets", file,
				"--seconds", "1"},
			"hostname mismatch", 1},
		{"hpa",
			{"--port", "1", "--ca", ca, "--server-name", "localhost", "--targets", file,
				"--seconds", "1"},
			"Connection refused", 1},
		{"bother", {"--port", "1", "--kind", "silent", "--seconds", "1"},
			"Connection refused", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct run run = begin("report", cases[i].mode, cases[i].flags);
		char *errors;

		json_decref(end(&run, cases[i].status));
		errors = scratch_read(run.errors);
		if (!strstr(errors, cases[i].message))
			fail_msg("\"%s\" instead of \"%s\"", errors, cases[i].message);
		free(errors);
	}
	json_decref(ASK("--help", 0, "--help"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(asks_again_at_once),
		cmocka_unit_test(asks_at_a_rate),
		cmocka_unit_test(tells_of_lists_that_are_not_full),
		cmocka_unit_test(counts_other_statuses),
		cmocka_unit_test(asks_as_the_front_proxy),
		cmocka_unit_test(lists),
		cmocka_unit_test(lists_again_after_a_while),
		cmocka_unit_test(bothers),
		cmocka_unit_test(tells_what_is_wrong_with_a_server),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
