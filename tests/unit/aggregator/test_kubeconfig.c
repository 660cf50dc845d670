/* aggregator/standalone/kubeconfig: as kubectl reads it, and what it must not destroy. */
#include "aggregator/standalone/kubeconfig.h"

#include "base/file.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char CA[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
static const char CA_BASE64[] =
	"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUN"
	"BVEUtLS0tLQo=";
static const struct kubeconfig CONFIG = {
	.server = "https://127.0.0.1:8443",
	.ca = CA,
	.ca_size = sizeof(CA) - 1,
	.token = "0123456789abcdef",
};

struct world {
	char directory[64];
	char path[96];
	struct error err;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	if (!world)
		return -1;
	*state = world;
	strcpy(world->directory, "/tmp/tacho-kubeconfig-XXXXXX");
	if (!mkdtemp(world->directory))
		return -1;
	(void)snprintf(world->path, sizeof(world->path), "%s/config", world->directory);
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	int r;

	(void)unlink(world->path);
	r = rmdir(world->directory);
	free(world);
	return r;
}

static void put(const struct world *world, const char *text)
{
	FILE *file = fopen(world->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static char *get(const struct world *world)
{
	struct buffer bytes = {0};

	assert_int_equal(file_read(world->path, 65536, &bytes, NULL), 0);
	assert_non_null(buffer_terminate(&bytes));
	return bytes.data;
}

static void writes_what_was_given(void **state)
{
	struct world *world = *state;
	json_t *root, *cluster, *user, *context;
	struct stat status;
	char *text;

	assert_int_equal(kubeconfig_write(world->path, &CONFIG, &world->err), 0);
	assert_int_equal(stat(world->path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	text = get(world);
	root = json_loads(text, 0, NULL);
	free(text);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "kind")), "Config");
	assert_int_equal(json_unpack(root, "{s:[{s:{s:o}}], s:[{s:o}], s:[{s:o}]}", "clusters",
				 "cluster", "certificate-authority-data", &cluster, "users", "user",
				 &user, "contexts", "context", &context),
		0);
	assert_string_equal(json_string_value(cluster), CA_BASE64);
	assert_string_equal(json_string_value(json_object_get(user, "token")), CONFIG.token);
	assert_string_equal(
		json_string_value(json_object_get(context, "user")), "tacho-standalone");
	json_decref(root);
}

/* Reads the answer of a command; false when it failed. */
static bool ask(const char *command, char *out, size_t size)
{
	FILE *pipe = popen(command, "r");
	size_t length;

	assert_non_null(pipe);
	length = fread(out, 1, size - 1, pipe);
	out[length] = '\0';
	return pclose(pipe) == 0;
}

static void kubectl_reads_it(void **state)
{
	struct world *world = *state;
	char command[512], out[1024];

	if (!ask("command -v kubectl", out, sizeof(out))) {
		print_message("skipped: no kubectl on this machine\n");
		skip();
	}
	assert_int_equal(kubeconfig_write(world->path, &CONFIG, &world->err), 0);
	(void)snprintf(command, sizeof(command),
		"kubectl config view --kubeconfig %s --raw --minify -o jsonpath='{.clusters[0]."
		"cluster.server} {.clusters[0].cluster.certificate-authority-data} "
		"{.users[0].user.token} {.current-context}'",
		world->path);
	assert_true(ask(command, out, sizeof(out)));
	(void)snprintf(command, sizeof(command), "%s %s %s tacho-standalone", CONFIG.server,
		CA_BASE64, CONFIG.token);
	assert_string_equal(out, command);
}

static void replaces_its_own_alone(void **state)
{
	static const char *const FOREIGN[] = {
		"apiVersion: v1\nkind: Config\n",
		"{}",
		"{\"clusters\":[]}",
		"{\"clusters\":[{\"name\":\"prod\"}]}",
		"{\"clusters\":[{\"name\":\"tacho-standalone\"},{\"name\":\"prod\"}]}",
		"{\"clusters\":\"tacho-standalone\"}",
		"{\"clusters\":[\"tacho-standalone\"]}",
		"\n",
	};
	struct world *world = *state;
	struct kubeconfig other = CONFIG;
	char *text;

	for (size_t i = 0; i < sizeof(FOREIGN) / sizeof(FOREIGN[0]); i++) {
		put(world, FOREIGN[i]);
		assert_int_equal(kubeconfig_write(world->path, &CONFIG, &world->err), -EEXIST);
		assert_non_null(strstr(world->err.message, world->path));
		assert_non_null(strstr(world->err.message, "that tacho did not write"));
		text = get(world);
		assert_string_equal(text, FOREIGN[i]);
		free(text);
	}
	put(world, ""); /* of mktemp */
	assert_int_equal(kubeconfig_write(world->path, &CONFIG, &world->err), 0);
	other.token = "another";
	assert_int_equal(kubeconfig_write(world->path, &other, &world->err), 0);
	text = get(world);
	assert_non_null(strstr(text, "\"another\""));
	free(text);
}

static void fails_with_words(void **state)
{
	struct world *world = *state;
	struct kubeconfig bad = CONFIG;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/a/b", world->directory);
	assert_int_equal(kubeconfig_write(path, &CONFIG, &world->err), -ENOENT);
	assert_non_null(strstr(world->err.message, "/a/b: No such file or directory"));
	assert_int_equal(kubeconfig_write(world->directory, &CONFIG, &world->err), -EEXIST);
	bad.token = "\xff";
	assert_int_equal(kubeconfig_write(world->path, &bad, &world->err), -EINVAL);
	assert_int_equal(access(world->path, F_OK), -1);
}

static void a_full_disk_leaves_the_old_file(void **state)
{
	struct world *world = *state;
	struct kubeconfig other = CONFIG;
	struct rlimit limit, none;
	char *text;
	int r;

	assert_int_equal(kubeconfig_write(world->path, &CONFIG, &world->err), 0);
	other.token = "another";
	(void)signal(SIGXFSZ, SIG_IGN); /* a limit of the size of files stands in */
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = limit;
	none.rlim_cur = 100;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	r = kubeconfig_write(world->path, &other, &world->err);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	assert_non_null(strstr(world->err.message, "File too large"));
	text = get(world);
	assert_non_null(strstr(text, CONFIG.token));
	free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(writes_what_was_given),
		TEST(kubectl_reads_it),
		TEST(replaces_its_own_alone),
		TEST(fails_with_words),
		TEST(a_full_disk_leaves_the_old_file),
	};

	return cmocka_run_group_tests_name("kubeconfig", tests, NULL, NULL);
}
