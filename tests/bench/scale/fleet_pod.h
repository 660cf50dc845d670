/* A pod of the fleet's world, as a line tells of it. */
#ifndef SCALE_FLEET_POD_H
#define SCALE_FLEET_POD_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define WORLD_MAX_CONTAINERS 64 /* of a pod */

struct world_pod {
	const char *uid, *namespace, *name; /* within `text` */
	uint32_t containers;
	uint64_t *hash; /* of each container: fleet_container_hash() */
	char *text;
};

/* `word` has what a line "pod NODE NAMESPACE NAME UID CONTAINERS" has, from "pod" on. Is it a pod,
 * and of how many containers? 0, or -EINVAL and a message. */
int world_pod_check(char *const *word, uint32_t *ret_containers, struct error *err);

/* Of words that were checked. NULL when memory is short. */
struct world_pod *world_pod_new(char *const *word, uint32_t containers);
void world_pod_free(struct world_pod *pod);

/* Bytes that it takes of a Catalog, at most. */
size_t world_pod_size(const struct world_pod *pod);

#endif
