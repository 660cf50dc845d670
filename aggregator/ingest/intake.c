#include "aggregator/ingest/intake.h"

#include "aggregator/ingest/admission.h"
#include "aggregator/ingest/message.h"
#include "aggregator/ingest/parting.h"
#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>

struct intake {
	struct intake_options options;
	struct message_reader *reader;
	struct admission *admission;
	struct held_catalogs held;
	struct log_limit refused, malformed, unstored;
};

static void hang_up(struct intake *intake, struct connection *connection, enum tally_end reason)
{
	parting_hang_up(intake->options.connections, intake->options.tally, connection, reason);
}

/* --- what is said ----------------------------------------------------------------------------- */

static void drop(struct intake *intake, enum tally_drop reason)
{
	telemetry_add(intake->options.tally->dropped[reason], 1);
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
	parting_complain(&intake->unstored, connection, err->message);
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
	tally_sample_age(intake->options.tally, sample->timestamp_ms);
}

/* What an accepted connection says. */
static void apply(struct intake *intake, struct connection *connection,
	const Tacho__V1__Message *message, uint64_t now_ns)
{
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

static void hold_catalog(
	struct intake *intake, struct connection *connection, const void *data, size_t size)
{
	int r = held_catalog_put(&connection->held, &intake->held, data, size);

	if (r == 0)
		return;
	drop(intake, r == -ENOMEM ? TALLY_DROP_NO_MEMORY : TALLY_DROP_TOO_MUCH_HELD);
	parting_complain(&intake->unstored, connection,
		"no room for its catalog until its token is reviewed; closing");
	hang_up(intake, connection, TALLY_END_TOO_MUCH_HELD);
}

/* What a connection says whose token is under review. A catalog comes once, a sample each second.
 */
static void hold(struct intake *intake, struct connection *connection,
	const Tacho__V1__Message *message, const void *data, size_t size, uint64_t now_ns)
{
	connection->heard_ns = now_ns;
	switch (message->kind_case) {
	case TACHO__V1__MESSAGE__KIND_CATALOG:
		hold_catalog(intake, connection, data, size);
		break;
	case TACHO__V1__MESSAGE__KIND_SAMPLE:
		drop(intake, TALLY_DROP_UNDER_REVIEW);
		break;
	default:
		drop(intake, TALLY_DROP_UNKNOWN_KIND);
		break;
	}
}

static void take(struct intake *intake, struct connection *connection,
	const Tacho__V1__Message *message, const void *data, size_t size, uint64_t now_ns)
{
	if (message->kind_case == TACHO__V1__MESSAGE__KIND_HELLO) {
		admission_hello(intake->admission, connection, message->hello, now_ns);
	} else if (connection->node) {
		apply(intake, connection, message, now_ns);
	} else if (admission_is_pending(connection)) {
		hold(intake, connection, message, data, size, now_ns);
	} else {
		drop(intake, TALLY_DROP_BEFORE_HELLO);
		parting_complain(&intake->refused, connection, "speaks before its Hello");
		hang_up(intake, connection, TALLY_END_BEFORE_HELLO);
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
	/* While thousands wait for their reviews after a restart, theirs are most messages. */
	if (admission_is_pending(connection) && message_is_sample(data, size)) {
		connection->heard_ns = now_ns;
		drop(intake, TALLY_DROP_UNDER_REVIEW);
		return;
	}
	r = message_decode(intake->reader, data, size, &message);
	if (r == 0) {
		take(intake, connection, message, data, size, now_ns);
		return;
	}
	drop(intake, r == -E2BIG ? TALLY_DROP_TOO_COMPLEX : TALLY_DROP_MALFORMED);
	parting_complain(&intake->malformed, connection,
		r == -E2BIG ? "sent a message that unfolds beyond all bounds"
			    : "sent a message that does not decode");
	if (!connection->node)
		hang_up(intake, connection, TALLY_END_BEFORE_HELLO);
}

/* --- what was held ---------------------------------------------------------------------------- */

void intake_settle(struct intake *intake, uint64_t now_ns)
{
	struct connection *connection;

	while ((connection = admission_next(intake->admission, now_ns))) {
		const struct held_catalog *held = &connection->held;
		const Tacho__V1__Message *message;

		/* It decoded when it came. */
		if (held->data &&
			message_decode(intake->reader, held->data, held->size, &message) == 0)
			apply(intake, connection, message, now_ns);
		held_catalog_drop(&connection->held);
	}
}

/* --- what is not said ------------------------------------------------------------------------- */

static void judge(struct intake *intake, struct connection *connection, uint64_t now_ns)
{
	char peer[ADDRESS_TEXT_SIZE];

	if (!connection->node && !admission_is_pending(connection)) {
		/* It may have been opened since `now_ns`. */
		if (now_ns > connection->opened_ns + intake->options.hello_ns)
			hang_up(intake, connection, TALLY_END_NO_HELLO);
	} else if (now_ns - connection->heard_ns > intake->options.silence_ns) {
		log_info("node %s: nothing from %s for %llu s, closing the connection",
			connection->node ? connection->node : "(not reviewed yet)",
			address_text(&connection->peer, peer),
			(unsigned long long)((now_ns - connection->heard_ns) / NS_PER_SECOND));
		hang_up(intake, connection, TALLY_END_SILENT);
	} else if (connection->stale_since_ns != 0 &&
		   now_ns - connection->stale_since_ns > intake->options.silence_ns) {
		parting_complain(&intake->unstored, connection,
			"its samples belong to no catalog; closing, so that it starts anew");
		hang_up(intake, connection, TALLY_END_STALE);
	}
}

void intake_sweep(struct intake *intake, uint64_t now_ns)
{
	uint64_t ended_by_peer = 0;
	size_t open = connections_reap(intake->options.connections, &ended_by_peer), count;
	struct connection **all = connections_all(intake->options.connections, &count);

	admission_poll(intake->admission, now_ns);
	for (size_t i = 0; i < count; i++) {
		if (!all[i]->closing)
			admission_check(intake->admission, all[i], now_ns);
		if (!all[i]->closing)
			judge(intake, all[i], now_ns);
	}
	parting_sweep(all, count, now_ns);
	telemetry_set(intake->options.tally->connections, open);
	telemetry_add(intake->options.tally->ended[TALLY_END_PEER], ended_by_peer);
}

struct intake *intake_new(const struct intake_options *options)
{
	const struct admission_options admission = {.connections = options->connections,
		.tally = options->tally,
		.secret = options->secret,
		.secret_size = options->secret_size,
		.rules = options->rules};
	struct intake *intake = calloc(1, sizeof(*intake));

	if (!intake)
		return NULL;
	intake->options = *options;
	intake->held.max_bytes = HELD_CATALOGS_MAX_BYTES;
	intake->held.now_bytes = options->tally->held_bytes;
	intake->reader = message_reader_new();
	intake->admission = admission_new(&admission);
	if (!intake->reader || !intake->admission) {
		intake_free(intake);
		return NULL;
	}
	return intake;
}

void intake_free(struct intake *intake)
{
	if (!intake)
		return;
	message_reader_free(intake->reader);
	admission_free(intake->admission);
	free(intake);
}
