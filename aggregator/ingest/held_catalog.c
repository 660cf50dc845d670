#include "aggregator/ingest/held_catalog.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int held_catalog_put(
	struct held_catalog *held, struct held_catalogs *all, const void *data, size_t size)
{
	void *copy;

	if (size > all->max_bytes - all->bytes + held->size)
		return -ENOSPC;
	copy = malloc(size + 1);
	if (!copy)
		return -ENOMEM;
	if (size > 0)
		memcpy(copy, data, size);
	held_catalog_drop(held);
	held->data = copy;
	held->size = size;
	held->all = all;
	all->bytes += size;
	telemetry_set(all->now_bytes, all->bytes);
	return 0;
}

void held_catalog_drop(struct held_catalog *held)
{
	if (!held->data)
		return;
	held->all->bytes -= held->size;
	telemetry_set(held->all->now_bytes, held->all->bytes);
	free(held->data);
	*held = (struct held_catalog){0};
}
