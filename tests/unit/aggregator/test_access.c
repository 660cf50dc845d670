/* aggregator/access behind the API's gate: who is let in as whom, and what they may. Everything
 * over TLS, with certificates, in front of a double of kube-apiserver. */
#include "aggregator/access/access.h"

#include "aggregator/access/ca_bundle.h"
#include "aggregator/access/trust.h"
#include "tests/harness/guarded_api.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define V1 "/apis/metrics.k8s.io/v1"

#define ALICE "X-Remote-User: alice\r\n"
#define TOM   "Authorization: Bearer " GUARDED_TOKEN "\r\n"
#define WRONG "Authorization: Bearer wrong\r\n"

static struct guarded_api *api;

static int tear_down(void **state)
{
	(void)state;
	guarded_stop(api);
	api = NULL;
	return 0;
}

/* --- certificates ----------------------------------------------------------------------------- */

enum certificate {
	NONE,
	PROXY,          /* the front proxy's */
	PROXY_OTHER_CN, /* of its CA, with a name that is not allowed */
	PROXY_NAMELESS, /* of its CA, without a name */
	PROXY_EXPIRED,
	PROXY_SERVING, /* of its CA, for servers */
	PROXY_FORGED,  /* of another CA of that name */
	CLIENT,
	CLIENT_MASTER,
	CLIENT_AS_PROXY, /* a client's, with the front proxy's name */
	CLIENT_EXPIRED,
	CLIENT_NAMELESS,
	CERTIFICATES
};

static struct pki_pair pairs[CERTIFICATES];

static void issue(enum certificate which, const struct pki *pki, struct pki_client client)
{
	pairs[which] = pki_issue_client(pki, &client);
}

static void issue_all(void)
{
	const struct pki *proxy = guarded_proxy_ca(api), *client = guarded_client_ca(api);

	issue(PROXY, proxy,
		(struct pki_client){.common_name = "front-proxy-client", .usage = "clientAuth"});
	issue(PROXY_OTHER_CN, proxy, (struct pki_client){.common_name = "mallory"});
	issue(PROXY_NAMELESS, proxy, (struct pki_client){.organizations = {"o"}});
	issue(PROXY_EXPIRED, proxy,
		(struct pki_client){.common_name = "front-proxy-client", .seconds = -1});
	issue(PROXY_SERVING, proxy,
		(struct pki_client){.common_name = "front-proxy-client", .usage = "serverAuth"});
	issue(PROXY_FORGED, guarded_other_ca(api),
		(struct pki_client){.common_name = "front-proxy-client"});
	issue(CLIENT, client,
		(struct pki_client){.common_name = "carol",
			.organizations = {"ops", "eu"},
			.usage = "clientAuth"});
	issue(CLIENT_MASTER, client,
		(struct pki_client){.common_name = "root", .organizations = {"system:masters"}});
	issue(CLIENT_AS_PROXY, client, (struct pki_client){.common_name = "front-proxy-client"});
	issue(CLIENT_EXPIRED, client, (struct pki_client){.common_name = "carol", .seconds = -1});
	issue(CLIENT_NAMELESS, client, (struct pki_client){.organizations = {"ops"}});
}

static void free_certificates(void)
{
	for (size_t i = 0; i < CERTIFICATES; i++) {
		pki_pair_free(&pairs[i]);
		pairs[i] = (struct pki_pair){NULL, NULL};
	}
}

static const struct pki_pair *pair_of(enum certificate which)
{
	return which == NONE ? NULL : &pairs[which];
}

/* Nothing is kept, so that each request is asked about. */
static const struct access_options FORGETFUL = {
	.token_ttl_ns = 1, .allow_ttl_ns = 1, .deny_ttl_ns = 1};

static char proxy_name[] = "front-proxy-client";
static char *proxy_names[] = {proxy_name};

static void start(bool one_ca)
{
	struct guarded_options options = {.access = FORGETFUL, .one_ca = one_ca};

	options.access.allowed_names = (struct string_list){proxy_names, 1};
	api = guarded_start(&options);
	issue_all();
}

/* --- who asks --------------------------------------------------------------------------------- */

struct who {
	enum certificate certificate;
	const char *headers;
	const char *user; /* as guarded_last_access() tells; NULL: 401 */
};

/* As what user each comes to the question whether they may. */
static void check_each(const struct who *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct https_response answer = guarded_ask(
			api, pair_of(cases[i].certificate), "GET", "/who", cases[i].headers);
		char *asked = guarded_last_access(api);
		const char *expected = cases[i].user;

		if (answer.status != (expected ? 403 : 401))
			fail_msg("case %zu: %d %s", i, answer.status, answer.body);
		/* of a certificate's fingerprint only the beginning is known */
		if (expected && strncmp(asked, expected, strlen(expected)) != 0)
			fail_msg("case %zu: %s", i, asked);
		free(asked);
		https_response_free(&answer);
	}
}

#define ANONYMOUS "system:anonymous||system:unauthenticated||get /who"
#define CAROL     "carol||ops,eu,system:authenticated|authentication.kubernetes.io/credential-id=X5"
#define TOM_IS    "tom|7|dev,system:authenticated|k=v;|get /who"

static void everyone_is_who_they_show_to_be(void **state)
{
	static const struct who CASES[] = {
		{NONE, "", ANONYMOUS},
		/* the front proxy, and who is none */
		{PROXY, ALICE, "alice||system:authenticated||get /who"},
		{PROXY, ALICE "X-Remote-Group: dev\r\nX-Remote-Group: a,b\r\n",
			"alice||dev,a,b,system:authenticated||get /who"},
		{PROXY, ALICE "X-Remote-Uid: 42\r\nX-Remote-Extra-Scopes%2fx: Y\r\n",
			"alice|42|system:authenticated|scopes/x=Y;|get /who"},
		{PROXY_OTHER_CN, ALICE, NULL},
		{PROXY_NAMELESS, ALICE, NULL},
		{PROXY_EXPIRED, ALICE, NULL},
		{PROXY_SERVING, ALICE, NULL},
		{PROXY_FORGED, ALICE, NULL},
		{CLIENT_AS_PROXY, ALICE "X-Remote-Group: system:masters\r\n",
			"front-proxy-client||system:authenticated|authen"},
		{NONE, ALICE "X-Remote-Group: system:masters\r\n", ANONYMOUS},
		{NONE, TOM ALICE "X-Remote-Group: system:masters\r\n", TOM_IS},
		{CLIENT, ALICE "X-Remote-Group: system:masters\r\n", CAROL},
		/* the front proxy's certificate without a user is not believed as a client's */
		{PROXY, "", NULL},
		{PROXY, "X-Remote-User: \r\n", NULL},
		{PROXY, "X-Remote-Group: system:masters\r\n", NULL},
		/* clients */
		{CLIENT, "", CAROL},
		{CLIENT_EXPIRED, "", NULL},
		{CLIENT_NAMELESS, "", NULL},
		/* tokens */
		{NONE, TOM, TOM_IS},
		{NONE, "Authorization: bearer " GUARDED_TOKEN "\r\n", TOM_IS},
		{NONE, "Authorization: BEARER " GUARDED_TOKEN " x\r\n", TOM_IS},
		{NONE, WRONG, NULL},
		{NONE, "Authorization: Bearer  " GUARDED_TOKEN "\r\n", ANONYMOUS},
		{NONE, "Authorization: Bearer \r\n", ANONYMOUS},
		{NONE, "Authorization: Basic dG9tOng=\r\n", ANONYMOUS},
		{NONE, "Authorization: " GUARDED_TOKEN "\r\n", ANONYMOUS},
		/* all are tried: one that succeeds is enough */
		{CLIENT, WRONG, CAROL},
		{CLIENT, TOM, CAROL},
		{PROXY, ALICE WRONG, "alice||system:authenticated||get /who"},
		{PROXY, TOM, TOM_IS},
		{PROXY_FORGED, TOM, TOM_IS},
		{PROXY_OTHER_CN, ALICE TOM, TOM_IS},
		{CLIENT_EXPIRED, TOM, TOM_IS},
		{CLIENT_EXPIRED, WRONG, NULL},
		/* the group is appended but to whom a proxy names anonymous */
		{PROXY, "X-Remote-User: system:kube-aggregator\r\n",
			"system:kube-aggregator||system:authenticated||get /who"},
		{PROXY,
			"X-Remote-User: system:anonymous\r\nX-Remote-Group: "
			"system:unauthenticated\r\n",
			ANONYMOUS},
		{PROXY, "X-Remote-User: system:anonymous\r\n", "system:anonymous||||get /who"},
		{PROXY, ALICE "X-Remote-Group: system:authenticated\r\nX-Remote-Group: dev\r\n",
			"alice||system:authenticated,dev||get /who"},
		{PROXY, ALICE "X-Remote-Group: system:unauthenticated\r\n",
			"alice||system:unauthenticated||get /who"},
		/* impersonation is the front proxy's matter */
		{CLIENT, "Impersonate-User: root\r\nImpersonate-Group: system:masters\r\n", CAROL},
		{PROXY, ALICE "Impersonate-User: root\r\n",
			"alice||system:authenticated||get /who"},
	};

	(void)state;
	start(false);
	check_each(CASES, sizeof(CASES) / sizeof(CASES[0]));
	assert_true(guarded_figure(api, "tacho_aggregator_authentications_total", "method",
			    "front_proxy") >= 8);
	assert_true(guarded_figure(api, "tacho_aggregator_authentications_total", "method",
			    "certificate") >= 5);
	assert_true(guarded_figure(
			    api, "tacho_aggregator_authentications_total", "method", "token") >= 7);
	assert_true(guarded_figure(api, "tacho_aggregator_authentications_total", "method",
			    "anonymous") >= 6);
	assert_true(guarded_figure(api, "tacho_aggregator_authentication_failures_total", "reason",
			    "certificate") >= 9);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_authentication_failures_total",
				 "reason", "token"),
		2);
	free_certificates();
}

/* A cluster whose front proxies and clients come from one CA tells them by name. */
static void one_authority_may_be_both(void **state)
{
	static const struct who CASES[] = {
		{PROXY, ALICE, "alice||system:authenticated||get /who"},
		{PROXY_OTHER_CN, ALICE "X-Remote-Group: system:masters\r\n",
			"mallory||system:authenticated|authent"},
		/* it is a client, too */
		{PROXY, "", "front-proxy-client||system:authenticated|authent"},
		{PROXY_EXPIRED, ALICE, NULL},
		{CLIENT, "", NULL},
	};

	(void)state;
	start(true);
	check_each(CASES, sizeof(CASES) / sizeof(CASES[0]));
	free_certificates();
}

static void any_name_may_be_the_proxys_if_none_is_said(void **state)
{
	static const struct who CASES[] = {
		{PROXY, ALICE, "alice||system:authenticated||get /who"},
		{PROXY_OTHER_CN, ALICE, "alice||system:authenticated||get /who"},
		{PROXY_NAMELESS, ALICE, "alice||system:authenticated||get /who"},
		{PROXY_FORGED, ALICE, NULL},
		{CLIENT, ALICE, CAROL},
	};
	const struct guarded_options options = {.access = FORGETFUL};

	(void)state;
	api = guarded_start(&options);
	issue_all();
	check_each(CASES, sizeof(CASES) / sizeof(CASES[0]));
	free_certificates();
}

static void headers_have_the_names_that_are_configured(void **state)
{
	static char user[] = "X-My-User", uid[] = "X-My-Uid", group[] = "X-My-Group",
		    extra[] = "X-My-Extra-";
	static char *users[] = {user}, *uids[] = {uid}, *groups[] = {group}, *extras[] = {extra};
	static const struct who CASES[] = {
		{PROXY, "X-My-User: bob\r\nX-My-Group: g\r\nX-My-Uid: 1\r\nX-My-Extra-k: v\r\n",
			"bob|1|g,system:authenticated|k=v;|get /who"},
		{PROXY, ALICE, NULL},
		{PROXY, "X-My-User: bob\r\nX-Remote-Group: system:masters\r\n",
			"bob||system:authenticated||get /who"},
	};
	struct guarded_options options = {.access = FORGETFUL};

	(void)state;
	options.access.username_headers = (struct string_list){users, 1};
	options.access.uid_headers = (struct string_list){uids, 1};
	options.access.group_headers = (struct string_list){groups, 1};
	options.access.extra_prefixes = (struct string_list){extras, 1};
	api = guarded_start(&options);
	issue_all();
	check_each(CASES, sizeof(CASES) / sizeof(CASES[0]));
	free_certificates();
}

/* --- whether they may ------------------------------------------------------------------------- */

static void what_is_asked_is_what_is_wanted(void **state)
{
	static const struct {
		const char *method, *target, *asked;
	} CASES[] = {
		{"GET", V1 "/nodes", "list  metrics.k8s.io/v1 nodes/ "},
		{"GET", V1 "/nodes/n0", "get  metrics.k8s.io/v1 nodes/ n0"},
		{"GET", V1 "/namespaces/ns/pods?labelSelector=a",
			"list ns metrics.k8s.io/v1 pods/ "},
		{"GET", V1 "/nodes?watch=1", "watch  metrics.k8s.io/v1 nodes/ "},
		{"GET", V1 "/nodes?fieldSelector=metadata.name%3Dn0",
			"list  metrics.k8s.io/v1 nodes/ n0"},
		{"HEAD", V1 "/nodes", "list  metrics.k8s.io/v1 nodes/ "},
		{"DELETE", V1 "/nodes", "deletecollection  metrics.k8s.io/v1 nodes/ "},
		{"POST", V1 "/namespaces/ns/pods", "create ns metrics.k8s.io/v1 pods/ "},
		{"PUT", V1 "/nodes/n", "update  metrics.k8s.io/v1 nodes/ n"},
		{"PATCH", V1 "/nodes/n", "patch  metrics.k8s.io/v1 nodes/ n"},
		{"OPTIONS", V1 "/nodes", "  metrics.k8s.io/v1 nodes/ "},
		{"GET", V1, "get " V1},
		{"GET", "/metrics", "get /metrics"},
		{"GET", "/version", "get /version"},
		{"GET", "/openapi/v2", "get /openapi/v2"},
		{"GET", "/readyz/ping", "get /readyz/ping"},
		{"GET", "/readyz/", "get /readyz/"},
		{"POST", "/nothing/like/it", "post /nothing/like/it"},
	};

	(void)state;
	start(false);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https_response answer =
			guarded_ask(api, &pairs[PROXY], CASES[i].method, CASES[i].target, ALICE);
		char *asked = guarded_last_access(api), expected[200], value[20];

		(void)snprintf(expected, sizeof(expected), "alice||system:authenticated||%s",
			CASES[i].asked);
		/* also of what is not there or can't be done: nobody learns that */
		if (answer.status != 403)
			fail_msg("%s %s: %d", CASES[i].method, CASES[i].target, answer.status);
		if (strcmp(asked, expected) != 0)
			fail_msg("%s %s: %s", CASES[i].method, CASES[i].target, asked);
		assert_true(https_header(&answer, "X-Content-Type-Options", value, sizeof(value)));
		assert_string_equal(value, "nosniff");
		free(asked);
		https_response_free(&answer);
	}
	free_certificates();
}

static void who_may_gets_what_is_there(void **state)
{
	static const struct {
		const char *method, *target;
		int code;
	} CASES[] = {
		{"GET", V1 "/nodes", 200},
		{"GET", V1, 200},
		{"GET", "/version", 200},
		{"GET", "/readyz/ping", 200},
		{"GET", "/nothing", 404},
		{"GET", "/readyz/", 404},
		{"GET", V1 "/nodes/none", 404},
		{"POST", V1 "/nodes", 405},
		{"PUT", V1 "/nodes/n", 405},
		{"PATCH", V1 "/nodes/n", 405},
		{"DELETE", V1 "/nodes", 405},
		{"OPTIONS", V1 "/nodes", 405},
		{"HEAD", V1 "/nodes", 405},
		{"GET", V1 "/nodes?watch=1", 405},
		{"GET", V1 "/watch", 500},
	};

	(void)state;
	start(false);
	guarded_allow(api, true);
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct https_response answer =
			guarded_ask(api, &pairs[PROXY], CASES[i].method, CASES[i].target, ALICE);

		if (answer.status != CASES[i].code)
			fail_msg("%s %s: %d %s", CASES[i].method, CASES[i].target, answer.status,
				answer.body);
		https_response_free(&answer);
	}
	free_certificates();
}

/* Else a probe would depend on the API that it gates. */
static void masters_and_open_paths_are_not_asked_about(void **state)
{
	static char open_path[] = "/metrics", open_below[] = "/apis/*";
	static char *paths[] = {open_path, open_below};
	struct guarded_options options = {.access = FORGETFUL};

	(void)state;
	options.access.always_allow_paths = (struct string_list){paths, 2};
	api = guarded_start(&options);
	issue_all();
	guarded_set_accesses(api, GUARDED_ERRS);
	assert_int_equal(guarded_code(api, &pairs[PROXY], V1 "/nodes",
				 "X-Remote-User: system:kube-aggregator\r\nX-Remote-Group: "
				 "system:masters\r\n"),
		200);
	assert_int_equal(guarded_code(api, &pairs[CLIENT_MASTER], V1 "/nodes", ""), 200);
	assert_int_equal(guarded_code(api, NULL, V1 "/nodes",
				 "Authorization: Bearer " GUARDED_MASTER_TOKEN "\r\n"),
		200);
	assert_int_equal(guarded_code(api, NULL, "/healthz", ""), 200);
	assert_int_equal(guarded_code(api, NULL, "/livez?verbose", ""), 200);
	assert_int_equal(guarded_code(api, NULL, "/readyz", ""), 200);
	assert_int_equal(guarded_code(api, NULL, "/metrics", ""), 200);
	assert_int_equal(guarded_code(api, NULL, V1, ""), 200);
	assert_int_equal(guarded_access_reviews(api), 0);
	/* of a resource the path does not count */
	assert_int_equal(guarded_code(api, NULL, V1 "/nodes", ""), 500);
	assert_int_equal(guarded_code(api, NULL, "/readyz/ping", ""), 500);
	assert_int_equal(guarded_access_reviews(api), 2);
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_authorizations_total", "decision", "masters"),
		3);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_authorizations_total", "decision",
				 "open_path"),
		5);
	free_certificates();
}

/* "None succeeded and one erred" is 401 everywhere. */
static void bad_credentials_are_refused_on_every_path(void **state)
{
	static const char *const PATHS[] = {"/healthz", "/livez", "/readyz", "/version", "/", V1};

	(void)state;
	start(false);
	for (size_t i = 0; i < sizeof(PATHS) / sizeof(PATHS[0]); i++) {
		struct https_response answer = guarded_ask(api, NULL, "GET", PATHS[i], WRONG);

		assert_int_equal(answer.status, 401);
		assert_string_equal(answer.body,
			"{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":"
			"\"Failure\",\"message\":\"Unauthorized\",\"reason\":\"Unauthorized\","
			"\"code\":401}\n");
		https_response_free(&answer);
		assert_int_equal(guarded_code(api, &pairs[PROXY_FORGED], PATHS[i], ""), 401);
		assert_int_equal(guarded_code(api, &pairs[CLIENT_EXPIRED], PATHS[i], ""), 401);
	}
	/* a malformed timeout is told to anyone */
	assert_int_equal(guarded_code(api, NULL, "/healthz?timeout=x", WRONG), 400);
	guarded_set_tokens(api, GUARDED_ERRS);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 401);
	assert_int_equal(guarded_figure(api, "tacho_aggregator_authentication_failures_total",
				 "reason", "review"),
		1);
	free_certificates();
}

static void a_token_that_is_too_long_is_nobodys(void **state)
{
	char *headers = malloc(ACCESS_MAX_TOKEN + 100);
	unsigned before;

	(void)state;
	assert_non_null(headers);
	start(false);
	for (size_t length = ACCESS_MAX_TOKEN; length <= ACCESS_MAX_TOKEN + 1; length++) {
		char *to = stpcpy(headers, "Authorization: Bearer ");

		memset(to, 't', length);
		(void)stpcpy(to + length, "\r\n");
		before = guarded_token_reviews(api);
		assert_int_equal(guarded_code(api, NULL, "/healthz", headers), 401);
		assert_int_equal(
			guarded_token_reviews(api) - before, length == ACCESS_MAX_TOKEN ? 1 : 0);
	}
	free(headers);
	free_certificates();
}

static void the_token_is_reviewed_for_the_servers_own_audience(void **state)
{
	char *audiences;

	(void)state;
	start(false);
	assert_int_equal(guarded_code(api, NULL, "/healthz", TOM), 200);
	audiences = guarded_last_token(api);
	assert_string_equal(audiences, "");
	free(audiences);
	free_certificates();
}

/* --- what changes while connections live ------------------------------------------------------ */

static bool is_refused(void *connection)
{
	struct https_response answer = guarded_ask_on(connection, "GET", "/healthz", ALICE);
	int code = answer.status;

	https_response_free(&answer);
	return code == 401;
}

static bool is_let_in(void *connection)
{
	return !is_refused(connection);
}

static bool was_half_a_file(void *unused)
{
	(void)unused;
	return guarded_figure(api, "tacho_aggregator_ca_failures_total", "of", "front proxies") > 0;
}

static void a_connection_is_judged_by_the_authorities_of_today(void **state)
{
	struct https *connection, *forged;

	(void)state;
	start(false);
	connection = guarded_connect(api, &pairs[PROXY]);
	forged = guarded_connect(api, &pairs[PROXY_FORGED]);
	for (int i = 0; i < 3; i++) {
		assert_true(is_let_in(connection));
		assert_true(is_refused(forged));
	}
	/* both, as in the middle of a rotation */
	char *both = NULL;

	assert_true(asprintf(&both, "%s%s", pki_ca(guarded_proxy_ca(api)),
			    pki_ca(guarded_other_ca(api))) > 0);
	guarded_replace_proxy_ca(api, both);
	free(both);
	assert_true(wait_until(is_let_in, forged, 60000));
	assert_true(is_let_in(connection));
	/* half a file changes nothing */
	guarded_replace_proxy_ca(api, "-----BEGIN CERTIFICATE-----\nMIIB");
	assert_true(wait_until(was_half_a_file, NULL, 60000));
	assert_true(is_let_in(connection));
	assert_true(is_let_in(forged));
	/* and the old one has gone */
	guarded_replace_proxy_ca(api, pki_ca(guarded_other_ca(api)));
	assert_true(wait_until(is_refused, connection, 60000));
	assert_true(is_let_in(forged));
	assert_int_equal(
		guarded_figure(api, "tacho_aggregator_ca_failures_total", "of", "front proxies"),
		1);
	https_close(connection);
	https_close(forged);
	free_certificates();
}

/* It is looked at each second, and told of once a minute. */
static void a_file_that_can_not_be_read_does_not_fill_the_log(void **state)
{
	const size_t size = CA_BUNDLE_MAX_BYTES + 1;
	char *long_text = malloc(size + 1);
	struct log_capture *log;
	struct https *connection;
	unsigned lines;

	(void)state;
	start(false);
	connection = guarded_connect(api, &pairs[PROXY]);
	assert_non_null(long_text);
	memset(long_text, '\n', size);
	long_text[size] = '\0';
	log = log_capture_start();
	guarded_replace_proxy_ca(api, long_text);
	free(long_text);
	wait_ms(3 * TRUST_POLL_MS + 500);
	lines = log_capture_count(log, "the CA of front proxies stays as it was: ");
	log_capture_stop(log);
	assert_int_equal(lines, 1);
	assert_true(guarded_figure(
			    api, "tacho_aggregator_ca_failures_total", "of", "front proxies") >= 2);
	assert_true(is_let_in(connection));
	https_close(connection);
	free_certificates();
}

static void a_certificate_expires_on_a_living_connection(void **state)
{
	const struct pki_client brief = {.common_name = proxy_name, .seconds = 12};
	struct https *connection;
	struct pki_pair pair;

	(void)state;
	start(false);
	pair = pki_issue_client(guarded_proxy_ca(api), &brief);
	connection = guarded_connect(api, &pair);
	assert_true(is_let_in(connection));
	assert_true(wait_until(is_refused, connection, 60000));
	https_close(connection);
	pki_pair_free(&pair);
	free_certificates();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(everyone_is_who_they_show_to_be, tear_down),
		cmocka_unit_test_teardown(one_authority_may_be_both, tear_down),
		cmocka_unit_test_teardown(any_name_may_be_the_proxys_if_none_is_said, tear_down),
		cmocka_unit_test_teardown(headers_have_the_names_that_are_configured, tear_down),
		cmocka_unit_test_teardown(what_is_asked_is_what_is_wanted, tear_down),
		cmocka_unit_test_teardown(who_may_gets_what_is_there, tear_down),
		cmocka_unit_test_teardown(masters_and_open_paths_are_not_asked_about, tear_down),
		cmocka_unit_test_teardown(bad_credentials_are_refused_on_every_path, tear_down),
		cmocka_unit_test_teardown(a_token_that_is_too_long_is_nobodys, tear_down),
		cmocka_unit_test_teardown(
			the_token_is_reviewed_for_the_servers_own_audience, tear_down),
		cmocka_unit_test_teardown(
			a_connection_is_judged_by_the_authorities_of_today, tear_down),
		cmocka_unit_test_teardown(
			a_file_that_can_not_be_read_does_not_fill_the_log, tear_down),
		cmocka_unit_test_teardown(a_certificate_expires_on_a_living_connection, tear_down),
	};

	return cmocka_run_group_tests_name("access", tests, NULL, NULL);
}
