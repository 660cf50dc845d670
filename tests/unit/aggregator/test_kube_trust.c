/* aggregator/kube/kube_client: whom it trusts and who it says it is, and both anew when files
 * change. */
#include "aggregator/kube/kube_client.h"

#include "tests/harness/kube_caller.h"
#include "tests/harness/kube_double.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct pki *pki, *stranger;
	struct kube_double *server;
	struct kube_caller *caller;
	struct scratch *scratch;
	char url[64];
	struct kube_config config;
};

/* Its config has a server alone. */
static void serve(struct world *world, const struct kube_double_options *options)
{
	struct kube_double_options mine = options ? *options : (struct kube_double_options){0};

	mine.pki = world->pki;
	kube_double_stop(world->server);
	world->server = kube_double_start(&mine);
	kube_double_answer(world->server, "/version", 200, "application/json", "{}");
	(void)snprintf(world->url, sizeof(world->url), "%s", kube_double_url(world->server));
	world->config = (struct kube_config){.server = world->url};
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->pki = pki_new("authority");
	world->stranger = pki_new("another authority");
	world->caller = kube_caller_new();
	world->scratch = scratch_new();
	serve(world, NULL);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	kube_caller_free(world->caller);
	kube_double_stop(world->server);
	scratch_free(world->scratch);
	pki_free(world->pki);
	pki_free(world->stranger);
	free(world);
	return 0;
}

/* A config points to texts of others here: nobody frees it. */
static char *borrow(const char *text)
{
	union {
		const char *in;
		char *out;
	} borrowed = {text};

	return borrowed.out;
}

static uint64_t reread(struct world *world, const char *kind)
{
	return kube_caller_counted(
		world->caller, "tacho_aggregator_kube_credentials_reread_total", "kind", kind);
}

static uint64_t bad(struct world *world, const char *kind)
{
	return kube_caller_counted(
		world->caller, "tacho_aggregator_kube_credentials_bad_total", "kind", kind);
}

/* The status of GET /version; 0 counts as a failure of TLS. */
static int ask(struct world *world)
{
	struct kube_asked asked = kube_asked_prepare(world->caller, "/version");
	uint64_t before = kube_caller_counted(
		world->caller, "tacho_aggregator_kube_failures_total", "reason", "tls");

	kube_asked_ask(&asked);
	if (asked.status == 0 &&
		kube_caller_counted(world->caller, "tacho_aggregator_kube_failures_total", "reason",
			"tls") != before + 1)
		fail_msg("not TLS: %s", asked.failure);
	kube_asked_forget(&asked);
	return asked.status;
}

static int connect_and_ask(struct world *world)
{
	kube_caller_connect(world->caller, &world->config);
	return ask(world);
}

/* --- whom we trust ---------------------------------------------------------------------------- */

static void trusts_its_ca_alone(void **state)
{
	struct world *world = *state;

	world->config.ca_pem = borrow(pki_ca(world->pki));
	assert_int_equal(connect_and_ask(world), 200);
	world->config.ca_pem = borrow(pki_ca(world->stranger));
	assert_int_equal(connect_and_ask(world), 0);
	world->config.ca_pem = NULL; /* the system's */
	assert_int_equal(connect_and_ask(world), 0);
	world->config.insecure = true;
	assert_int_equal(connect_and_ask(world), 200);
}

static void trusts_each_of_a_bundle(void **state)
{
	struct world *world = *state;
	char bundle[16384];

	(void)snprintf(bundle, sizeof(bundle), "# two\n%s\n%s", pki_ca(world->stranger),
		pki_ca(world->pki));
	world->config.ca_pem = bundle;
	assert_int_equal(connect_and_ask(world), 200);
}

static void verifies_the_name(void **state)
{
	static const struct {
		const char *names, *server_name;
		int status;
	} CASES[] = {
		{"IP:127.0.0.1", NULL, 200},
		{"DNS:localhost", NULL, 0},
		{"IP:127.0.0.2", NULL, 0},
		{"DNS:kubernetes.default.svc", "kubernetes.default.svc", 200},
		{"DNS:kubernetes.default.svc", "kubernetes.default", 0},
		{"IP:127.0.0.1", "kubernetes.default.svc", 0},
		{"IP:10.96.0.1", "10.96.0.1", 200},
		{"IP:fd00::1", "fd00::1", 200},
		{"IP:fd00::1", "fd00::2", 0},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_double_options options = {.names = CASES[i].names};
		int status;

		serve(world, &options);
		world->config.ca_pem = borrow(pki_ca(world->pki));
		world->config.server_name = borrow(CASES[i].server_name);
		status = connect_and_ask(world);
		if (status != CASES[i].status)
			fail_msg("%s as %s: %d", CASES[i].names, CASES[i].server_name, status);
	}
}

struct seen {
	char host[128], server_name[128], client[128], authorization[256];
};

static void look(struct kube_exchange *exchange, void *context)
{
	struct seen *seen = context;
	const char *host = kube_exchange_header(exchange, "Host");
	const char *name = kube_exchange_server_name(exchange);
	const char *client = kube_exchange_client(exchange);
	const char *authorization = kube_exchange_header(exchange, "Authorization");

	(void)snprintf(seen->host, sizeof(seen->host), "%s", host ? host : "");
	(void)snprintf(seen->server_name, sizeof(seen->server_name), "%s", name ? name : "");
	(void)snprintf(seen->client, sizeof(seen->client), "%s", client ? client : "");
	(void)snprintf(seen->authorization, sizeof(seen->authorization), "%s",
		authorization ? authorization : "");
	(void)kube_exchange_reply_text(exchange, 200, "application/json", "{}");
}

/* As client-go does it: the other name is TLS' alone. */
static void names_the_server_it_verifies(void **state)
{
	struct kube_double_options options = {.names = "DNS:kubernetes"};
	struct world *world = *state;
	struct seen seen = {0};

	serve(world, &options);
	kube_double_on(world->server, "/version", look, &seen);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.server_name = borrow("kubernetes");
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.server_name, "kubernetes");
	assert_string_equal(seen.host, world->url + strlen("https://"));
}

static void follows_its_ca_file(void **state)
{
	struct world *world = *state;
	struct log_capture *log;

	world->config.ca_file = borrow(scratch_write(world->scratch, "ca.crt", pki_ca(world->pki)));
	assert_int_equal(connect_and_ask(world), 200);
	/* The server has one of another CA now. */
	kube_double_certify(world->server, world->stranger, NULL);
	kube_double_cut(world->server);
	assert_int_equal(ask(world), 0);
	(void)scratch_write(world->scratch, "ca.crt", pki_ca(world->stranger));
	assert_int_equal(ask(world), 200);
	assert_int_equal(reread(world, "ca"), 1);
	/* What is no CA changes nothing, and is told once. */
	log = log_capture_start();
	(void)scratch_write(world->scratch, "ca.crt", "-----BEGIN CERTIFICATE-----\nnonsense\n");
	assert_int_equal(ask(world), 200);
	kube_double_cut(world->server);
	assert_int_equal(ask(world), 200);
	assert_int_equal(unlink(world->config.ca_file), 0);
	assert_int_equal(ask(world), 200);
	assert_int_equal(bad(world, "ca"), 1);
	assert_int_equal(log_capture_count(log, "can't be used"), 1);
	log_capture_stop(log);
}

/* A watch lives on as it was begun; new connections are made by the new CA. */
static void leaves_streams_alone(void **state)
{
	struct world *world = *state;
	struct kube_feed *feed = kube_feed_new("text/plain");
	struct kube_asked watch;

	kube_double_on(world->server, "/watch", kube_feed_serve, feed);
	world->config.ca_file = borrow(scratch_write(world->scratch, "ca.crt", pki_ca(world->pki)));
	kube_caller_connect(world->caller, &world->config);
	watch = kube_asked_prepare(world->caller, "/watch");
	watch.request.on_data = kube_asked_take;
	kube_asked_send(&watch);
	while (kube_feed_readers(feed) == 0)
		kube_caller_run_for(world->caller, 10);
	kube_double_certify(world->server, world->stranger, NULL);
	(void)scratch_write(world->scratch, "ca.crt", pki_ca(world->stranger));
	assert_int_equal(ask(world), 200);
	kube_feed_push_text(feed, "still here");
	kube_feed_end(feed);
	kube_caller_run_until(world->caller, &watch.done);
	assert_int_equal(watch.status, 200);
	assert_int_equal(watch.data.length, strlen("still here"));
	assert_int_equal(kube_double_connections(world->server), 2);
	kube_asked_forget(&watch);
	kube_double_stop(world->server);
	world->server = NULL;
	kube_feed_free(feed);
}

/* --- who we are ------------------------------------------------------------------------------- */

static void shows_its_certificate(void **state)
{
	struct world *world = *state;
	struct pki_pair pair = pki_issue(world->stranger, "DNS:client", 3600);
	struct kube_double_options options = {.client_ca = pki_ca(world->stranger)};
	struct seen seen = {0};

	serve(world, &options);
	kube_double_on(world->server, "/version", look, &seen);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.client, "");
	world->config.cert_pem = pair.cert;
	world->config.key_pem = pair.key;
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.client, "tacho test");
	world->config.cert_pem = NULL;
	world->config.cert_file = borrow(scratch_write(world->scratch, "tls.crt", pair.cert));
	assert_int_equal(connect_and_ask(world), 200);
	world->config.key_pem = NULL;
	world->config.key_file = borrow(scratch_write(world->scratch, "tls.key", pair.key));
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.client, "tacho test");
	pki_pair_free(&pair);
}

static void is_refused_with_a_strange_certificate(void **state)
{
	struct world *world = *state;
	struct pki_pair pair = pki_issue(world->pki, "DNS:client", 3600);
	struct kube_double_options options = {.client_ca = pki_ca(world->stranger)};
	struct kube_asked asked;

	serve(world, &options);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.cert_pem = pair.cert;
	world->config.key_pem = pair.key;
	kube_caller_connect(world->caller, &world->config);
	asked = kube_asked_prepare(world->caller, "/version");
	kube_asked_ask(&asked); /* refused at the first read, or reset */
	assert_int_equal(asked.status, 0);
	kube_asked_forget(&asked);
	pki_pair_free(&pair);
}

static void shows_its_token(void **state)
{
	struct world *world = *state;
	struct seen seen = {0};

	kube_double_on(world->server, "/version", look, &seen);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.token = borrow("abc.def");
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.authorization, "Bearer abc.def");
	/* The file wins. */
	world->config.token_file = borrow(scratch_write(world->scratch, "token", " of-a-file\r\n"));
	assert_int_equal(connect_and_ask(world), 200);
	assert_string_equal(seen.authorization, "Bearer of-a-file");
}

static void begins_with_good_files_only(void **state)
{
	struct world *world = *state;
	struct pki_pair one = pki_issue(world->pki, "DNS:a", 3600);
	struct pki_pair two = pki_issue(world->pki, "DNS:b", 3600);
	const char *none = scratch_path(world->scratch, "none");
	const char *empty = scratch_write(world->scratch, "empty", "\n");
	const char *two_lines = scratch_write(world->scratch, "two", "a\nEvil: header");
	const struct {
		struct kube_config config;
		const char *why;
	} cases[] = {
		{{.token_file = borrow(none)}, none},
		{{.token_file = borrow(empty)}, "empty"},
		{{.token_file = borrow(two_lines)}, "character 2"},
		{{.token = borrow("a b")}, "character 2"},
		{{.token = borrow("caf\xc3\xa9")}, "character 4"},
		{{.ca_file = borrow(none)}, none},
		{{.ca_file = borrow(empty)}, "no certificate"},
		{{.ca_pem = borrow("nonsense")}, "no certificate"},
		{{.cert_pem = one.cert, .key_pem = two.key}, "don't belong together"},
		{{.cert_pem = one.cert}, "without its key"},
		{{.key_pem = one.key}, "a key alone"},
		{{.cert_pem = one.cert, .key_pem = one.cert}, "not there"},
		{{.cert_file = borrow(none), .key_pem = one.key}, none},
		{{.server = borrow("https://")}, "server"},
		{{.server = borrow("https://h:99999")}, "server"},
		{{.server = borrow("https://h"), .server_name = borrow("a b")}, "as a b"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct kube_config config = cases[i].config;
		struct kube_client_options options = {
			&config, world->caller->base, world->caller->telemetry};
		struct error err = {{0}};

		if (!config.server)
			config.server = world->url;
		assert_null(kube_client_new(&options, &err));
		if (!strstr(err.message, cases[i].why))
			fail_msg("%zu: %s", i, err.message);
		assert_null(strstr(err.message, "Evil"));
	}
	pki_pair_free(&one);
	pki_pair_free(&two);
}

/* --- a token that expires --------------------------------------------------------------------- */

/* Lets in who shows the token that it has now, with a body that must be whole. */
static void guard(struct kube_exchange *exchange, void *context)
{
	const char *authorization = kube_exchange_header(exchange, "Authorization");
	char *wanted = context;

	if (!authorization || strcmp(authorization, wanted) != 0)
		(void)kube_exchange_reply_status(exchange, 401, "Unauthorized", "Unauthorized");
	else
		(void)kube_exchange_reply_text(
			exchange, 200, "text/plain", kube_exchange_body(exchange, NULL));
}

static struct kube_asked post(struct world *world)
{
	struct kube_asked asked = kube_asked_prepare(world->caller, "/guarded");

	asked.request.method = "POST";
	asked.request.content_type = "text/plain";
	asked.request.body = "a body";
	asked.request.size = 6;
	return asked;
}

static void tries_again_with_a_fresh_token(void **state)
{
	struct world *world = *state;
	struct kube_asked old, stale, fresh, streamed;
	struct log_capture *log = log_capture_start();
	char wanted[64] = "Bearer token-one", *text;

	kube_double_on(world->server, "/guarded", guard, wanted);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.token_file = borrow(scratch_write(world->scratch, "token", "token-one\n"));
	kube_caller_connect(world->caller, &world->config);
	old = post(world);
	kube_asked_ask(&old);
	assert_int_equal(old.status, 200);
	/* It has expired, and there is no new one yet: the 401 is the answer. */
	kube_double_stop(world->server);
	world->server = NULL;
	serve(world, NULL);
	(void)snprintf(wanted, sizeof(wanted), "Bearer token-two");
	kube_double_on(world->server, "/guarded", guard, wanted);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.token_file = borrow(scratch_path(world->scratch, "token"));
	kube_caller_connect(world->caller, &world->config);
	stale = post(world);
	kube_asked_ask(&stale);
	assert_int_equal(stale.status, 401);
	assert_int_equal(kube_double_count(world->server, "/guarded"), 1);
	/* There is: nobody notices. */
	(void)scratch_write(world->scratch, "token", "token-two\n");
	fresh = post(world);
	kube_asked_ask(&fresh);
	assert_int_equal(fresh.status, 200);
	assert_int_equal(fresh.done_count, 1);
	assert_int_equal(fresh.body.length, 6);
	assert_memory_equal(fresh.body.data, "a body", 6);
	assert_int_equal(kube_double_count(world->server, "/guarded"), 3);
	assert_int_equal(reread(world, "token"), 1);
	/* Once only. */
	(void)snprintf(wanted, sizeof(wanted), "Bearer token-four");
	(void)scratch_write(world->scratch, "token", "token-three\n");
	streamed = post(world);
	streamed.request.on_data = kube_asked_take;
	kube_asked_ask(&streamed);
	assert_int_equal(streamed.status, 401);
	assert_int_equal(streamed.pieces, 0);
	assert_int_equal(kube_double_count(world->server, "/guarded"), 5);
	text = log_capture_end(log);
	assert_null(strstr(text, "token-")); /* no token is ever logged */
	free(text);
	kube_asked_forget(&old);
	kube_asked_forget(&stale);
	kube_asked_forget(&fresh);
	kube_asked_forget(&streamed);
}

static void tries_many_again(void **state)
{
	enum { COUNT = 50 };
	struct world *world = *state;
	char wanted[] = "Bearer token-two";
	struct kube_asked asked[COUNT];

	kube_double_on(world->server, "/guarded", guard, wanted);
	world->config.ca_pem = borrow(pki_ca(world->pki));
	world->config.token_file = borrow(scratch_write(world->scratch, "token", "token-one"));
	kube_caller_connect(world->caller, &world->config);
	(void)scratch_write(world->scratch, "token", "token-two");
	for (size_t i = 0; i < COUNT; i++) {
		asked[i] = post(world);
		kube_asked_send(&asked[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		kube_caller_run_until(world->caller, &asked[i].done);
		assert_int_equal(asked[i].status, 200);
		assert_int_equal(asked[i].done_count, 1);
		kube_asked_forget(&asked[i]);
	}
	assert_int_equal(reread(world, "token"), 1);
	/* A token that does not come from a file is not tried twice. */
	world->config.token_file = NULL;
	world->config.token = borrow("token-one");
	kube_caller_connect(world->caller, &world->config);
	asked[0] = post(world);
	kube_asked_ask(&asked[0]);
	assert_int_equal(asked[0].status, 401);
	kube_asked_forget(&asked[0]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(trusts_its_ca_alone),
		TEST(trusts_each_of_a_bundle),
		TEST(verifies_the_name),
		TEST(names_the_server_it_verifies),
		TEST(follows_its_ca_file),
		TEST(leaves_streams_alone),
		TEST(shows_its_certificate),
		TEST(is_refused_with_a_strange_certificate),
		TEST(shows_its_token),
		TEST(begins_with_good_files_only),
		TEST(tries_again_with_a_fresh_token),
		TEST(tries_many_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
