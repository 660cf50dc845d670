#include "aggregator/ingest/intake.h"

#include "aggregator/ingest/hello.h"
#include "aggregator/ingest/message.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>

/* A connection that said something so lately has an agent at its other end. */
#define LIVELY_NS (3 * NS_PER_SECOND / 2)

#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

struct intake {
	struct intake_options options;
	struct message_reader *reader;
	struct log_limit refused, replaced, malformed, unstored;
};

static void hang_up(struct intake *intake, struct connection *connection, enum tally_end reason)
{
	nng_pipe pipe = {.id = (uint32_t)connection->pipe};

	if (connection->closing)
		return;
	connection->closing = true;
	connections_silence(intake->options.connections, connection);
	telemetry_add(intake->options.tally->ended[reason], 1);
	(void)nng_pipe_close(pipe);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void drop(struct intake *intake, enum tally_drop reason)
{
	telemetry_add(intake->options.tally->dropped[reason], 1);
}

static void log_limited(
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

/* The agent was started anew and its old connection lingers; or two agents have one name, and both
 * go on sending. */
static void replace(struct intake *intake, struct connection *older, uint64_t now_ns)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (now_ns - older->heard_ns < LIVELY_NS)
		log_limited(&intake->replaced, older,
			"said Hello on a newer connection; this one is closed. Two agents with one name?");
	else
		log_info("node %s: said Hello anew; its old connection from %s is closed",
			older->node, address_text(&older->peer, peer));
	hang_up(intake, older, TALLY_END_REPLACED);
}

static void admit(struct intake *intake, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns)
{
	struct connection *older = connections_of_node(intake->options.connections, hello->node);
	char peer[ADDRESS_TEXT_SIZE];

	if (older)
		replace(intake, older, now_ns);
	if (connections_speak(intake->options.connections, connection, hello->node) < 0) {
		drop(intake, TALLY_DROP_NO_MEMORY);
		hang_up(intake, connection, TALLY_END_NO_HELLO);
		return;
	}
	connection->heard_ns = now_ns;
	log_info("node %s: agent %.32s connected from %s, every %u ms", hello->node,
		hello->agent_version, address_text(&connection->peer, peer), hello->interval_ms);
}

static void take_hello(struct intake *intake, struct connection *connection,
	const Tacho__V1__Hello *hello, uint64_t now_ns)
{
	struct error err;

	if (hello_check(hello, intake->options.secret, intake->options.secret_size, &err) < 0) {
		drop(intake, TALLY_DROP_HELLO_REFUSED);
		log_limited(&intake->refused, connection, err.message);
		hang_up(intake, connection, TALLY_END_HELLO_REFUSED);
		return;
	}
	if (!connection->node) {
		admit(intake, connection, hello, now_ns);
	} else if (strcmp(connection->node, hello->node) != 0) {
		drop(intake, TALLY_DROP_NODE_CHANGED);
		log_limited(&intake->refused, connection, "says Hello as another node");
		hang_up(intake, connection, TALLY_END_NODE_CHANGED);
		return;
	}
	if (!connection->closing)
		telemetry_add(intake->options.tally->messages[TALLY_KIND_HELLO], 1);
}

/* The store did not take it. A catalog does not come again, so its samples will be stale. */
static void refuse(struct intake *intake, struct connection *connection, int r,
	enum tally_drop invalid, const struct error *err)
{
	switch (r) {
	case -ESTALE:
		drop(intake, TALLY_DROP_STALE);
		return; /* no news: the catalog's own failure was logged, or the store forgot it */
	case -ENOSPC:
		drop(intake, TALLY_DROP_TOO_MANY_NODES);
		break;
	case -ENOMEM:
		drop(intake, TALLY_DROP_NO_MEMORY);
		break;
	default:
		drop(intake, invalid);
		break;
	}
	log_limited(&intake->unstored, connection, err->message);
}

static void take_catalog(struct intake *intake, struct connection *connection,
	const Tacho__V1__Catalog *catalog, uint64_t now_ns)
{
	struct error err = {{0}};
	int r = store_apply_catalog(intake->options.store, connection->node, catalog, now_ns, &err);

	if (r < 0)
		refuse(intake, connection, r, TALLY_DROP_CATALOG_REFUSED, &err);
	else
		telemetry_add(intake->options.tally->messages[TALLY_KIND_CATALOG], 1);
}

static void take_sample(struct intake *intake, struct connection *connection,
	const Tacho__V1__Sample *sample, uint64_t now_ns)
{
	struct error err = {{0}};
	int r = store_apply_sample(intake->options.store, connection->node, sample, now_ns, &err);

	if (r < 0) {
		if (connection->stale_since_ns == 0)
			connection->stale_since_ns = now_ns;
		refuse(intake, connection, r, TALLY_DROP_SAMPLE_REFUSED, &err);
		return;
	}
	connection->stale_since_ns = 0;
	telemetry_add(intake->options.tally->messages[TALLY_KIND_SAMPLE], 1);
}

static void take(struct intake *intake, struct connection *connection,
	const Tacho__V1__Message *message, uint64_t now_ns)
{
	if (message->kind_case == TACHO__V1__MESSAGE__KIND_HELLO) {
		take_hello(intake, connection, message->hello, now_ns);
		return;
	}
	if (!connection->node) {
		drop(intake, TALLY_DROP_BEFORE_HELLO);
		log_limited(&intake->refused, connection, "speaks before its Hello");
		hang_up(intake, connection, TALLY_END_BEFORE_HELLO);
		return;
	}
	connection->heard_ns = now_ns;
	switch (message->kind_case) {
	case TACHO__V1__MESSAGE__KIND_CATALOG:
		take_catalog(intake, connection, message->catalog, now_ns);
		break;
	case TACHO__V1__MESSAGE__KIND_SAMPLE:
		take_sample(intake, connection, message->sample, now_ns);
		break;
	default:
		drop(intake, TALLY_DROP_UNKNOWN_KIND);
		break;
	}
}

void intake_receive(struct intake *intake, int pipe, const void *data, size_t size, uint64_t now_ns)
{
	struct connection *connection = connections_find(intake->options.connections, pipe);
	const Tacho__V1__Message *message;
	int r;

	telemetry_add(intake->options.tally->received_bytes, size);
	if (!connection || connection->closing) {
		drop(intake, TALLY_DROP_CLOSED);
		return;
	}
	r = message_decode(intake->reader, data, size, &message);
	if (r == 0) {
		take(intake, connection, message, now_ns);
		return;
	}
	drop(intake, r == -E2BIG ? TALLY_DROP_TOO_COMPLEX : TALLY_DROP_MALFORMED);
	log_limited(&intake->malformed, connection,
		r == -E2BIG ? "sent a message that unfolds beyond all bounds"
			    : "sent a message that does not decode");
	if (!connection->node)
		hang_up(intake, connection, TALLY_END_BEFORE_HELLO);
}

/* --- what is not said ------------------------------------------------------------------------- */

static void judge(struct intake *intake, struct connection *connection, uint64_t now_ns)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (connection->closing)
		return;
	if (!connection->node) {
		if (now_ns - connection->opened_ns > intake->options.hello_ns)
			hang_up(intake, connection, TALLY_END_NO_HELLO);
	} else if (now_ns - connection->heard_ns > intake->options.silence_ns) {
		log_info("node %s: nothing from %s for %llu s, closing the connection",
			connection->node, address_text(&connection->peer, peer),
			(unsigned long long)((now_ns - connection->heard_ns) / NS_PER_SECOND));
		hang_up(intake, connection, TALLY_END_SILENT);
	} else if (connection->stale_since_ns != 0 &&
		   now_ns - connection->stale_since_ns > intake->options.silence_ns) {
		log_limited(&intake->unstored, connection,
			"its samples belong to no catalog; closing, so that it starts anew");
		hang_up(intake, connection, TALLY_END_STALE);
	}
}

void intake_sweep(struct intake *intake, uint64_t now_ns)
{
	uint64_t ended_by_peer = 0;
	size_t open = connections_reap(intake->options.connections, &ended_by_peer), count;
	struct connection **all = connections_all(intake->options.connections, &count);

	for (size_t i = 0; i < count; i++)
		judge(intake, all[i], now_ns);
	telemetry_set(intake->options.tally->connections, open);
	telemetry_add(intake->options.tally->ended[TALLY_END_PEER], ended_by_peer);
}

struct intake *intake_new(const struct intake_options *options)
{
	struct intake *intake = calloc(1, sizeof(*intake));

	if (!intake)
		return NULL;
	intake->options = *options;
	intake->reader = message_reader_new();
	if (!intake->reader) {
		free(intake);
		return NULL;
	}
	return intake;
}

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	message_reader_free(intake->reader);
	free(intake);
}
