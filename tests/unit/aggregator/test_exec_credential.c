/* aggregator/kube/exec_credential, exec_run: real programs of a kubeconfig, and what they print. */
#include "aggregator/kube/exec_credential.h"

#include "aggregator/kube/exec_run.h"
#include "aggregator/kube/kube_exec.h"
#include "tests/harness/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define V1 "client.authentication.k8s.io/v1"

static struct scratch *scratch;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_free(scratch);
	return 0;
}

/* A kubeconfig beside a program "plugin" of these lines of shell; `more` goes into `exec`. */
static int load(
	const char *script, const char *more, struct kube_config *ret_config, struct error *err)
{
	char text[4096], program[4096];
	const char *files[1];

	(void)snprintf(program, sizeof(program), "#!/bin/sh\n%s\n", script);
	assert_int_equal(chmod(scratch_write(scratch, "plugin", program), 0700), 0);
	(void)snprintf(text, sizeof(text),
		"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://h:1', tls-server-name: n, "
		"certificate-authority-data: Zm9v}}]\n"
		"users: [{name: u, user: {exec: {%s}}}]\n",
		more);
	files[0] = scratch_write(scratch, "kubeconfig", text);
	return kube_config_load_context(files, 1, NULL, ret_config, err);
}

#define USUAL "apiVersion: " V1 ", command: ./plugin, interactiveMode: IfAvailable"

static int get(const char *script, const char *more, enum exec_attendance attendance,
	struct exec_credential *ret_credential, struct error *err)
{
	struct kube_config config;
	int r = load(script, more, &config, err);

	if (r < 0)
		fail_msg("%s", err->message);
	r = exec_credential_get(&config, attendance, ret_credential, err);
	kube_config_free(&config);
	return r;
}

#define PRINT(status) \
	"echo '{\"apiVersion\":\"" V1 "\",\"kind\":\"ExecCredential\",\"status\":" status "}'"

static void takes_what_it_prints(void **state)
{
	static const struct {
		const char *script;
		const char *token, *cert, *key;
		int64_t expires_ms;
	} CASES[] = {
		{PRINT("{\"token\":\"abc\"}"), "abc", NULL, NULL, INT64_MAX},
		{PRINT("{\"token\":\"abc\",\"expirationTimestamp\":\"1970-01-02T00:00:00Z\"}"),
			"abc", NULL, NULL, 86400000},
		{PRINT("{\"token\":\"a\",\"expirationTimestamp\":\"1970-01-01T00:01:00.123456Z\"}"),
			"a", NULL, NULL, 60000},
		{PRINT("{\"token\":\"a\",\"expirationTimestamp\":\"1970-01-01T02:01:00+02:00\"}"),
			"a", NULL, NULL, 60000},
		{PRINT("{\"clientCertificateData\":\"C\",\"clientKeyData\":\"K\",\"token\":\"\"}"),
			NULL, "C", "K", INT64_MAX},
		{"echo noise >&2; " PRINT("{\"token\":\"t\",\"clientCertificateData\":\"C\","
					  "\"clientKeyData\":\"K\"}"),
			"t", "C", "K", INT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct exec_credential credential;
		struct error err;

		if (get(CASES[i].script, USUAL, EXEC_ALONE, &credential, &err) < 0)
			fail_msg("%s", err.message);
		for (int part = 0; part < 3; part++) {
			const char *got = part == 0   ? credential.token
					  : part == 1 ? credential.cert
						      : credential.key;
			const char *wanted = part == 0   ? CASES[i].token
					     : part == 1 ? CASES[i].cert
							 : CASES[i].key;

			assert_int_equal(!got, !wanted);
			if (got)
				assert_string_equal(got, wanted);
		}
		assert_true(credential.expires_ms == CASES[i].expires_ms);
		exec_credential_free(&credential);
	}
}

/* It knows its arguments, its variables and ours, and what it is asked for. */
static void is_told_what_the_kubeconfig_says(void **state)
{
	static const char SCRIPT[] =
		"cd \"$(dirname \"$0\")\"; printf '%s|' \"$@\" \"$ONE\" \"$TWO\" \"$OURS\" >words; "
		"printf %s \"$KUBERNETES_EXEC_INFO\" >info; cat >input; " PRINT(
			"{\"token\":\"abc\"}");
	static const char EXEC[] =
		USUAL ", args: [get-token, 'a b', ''], provideClusterInfo: true, "
		      "env: [{name: ONE, value: '1=2'}, {name: TWO, value: new}, {name: EMPTY}]";
	struct exec_credential credential;
	struct error err;
	json_t *info;
	char *words, *told, *input;
	const char *version, *server, *name, *ca;
	int interactive;

	(void)state;
	assert_int_equal(setenv("TWO", "old", 1), 0);
	assert_int_equal(setenv("OURS", "ours", 1), 0);
	if (get(SCRIPT, EXEC, EXEC_ALONE, &credential, &err) < 0)
		fail_msg("%s", err.message);
	exec_credential_free(&credential);
	words = scratch_read(scratch_path(scratch, "words"));
	assert_string_equal(words, "get-token|a b||1=2|new|ours|");
	input = scratch_read(scratch_path(scratch, "input"));
	assert_string_equal(input, ""); /* and it was open: cat ended well */
	told = scratch_read(scratch_path(scratch, "info"));
	info = json_loads(told, 0, NULL);
	assert_int_equal(
		json_unpack(info, "{s:s, s:{s:b, s:{s:s, s:s, s:s}}}", "apiVersion", &version,
			"spec", "interactive", &interactive, "cluster", "server", &server,
			"tls-server-name", &name, "certificate-authority-data", &ca),
		0);
	assert_string_equal(version, V1);
	assert_false(interactive);
	assert_string_equal(server, "https://h:1");
	assert_string_equal(name, "n");
	assert_string_equal(ca, "Zm9v");
	json_decref(info);
	free(words);
	free(told);
	free(input);
}

static void says_what_went_wrong(void **state)
{
	static const struct {
		const char *script, *exec;
		int r;
		const char *why;
	} CASES[] = {
		{"echo one >&2; echo 'log in first' >&2; echo >&2; exit 3", USUAL, -EIO,
			"ended with status 3: log in first"},
		{"kill -TERM $$", USUAL, -EIO, "ended with signal 15"},
		{"true", USUAL, -EINVAL, "it is no ExecCredential"},
		{"echo '[1]'", USUAL, -EINVAL, "it is no ExecCredential"},
		{"echo '{\"kind\":\"Secret\",\"apiVersion\":\"" V1 "\"}'", USUAL, -EINVAL,
			"it is no ExecCredential"},
		{PRINT("{\"token\":\"a\"}"), "apiVersion: " V1 "beta1, command: ./plugin", -EINVAL,
			"the kubeconfig says " V1 "beta1"},
		{PRINT("{}"), USUAL, -EINVAL, "neither a token nor a certificate"},
		{PRINT("{\"token\":\"a\",\"clientKeyData\":\"k\"}"), USUAL, -EINVAL,
			"one is missing"},
		{PRINT("{\"token\":\"a\",\"expirationTimestamp\":\"tomorrow\"}"), USUAL, -EINVAL,
			"\"tomorrow\" is no time"},
		{PRINT("{\"token\":\"a\",\"expirationTimestamp\":\"2030-01-01T00:00:00\"}"), USUAL,
			-EINVAL, "is no time"},
		{"head -c 1048577 /dev/zero", USUAL, -EFBIG, "reading what"},
		{"true", "apiVersion: " V1 ", command: tacho-no-such-plugin, installHint: 'apt it'",
			-ENOENT, "running tacho-no-such-plugin: No such file or directory. apt it"},
		{"true", USUAL ", interactiveMode: Always", 0, NULL}, /* a key twice: not loaded */
		{"true", "apiVersion: " V1 ", command: ./plugin, interactiveMode: Always", -EACCES,
			"wants to ask a person"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct exec_credential credential;
		struct kube_config config;
		struct error err = {{0}};
		int r;

		if (!CASES[i].why) {
			assert_int_equal(
				load(CASES[i].script, CASES[i].exec, &config, &err), -EINVAL);
			continue;
		}
		r = get(CASES[i].script, CASES[i].exec, EXEC_ALONE, &credential, &err);
		if (r != CASES[i].r || !strstr(err.message, CASES[i].why))
			fail_msg("%zu: %d, %s", i, r, err.message);
		assert_non_null(strstr(err.message, "plugin"));
	}
}

/* Attended it is told so, unless it never asks. */
static void may_ask_who_is_there(void **state)
{
	static const char SCRIPT[] =
		"case $KUBERNETES_EXEC_INFO in *'\"interactive\":true'*) t=asks;; *) t=quiet;; esac; "
		"echo \"{\\\"apiVersion\\\":\\\"" V1
		"\\\",\\\"kind\\\":\\\"ExecCredential\\\",\\\"status\\\":{\\\"token\\\":\\\"$t\\\"}}\"";
	static const struct {
		const char *mode;
		enum exec_attendance attendance;
		const char *token;
	} CASES[] = {
		{"IfAvailable", EXEC_ATTENDED, "asks"},
		{"IfAvailable", EXEC_WATCHED, "quiet"},
		{"IfAvailable", EXEC_ALONE, "quiet"},
		{"Always", EXEC_ATTENDED, "asks"},
		{"Never", EXEC_ATTENDED, "quiet"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct exec_credential credential;
		struct error err;
		char exec[256];

		(void)snprintf(exec, sizeof(exec),
			"apiVersion: " V1 ", command: ./plugin, interactiveMode: %s",
			CASES[i].mode);
		if (get(SCRIPT, exec, CASES[i].attendance, &credential, &err) < 0)
			fail_msg("%s", err.message);
		assert_string_equal(credential.token, CASES[i].token);
		exec_credential_free(&credential);
	}
}

static int run_shell(const char *script, enum exec_attendance attendance, struct error *err)
{
	char shell[] = "sh", option[] = "-c", *text = strdup(script), *none[] = {NULL};
	char *arguments[] = {shell, option, text, NULL};
	struct exec_run_options options = {.arguments = arguments,
		.variables = none,
		.attendance = attendance,
		.limit_ms = 100};
	struct buffer out = {0};
	int r = exec_run(&options, &out, err);

	buffer_free(&out);
	free(text);
	return r;
}

/* One that opens a browser and waits for its user is given the time, and heard. */
static void has_a_limit_when_nobody_waits(void **state)
{
	struct error err = {{0}};

	(void)state;
	assert_int_equal(run_shell("sleep 60", EXEC_ALONE, &err), -ETIMEDOUT);
	assert_non_null(strstr(err.message, "sh did not end within 100 ms"));
	assert_int_equal(run_shell("sleep 0.5", EXEC_WATCHED, &err), 0);
	assert_int_equal(run_shell("sleep 0.5", EXEC_ATTENDED, &err), 0);
}

static void says_itself_what_went_wrong_when_somebody_reads(void **state)
{
	const char *file = scratch_path(scratch, "errors");
	int errors = open(file, O_WRONLY | O_CREAT, 0600), before = dup(STDERR_FILENO);
	struct error err;
	char *said;

	(void)state;
	assert_true(errors >= 0 && before >= 0);
	assert_int_equal(dup2(errors, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(run_shell("echo log in first >&2; exit 3", EXEC_WATCHED, &err), -EIO);
	assert_int_equal(dup2(before, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(close(before), 0);
	assert_int_equal(close(errors), 0);
	assert_string_equal(err.message, "sh ended with status 3");
	said = scratch_read(file);
	assert_string_equal(said, "log in first\n");
	free(said);
}

/* Then the kernel does not keep how a child ended. */
static void is_an_error_where_children_are_ignored(void **state)
{
	struct error err;

	(void)state;
	assert_true(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	assert_int_equal(run_shell("exit 0", EXEC_ALONE, &err), -ECHILD);
	assert_true(signal(SIGCHLD, SIG_DFL) != SIG_ERR);
	assert_non_null(strstr(err.message, "waiting for sh"));
}

static void refuses_what_is_no_exec(void **state)
{
	static const struct {
		const char *exec;
		int r;
		const char *why;
	} CASES[] = {
		{"command: x", -EINVAL, "no apiVersion"},
		{"apiVersion: client.authentication.k8s.io/v1alpha1, command: x", -ENOTSUP,
			"v1alpha1\" is not supported"},
		{"apiVersion: " V1, -EINVAL, "no command"},
		{"apiVersion: " V1 ", command: ''", -EINVAL, "no command"},
		{"apiVersion: [x], command: x", -EINVAL, "apiVersion is not a text"},
		{"apiVersion: " V1 ", command: x, args: y", -EINVAL, "args is not a list"},
		{"apiVersion: " V1 ", command: x, args: [[y]]", -EINVAL, "an argument of exec"},
		{"apiVersion: " V1 ", command: x, env: {a: b}", -EINVAL, "env is not a list"},
		{"apiVersion: " V1 ", command: x, env: [{value: b}]", -EINVAL, "no right name"},
		{"apiVersion: " V1 ", command: x, env: [{name: 'a=b'}]", -EINVAL, "no right name"},
		{"apiVersion: " V1 ", command: x, interactiveMode: Sometimes", -EINVAL,
			"\"Sometimes\" is none of"},
		{"apiVersion: " V1 ", command: x, provideClusterInfo: yes", -EINVAL,
			"neither true nor false"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct kube_config config = {0};
		struct error err = {{0}};
		int r = load("true", CASES[i].exec, &config, &err);

		if (r != CASES[i].r || !strstr(err.message, CASES[i].why))
			fail_msg("%zu: %d, %s", i, r, err.message);
		assert_null(config.exec);
	}
}

static void words_have_an_end(void **state)
{
	char exec[16 + 8 * (KUBE_EXEC_MAX_WORDS + 1)];
	struct kube_config config;
	struct error err;

	(void)state;
	for (size_t words = KUBE_EXEC_MAX_WORDS; words <= KUBE_EXEC_MAX_WORDS + 1; words++) {
		size_t at = (size_t)sprintf(exec, "apiVersion: " V1 ", command: x, args: [");
		int r;

		for (size_t i = 0; i < words; i++)
			at += (size_t)sprintf(exec + at, "a,");
		(void)sprintf(exec + at, "]");
		r = load("true", exec, &config, &err);
		assert_int_equal(r, words <= KUBE_EXEC_MAX_WORDS ? 0 : -E2BIG);
		if (r == 0) {
			assert_int_equal(config.exec->arguments.count, words + 1);
			kube_config_free(&config);
		}
	}
}

/* A token that stands there is taken, and the aggregator runs no programs at all. */
static void a_token_wins(void **state)
{
	static const char TEXT[] =
		"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
		"users: [{name: u, user: {token: t, exec: {" USUAL "}}}]\n";
	const char *file = scratch_write(scratch, "kubeconfig", TEXT);
	struct kube_config config;
	struct error err;

	(void)state;
	assert_int_equal(kube_config_load(file, &config, &err), 0);
	assert_null(config.exec);
	assert_string_equal(config.token, "t");
	kube_config_free(&config);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(takes_what_it_prints),
		TEST(is_told_what_the_kubeconfig_says),
		TEST(says_what_went_wrong),
		TEST(may_ask_who_is_there),
		TEST(has_a_limit_when_nobody_waits),
		TEST(says_itself_what_went_wrong_when_somebody_reads),
		TEST(is_an_error_where_children_are_ignored),
		TEST(refuses_what_is_no_exec),
		TEST(words_have_an_end),
		TEST(a_token_wins),
	};

	return cmocka_run_group_tests_name("exec_credential", tests, NULL, NULL);
}
