/* aggregator/kube/kube_config: what a pod finds, and kubeconfig files, good and bad. */
#include "aggregator/kube/kube_config.h"

#include "aggregator/standalone/kubeconfig.h"
#include "base/buffer.h"
#include "tests/harness/scratch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONTEXT(cluster, user)                                                                      \
	"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"               \
	"clusters: [{name: other, cluster: {server: 'https://other'}}, {name: k, cluster: " cluster \
	"}]\nusers: [{name: u, user: " user "}]\n"
#define GOOD_CLUSTER "{server: 'https://h:6443'}"

static void leave_the_pod(void)
{
	(void)unsetenv("KUBERNETES_SERVICE_HOST");
	(void)unsetenv("KUBERNETES_SERVICE_PORT");
}

static int setup(void **state)
{
	*state = scratch_new();
	leave_the_pod();
	return 0;
}

static int teardown(void **state)
{
	scratch_free(*state);
	return 0;
}

static void check(const char *what, const char *got, const char *expected)
{
	if (!got != !expected || (got && strcmp(got, expected) != 0))
		fail_msg("%s is %s and not %s", what, got ? got : "absent",
			expected ? expected : "absent");
}

struct wanted {
	const char *server, *server_name, *ca_file, *ca_pem;
	const char *cert_file, *cert_pem, *key_file, *key_pem, *token, *token_file;
	bool insecure;
};

static void check_config(const struct kube_config *got, const struct wanted *expected)
{
	check("server", got->server, expected->server);
	check("server_name", got->server_name, expected->server_name);
	check("ca_file", got->ca_file, expected->ca_file);
	check("ca_pem", got->ca_pem, expected->ca_pem);
	check("cert_file", got->cert_file, expected->cert_file);
	check("cert_pem", got->cert_pem, expected->cert_pem);
	check("key_file", got->key_file, expected->key_file);
	check("key_pem", got->key_pem, expected->key_pem);
	check("token", got->token, expected->token);
	check("token_file", got->token_file, expected->token_file);
	assert_int_equal(got->insecure, expected->insecure);
}

/* --- files ------------------------------------------------------------------------------------ */

static void takes(void **state)
{
	const char *ca = scratch_path(*state, "ca.crt"), *key = scratch_path(*state, "../k"),
		   *token = scratch_path(*state, "t");
	const struct {
		const char *text;
		struct wanted wanted;
	} cases[] = {
		{CONTEXT(GOOD_CLUSTER, "{token: abc}"),
			{.server = "https://h:6443", .token = "abc"}},
		{CONTEXT("{server: 'https://[::1]:6443/'}", "{}"),
			{.server = "https://[::1]:6443"}},
		{CONTEXT("{server: 'HTTPS://h/k8s/clusters/c-1//'}", "null"),
			{.server = "HTTPS://h/k8s/clusters/c-1"}},
		{CONTEXT("{server: 'https://h', tls-server-name: kubernetes, "
			 "insecure-skip-tls-verify: true}",
			 "{token: ''}"),
			{.server = "https://h", .server_name = "kubernetes", .insecure = true}},
		{CONTEXT("{server: 'https://h', insecure-skip-tls-verify: false, "
			 "certificate-authority-data: Zm9v, certificate-authority: /x, "
			 "disable-compression: true, extensions: [{name: x}]}",
			 "{client-certificate-data: Zm8=, client-key-data: Zg==}"),
			{.server = "https://h", .ca_pem = "foo", .cert_pem = "fo", .key_pem = "f"}},
		{CONTEXT("{server: 'https://h', certificate-authority: ca.crt}",
			 "{client-certificate: /abs/c, client-key: ../k, tokenFile: t, token: no}"),
			{.server = "https://h",
				.ca_file = ca,
				.cert_file = "/abs/c",
				.key_file = key,
				.token_file = token}},
		{CONTEXT(GOOD_CLUSTER, "{exec: null, username: '', as: ~, token: x}"),
			{.server = "https://h:6443", .token = "x"}},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = scratch_write(*state, "kubeconfig", cases[i].text);
		struct kube_config config;
		struct error err;

		if (kube_config_load(path, &config, &err) < 0)
			fail_msg("%s", err.message);
		check_config(&config, &cases[i].wanted);
		kube_config_free(&config);
		kube_config_free(&config);
	}
}

static void takes_the_current_context(void **state)
{
	const char *path = scratch_write(*state, "kubeconfig",
		"apiVersion: v1\n"
		"kind: Config\n"
		"preferences: {}\n"
		"clusters:\n"
		"- cluster:\n"
		"    server: https://one\n"
		"  name: one\n"
		"- cluster:\n"
		"    server: https://two\n"
		"  name: two\n"
		"contexts:\n"
		"- context:\n"
		"    cluster: one\n"
		"    user: a\n"
		"  name: first\n"
		"- context:\n"
		"    cluster: two\n"
		"    namespace: somewhere\n"
		"    user: b\n"
		"  name: second\n"
		"current-context: second\n"
		"users:\n"
		"- name: a\n"
		"  user:\n"
		"    exec: {command: aws}\n"
		"- name: b\n"
		"  user:\n"
		"    token: tb\n");
	struct kube_config config;
	struct wanted expected = {.server = "https://two", .token = "tb"};
	struct error err;

	assert_int_equal(kube_config_load(path, &config, &err), 0);
	check_config(&config, &expected);
	kube_config_free(&config);
}

/* What the standalone aggregator writes for kubectl is JSON. */
static void takes_json(void **state)
{
	const char *path = scratch_path(*state, "kubeconfig");
	struct kubeconfig written = {
		.server = "https://127.0.0.1:8443", .ca = "PEM\n", .ca_size = 4, .token = "t"};
	struct kube_config config;
	struct wanted expected = {
		.server = "https://127.0.0.1:8443", .ca_pem = "PEM\n", .token = "t"};
	struct error err;

	assert_int_equal(kubeconfig_write(path, &written, &err), 0);
	assert_int_equal(kube_config_load(path, &config, &err), 0);
	check_config(&config, &expected);
	kube_config_free(&config);
}

static void refuses(void **state)
{
	static const struct {
		const char *text;
		int r;
		const char *why;
	} CASES[] = {
		{"", -EINVAL, "not a kubeconfig"},
		{"- a\n", -EINVAL, "not a kubeconfig"},
		{"a: [", -EINVAL, "line"},
		{"{}", -EINVAL, "no current-context"},
		{"current-context: ''", -EINVAL, "no current-context"},
		{"current-context: [c]", -EINVAL, "current-context is not a text"},
		{"current-context: c", -EINVAL, "no context \"c\""},
		{"current-context: c\ncontexts: {name: c}", -EINVAL, "contexts is not a list"},
		{"current-context: c\ncontexts: [{name: c}]", -EINVAL, "names no cluster"},
		{"current-context: c\ncontexts: [{name: c, context: x}]", -EINVAL, "not a mapping"},
		{"current-context: c\ncontexts: [{name: c, context: {cluster: k}}]", -EINVAL,
			"no cluster \"k\""},
		{"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: x}}]\n"
		 "clusters: [{name: k, cluster: {server: 'https://h'}}]",
			-EINVAL, "no user \"x\""},
		{CONTEXT("{}", "{}"), -EINVAL, "no server"},
		{CONTEXT("null", "{}"), -EINVAL, "no server"},
		{CONTEXT("{server: [x]}", "{}"), -EINVAL, "server is not a text"},
		{CONTEXT("{server: 'http://h'}", "{}"), -ENOTSUP, "plain http"},
		{CONTEXT("{server: h}", "{}"), -EINVAL, "is not https://HOST:PORT"},
		{CONTEXT("{server: 'https://'}", "{}"), -EINVAL, "is not https://HOST:PORT"},
		{CONTEXT("{server: 'https:///'}", "{}"), -EINVAL, "is not https://HOST:PORT"},
		{CONTEXT("{server: 'https://u:p@h'}", "{}"), -EINVAL, "is not https://HOST:PORT"},
		{CONTEXT("{server: 'https://h?x'}", "{}"), -EINVAL, "is not https://HOST:PORT"},
		{CONTEXT("{server: 'https://h', proxy-url: 'http://p'}", "{}"), -ENOTSUP,
			"proxy-url"},
		{CONTEXT("{server: 'https://h', insecure-skip-tls-verify: yes}", "{}"), -EINVAL,
			"neither true nor false"},
		{CONTEXT("{server: 'https://h', insecure-skip-tls-verify: 'true'}", "{}"), -EINVAL,
			"neither true nor false"},
		{CONTEXT("{server: 'https://h', insecure-skip-tls-verify: true, "
			 "certificate-authority: x}",
			 "{}"),
			-EINVAL, "exclude each other"},
		{CONTEXT("{server: 'https://h', certificate-authority-data: '%'}", "{}"), -EINVAL,
			"certificate-authority-data is not text in base64"},
		{CONTEXT(GOOD_CLUSTER,
			 "{exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}"),
			-ENOTSUP, "\"exec\""},
		{CONTEXT(GOOD_CLUSTER, "{exec: {}}"), -EINVAL, "exec has no apiVersion"},
		{CONTEXT(GOOD_CLUSTER, "{exec: [aws]}"), -EINVAL, "exec is not a mapping"},
		{CONTEXT(GOOD_CLUSTER, "{auth-provider: {name: gcp}}"), -ENOTSUP,
			"\"auth-provider\""},
		{CONTEXT(GOOD_CLUSTER, "{username: a, password: b}"), -ENOTSUP, "\"username\""},
		{CONTEXT(GOOD_CLUSTER, "{token: t, as: admin}"), -ENOTSUP, "\"as\""},
		{CONTEXT(GOOD_CLUSTER, "{token: t, as-groups: [a]}"), -ENOTSUP, "\"as-groups\""},
		{CONTEXT(GOOD_CLUSTER, "{token: {a: b}}"), -EINVAL, "token is not a text"},
		{CONTEXT(GOOD_CLUSTER, "{client-certificate: c}"), -EINVAL, "one is missing"},
		{CONTEXT(GOOD_CLUSTER, "{client-key-data: Zg==}"), -EINVAL, "one is missing"},
		{CONTEXT(GOOD_CLUSTER, "[]"), -EINVAL, "not a mapping"},
	};

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		const char *path = scratch_write(*state, "kubeconfig", CASES[i].text);
		struct kube_config config = {0};
		struct error err = {{0}};
		int r = kube_config_load(path, &config, &err);

		if (r != CASES[i].r || !strstr(err.message, CASES[i].why) ||
			!strstr(err.message, path))
			fail_msg("%zu: %d, %s", i, r, err.message);
		assert_null(config.server);
	}
}

static void is_bounded(void **state)
{
	const char *path;
	struct buffer text = {0};
	struct kube_config config;
	struct error err;

	buffer_append_string(&text, CONTEXT(GOOD_CLUSTER, "{token: t}") "#");
	while (text.length < KUBE_CONFIG_MAX_BYTES)
		buffer_append_char(&text, 'x');
	path = scratch_write(*state, "kubeconfig", buffer_terminate(&text));
	assert_int_equal(kube_config_load(path, &config, &err), 0);
	kube_config_free(&config);
	buffer_append_char(&text, 'x');
	path = scratch_write(*state, "kubeconfig", buffer_terminate(&text));
	assert_int_equal(kube_config_load(path, &config, &err), -EFBIG);
	buffer_free(&text);
	assert_int_equal(kube_config_load(scratch_path(*state, "no such"), &config, &err), -ENOENT);
	assert_non_null(strstr(err.message, "no such"));
}

/* --- in a pod --------------------------------------------------------------------------------- */

static void finds_itself_in_a_pod(void **state)
{
	static const struct {
		const char *host, *port, *server;
		int r;
	} CASES[] = {
		{"10.96.0.1", "443", "https://10.96.0.1:443", 0},
		{"fd00::1", "6443", "https://[fd00::1]:6443", 0},
		{"kubernetes.default.svc", "1", "https://kubernetes.default.svc:1", 0},
		{NULL, "443", NULL, -ENOENT},
		{"", "443", NULL, -ENOENT},
		{"10.96.0.1", NULL, NULL, -ENOENT},
		{"10.96.0.1", "0", NULL, -EINVAL},
		{"10.96.0.1", "65536", NULL, -EINVAL},
		{"10.96.0.1", "44x", NULL, -EINVAL},
		{"a/b", "443", NULL, -EINVAL},
		{"a@b", "443", NULL, -EINVAL},
		{"[fd00::1]", "443", NULL, -EINVAL},
		{"fd00::x", "443", NULL, -EINVAL},
	};
	const char *folder = scratch_path(*state, "");
	char token[256], ca[256];

	(void)snprintf(token, sizeof(token), "%s/token", folder);
	(void)snprintf(ca, sizeof(ca), "%s/ca.crt", folder);
	(void)scratch_write(*state, "token", "t");
	(void)scratch_write(*state, "ca.crt", "c");
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_config config = {0};
		struct wanted expected = {
			.token_file = token, .ca_file = ca, .server = CASES[i].server};
		struct error err;

		leave_the_pod();
		if (CASES[i].host)
			(void)setenv("KUBERNETES_SERVICE_HOST", CASES[i].host, 1);
		if (CASES[i].port)
			(void)setenv("KUBERNETES_SERVICE_PORT", CASES[i].port, 1);
		assert_int_equal(kube_config_in_folder(folder, &config, &err), CASES[i].r);
		if (CASES[i].r < 0) {
			assert_null(config.server);
			continue;
		}
		check_config(&config, &expected);
		kube_config_free(&config);
	}
}

static void says_what_a_pod_lacks(void **state)
{
	struct kube_config config;
	struct error err;

	assert_int_equal(kube_config_in_cluster(&config, &err), -ENOENT);
	assert_non_null(strstr(err.message, "KUBERNETES_SERVICE_HOST"));
	(void)setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	(void)setenv("KUBERNETES_SERVICE_PORT", "443", 1);
	assert_int_equal(kube_config_in_folder(scratch_path(*state, ""), &config, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/token"));
	(void)scratch_write(*state, "token", "t");
	assert_int_equal(kube_config_in_folder(scratch_path(*state, ""), &config, &err), -ENOENT);
	assert_non_null(strstr(err.message, "/ca.crt"));
}

/* As client-go merges $KUBECONFIG: the first file that has a name is right, missing ones are passed
 * over, a context may be chosen. */
static void several_files_are_one(void **state)
{
	const char *const files[] = {
		"/nonexistent/kubeconfig",
		scratch_write(*state, "first",
			"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
			"clusters: [{name: k, cluster: {server: 'https://first'}}]\n"),
		scratch_write(*state, "second",
			"current-context: d\ncontexts: [{name: d, context: {cluster: l, user: u}}]\n"
			"clusters: [{name: k, cluster: {server: 'https://other'}}, "
			"{name: l, cluster: {server: 'https://second'}}]\n"
			"users: [{name: u, user: {tokenFile: t}}]\n"),
	};
	struct kube_config config = {0};
	struct error err;

	assert_int_equal(kube_config_load_context(files, 3, NULL, &config, &err), 0);
	check("server", config.server, "https://first");
	check("token_file", config.token_file, scratch_path(*state, "t"));
	kube_config_free(&config);
	assert_int_equal(kube_config_load_context(files, 3, "d", &config, &err), 0);
	check("server", config.server, "https://second");
	kube_config_free(&config);
	assert_int_equal(kube_config_load_context(files, 3, "e", &config, &err), -EINVAL);
	assert_non_null(strstr(err.message, "no context \"e\""));
	assert_int_equal(kube_config_load_context(files, 1, NULL, &config, &err), -ENOENT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(takes),
		TEST(takes_the_current_context),
		TEST(takes_json),
		TEST(refuses),
		TEST(several_files_are_one),
		TEST(is_bounded),
		TEST(finds_itself_in_a_pod),
		TEST(says_what_a_pod_lacks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
