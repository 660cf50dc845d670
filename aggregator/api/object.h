/* A node or a pod as the writers see it, and its usage. */
#ifndef API_OBJECT_H
#define API_OBJECT_H

#include "aggregator/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Valid as long as the store's view that it was made of. */
struct object {
	const char *name, *namespace; /* of a node, the namespace is "" */
	size_t name_length, namespace_length;
	const struct labels *labels;
	uint64_t timestamp_seconds; /* since 1970 */
	uint32_t window_ms;
	uint32_t containers;                /* 0 for a node */
	const struct store_node_view *node; /* one of these two is set, the other NULL */
	const struct store_pod_view *pod;
};

struct object object_of_node(const struct store_node_view *node);
struct object object_of_pod(const struct store_pod_view *pod);

/* In the order of their keys, as Go writes a map. */
enum usage_key { USAGE_CPU, USAGE_MEMORY, USAGE_SWAP, USAGE_KEYS };

#define USAGE_NAME_BOUND 8 /* room for a name */

extern const struct usage_name {
	char text[USAGE_NAME_BOUND]; /* "cpu" */
	size_t length;
} USAGE_NAME[USAGE_KEYS];

/* Writes the name. The USAGE_NAME_BOUND bytes from `to` on may be written, whatever its length:
 * a copy of fixed size is quicker. Returns where the next byte goes. */
static inline char *usage_name_put(char *to, enum usage_key key)
{
	memcpy(to, USAGE_NAME[key].text, USAGE_NAME_BOUND);
	return to + USAGE_NAME[key].length;
}

struct usage {
	bool has[USAGE_KEYS];
	uint64_t value[USAGE_KEYS]; /* nanocores; bytes */
};

/* Of a node. */
struct usage object_usage(const struct object *node);
/* Of one container of a pod. */
void object_container_usage(const struct object *pod, uint32_t container, struct usage *ret_usage);
/* Of a node, or the sum over a pod's containers of what each has. */
struct usage object_total_usage(const struct object *object);

/* Whether the container (of a pod; else the node, which has none) has a figure for swap. */
bool object_swaps(const struct object *object, uint32_t container);

/* Writes the quantity, at most QUANTITY_BOUND bytes. Returns where the next byte goes. */
char *usage_put(char *to, const struct usage *usage, enum usage_key key);

#endif
