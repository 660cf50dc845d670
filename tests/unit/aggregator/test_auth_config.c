/* aggregator/kube/auth_config and auth_config_watch (and json_lines): what the ConfigMap says, and
 * following it. */
#include "aggregator/kube/auth_config.h"

#include "aggregator/kube/json_lines.h"
#include "base/clock.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/wait.h"

#include <errno.h>
#include <event2/event.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH        "/api/v1/namespaces/kube-system/configmaps"
#define NAME        "extension-apiserver-authentication"
#define PATIENCE_MS 60000

static struct pki *client_ca, *proxy_ca;

static int make_authorities(void **state)
{
	(void)state;
	client_ca = pki_new("clients");
	proxy_ca = pki_new("proxy");
	return 0;
}

static int free_authorities(void **state)
{
	(void)state;
	pki_free(client_ca);
	pki_free(proxy_ca);
	return 0;
}

/* --- reading ---------------------------------------------------------------------------------- */

/* An object with these keys: {key, value, …, NULL}. */
static json_t *make_object(const char *const *pairs)
{
	json_t *data = json_object();

	for (; *pairs; pairs += 2)
		assert_int_equal(json_object_set_new(data, pairs[0], json_string(pairs[1])), 0);
	return json_pack("{s:s, s:{s:s, s:s}, s:o}", "kind", "ConfigMap", "metadata", "name", NAME,
		"resourceVersion", "7", "data", data);
}

static int parse(const char *const *pairs, struct auth_config *config, struct error *err)
{
	json_t *object = make_object(pairs);
	char *text = json_dumps(object, 0);
	int r = auth_config_parse(text, strlen(text), config, err);

	free(text);
	json_decref(object);
	return r;
}

static void reads_all_of_it(void **state)
{
	const char *const pairs[] = {"client-ca-file", pki_ca(client_ca),
		"requestheader-client-ca-file", pki_ca(proxy_ca), "requestheader-username-headers",
		"[\"X-Remote-User\",\"X-User\"]", "requestheader-uid-headers", "[\"X-Remote-Uid\"]",
		"requestheader-group-headers", "[\"X-Remote-Group\"]",
		"requestheader-extra-headers-prefix", "[\"X-Remote-Extra-\"]",
		"requestheader-allowed-names", "[\"front-proxy\"]", "something-new", "x", NULL};
	struct auth_config config;
	struct error err;

	(void)state;
	assert_int_equal(parse(pairs, &config, &err), 0);
	assert_string_equal(config.client_ca_pem, pki_ca(client_ca));
	assert_string_equal(config.requestheader_ca_pem, pki_ca(proxy_ca));
	assert_int_equal(config.username_headers.count, 2);
	assert_string_equal(config.username_headers.item[1], "X-User");
	assert_int_equal(config.uid_headers.count, 1);
	assert_string_equal(config.group_headers.item[0], "X-Remote-Group");
	assert_string_equal(config.extra_prefixes.item[0], "X-Remote-Extra-");
	assert_string_equal(config.allowed_names.item[0], "front-proxy");
	assert_true(auth_config_same(&config, &config));
	auth_config_free(&config);
	assert_null(config.client_ca_pem);
}

static void what_is_absent_is_empty(void **state)
{
	static const char *const TEXTS[] = {"{}", "{\"data\":null}", "{\"data\":{}}",
		"{\"data\":{\"client-ca-file\":\"\",\"requestheader-allowed-names\":\"\"}}",
		"{\"data\":{\"client-ca-file\":null,\"requestheader-allowed-names\":\"[]\","
		"\"requestheader-uid-headers\":\"null\"}}"};

	(void)state;
	for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++) {
		struct auth_config config;
		struct error err;

		assert_int_equal(auth_config_parse(TEXTS[i], strlen(TEXTS[i]), &config, &err), 0);
		assert_null(config.client_ca_pem);
		assert_int_equal(config.allowed_names.count, 0);
		auth_config_free(&config);
	}
}

static void names_the_key_that_is_wrong(void **state)
{
	static const struct {
		const char *text, *message;
	} CASES[] = {
		{"", "a ConfigMap that is no JSON object"},
		{"[]", "a ConfigMap that is no JSON object"},
		{"{\"data\":[]}", "data is no object"},
		{"{\"data\":{\"client-ca-file\":7}}", "client-ca-file is no text"},
		{"{\"data\":{\"client-ca-file\":\"x\"}}", "client-ca-file has no certificates"},
		{"{\"data\":{\"requestheader-client-ca-file\":\"-----BEGIN CERTIFICATE-----\\n"
		 "AAAA\\n-----END CERTIFICATE-----\\n\"}}",
			"requestheader-client-ca-file has no certificates"},
		{"{\"data\":{\"requestheader-allowed-names\":\"a\"}}",
			"requestheader-allowed-names is no JSON array"},
		{"{\"data\":{\"requestheader-group-headers\":\"{}\"}}",
			"requestheader-group-headers is no JSON array"},
		{"{\"data\":{\"requestheader-group-headers\":\"[7]\"}}",
			"requestheader-group-headers has a name that is no text"},
		{"{\"data\":{\"requestheader-username-headers\":\"[\\\"a\\\",\\\"\\\"]\"}}",
			"requestheader-username-headers has a name that is no text"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct auth_config config;
		struct error err;

		assert_int_equal(
			auth_config_parse(CASES[i].text, strlen(CASES[i].text), &config, &err),
			-EINVAL);
		assert_memory_equal(err.message, CASES[i].message, strlen(CASES[i].message));
	}
}

/* A good certificate and a torn one behind it: the second would be missing later. */
static void refuses_a_torn_bundle(void **state)
{
	char pem[8192];
	const char *const pairs[] = {"client-ca-file", pem, NULL};
	const char *const good[] = {"client-ca-file", pki_ca(client_ca), NULL};
	struct auth_config config;
	struct error err;

	(void)state;
	(void)snprintf(pem, sizeof(pem), "%s%s", pki_ca(client_ca), pki_ca(proxy_ca));
	assert_int_equal(parse(pairs, &config, &err), 0);
	auth_config_free(&config);
	pem[strlen(pki_ca(client_ca)) + 100] = '!';
	assert_int_equal(parse(pairs, &config, &err), -EINVAL);
	assert_int_equal(parse(good, &config, &err), 0);
	auth_config_free(&config);
}

static void bounds_the_names(void **state)
{
	(void)state;
	for (int more = 0; more < 2; more++) {
		json_t *array = json_array();
		struct auth_config config;
		struct error err;
		char *text;

		for (int i = 0; i < AUTH_CONFIG_MAX_NAMES + more; i++)
			assert_int_equal(json_array_append_new(array, json_string("n")), 0);
		text = json_dumps(array, 0);
		const char *const pairs[] = {"requestheader-allowed-names", text, NULL};

		assert_int_equal(parse(pairs, &config, &err), more ? -EINVAL : 0);
		if (more)
			assert_string_equal(
				err.message, "requestheader-allowed-names has more than 64 names");
		else
			auth_config_free(&config);
		free(text);
		json_decref(array);
	}
}

/* --- lines ------------------------------------------------------------------------------------ */

static char lines_seen[256];

static int on_line(void *context, const char *text, size_t size)
{
	size_t length = strlen(lines_seen);

	(void)context;
	(void)snprintf(lines_seen + length, sizeof(lines_seen) - length, "%.*s|", (int)size, text);
	return size == 3 && memcmp(text, "bad", 3) == 0 ? -EILSEQ : 0;
}

static void takes_lines_apart(void **state)
{
	static const char TEXT[] = "one\n\ntwo two\nthree\nha";
	struct error err;

	(void)state;
	for (size_t piece = 1; piece <= sizeof(TEXT); piece++) {
		struct json_lines lines = {.line.limit = 7, .on_line = on_line};

		lines_seen[0] = '\0';
		for (size_t at = 0; at < sizeof(TEXT) - 1; at += piece) {
			size_t left = sizeof(TEXT) - 1 - at;

			assert_int_equal(json_lines_feed(&lines, TEXT + at,
						 left < piece ? left : piece, &err),
				0);
		}
		assert_string_equal(lines_seen, "one|two two|three|");
		assert_int_equal(json_lines_feed(&lines, "123456\n", 7, &err), -E2BIG);
		json_lines_free(&lines);
	}
	struct json_lines lines = {.line.limit = 7, .on_line = on_line};

	assert_int_equal(json_lines_feed(&lines, "bad\nx\n", 6, &err), -EILSEQ);
	json_lines_free(&lines);
}

/* --- following -------------------------------------------------------------------------------- */

struct world {
	struct kube_double *server;
	struct kube_feed *feed;
	_Atomic(const char *) allowed; /* in the list; NULL: there is no ConfigMap */
	struct event_base *base;
	struct telemetry *telemetry;
	struct kube_client *client;
	struct auth_config_watch *watch;
	unsigned changes;
	char names[64]; /* the first allowed one of the last change */
};

static void serve(struct kube_exchange *exchange, void *context)
{
	struct world *world = context;
	const char *allowed = world->allowed;
	char text[1024], item[512] = "";

	if (kube_exchange_asks(exchange, "watch=true")) {
		kube_feed_serve(exchange, world->feed);
		return;
	}
	if (allowed)
		(void)snprintf(item, sizeof(item),
			"{\"metadata\":{\"name\":\"" NAME
			"\"},\"data\":{\"requestheader-allowed-names\":\"[\\\"%s\\\"]\"}}",
			allowed);
	(void)snprintf(text, sizeof(text),
		"{\"kind\":\"ConfigMapList\",\"metadata\":{\"resourceVersion\":\"7\"},\"items\":"
		"[%s]}",
		item);
	(void)kube_exchange_reply_text(exchange, 200, "application/json", text);
}

static void on_change(void *context, const struct auth_config *config)
{
	struct world *world = context;

	world->changes++;
	(void)snprintf(world->names, sizeof(world->names), "%s",
		config->allowed_names.count ? config->allowed_names.item[0] : "");
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config;
	struct error err;

	assert_non_null(world);
	world->server = kube_double_start(NULL);
	world->feed = kube_feed_new("application/json");
	kube_double_on(world->server, PATH, serve, world);
	world->base = event_base_new();
	world->telemetry = telemetry_new();
	config = kube_double_config(world->server);
	const struct kube_client_options options = {
		.config = &config, .base = world->base, .telemetry = world->telemetry};

	world->client = kube_client_new(&options, &err);
	assert_non_null(world->client);
	world->watch = auth_config_watch_start(
		world->client, world->base, world->telemetry, on_change, world, &err);
	assert_non_null(world->watch);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	auth_config_watch_stop(world->watch);
	kube_client_free(world->client);
	kube_double_stop(world->server);
	kube_feed_free(world->feed);
	event_base_free(world->base);
	telemetry_free(world->telemetry);
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	const struct timeval step = {.tv_usec = 10000};

	(void)event_base_loopexit(world->base, &step);
	(void)event_base_dispatch(world->base);
}

static void await(struct world *world, const char *names)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;

	while (strcmp(world->names, names) != 0) {
		if (wait_now_ms() > until)
			fail_msg("'%s' did not come, but '%s'", names, world->names);
		turn(world);
	}
}

static void await_requests(struct world *world, unsigned count)
{
	uint64_t until = wait_now_ms() + PATIENCE_MS;

	while (kube_double_count(world->server, PATH) < count) {
		assert_true(wait_now_ms() < until);
		turn(world);
	}
}

static void push(struct world *world, const char *type, const char *allowed)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
		"{\"type\":\"%s\",\"object\":{\"metadata\":{\"name\":\"" NAME
		"\"},\"data\":{\"requestheader-allowed-names\":\"%s\"}}}\n",
		type, allowed);
	kube_feed_push_text(world->feed, text);
}

static uint64_t counted(const struct world *world, const char *name)
{
	return telemetry_get(telemetry_counter(world->telemetry, name, "", NULL, NULL));
}

static void lists_then_watches_by_name(void **state)
{
	struct world *world = *state;
	char *request;

	world->allowed = "one";
	await(world, "one");
	await_requests(world, 2);
	for (unsigned i = 0; i < 2; i++) {
		request = kube_double_request(world->server, PATH, i);
		assert_non_null(strstr(request, "fieldSelector=metadata.name%3D" NAME));
		free(request);
	}
	request = kube_double_request(world->server, PATH, 1);
	assert_non_null(strstr(request, "watch=true"));
	assert_non_null(strstr(request, "&resourceVersion=7&"));
	free(request);
	push(world, "MODIFIED", "[\\\"two\\\"]");
	await(world, "two");
	push(world, "MODIFIED", "[\\\"two\\\"]"); /* the same once more */
	push(world, "ADDED", "[\\\"three\\\"]");
	await(world, "three");
	assert_int_equal(world->changes, 3);
	assert_int_equal(counted(world, "tacho_aggregator_auth_config_changes_total"), 3);
}

static void keeps_the_last_good_one(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;

	world->allowed = "one";
	await(world, "one");
	push(world, "MODIFIED", "nonsense");
	push(world, "DELETED", "[]");
	kube_feed_push_text(world->feed,
		"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}\n");
	kube_feed_push_text(world->feed,
		"{\"type\":\"MODIFIED\",\"object\":{\"metadata\":{\"name\":\"another\"},\"data\":{}"
		"}}\n");
	push(world, "MODIFIED", "[\\\"two\\\"]");
	await(world, "two");
	assert_int_equal(world->changes, 2);
	assert_int_equal(counted(world, "tacho_aggregator_auth_config_refused_total"), 1);
	assert_true(log_capture_has(
		log, "the last one stands: requestheader-allowed-names is no JSON array", 10000));
	assert_true(log_capture_has(log, "was deleted; what it said stands", 10000));
	log_capture_stop(log);
}

/* Whatever becomes of the watch, the list tells what was missed. */
static void lists_again_after_a_watch(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;

	world->allowed = "one";
	await(world, "one");
	await_requests(world, 2);
	world->allowed = "two";
	kube_feed_push_text(world->feed,
		"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":"
		"\"Expired\",\"message\":\"too old\"}}\n");
	await(world, "two");
	await_requests(world, 4);
	world->allowed = "three";
	kube_feed_cut(world->feed);
	await(world, "three");
	await_requests(world, 6);
	world->allowed = "four";
	kube_feed_end(world->feed);
	await(world, "four");
	await_requests(world, 8);
	world->allowed = "five";
	kube_feed_push_text(world->feed, "no JSON\n");
	await(world, "five");
	log_capture_stop(log);
}

static void waits_for_it_to_be_there(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;

	await_requests(world, 2);
	assert_true(log_capture_has(log, "there is no ConfigMap kube-system/" NAME, 10000));
	assert_int_equal(world->changes, 0);
	push(world, "ADDED", "[\\\"one\\\"]");
	await(world, "one");
	log_capture_stop(log);
}

static void tries_again_when_it_may_not(void **state)
{
	struct log_capture *log = log_capture_start();
	struct world *world = *state;

	kube_double_answer(world->server, PATH, 403, "application/json",
		"{\"kind\":\"Status\",\"code\":403,\"reason\":\"Forbidden\",\"message\":\"no\"}");
	await_requests(world, 2);
	assert_true(log_capture_has(log, "403 Forbidden: no; again in", 10000));
	assert_true(counted(world, "tacho_aggregator_auth_config_failures_total") >= 1);
	kube_double_on(world->server, PATH, serve, world);
	world->allowed = "one";
	await(world, "one");
	log_capture_stop(log);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_all_of_it),
		cmocka_unit_test(what_is_absent_is_empty),
		cmocka_unit_test(names_the_key_that_is_wrong),
		cmocka_unit_test(refuses_a_torn_bundle),
		cmocka_unit_test(bounds_the_names),
		cmocka_unit_test(takes_lines_apart),
		cmocka_unit_test_setup_teardown(lists_then_watches_by_name, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_the_last_good_one, setup, teardown),
		cmocka_unit_test_setup_teardown(lists_again_after_a_watch, setup, teardown),
		cmocka_unit_test_setup_teardown(waits_for_it_to_be_there, setup, teardown),
		cmocka_unit_test_setup_teardown(tries_again_when_it_may_not, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make_authorities, free_authorities);
}
