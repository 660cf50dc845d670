#include "aggregator/ingest/parting.h"

#include "base/clock.h"

#include <nng/nng.h>

#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

void parting_hang_up(struct connections *connections, const struct tally *tally,
	struct connection *connection, enum tally_end reason)
{
	nng_pipe pipe = {.id = (uint32_t)connection->pipe};

	if (connection->closing)
		return;
	connection->closing = true;
	connections_silence(connections, connection);
	proof_clear(&connection->proof);
	held_catalog_drop(&connection->held);
	telemetry_add(tally->ended[reason], 1);
	(void)nng_pipe_close(pipe);
}

void parting_complain(
	struct log_limit *limit, const struct connection *connection, const char *message)
{
	char peer[ADDRESS_TEXT_SIZE];
	uint64_t held_back;

	if (!log_allowed(limit, LOG_INTERVAL_NS, &held_back))
		return;
	(void)address_text(&connection->peer, peer);
	if (connection->node)
		log_warn("node %s at %s: %s (%llu more like this were held back)", connection->node,
			peer, message, (unsigned long long)held_back);
	else
		log_warn("%s: %s (%llu more like this were held back)", peer, message,
			(unsigned long long)held_back);
}
