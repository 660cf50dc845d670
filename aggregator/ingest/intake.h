/* What becomes of a message: nothing before an accepted Hello, then the store.
 *
 * Belongs to the ingest thread. Hangs up on connections that break the rules. */
#ifndef INGEST_INTAKE_H
#define INGEST_INTAKE_H

#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/proof.h"
#include "aggregator/ingest/tally.h"
#include "aggregator/store/store.h"

#include <stddef.h>
#include <stdint.h>

/* Everything behind a pointer must outlive the intake. */
struct intake_options {
	struct connections *connections;
	const struct tally *tally;
	struct store *store;
	const void *secret; /* standalone: of a Hello; see hello_check() */
	size_t secret_size;
	const struct proof_rules *rules; /* in a cluster; NULL = standalone */
	uint64_t hello_ns;               /* a connection's time to an accepted Hello */
	uint64_t silence_ns;             /* see struct ingest_options */
};

struct intake;

/* NULL when memory is short. To be freed after the connections. */
struct intake *intake_new(const struct intake_options *options);
void intake_free(struct intake *intake);

/* One message that came through the pipe. Blocks for the store's lock only. */
void intake_receive(
	struct intake *intake, int pipe, const void *data, size_t size, uint64_t now_ns);

/* Lets in those whose tokens were reviewed meanwhile. Call it often, at least at each message. */
void intake_settle(struct intake *intake, uint64_t now_ns);

/* Closes connections whose time is up, and forgets those that are gone. Call each second or so. */
void intake_sweep(struct intake *intake, uint64_t now_ns);

#endif
