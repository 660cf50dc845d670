#include "aggregator/ingest/connections.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct connections {
	pthread_mutex_t lock; /* guards the first map, `open` and each entry's `gone` */
	struct connection *by_pipe;
	uint32_t open, max;
	struct connection *by_node; /* the ingest thread's own */
	struct connection **all;    /* what connections_all() returned */
	size_t all_capacity;
};

struct connections *connections_new(uint32_t max)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return NULL;
	(void)pthread_mutex_init(&connections->lock, NULL);
	connections->max = max;
	return connections;
}

bool connections_open(
	struct connections *connections, int pipe, const struct address *peer, uint64_t now_ns)
{
	struct connection *entry = calloc(1, sizeof(*entry));
	bool added;

	if (!entry)
		return false;
	entry->pipe = pipe;
	entry->peer = *peer;
	entry->opened_ns = now_ns;
	(void)pthread_mutex_lock(&connections->lock);
	added = connections->open < connections->max;
	if (added) {
		HASH_ADD(by_pipe, connections->by_pipe, pipe, sizeof(entry->pipe), entry);
		added = entry->by_pipe.tbl; /* NULL when memory is short */
	}
	connections->open += added;
	(void)pthread_mutex_unlock(&connections->lock);
	if (!added)
		free(entry);
	return added;
}

void connections_gone(struct connections *connections, int pipe)
{
	struct connection *entry;

	(void)pthread_mutex_lock(&connections->lock);
	HASH_FIND(by_pipe, connections->by_pipe, &pipe, sizeof(pipe), entry);
	if (entry && !entry->gone) {
		entry->gone = true;
		connections->open--;
	}
	(void)pthread_mutex_unlock(&connections->lock);
}

struct connection *connections_find(struct connections *connections, int pipe)
{
	struct connection *entry;

	(void)pthread_mutex_lock(&connections->lock);
	HASH_FIND(by_pipe, connections->by_pipe, &pipe, sizeof(pipe), entry);
	(void)pthread_mutex_unlock(&connections->lock);
	return entry;
}

struct connection *connections_of_node(struct connections *connections, const char *node)
{
	struct connection *entry;

	HASH_FIND(by_node, connections->by_node, node, strlen(node), entry);
	return entry;
}

int connections_speak(
	struct connections *connections, struct connection *connection, const char *node)
{
	char *name = strdup(node);

	if (!name)
		return -ENOMEM;
	connection->node = name;
	HASH_ADD_KEYPTR(by_node, connections->by_node, name, strlen(name), connection);
	if (!connection->by_node.tbl) {
		connection->node = NULL;
		free(name);
		return -ENOMEM;
	}
	connection->speaks = true;
	return 0;
}

void connections_silence(struct connections *connections, struct connection *connection)
{
	if (connection->speaks)
		HASH_DELETE(by_node, connections->by_node, connection);
	connection->speaks = false;
}

struct connection **connections_all(struct connections *connections, size_t *ret_count)
{
	struct connection **all = connections->all;
	size_t count = 0, wanted;

	(void)pthread_mutex_lock(&connections->lock);
	wanted = HASH_CNT(by_pipe, connections->by_pipe);
	if (wanted > connections->all_capacity) {
		all = reallocarray(all, wanted, sizeof(struct connection *));
		if (all) {
			connections->all = all;
			connections->all_capacity = wanted;
		}
	}
	for (struct connection *entry = connections->by_pipe; entry; entry = entry->by_pipe.next) {
		if (count == connections->all_capacity)
			break; /* no memory for the rest; the next sweep sees them */
		connections->all[count++] = entry;
	}
	(void)pthread_mutex_unlock(&connections->lock);
	*ret_count = count;
	return connections->all;
}

static void free_entry(struct connections *connections, struct connection *entry)
{
	connections_silence(connections, entry);
	proof_clear(&entry->proof);
	held_catalog_drop(&entry->held);
	free(entry->node);
	free(entry);
}

size_t connections_reap(struct connections *connections, uint64_t *ret_by_peer)
{
	struct connection *next;
	size_t left;

	(void)pthread_mutex_lock(&connections->lock);
	for (struct connection *entry = connections->by_pipe; entry; entry = next) {
		next = entry->by_pipe.next;
		if (!entry->gone)
			continue;
		*ret_by_peer += !entry->closing;
		HASH_DELETE(by_pipe, connections->by_pipe, entry);
		free_entry(connections, entry);
	}
	left = connections->open;
	(void)pthread_mutex_unlock(&connections->lock);
	return left;
}

void connections_free(struct connections *connections)
{
	struct connection *next;

	if (!connections)
		return;
	for (struct connection *entry = connections->by_pipe; entry; entry = next) {
		next = entry->by_pipe.next;
		HASH_DELETE(by_pipe, connections->by_pipe, entry);
		free_entry(connections, entry);
	}
	free(connections->all);
	(void)pthread_mutex_destroy(&connections->lock);
	free(connections);
}
