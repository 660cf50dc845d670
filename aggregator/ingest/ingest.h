/* The aggregator's end of the wire: takes messages from agents, checks them, hands them to the
 * store.
 *
 * A thread of its own receives. Nothing of a connection is applied before its Hello was accepted;
 * a connection speaks for one node only, and the newest Hello of a node wins: an agent that was
 * killed leaves a connection behind. Counted and bounded: message size, connections, silent
 * connections, sockets that never finish the handshake, messages that don't decode.
 *
 * In a cluster kube-apiserver reviews the Hello's token. While it is away, connections that it
 * accepted go on, and new ones wait: they are kept as long as their agents go on sending, and their
 * newest catalogs with them. */
#ifndef INGEST_INGEST_H
#define INGEST_INGEST_H

#include "aggregator/ingest/kube_desk.h"
#include "aggregator/store/store.h"
#include "base/error.h"
#include "base/telemetry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INGEST_HANDSHAKE_NS 10000000000ULL
#define INGEST_MAX_REVIEWS  100

/* In a cluster: what a Hello's credential must be, a token of the agents' service account. The node
 * is the one that the token is bound to. */
struct ingest_agents {
	struct kube_desk desk;       /* kube_desk_of() the metadata, whose thread asks */
	const char *audience;        /* "tacho-aggregator" */
	const char *service_account; /* "system:serviceaccount:NAMESPACE:NAME" */
	uint32_t max_reviews;        /* under way at a time; 0 = INGEST_MAX_REVIEWS */
};

struct ingest_options {
	const char *const *urls; /* tls+tcp://host:port, ipc:///path, tcp://host:port */
	size_t url_count;
	bool insecure;         /* allows tcp:// */
	const char *cert_file; /* PEM, for tls+tcp */
	const char *key_file;
	const struct ingest_agents *agents; /* NULL: standalone, `secret` */
	/* What a Hello's credential must be. May be empty when all urls are ipc, where the rights
	 * of the socket's file (0600) stand in. */
	const void *secret;
	size_t secret_size;
	/* A connection is closed when it says nothing for so long, or nothing that the store takes:
	 * the agent then comes back with a new Catalog. */
	uint64_t silence_ns;
	/* From the TCP connection to the end of the TLS handshake, and from there to a Hello that
	 * is accepted or under review; and between two reviews of one connection. 0 =
	 * INGEST_HANDSHAKE_NS; tests want less. */
	uint64_t handshake_ns;
	uint32_t max_connections;
	struct store *store;
	struct telemetry *telemetry;
};

struct ingest;

/* Listens and starts the thread. Port 0 takes a free one and logs it; a stale ipc file is replaced.
 * NULL and a message: a bad url, a port in use, a certificate that can't be read, tcp:// without
 * `insecure`, a network url without a secret. The options are copied, but for store and
 * telemetry. */
struct ingest *ingest_start(const struct ingest_options *options, struct error *err);

/* The port of urls[url]; 0 for ipc. */
uint16_t ingest_port(const struct ingest *ingest, size_t url);

/* Stops the thread; the sockets close with the process (NNG 1.5.2 does not close them well). The
 * metadata behind the desk must still be there. */
void ingest_stop(struct ingest *ingest);

#endif
