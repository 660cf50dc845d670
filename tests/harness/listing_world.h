/* A store with a made-up cluster, and listings of it: for the tests of what is listed page by page.
 */
#ifndef TESTS_HARNESS_LISTING_WORLD_H
#define TESTS_HARNESS_LISTING_WORLD_H

#include "aggregator/api/listing_options.h"
#include "tests/harness/cluster.h"

#define LISTING_WORLD_NOW 1767225600 /* 2026-01-01T00:00:00Z */

/* No item of cluster_fill() with up to three containers is longer, in any form. */
#define LISTING_WORLD_LONGEST_ITEM 4096

struct listing_world {
	struct telemetry *telemetry;
	struct store *store;
};

struct listing_world listing_world_make(const struct cluster_shape *shape);
void listing_world_end(struct listing_world *world);

/* A list of all there is, as v1, at LISTING_WORLD_NOW. */
struct listing_options listing_world_options(
	const struct listing_world *world, enum listing_resource resource, enum media media);

#endif
