/* aggregator/standalone/certificate: made, kept, renewed; judged by OpenSSL's own verification. */
#include "aggregator/standalone/certificate.h"

#include "base/file.h"

#include <errno.h>
#include <limits.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char directory[64];
	char inside[96]; /* <directory>/certs, not there yet */
	struct certificate_files files;
	struct error err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	strcpy(world->directory, "/tmp/tacho-certificate-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	(void)snprintf(world->inside, sizeof(world->inside), "%s/certs", world->directory);
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s", world->directory);
	free(world);
	return system(command);
}

static void ensure(struct world *world, const char *host, bool made)
{
	int r = certificate_ensure(
		world->inside, host, CERTIFICATE_VALID_DAYS, &world->files, &world->err);

	if (r < 0)
		fail_msg("%s", world->err.message);
	assert_int_equal(world->files.made, made);
}

static X509 *load(const char *path)
{
	FILE *file = fopen(path, "r");
	X509 *certificate;

	assert_non_null(file);
	certificate = PEM_read_X509(file, NULL, NULL, NULL);
	(void)fclose(file);
	assert_non_null(certificate);
	return certificate;
}

static mode_t mode_of(const char *path)
{
	struct stat status;

	assert_int_equal(stat(path, &status), 0);
	return status.st_mode & 07777;
}

/* What a TLS client does: chain, purpose and name. */
static int verify(const struct world *world, const char *host, const char *address)
{
	X509 *ca = load(world->files.ca_file), *serving = load(world->files.cert_file);
	X509_STORE *trusted = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	X509_VERIFY_PARAM *param;
	int result;

	assert_int_equal(X509_STORE_add_cert(trusted, ca), 1);
	assert_int_equal(X509_STORE_CTX_init(context, trusted, serving, NULL), 1);
	assert_int_equal(X509_STORE_CTX_set_default(context, "ssl_server"), 1);
	param = X509_STORE_CTX_get0_param(context);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_X509_STRICT);
	if (host)
		assert_int_equal(X509_VERIFY_PARAM_set1_host(param, host, 0), 1);
	if (address)
		assert_int_equal(X509_VERIFY_PARAM_set1_ip_asc(param, address), 1);
	result = X509_verify_cert(context) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(context);
	X509_STORE_CTX_free(context);
	X509_STORE_free(trusted);
	X509_free(serving);
	X509_free(ca);
	return result;
}

static void makes_what_a_client_accepts(void **state)
{
	struct world *world = *state;
	char name[HOST_NAME_MAX + 1];

	ensure(world, "box.example", true);
	assert_int_equal(verify(world, "localhost", NULL), X509_V_OK);
	assert_int_equal(verify(world, "box.example", NULL), X509_V_OK);
	assert_int_equal(verify(world, NULL, "127.0.0.1"), X509_V_OK);
	assert_int_equal(verify(world, NULL, "::1"), X509_V_OK);
	assert_int_equal(verify(world, "other.example", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
	assert_int_equal(verify(world, NULL, "127.0.0.2"), X509_V_ERR_IP_ADDRESS_MISMATCH);
	ensure(world, NULL, gethostname(name, sizeof(name)) == 0 && strcmp(name, "localhost") != 0);
	if (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(name))
		assert_int_equal(verify(world, name, NULL), X509_V_OK);
}

static void keeps_secrets_to_itself(void **state)
{
	struct world *world = *state;
	char path[128];

	ensure(world, "", true);
	assert_int_equal(mode_of(world->inside), 0700);
	assert_int_equal(mode_of(world->files.key_file), 0600);
	assert_int_equal(mode_of(world->files.cert_file), 0644);
	assert_int_equal(mode_of(world->files.ca_file), 0644);
	(void)snprintf(path, sizeof(path), "%s/ca.key", world->inside);
	assert_int_equal(access(path, F_OK), -1); /* it was never written */
}

static void the_ca_signs_nothing_but_leaves(void **state)
{
	struct world *world = *state;
	X509 *ca, *serving;
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	ensure(world, "", true);
	ca = load(world->files.ca_file);
	serving = load(world->files.cert_file);
	assert_int_equal(X509_check_ca(ca), 1);
	assert_int_equal(X509_get_pathlen(ca), 0);
	assert_int_equal(X509_get_key_usage(ca), KU_KEY_CERT_SIGN);
	assert_int_equal(X509_check_ca(serving), 0);
	assert_int_equal(X509_get_extended_key_usage(serving), XKU_SSL_SERVER);
	assert_int_equal(EVP_PKEY_get_bits(X509_get0_pubkey(serving)), 256);
	X509_free(ca);
	X509_free(serving);
	assert_int_equal(SSL_CTX_use_certificate_chain_file(context, world->files.cert_file), 1);
	assert_int_equal(
		SSL_CTX_use_PrivateKey_file(context, world->files.key_file, SSL_FILETYPE_PEM), 1);
	SSL_CTX_free(context);
}

static void keeps_what_is_still_good(void **state)
{
	struct world *world = *state;
	struct buffer before = {0}, after = {0};

	ensure(world, "box", true);
	assert_int_equal(file_read(world->files.cert_file, 65536, &before, NULL), 0);
	ensure(world, "box", false);
	ensure(world, "", false); /* one name too many does no harm */
	assert_int_equal(file_read(world->files.cert_file, 65536, &after, NULL), 0);
	assert_int_equal(before.length, after.length);
	assert_memory_equal(before.data, after.data, before.length);
	buffer_free(&before);
	buffer_free(&after);
}

static void leaves_out_names_that_are_none(void **state)
{
	static const char *const NAMES[] = {
		"",
		"a b",
		"x,DNS:evil.example",
		"-x",
		".x",
		"\xff",
		"*",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaa",
	};
	struct world *world = *state;

	ensure(world, NAMES[0], true);
	for (size_t i = 1; i < sizeof(NAMES) / sizeof(NAMES[0]); i++)
		ensure(world, NAMES[i], false);
	assert_int_equal(verify(world, "evil.example", NULL), X509_V_ERR_HOSTNAME_MISMATCH);
}

static void renews_in_time(void **state)
{
	static const struct {
		uint32_t days;
		bool renewed;
	} CASES[] = {{1, true}, {29, true}, {31, false}, {365, false}};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		(void)snprintf(world->inside, sizeof(world->inside), "%s/%u", world->directory,
			CASES[i].days);
		assert_int_equal(certificate_ensure(world->inside, "", CASES[i].days, &world->files,
					 &world->err),
			0);
		ensure(world, "", CASES[i].renewed);
		ensure(world, "", false);
	}
}

static void overwrite(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void renews_what_does_not_fit(void **state)
{
	struct world *world = *state, other = {.files = {.made = false}};

	ensure(world, "", true);
	ensure(world, "box", true); /* a new name */

	assert_int_equal(unlink(world->files.ca_file), 0);
	ensure(world, "box", true);
	assert_int_equal(unlink(world->files.cert_file), 0);
	ensure(world, "box", true);
	assert_int_equal(unlink(world->files.key_file), 0);
	ensure(world, "box", true);

	overwrite(world->files.ca_file, "");
	ensure(world, "box", true);
	overwrite(world->files.cert_file, "-----BEGIN CERTIFICATE-----\nAAAA\n");
	ensure(world, "box", true);
	overwrite(world->files.key_file, "no key");
	ensure(world, "box", true);

	assert_int_equal(chmod(world->files.key_file, 0640), 0); /* was seen by others */
	ensure(world, "box", true);
	assert_int_equal(mode_of(world->files.key_file), 0600);

	/* files of another set: CA, then key */
	(void)snprintf(other.inside, sizeof(other.inside), "%s/other", world->directory);
	ensure(&other, "box", true);
	assert_int_equal(rename(other.files.ca_file, world->files.ca_file), 0);
	ensure(world, "box", true);
	assert_int_equal(rename(other.files.key_file, world->files.key_file), 0);
	ensure(world, "box", true);
	assert_int_equal(verify(world, "box", NULL), X509_V_OK);
}

static void fails_with_words(void **state)
{
	struct world *world = *state;
	char path[5000];

	overwrite(world->inside, "a file");
	assert_int_equal(
		certificate_ensure(world->inside, "", 365, &world->files, &world->err), -ENOTDIR);
	(void)snprintf(path, sizeof(path), "opening the certificate directory %s: Not a directory",
		world->inside);
	assert_string_equal(world->err.message, path);

	(void)snprintf(path, sizeof(path), "%s/a/b", world->directory);
	assert_int_equal(certificate_ensure(path, "", 365, &world->files, &world->err), -ENOENT);
	assert_non_null(strstr(world->err.message, "/a/b: No such file or directory"));

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(
		certificate_ensure(path, "", 365, &world->files, &world->err), -ENAMETOOLONG);
	assert_false(world->files.made);
}

static void a_full_disk_leaves_nothing_half(void **state)
{
	struct world *world = *state;
	struct rlimit limit, none;
	int r;

	/* A limit of the size of files stands in for a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 16;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = certificate_ensure(world->inside, "", 365, &world->files, &world->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(world->err.message, "making the serving certificate in /tmp/"));
	assert_non_null(strstr(world->err.message, "/certs/tls.key: File too large"));
	assert_int_equal(rmdir(world->inside), 0); /* nothing was left in it */
	ensure(world, "", true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_what_a_client_accepts),
		TEST(keeps_secrets_to_itself),
		TEST(the_ca_signs_nothing_but_leaves),
		TEST(keeps_what_is_still_good),
		TEST(leaves_out_names_that_are_none),
		TEST(renews_in_time),
		TEST(renews_what_does_not_fit),
		TEST(fails_with_words),
		TEST(a_full_disk_leaves_nothing_half),
	};

	return cmocka_run_group_tests_name("certificate", tests, NULL, NULL);
}
