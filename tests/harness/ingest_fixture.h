/* A running ingest with its store, certificates and counters, for the tests of ingest. */
#ifndef TESTS_HARNESS_INGEST_FIXTURE_H
#define TESTS_HARNESS_INGEST_FIXTURE_H

#include "aggregator/ingest/ingest.h"
#include "tests/harness/pki.h"
#include "tests/harness/scratch.h"
#include "tests/harness/wire_client.h"

#define INGEST_FIXTURE_SECRET "a secret of the test"

struct ingest_fixture {
	struct scratch *scratch;
	struct telemetry *telemetry;
	struct store *store;
	struct pki *pki;
	struct pki_pair pair;
	const char *ca_file;
	const char *urls[2]; /* tls+tcp with port 0, ipc */
	struct ingest_options options;
	struct ingest *ingest;
	char url[64]; /* tls+tcp with the port; after ingest_fixture_start() */
};

/* For cmocka's setup and teardown. The options are filled in; nothing listens yet. */
int ingest_fixture_set_up(void **state);
int ingest_fixture_tear_down(void **state);

/* Starts with fixture->options. */
void ingest_fixture_start(struct ingest_fixture *fixture);

/* A connected client. */
struct wire_client *ingest_fixture_connect(struct ingest_fixture *fixture);

/* Waits up to 5 s until the counter or gauge has this value. */
bool ingest_fixture_counts(struct ingest_fixture *fixture, const char *name, const char *label,
	const char *value, uint64_t wanted);

/* "tacho_aggregator_messages_dropped_total", "…_messages_total", "…_connections_closed_total". */
bool ingest_fixture_dropped(struct ingest_fixture *fixture, const char *reason, uint64_t wanted);
bool ingest_fixture_took(struct ingest_fixture *fixture, const char *kind, uint64_t wanted);
bool ingest_fixture_closed(struct ingest_fixture *fixture, const char *reason, uint64_t wanted);

/* Waits up to 5 s until the store serves pod shop/web with this CPU usage in its first container.
 */
bool ingest_fixture_serves(struct ingest_fixture *fixture, uint64_t cpu);

#endif
