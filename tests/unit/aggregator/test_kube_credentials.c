/* aggregator/kube/kube_credentials: when files are read again, and what of them is taken. */
#include "aggregator/kube/kube_credentials.h"

#include "base/clock.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	struct pki *pki;
	struct pki_pair one, two;
	struct scratch *scratch;
	struct telemetry *telemetry;
	char *token, *cert, *key; /* files */
	struct kube_credentials *credentials;
};

static char *write_file(struct world *world, const char *name, const char *text)
{
	char *path = strdup(scratch_write(world->scratch, name, text));

	assert_non_null(path);
	return path;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct kube_config config = {0};
	struct error err;

	assert_non_null(world);
	world->pki = pki_new("authority");
	world->one = pki_issue(world->pki, "DNS:one", 3600);
	world->two = pki_issue(world->pki, "DNS:two", 3600);
	world->scratch = scratch_new();
	world->telemetry = telemetry_new();
	config.token_file = world->token = write_file(world, "token", "one\n");
	config.cert_file = world->cert = write_file(world, "tls.crt", world->one.cert);
	config.key_file = world->key = write_file(world, "tls.key", world->one.key);
	world->credentials = kube_credentials_new(&config, world->telemetry, &err);
	if (!world->credentials)
		fail_msg("%s", err.message);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	kube_credentials_free(world->credentials);
	telemetry_free(world->telemetry);
	scratch_free(world->scratch);
	pki_pair_free(&world->one);
	pki_pair_free(&world->two);
	pki_free(world->pki);
	free(world->token);
	free(world->cert);
	free(world->key);
	free(world);
	return 0;
}

static const char *token(struct world *world)
{
	unsigned revision;

	return kube_credentials_token(world->credentials, &revision);
}

static void put(struct world *world, const char *name, const char *text)
{
	(void)scratch_write(world->scratch, name, text);
}

static void reads_the_token_each_minute(void **state)
{
	struct world *world = *state;
	uint64_t now = clock_monotonic_ns();

	put(world, "token", "two\n");
	kube_credentials_refresh(world->credentials, now + 50 * NS_PER_SECOND);
	assert_string_equal(token(world), "one");
	kube_credentials_refresh(world->credentials, now + 61 * NS_PER_SECOND);
	assert_string_equal(token(world), "two");
	put(world, "token", "three\n");
	kube_credentials_refresh(world->credentials, now + 120 * NS_PER_SECOND);
	assert_string_equal(token(world), "two");
	kube_credentials_refresh(world->credentials, now + 122 * NS_PER_SECOND);
	assert_string_equal(token(world), "three");
}

static void keeps_the_last_good_token(void **state)
{
	static const char *const BAD[] = {"", "\n", "a b", "a\nb", "\x7f"};
	struct world *world = *state;
	uint64_t now = clock_monotonic_ns();
	struct log_capture *log = log_capture_start();

	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		put(world, "token", BAD[i]);
		now += 61 * NS_PER_SECOND;
		kube_credentials_refresh(world->credentials, now);
		assert_string_equal(token(world), "one");
	}
	assert_int_equal(unlink(world->token), 0);
	kube_credentials_refresh(world->credentials, now + 61 * NS_PER_SECOND);
	assert_string_equal(token(world), "one");
	assert_int_equal(
		telemetry_get(telemetry_counter(world->telemetry,
			"tacho_aggregator_kube_credentials_bad_total", "", "kind", "token")),
		sizeof(BAD) / sizeof(BAD[0]) + 1);
	assert_int_equal(log_capture_count(log, "can't be used"), 1); /* once a minute */
	log_capture_stop(log);
}

static void reads_a_refused_token_at_once(void **state)
{
	struct world *world = *state;
	uint64_t now = clock_monotonic_ns();
	unsigned seen, later;

	(void)kube_credentials_token(world->credentials, &seen);
	assert_false(kube_credentials_refused(world->credentials, seen, now));
	put(world, "token", "two");
	assert_true(kube_credentials_refused(world->credentials, seen, now));
	assert_string_equal(token(world), "two");
	/* Another call that was refused with the old one: there is a new one already. */
	put(world, "token", "three");
	assert_true(kube_credentials_refused(world->credentials, seen, now));
	assert_string_equal(token(world), "two");
	(void)kube_credentials_token(world->credentials, &later);
	assert_true(kube_credentials_refused(world->credentials, later, now));
	assert_string_equal(token(world), "three");
}

/* Files written one after the other: only a pair that belongs together is taken. */
static void takes_whole_pairs_only(void **state)
{
	struct world *world = *state;
	uint64_t now = clock_monotonic_ns();

	put(world, "tls.crt", world->two.cert);
	kube_credentials_refresh(world->credentials, now);
	assert_string_equal(kube_credentials_cert(world->credentials), world->one.cert);
	assert_string_equal(kube_credentials_key(world->credentials), world->one.key);
	put(world, "tls.key", world->two.key);
	kube_credentials_refresh(world->credentials, now);
	assert_string_equal(kube_credentials_cert(world->credentials), world->two.cert);
	assert_string_equal(kube_credentials_key(world->credentials), world->two.key);
	assert_null(kube_credentials_ca(world->credentials));
}

static void bounds_files(void **state)
{
	struct world *world = *state;
	uint64_t now = clock_monotonic_ns() + 61 * NS_PER_SECOND;
	char *text = calloc(1, KUBE_TOKEN_MAX_BYTES + 2);

	assert_non_null(text);
	memset(text, 't', KUBE_TOKEN_MAX_BYTES + 1);
	put(world, "token", text);
	kube_credentials_refresh(world->credentials, now);
	assert_string_equal(token(world), "one");
	text[KUBE_TOKEN_MAX_BYTES] = '\0';
	put(world, "token", text);
	kube_credentials_refresh(world->credentials, now + 61 * NS_PER_SECOND);
	assert_string_equal(token(world), text);
	free(text);
}

/* A program that prints the file "said", and counts how often it was run. */
static void write_plugin(struct world *world)
{
	char script[1024];

	(void)snprintf(script, sizeof(script), "#!/bin/sh\necho >>%s\ncat %s\n",
		scratch_path(world->scratch, "runs"), scratch_path(world->scratch, "said"));
	assert_int_equal(chmod(scratch_write(world->scratch, "plugin", script), 0700), 0);
}

static void let_plugin_say(struct world *world, const char *token, const char *expires)
{
	char said[512];

	(void)snprintf(said, sizeof(said),
		"{\"apiVersion\":\"client.authentication.k8s.io/v1\",\"kind\":\"ExecCredential\","
		"\"status\":{\"token\":\"%s\",\"expirationTimestamp\":\"%s\"}}",
		token, expires);
	(void)scratch_write(world->scratch, "said", said);
}

static void let_plugin_say_pair(struct world *world, const struct pki_pair *pair)
{
	json_t *answer = json_pack("{s:s, s:s, s:{s:s, s:s}}", "apiVersion",
		"client.authentication.k8s.io/v1", "kind", "ExecCredential", "status",
		"clientCertificateData", pair->cert, "clientKeyData", pair->key);
	char *said = json_dumps(answer, 0);

	assert_non_null(said);
	(void)scratch_write(world->scratch, "said", said);
	free(said);
	json_decref(answer);
}

static size_t plugin_runs(struct world *world)
{
	char *runs = scratch_read(scratch_path(world->scratch, "runs"));
	size_t count = strlen(runs);

	free(runs);
	return count;
}

static void a_program_is_run_when_its_token_ends(void **state)
{
	static const char KUBECONFIG[] =
		"current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
		"clusters: [{name: k, cluster: {server: 'https://h'}}]\n"
		"users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, "
		"command: ./plugin, interactiveMode: Never}}}]\n";
	struct world *world = *state;
	const char *file = scratch_write(world->scratch, "kubeconfig", KUBECONFIG);
	uint64_t now = clock_monotonic_ns();
	struct kube_config config;
	struct error err;
	unsigned seen;

	kube_credentials_free(world->credentials);
	write_plugin(world);
	let_plugin_say(world, "first", "2001-01-01T00:00:00Z"); /* it has ended already */
	assert_int_equal(kube_config_load_context(&file, 1, NULL, &config, &err), 0);
	world->credentials = kube_credentials_new(&config, world->telemetry, &err);
	if (!world->credentials)
		fail_msg("%s", err.message);
	assert_string_equal(token(world), "first");
	let_plugin_say(world, "second", "2999-01-01T00:00:00Z");
	kube_credentials_refresh(world->credentials, now + 5 * NS_PER_SECOND); /* not so soon */
	assert_int_equal(plugin_runs(world), 1);
	kube_credentials_refresh(world->credentials, now + 20 * NS_PER_SECOND);
	assert_string_equal(token(world), "second");
	kube_credentials_refresh(world->credentials, now + 3600 * NS_PER_SECOND);
	assert_int_equal(plugin_runs(world), 2); /* it is good for long */

	/* but refused: it is asked again, and what is no answer leaves what there was */
	assert_string_equal(kube_credentials_failure(world->credentials), "");
	(void)kube_credentials_token(world->credentials, &seen);
	(void)scratch_write(world->scratch, "said", "log in first");
	assert_false(
		kube_credentials_refused(world->credentials, seen, now + 3700 * NS_PER_SECOND));
	assert_int_equal(plugin_runs(world), 3);
	assert_string_equal(token(world), "second");
	assert_non_null(strstr(kube_credentials_failure(world->credentials), "no ExecCredential"));
	let_plugin_say(world, "third", "2999-01-01T00:00:00Z");
	assert_true(kube_credentials_refused(world->credentials, seen, now + 7200 * NS_PER_SECOND));
	assert_string_equal(token(world), "third");
	assert_string_equal(kube_credentials_failure(world->credentials), "");

	/* a certificate is in place of the token, and the other way around */
	let_plugin_say_pair(world, &world->one);
	(void)kube_credentials_token(world->credentials, &seen);
	assert_true(kube_credentials_refused(world->credentials, seen, now + 7300 * NS_PER_SECOND));
	assert_null(token(world));
	assert_string_equal(kube_credentials_cert(world->credentials), world->one.cert);
	let_plugin_say(world, "fourth", "2999-01-01T00:00:00Z");
	(void)kube_credentials_token(world->credentials, &seen);
	assert_true(kube_credentials_refused(world->credentials, seen, now + 7400 * NS_PER_SECOND));
	assert_string_equal(token(world), "fourth");
	assert_null(kube_credentials_cert(world->credentials));
	assert_null(kube_credentials_key(world->credentials));

	/* without an answer at the start there is nothing */
	kube_credentials_free(world->credentials);
	(void)scratch_write(world->scratch, "said", "log in first");
	world->credentials = kube_credentials_new(&config, world->telemetry, &err);
	assert_null(world->credentials);
	assert_non_null(strstr(err.message, "it is no ExecCredential"));
	kube_config_free(&config);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(reads_the_token_each_minute),
		TEST(keeps_the_last_good_token),
		TEST(reads_a_refused_token_at_once),
		TEST(takes_whole_pairs_only),
		TEST(bounds_files),
		TEST(a_program_is_run_when_its_token_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
