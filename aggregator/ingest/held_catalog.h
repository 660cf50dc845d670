/* The newest catalog of a connection that is not accepted yet: kept as it came, for an agent sends
 * it once. Bounded in all; one is at most a message long. The ingest thread's own. */
#ifndef INGEST_HELD_CATALOG_H
#define INGEST_HELD_CATALOG_H

#include "base/telemetry.h"

#include <stddef.h>

/* Bytes that all connections may hold; 5000 nodes of 30 pods need 25 MiB. */
#define HELD_CATALOGS_MAX_BYTES (64U << 20)

struct held_catalogs {
	size_t bytes, max_bytes;
	struct telemetry_series *now_bytes;
};

/* Zero-initialise. */
struct held_catalog {
	void *data; /* NULL = none */
	size_t size;
	struct held_catalogs *all;
};

/* Keeps a copy instead of what was held. 0, -ENOSPC or -ENOMEM: then nothing has changed. */
int held_catalog_put(
	struct held_catalog *held, struct held_catalogs *all, const void *data, size_t size);

void held_catalog_drop(struct held_catalog *held);

#endif
