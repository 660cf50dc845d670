/* Hanging up, and saying what was wrong. The ingest thread's own. */
#ifndef INGEST_PARTING_H
#define INGEST_PARTING_H

#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/tally.h"
#include "base/log.h"

/* Closes the connection, once, and counts why. Nobody finds it by its node any more; what it
 * proved and held is freed. */
void parting_hang_up(struct connections *connections, const struct tally *tally,
	struct connection *connection, enum tally_end reason);

/* A warning that names the connection's node, if it was accepted, and its address: at most one line
 * each ten seconds and limit. */
void parting_complain(
	struct log_limit *limit, const struct connection *connection, const char *message);

#endif
