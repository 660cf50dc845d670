/* aggregator/standalone/standalone: what is given is used, what is missing is made and kept. */
#include "aggregator/standalone/standalone.h"

#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"

#include <errno.h>
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

#define SECRET "0123456789abcdef0123456789abcdef"

static struct scratch *scratch;
static struct standalone_options options;

static int set_up(void **state)
{
	(void)state;
	scratch = scratch_new();
	options = (struct standalone_options){.folder = scratch_path(scratch, "made"),
		.cert_file = "",
		.key_file = "",
		.token_file = "",
		.secret_file = ""};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	scratch_free(scratch);
	return 0;
}

static struct standalone *open_it(void)
{
	struct error err = {{0}};
	struct standalone *standalone = standalone_open(&options, &err);

	if (!standalone)
		fail_msg("%s", err.message);
	return standalone;
}

static void expect_failure(const char *words)
{
	struct error err = {{0}};

	assert_null(standalone_open(&options, &err));
	if (!strstr(err.message, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err.message);
}

static void makes_what_is_missing_once(void **state)
{
	struct standalone *first = open_it(), *second = open_it();
	struct stat status;

	(void)state;
	assert_string_equal(standalone_cert_file(first), scratch_path(scratch, "made/tls.crt"));
	assert_string_equal(standalone_key_file(first), scratch_path(scratch, "made/tls.key"));
	assert_string_equal(standalone_token(first), standalone_token(second));
	assert_string_equal(standalone_secret(first), standalone_secret(second));
	/* who may read figures may not report them, nor the other way round */
	assert_string_not_equal(standalone_token(first), standalone_secret(first));
	assert_int_equal(access(scratch_path(scratch, "made/token"), F_OK), 0);
	assert_int_equal(access(scratch_path(scratch, "made/agent.secret"), F_OK), 0);
	assert_int_equal(stat(options.folder, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0700);
	standalone_close(first);
	standalone_close(second);
	standalone_close(NULL);
}

static void uses_what_is_given(void **state)
{
	struct standalone *standalone;

	(void)state;
	(void)mkdir(options.folder, 0700);
	options.cert_file = scratch_write(scratch, "cert", "a certificate");
	options.key_file = scratch_write(scratch, "key", "a key");
	options.token_file = scratch_write(scratch, "token", SECRET "token\n");
	options.secret_file = scratch_write(scratch, "secret", SECRET "secret\n");
	standalone = open_it();
	assert_string_equal(standalone_cert_file(standalone), options.cert_file);
	assert_string_equal(standalone_key_file(standalone), options.key_file);
	assert_string_equal(standalone_token(standalone), SECRET "token");
	assert_string_equal(standalone_secret(standalone), SECRET "secret");
	assert_int_equal(rmdir(options.folder), 0); /* nothing was made in it */
	standalone_close(standalone);
}

static void says_what_is_wrong(void **state)
{
	static char path[5000];

	(void)state;
	options.token_file = scratch_write(scratch, "short", "short\n");
	expect_failure("/short");
	options.token_file = "";
	options.secret_file = scratch_write(scratch, "empty", "");
	expect_failure("/empty");
	options.secret_file = scratch_path(scratch, "absent/secret");
	expect_failure("No such file or directory");
	options.secret_file = "";
	options.folder = scratch_write(scratch, "file", "");
	expect_failure("Not a directory");
	memset(path, 'a', 300);
	options.folder = path;
	expect_failure("File name too long");
	memset(path, 'a', sizeof(path) - 1);
	expect_failure("aaaa"); /* the message is cut there */
	options.folder = scratch_path(scratch, "made");
	options.cert_file = path;
	options.key_file = path;
	expect_failure("aaaa");
}

/* The server and the CA's data of the kubeconfig, to be freed; NULL for none. */
static json_t *read_cluster(const char *path)
{
	char *text = scratch_read(path);
	json_t *root = json_loads(text, 0, NULL);
	json_t *cluster =
		json_object_get(json_array_get(json_object_get(root, "clusters"), 0), "cluster");

	assert_non_null(cluster);
	json_incref(cluster);
	json_decref(root);
	free(text);
	return cluster;
}

static void the_kubeconfig_names_a_server_that_can_be_reached(void **state)
{
	static const struct {
		const char *address, *server;
	} CASES[] = {
		{"127.0.0.1", "https://127.0.0.1:4443"},
		{"::1", "https://[::1]:4443"},
		{"0.0.0.0", "https://127.0.0.1:4443"},
		{"::", "https://[::1]:4443"},
	};
	const char *path = scratch_path(scratch, "kubeconfig");
	struct standalone *standalone = open_it();
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		json_t *cluster;

		assert_int_equal(
			standalone_write_kubeconfig(standalone, path, CASES[i].address, 4443, &err),
			0);
		cluster = read_cluster(path);
		assert_string_equal(
			json_string_value(json_object_get(cluster, "server")), CASES[i].server);
		assert_non_null(json_object_get(cluster, "certificate-authority-data"));
		json_decref(cluster);
	}
	standalone_close(standalone);
}

/* A certificate that was given comes from a CA that we do not know. */
static void a_given_certificate_has_no_ca_of_ours(void **state)
{
	struct pki *pki = pki_new("authority");
	struct pki_pair pair = pki_issue(pki, "DNS:metrics", 3600);
	const char *path = scratch_path(scratch, "kubeconfig");
	struct standalone *standalone;
	struct error err;
	json_t *cluster;

	(void)state;
	(void)mkdir(options.folder, 0700);
	options.cert_file = scratch_write(scratch, "cert", pair.cert);
	options.key_file = scratch_write(scratch, "key", pair.key);
	standalone = open_it();
	assert_int_equal(standalone_write_kubeconfig(standalone, path, "127.0.0.1", 1, &err), 0);
	cluster = read_cluster(path);
	/* empty: kubectl takes the system's */
	assert_string_equal(
		json_string_value(json_object_get(cluster, "certificate-authority-data")), "");
	json_decref(cluster);
	standalone_close(standalone);
	pki_pair_free(&pair);
	pki_free(pki);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_what_is_missing_once),
		TEST(uses_what_is_given),
		TEST(says_what_is_wrong),
		TEST(the_kubeconfig_names_a_server_that_can_be_reached),
		TEST(a_given_certificate_has_no_ca_of_ours),
	};

	return cmocka_run_group_tests_name("standalone", tests, NULL, NULL);
}
