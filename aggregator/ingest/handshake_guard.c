#include "aggregator/ingest/handshake_guard.h"

#include "base/log.h"
#include "base/socket_scan.h"

#include <stdlib.h>
#include <string.h>

/* An accepted socket without a pipe. */
struct stranger {
	int fd;
	struct address peer; /* the fd is the same socket as long as this is the same */
	uint64_t first_seen_ns, last_seen_ns;
	bool shut;
	UT_hash_handle hh;
};

struct handshake_guard {
	struct stranger *strangers;
	uint64_t patience_ns;
	size_t port_count;
	uint16_t ports[];
};

struct sweep {
	struct handshake_guard *guard;
	struct connections *connections;
	uint64_t now_ns;
	size_t shut;
};

struct handshake_guard *handshake_guard_new(
	const uint16_t *ports, size_t port_count, uint64_t patience_ns)
{
	struct handshake_guard *guard = calloc(1, sizeof(*guard) + port_count * sizeof(*ports));

	if (!guard)
		return NULL;
	guard->patience_ns = patience_ns;
	guard->port_count = port_count;
	if (port_count > 0)
		memcpy(guard->ports, ports, port_count * sizeof(*ports));
	return guard;
}

static void forget(struct handshake_guard *guard, struct stranger *stranger)
{
	HASH_DEL(guard->strangers, stranger);
	free(stranger);
}

void handshake_guard_free(struct handshake_guard *guard)
{
	struct stranger *stranger, *next;

	if (!guard)
		return;
	HASH_ITER (hh, guard->strangers, stranger, next)
		forget(guard, stranger);
	free(guard);
}

static bool is_ours(const struct handshake_guard *guard, const struct address *local)
{
	for (size_t i = 0; i < guard->port_count; i++)
		if (guard->ports[i] == local->port)
			return true;
	return false;
}

/* NULL when memory is short: the next sweep tries again. */
static struct stranger *meet(struct sweep *sweep, int fd, const struct address *peer)
{
	struct stranger *stranger;

	HASH_FIND_INT(sweep->guard->strangers, &fd, stranger);
	if (!stranger) {
		stranger = calloc(1, sizeof(*stranger));
		if (!stranger)
			return NULL;
		stranger->fd = fd;
		HASH_ADD_INT(sweep->guard->strangers, fd, stranger);
		if (!stranger->hh.tbl) {
			free(stranger);
			return NULL;
		}
		stranger->first_seen_ns = sweep->now_ns;
	} else if (memcmp(&stranger->peer, peer, sizeof(*peer)) != 0) {
		stranger->first_seen_ns = sweep->now_ns;
		stranger->shut = false;
	}
	stranger->peer = *peer;
	stranger->last_seen_ns = sweep->now_ns;
	return stranger;
}

static void inspect(void *context, const struct socket_scan_entry *entry)
{
	struct sweep *sweep = context;
	struct address local = address_of_socket(&entry->local);
	struct address peer = address_of_socket(&entry->peer);
	struct stranger *stranger;

	if (!is_ours(sweep->guard, &local) || connections_has_peer(sweep->connections, &peer))
		return;
	stranger = meet(sweep, entry->fd, &peer);
	if (!stranger || stranger->shut ||
		sweep->now_ns - stranger->first_seen_ns < sweep->guard->patience_ns)
		return;
	/* NNG sees the end of the stream and closes the socket itself. */
	if (shutdown(entry->fd, SHUT_RDWR) == 0)
		sweep->shut++;
	stranger->shut = true;
}

size_t handshake_guard_sweep(
	struct handshake_guard *guard, struct connections *connections, uint64_t now_ns)
{
	struct sweep sweep = {.guard = guard, .connections = connections, .now_ns = now_ns};
	struct stranger *stranger, *next;
	int r;

	if (guard->port_count == 0)
		return 0;
	r = socket_scan(inspect, &sweep);
	if (r < 0) {
		log_warn("looking for silent sockets in /proc/self/fd: %s", strerror(-r));
		return 0;
	}
	HASH_ITER (hh, guard->strangers, stranger, next)
		if (stranger->last_seen_ns != now_ns)
			forget(guard, stranger);
	return sweep.shut;
}
