/* What is known of each connection: who is at the other end, and for which node it speaks.
 *
 * NNG's threads add and take away (connections_open, connections_gone: any thread). Everything
 * else belongs to the ingest thread; an entry lives until that thread's connections_reap(), so a
 * pointer that it holds stays good while NNG closes the pipe. */
#ifndef INGEST_CONNECTIONS_H
#define INGEST_CONNECTIONS_H

#include "aggregator/ingest/held_catalog.h"
#include "aggregator/ingest/proof.h"
#include "base/address.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_NONFATAL_OOM 1 /* an element that was not added has no table */
#include <uthash.h>

struct connection {
	/* Constant. */
	int pipe;            /* NNG's id */
	struct address peer; /* AF_UNSPEC for ipc */
	uint64_t opened_ns;  /* CLOCK_MONOTONIC, as all times here */

	/* The ingest thread's own. */
	char *node;               /* NULL before an accepted Hello */
	bool speaks;              /* found by connections_of_node() */
	uint64_t heard_ns;        /* the last message, from the accepted Hello on */
	uint64_t hello_ns;        /* the first Hello; 0 = there was none */
	struct proof proof;       /* in a cluster */
	struct held_catalog held; /* before acceptance */
	uint64_t stale_since_ns;  /* 0 = the store takes its samples */
	bool closing;             /* we hung up; with it: */
	uint64_t closing_ns;      /* since when */
	bool shut;                /* its socket was shut */

	/* The table's own. */
	bool gone;
	UT_hash_handle by_pipe, by_node;
};

struct connections;

/* At most `max` at a time. NULL when memory is short. */
struct connections *connections_new(uint32_t max);
void connections_free(struct connections *connections);

/* Any thread. False when there are too many, or memory is short: close the pipe. */
bool connections_open(
	struct connections *connections, int pipe, const struct address *peer, uint64_t now_ns);

/* Any thread. NNG has closed the pipe. */
void connections_gone(struct connections *connections, int pipe);

/* NULL for a pipe that connections_open() refused. */
struct connection *connections_find(struct connections *connections, int pipe);

/* The one that speaks for `node`, or NULL. */
struct connection *connections_of_node(struct connections *connections, const char *node);

/* Makes the connection the one that speaks for `node`; nobody else may. 0 or -ENOMEM. */
int connections_speak(
	struct connections *connections, struct connection *connection, const char *node);

/* The connection keeps its node's name, but another may speak for it. */
void connections_silence(struct connections *connections, struct connection *connection);

/* All of them, those gone included, until the next call of any function here. */
struct connection **connections_all(struct connections *connections, size_t *ret_count);

/* Frees those that are gone; adds to *ret_by_peer how many of them we had not closed ourselves.
 * Returns how many are left. */
size_t connections_reap(struct connections *connections, uint64_t *ret_by_peer);

#endif
