/* api/certificate_reload: the API's certificate is renewed, and broken, under living connections.
 */
#include "aggregator/api/certificate_reload.h"

#include "base/file.h"
#include "tests/harness/cluster.h"
#include "tests/harness/https.h"
#include "tests/harness/https_server.h"
#include "tests/harness/log_capture.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define PATIENCE_MS 60000

struct world {
	struct telemetry *telemetry;
	struct store *store;
	struct https_server *server;
	struct scratch *scratch;
	struct pki *pki;
	struct pki_pair pair;
	const char *ca; /* of `pki`, a file */
};

static int set_up(void **state)
{
	static struct world world;

	world.telemetry = telemetry_new();
	world.store = cluster_store(world.telemetry);
	world.server = https_server_start(world.store, world.telemetry, NULL);
	world.scratch = scratch_new();
	world.pki = pki_new("another");
	world.pair = pki_issue(world.pki, "IP:127.0.0.1", 7200);
	world.ca = scratch_write(world.scratch, "ca.crt", pki_ca(world.pki));
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	https_server_stop(world->server);
	store_free(world->store);
	telemetry_free(world->telemetry);
	pki_pair_free(&world->pair);
	pki_free(world->pki);
	scratch_free(world->scratch);
	return 0;
}

/* Beside the server's ca.crt. */
static void replace(const struct world *world, const char *name, const char *pem)
{
	char path[4096];
	struct error err;
	const char *ca = https_server_ca(world->server);

	(void)snprintf(
		path, sizeof(path), "%.*s%s", (int)(strlen(ca) - strlen("ca.crt")), ca, name);
	assert_int_equal(file_write(path, 0600, pem, strlen(pem), &err), 0);
}

static bool trusted(const struct world *world, const char *ca)
{
	struct https *client = https_open(https_server_port(world->server), ca);

	https_close(client);
	return client != NULL;
}

static bool new_is_served(void *context)
{
	const struct world *world = context;

	return trusted(world, world->ca);
}

static void expect_answer(struct https *client)
{
	struct https_response answer = https_get(client, "/livez", HTTPS_SERVER_TOKEN, "");

	assert_int_equal(answer.status, 200);
	https_response_free(&answer);
}

/* That the one which is served ends in `seconds`, give or take a minute. */
static bool ends_in(const struct world *world, uint64_t seconds)
{
	uint64_t at = telemetry_get(telemetry_gauge(world->telemetry,
		"tacho_aggregator_certificate_expiration_timestamp_seconds", "", NULL, NULL));
	uint64_t expected = (uint64_t)time(NULL) + seconds;

	return at + 60 > expected && at < expected + 60;
}

static void takes_the_new_one_and_keeps_connections(void **state)
{
	struct world *world = *state;
	struct https *old =
		https_open(https_server_port(world->server), https_server_ca(world->server));

	assert_non_null(old);
	expect_answer(old);
	assert_false(trusted(world, world->ca));
	assert_false(ends_in(world, 7200));
	replace(world, "tls.crt", world->pair.cert);
	replace(world, "tls.key", world->pair.key);
	assert_true(wait_until(new_is_served, world, PATIENCE_MS));
	assert_true(ends_in(world, 7200));
	assert_false(trusted(world, https_server_ca(world->server)));
	expect_answer(old);
	https_close(old);
}

static void keeps_the_old_one_while_the_new_one_is_broken(void **state)
{
	static const struct {
		const char *name, *pem, *log;
	} CASES[] = {
		{"tls.key", "", "tls.key: "},
		{"tls.crt", "no certificate", "tls.crt: "},
	};
	struct world *world = *state;

	for (size_t i = 0; i < sizeof(CASES) / sizeof(CASES[0]); i++) {
		struct log_capture *log = log_capture_start();
		bool said;

		replace(world, CASES[i].name, CASES[i].pem);
		said = log_capture_has(log, CASES[i].log, PATIENCE_MS) &&
		       log_capture_has(log, "serving on with the certificate", PATIENCE_MS);
		log_capture_stop(log);
		assert_true(said);
		assert_true(trusted(world, https_server_ca(world->server)));
	}
	/* a certificate whose key does not follow yet */
	replace(world, "tls.crt", world->pair.cert);
	wait_ms(3000 * CERTIFICATE_RELOAD_S);
	assert_true(trusted(world, https_server_ca(world->server)));
	replace(world, "tls.key", world->pair.key);
	assert_true(wait_until(new_is_served, world, PATIENCE_MS));
}

/* A file that could not be read for a moment does not change again. */
static void tries_again_when_it_could_not_read(void **state)
{
	struct world *world = *state;
	struct log_capture *log;
	struct rlimit limit, none;
	char path[2][4096];
	const char *ca = https_server_ca(world->server);
	int folder = (int)(strlen(ca) - strlen("ca.crt"));
	bool said;

	for (size_t i = 0; i < 2; i++)
		(void)snprintf(
			path[i], sizeof(path[i]), "%.*stls.%s", folder, ca, i == 0 ? "crt" : "key");
	(void)scratch_write(world->scratch, "tls.crt", world->pair.cert);
	(void)scratch_write(world->scratch, "tls.key", world->pair.key);
	log = log_capture_start();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	said = rename(scratch_path(world->scratch, "tls.crt"), path[0]) == 0 &&
	       rename(scratch_path(world->scratch, "tls.key"), path[1]) == 0 &&
	       log_capture_has(log, "serving on with the certificate", PATIENCE_MS);
	(void)usleep(1500 * 1000 * CERTIFICATE_RELOAD_S); /* both are seen */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	log_capture_stop(log);
	assert_true(said);
	assert_true(wait_until(new_is_served, world, PATIENCE_MS));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			takes_the_new_one_and_keeps_connections, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			keeps_the_old_one_while_the_new_one_is_broken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			tries_again_when_it_could_not_read, set_up, tear_down),
	};

	return cmocka_run_group_tests_name("certificate_reload", tests, NULL, NULL);
}
