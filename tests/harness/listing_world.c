#include "tests/harness/listing_world.h"

#include "base/clock.h"

struct listing_world listing_world_make(const struct cluster_shape *shape)
{
	struct listing_world world = {.telemetry = telemetry_new()};

	world.store = cluster_store(world.telemetry);
	cluster_fill(world.store, shape);
	return world;
}

void listing_world_end(struct listing_world *world)
{
	store_free(world->store);
	telemetry_free(world->telemetry);
}

struct listing_options listing_world_options(
	const struct listing_world *world, enum listing_resource resource, enum media media)
{
	return (struct listing_options){
		.store = world->store,
		.resource = resource,
		.version = "v1",
		.as.media = media,
		.now_realtime_ns = LISTING_WORLD_NOW * NS_PER_SECOND,
	};
}
