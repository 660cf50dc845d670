#include "tests/harness/ingest_fixture.h"

#include "base/clock.h"
#include "tests/harness/wait.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOUR_S      3600
#define PATIENCE_MS 60000

int ingest_fixture_set_up(void **state)
{
	struct ingest_fixture *fixture = calloc(1, sizeof(*fixture));
	char url[128];

	assert_non_null(fixture);
	fixture->scratch = scratch_new();
	fixture->telemetry = telemetry_new();
	fixture->store = store_new(&(struct store_options){.expiry_ns = 15 * NS_PER_SECOND,
					   .max_nodes = 3,
					   .telemetry = fixture->telemetry},
		NULL);
	assert_true(fixture->telemetry && fixture->store);
	fixture->pki = pki_new("authority");
	fixture->pair = pki_issue(fixture->pki, "DNS:aggregator", HOUR_S);
	fixture->ca_file = scratch_write(fixture->scratch, "ca.pem", pki_ca(fixture->pki));
	(void)snprintf(url, sizeof(url), "ipc://%s", scratch_path(fixture->scratch, "socket"));
	fixture->urls[0] = "tls+tcp://127.0.0.1:0";
	fixture->urls[1] = strdup(url);
	fixture->options = (struct ingest_options){
		.urls = fixture->urls,
		.url_count = 1,
		.cert_file = scratch_write(fixture->scratch, "cert.pem", fixture->pair.cert),
		.key_file = scratch_write(fixture->scratch, "key.pem", fixture->pair.key),
		.secret = INGEST_FIXTURE_SECRET,
		.secret_size = strlen(INGEST_FIXTURE_SECRET),
		.silence_ns = 60 * NS_PER_SECOND,
		.max_connections = 100,
		.store = fixture->store,
		.telemetry = fixture->telemetry,
	};
	*state = fixture;
	return 0;
}

int ingest_fixture_tear_down(void **state)
{
	struct ingest_fixture *fixture = *state;
	union {
		const char *in;
		char *out;
	} url = {fixture->urls[1]};

	ingest_stop(fixture->ingest);
	store_free(fixture->store);
	telemetry_free(fixture->telemetry);
	pki_pair_free(&fixture->pair);
	pki_free(fixture->pki);
	scratch_free(fixture->scratch);
	free(url.out);
	free(fixture);
	return 0;
}

void ingest_fixture_start(struct ingest_fixture *fixture)
{
	struct error err = {{0}};

	fixture->ingest = ingest_start(&fixture->options, &err);
	assert_string_equal(err.message, "");
	assert_non_null(fixture->ingest);
	(void)snprintf(fixture->url, sizeof(fixture->url), "tls+tcp://127.0.0.1:%u",
		ingest_port(fixture->ingest, 0));
}

struct wire_client *ingest_fixture_connect(struct ingest_fixture *fixture)
{
	return wire_client_tls(ingest_port(fixture->ingest, 0), fixture->ca_file);
}

struct counter {
	const struct telemetry_series *series;
	uint64_t wanted;
};

static bool counts(void *context)
{
	const struct counter *counter = context;

	return telemetry_get(counter->series) == counter->wanted;
}

bool ingest_fixture_counts(struct ingest_fixture *fixture, const char *name, const char *label,
	const char *value, uint64_t wanted)
{
	struct counter counter = {
		telemetry_counter(fixture->telemetry, name, "", label, value), wanted};

	if (wait_until(counts, &counter, PATIENCE_MS))
		return true;
	print_error("%s{%s=\"%s\"} is %llu, not %llu\n", name, label ? label : "",
		value ? value : "", (unsigned long long)telemetry_get(counter.series),
		(unsigned long long)wanted);
	return false;
}

bool ingest_fixture_dropped(struct ingest_fixture *fixture, const char *reason, uint64_t wanted)
{
	return ingest_fixture_counts(
		fixture, "tacho_aggregator_messages_dropped_total", "reason", reason, wanted);
}

bool ingest_fixture_took(struct ingest_fixture *fixture, const char *kind, uint64_t wanted)
{
	return ingest_fixture_counts(
		fixture, "tacho_aggregator_messages_total", "kind", kind, wanted);
}

bool ingest_fixture_closed(struct ingest_fixture *fixture, const char *reason, uint64_t wanted)
{
	return ingest_fixture_counts(
		fixture, "tacho_aggregator_connections_closed_total", "reason", reason, wanted);
}

struct served {
	struct store *store;
	uint64_t wanted;
	bool right;
};

static bool look(void *context, const struct store_pod_view *pod)
{
	struct served *served = context;
	uint64_t value;

	served->right =
		store_container_value(pod, 0, METRIC_CPU_USAGE, &value) && value == served->wanted;
	return true;
}

static bool is_served(void *context)
{
	struct served *served = context;

	return store_get_pod(served->store, "shop", "web", look, served) && served->right;
}

bool ingest_fixture_serves(struct ingest_fixture *fixture, uint64_t cpu)
{
	struct served served = {.store = fixture->store, .wanted = cpu};

	return wait_until(is_served, &served, PATIENCE_MS);
}
