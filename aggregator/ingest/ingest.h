/* The aggregator's end of the wire: takes messages from agents, checks them, hands them to the
 * store.
 *
 * A thread of its own receives. Nothing of a connection is applied before its Hello was accepted;
 * a connection speaks for one node only. Counted and bounded: message size, connections, silent
 * connections, sockets that never finish the handshake, messages that don't decode. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INGEST_MAX_MESSAGE (1U << 20) /* bytes; a node of 1,000 pods needs 200 KiB */

struct ingest_options {
	const char *const *urls; /* tls+tcp://host:port, ipc:///path, tcp://host:port */
	size_t url_count;
	bool insecure;         /* allows tcp:// */
	const char *cert_file; /* PEM, for tls+tcp */
	const char *key_file;
	const void *secret; /* what a Hello's credential must be */
	size_t secret_size;
	uint64_t silence_ns; /* a connection that says nothing for so long is closed */
	uint32_t max_connections;
	struct store *store;
	struct telemetry *telemetry;
};

struct ingest;

/* Listens and starts the thread. NULL and a message: a bad url, a port in use, a certificate that
 * can't be read, tcp:// without `insecure`. */
struct ingest *ingest_start(const struct ingest_options *options, struct error *err);

/* Stops the thread; the sockets close with the process (NNG 1.5.2 does not close them well). */
void ingest_stop(struct ingest *ingest);

#endif
