/* Which nodes there are, their pods and who believes them, as README.md's lines tell it. */
#ifndef SCALE_FLEET_WORLD_H
#define SCALE_FLEET_WORLD_H

#include "base/error.h"
#include "tests/bench/scale/fleet_pod.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of one node there is as much as an aggregator takes (proto/bounds.h) and an agent sends
 * (agent/credential.h). No line is longer than a word, a node's name and a token. */
#define WORLD_MAX_NODES 65000
#define WORLD_MAX_LINE  17000 /* bytes, without the end of the line */

struct world_node {
	uint32_t index; /* among the nodes that there were, from 0 */
	char *name;
	char *token;
	uint64_t hash;           /* fleet_node_hash() */
	uint64_t revision;       /* changes with its pods; never 0 */
	uint64_t credential;     /* changes with the token; never 0 */
	bool left;               /* it has gone, and has no pods */
	struct world_pod **pods; /* by uid */
	uint32_t pod_count, pod_capacity;
	uint32_t rows;       /* containers of all pods */
	size_t catalog_size; /* bytes on the wire, at most */
};

struct world;

enum world_word {
	WORLD_CHANGED, /* it is as the line says; of `ret_node` */
	WORLD_RUN,
	WORLD_QUIT,
};

/* `salt` makes the first revision of each node another than a fleet's before. NULL when memory is
 * short. */
struct world *world_new(uint64_t salt);
void world_free(struct world *world);

/* Takes one line without its end. A word (enum world_word), or -errno and a message that says what
 * is wrong: then nothing has changed. `line` is written to. */
int world_take(struct world *world, char *line, size_t length, struct world_node **ret_node,
	struct error *err);

/* All that there were, by index: also those that have left. */
size_t world_nodes(const struct world *world);
struct world_node *world_node(const struct world *world, size_t index);

/* What is there now. */
struct world_counts {
	size_t nodes, pods, containers;
};
struct world_counts world_count(const struct world *world);

#endif
