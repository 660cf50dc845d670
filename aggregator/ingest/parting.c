#include "aggregator/ingest/parting.h"

#include "base/clock.h"
#include "base/socket_scan.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define LOG_INTERVAL_NS (10 * NS_PER_SECOND)

void parting_hang_up(struct connections *connections, const struct tally *tally,
	struct connection *connection, enum tally_end reason)
{
	if (connection->closing)
		return;
	connection->closing = true;
	connection->closing_ns = clock_monotonic_ns();
	connections_silence(connections, connection);
	proof_clear(&connection->proof);
	held_catalog_drop(&connection->held);
	telemetry_add(tally->ended[reason], 1);
}

/* --- closing ---------------------------------------------------------------------------------- */

/* Whose sockets are to be shut, sorted. */
struct search {
	struct address *peer;
	size_t count;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct address));
}

static void shut(void *context, const struct socket_scan_entry *entry)
{
	const struct search *search = context;
	struct address peer = address_of_socket(&entry->peer);

	if (bsearch(&peer, search->peer, search->count, sizeof(peer), compare))
		(void)shutdown(entry->fd, SHUT_RDWR);
}

static void close_by_nng(const struct connection *connection)
{
	nng_pipe pipe = {.id = (uint32_t)connection->pipe};

	(void)nng_pipe_close(pipe);
}

static bool must_be_shut(const struct connection *connection)
{
	return connection->closing && !connection->shut;
}

/* Marks them as shut. A Unix socket has no address by which it is found. */
static void gather(struct search *search, struct connection *const *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!must_be_shut(all[i]))
			continue;
		all[i]->shut = true;
		if (all[i]->peer.family == AF_UNSPEC)
			close_by_nng(all[i]);
		else
			search->peer[search->count++] = all[i]->peer;
	}
}

void parting_sweep(struct connection *const *all, size_t count, uint64_t now_ns)
{
	struct search search = {0};
	size_t waiting = 0;

	for (size_t i = 0; i < count; i++) {
		waiting += must_be_shut(all[i]);
		if (all[i]->shut && now_ns > all[i]->closing_ns + PARTING_PATIENCE_NS)
			close_by_nng(all[i]);
	}
	if (waiting == 0)
		return;
	search.peer = calloc(waiting, sizeof(*search.peer));
	if (!search.peer)
		return; /* the next sweep tries again */
	gather(&search, all, count);
	qsort(search.peer, search.count, sizeof(*search.peer), compare);
	if (search.count > 0)
		(void)socket_scan(NULL, NULL, shut, &search); /* else their patience ends */
	free(search.peer);
}

/* --- complaining ------------------------------------------------------------------------------ */

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
