/* Hanging up, and saying what was wrong. The ingest thread's own. */
#ifndef INGEST_PARTING_H
#define INGEST_PARTING_H

#include "aggregator/ingest/connections.h"
#include "aggregator/ingest/tally.h"
#include "base/log.h"

/* Ends the connection, once, and counts why. Nobody finds it by its node any more; what it proved
 * and held is freed. It is closed by the next parting_sweep(); what it says until then is the
 * caller's to drop. */
void parting_hang_up(struct connections *connections, const struct tally *tally,
	struct connection *connection, enum tally_end reason);

/* Closes those that were hung up on. NNG 1.5.2 does not survive nng_pipe_close() between the two
 * steps in which it receives a message: its only reaper thread would wait for the second for ever,
 * and no connection be freed any more. It does see that a socket was shut. Only what is still
 * there PARTING_PATIENCE_NS after that is closed by NNG. Looks at each descriptor of the process
 * when there is something to do. */
#define PARTING_PATIENCE_NS 10000000000ULL
void parting_sweep(struct connection *const *all, size_t count, uint64_t now_ns);

/* A warning that names the connection's node, if it was accepted, and its address: at most one line
 * each ten seconds and limit. */
void parting_complain(
	struct log_limit *limit, const struct connection *connection, const char *message);

#endif
