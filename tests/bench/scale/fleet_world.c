#include "tests/bench/scale/fleet_world.h"

#include "agent/credential.h"
#include "base/node_name.h"
#include "proto/bounds.h"
#include "tests/bench/scale/fleet_figures.h"
#include "tests/bench/scale/fleet_pod.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Running out of memory is an answer, not an exit: uthash then leaves `hh.tbl` NULL. */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#define MAX_WORDS 7 /* one more than any line has */

/* Of a Catalog: what is not pods (agent/roster.c). */
#define CATALOG_HEAD 1024

struct entry {
	struct world_node node;
	UT_hash_handle hh; /* by name */
};

struct world {
	struct entry *by_name;
	struct entry **nodes;
	size_t count, capacity;
	struct world_counts counts;
	uint64_t salt;
};

/* --- making and freeing ----------------------------------------------------------------------- */

struct world *world_new(uint64_t salt)
{
	struct world *world = calloc(1, sizeof(*world));

	if (world)
		world->salt = salt;
	return world;
}

static void drop_pods(struct world *world, struct world_node *node)
{
	for (uint32_t i = 0; i < node->pod_count; i++)
		world_pod_free(node->pods[i]);
	world->counts.pods -= node->pod_count;
	world->counts.containers -= node->rows;
	node->pod_count = node->rows = 0;
	node->catalog_size = CATALOG_HEAD;
	node->revision++;
}

static void free_entry(struct entry *entry)
{
	free(entry->node.name);
	free(entry->node.token);
	free(entry->node.pods);
	free(entry);
}

void world_free(struct world *world)
{
	if (!world)
		return;
	HASH_CLEAR(hh, world->by_name);
	for (size_t i = 0; i < world->count; i++) {
		drop_pods(world, &world->nodes[i]->node);
		free_entry(world->nodes[i]);
	}
	free(world->nodes);
	free(world);
}

/* --- nodes ------------------------------------------------------------------------------------ */

static struct world_node *find_node(const struct world *world, const char *name)
{
	struct entry *entry;

	HASH_FIND_STR(world->by_name, name, entry);
	return entry ? &entry->node : NULL;
}

static int known_node(const struct world *world, const char *name, struct world_node **ret_node,
	struct error *err)
{
	struct world_node *node = find_node(world, name);

	if (!node || node->left)
		return error_set(err, ENOENT, "there is no node \"%s\"", name);
	*ret_node = node;
	return 0;
}

static int make_room(struct world *world)
{
	size_t capacity = world->capacity ? world->capacity * 2 : 256;
	struct entry **grown;

	if (world->count < world->capacity)
		return 0;
	grown = reallocarray(world->nodes, capacity, sizeof(struct entry *));
	if (!grown)
		return -ENOMEM;
	world->nodes = grown;
	world->capacity = capacity;
	return 0;
}

static int add_entry(struct world *world, const char *name, struct world_node **ret_node)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	if (!entry || make_room(world) < 0)
		goto short_of_memory;
	entry->node.name = strdup(name);
	if (!entry->node.name)
		goto short_of_memory;
	HASH_ADD_KEYPTR(hh, world->by_name, entry->node.name, strlen(name), entry);
	if (!entry->hh.tbl)
		goto short_of_memory;
	entry->node.index = (uint32_t)world->count;
	entry->node.hash = fleet_node_hash(name);
	entry->node.revision = (world->salt ^ entry->node.hash) | 1;
	entry->node.catalog_size = CATALOG_HEAD;
	entry->node.left = true;
	world->nodes[world->count++] = entry;
	*ret_node = &entry->node;
	return 0;
short_of_memory:
	if (entry)
		free_entry(entry);
	return -ENOMEM;
}

static int set_token(struct world_node *node, const char *token, struct error *err)
{
	char *copy;

	if (strlen(token) > CREDENTIAL_MAX)
		return error_set(err, EINVAL, "a token has at most %d bytes", CREDENTIAL_MAX);
	copy = strdup(token);
	if (!copy)
		return error_errno(err, ENOMEM, "keeping a token");
	free(node->token);
	node->token = copy;
	node->credential++;
	return 0;
}

static int take_node(
	struct world *world, char *const *word, struct world_node **ret_node, struct error *err)
{
	struct world_node *node = find_node(world, word[1]);
	int r = 0;

	if (!node_name_valid(word[1]))
		return error_set(err, EINVAL, "\"%s\" is no name of a node", word[1]);
	if (node && !node->left)
		return error_set(err, EEXIST, "there is a node \"%s\" already", word[1]);
	if (!node && world->count == WORLD_MAX_NODES)
		return error_set(err, ENOSPC, "more than %d nodes", WORLD_MAX_NODES);
	if (strlen(word[2]) > CREDENTIAL_MAX)
		return error_set(err, EINVAL, "a token has at most %d bytes", CREDENTIAL_MAX);
	if (!node)
		r = add_entry(world, word[1], &node);
	if (r < 0)
		return error_errno(err, -r, "node \"%s\"", word[1]);
	r = set_token(node, word[2], err);
	if (r < 0)
		return r;
	node->left = false;
	world->counts.nodes++;
	*ret_node = node;
	return 0;
}

static int take_token(
	struct world *world, char *const *word, struct world_node **ret_node, struct error *err)
{
	int r = known_node(world, word[1], ret_node, err);

	return r < 0 ? r : set_token(*ret_node, word[2], err);
}

static int take_leave(
	struct world *world, char *const *word, struct world_node **ret_node, struct error *err)
{
	int r = known_node(world, word[1], ret_node, err);

	if (r < 0)
		return r;
	drop_pods(world, *ret_node);
	(*ret_node)->left = true;
	world->counts.nodes--;
	return 0;
}

/* --- pods ------------------------------------------------------------------------------------- */

/* Where the pod with this uid stands among the node's, or would. */
static uint32_t place_of(const struct world_node *node, const char *uid, bool *ret_found)
{
	uint32_t low = 0, high = node->pod_count;

	*ret_found = false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int order = strcmp(node->pods[middle]->uid, uid);

		if (order == 0) {
			*ret_found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert_pod(struct world_node *node, struct world_pod *pod, uint32_t place)
{
	if (node->pod_count == node->pod_capacity) {
		uint32_t capacity = node->pod_capacity ? node->pod_capacity * 2 : 32;
		struct world_pod **grown =
			reallocarray(node->pods, capacity, sizeof(struct world_pod *));

		if (!grown)
			return -ENOMEM;
		node->pods = grown;
		node->pod_capacity = capacity;
	}
	memmove(node->pods + place + 1, node->pods + place,
		(node->pod_count - place) * sizeof(struct world_pod *));
	node->pods[place] = pod;
	node->pod_count++;
	node->rows += pod->containers;
	node->catalog_size += world_pod_size(pod);
	node->revision++;
	return 0;
}

static int take_pod(
	struct world *world, char *const *word, struct world_node **ret_node, struct error *err)
{
	struct world_pod *pod;
	uint32_t containers, place;
	bool found;
	int r = known_node(world, word[1], ret_node, err);

	if (r == 0)
		r = world_pod_check(word, &containers, err);
	if (r < 0)
		return r;
	place = place_of(*ret_node, word[4], &found);
	if (found)
		return error_set(err, EEXIST, "node \"%s\" has a pod %s already", word[1], word[4]);
	pod = world_pod_new(word, containers);
	if (!pod)
		return error_errno(err, ENOMEM, "pod %s", word[4]);
	r = (*ret_node)->pod_count == WIRE_MAX_PODS ||
			    (*ret_node)->rows + containers > WIRE_MAX_ROWS ||
			    (*ret_node)->catalog_size + world_pod_size(pod) > WIRE_MAX_MESSAGE
		    ? error_set(
			      err, ENOSPC, "node \"%s\" has more than an aggregator takes", word[1])
		    : insert_pod(*ret_node, pod, place);
	if (r < 0) {
		world_pod_free(pod);
		return r;
	}
	world->counts.pods++;
	world->counts.containers += containers;
	return 0;
}

static int take_gone(
	struct world *world, char *const *word, struct world_node **ret_node, struct error *err)
{
	struct world_node *node;
	struct world_pod *pod;
	uint32_t place;
	bool found;
	int r = known_node(world, word[1], ret_node, err);

	if (r < 0)
		return r;
	node = *ret_node;
	place = place_of(node, word[2], &found);
	if (!found)
		return error_set(err, ENOENT, "node \"%s\" has no pod %s", word[1], word[2]);
	pod = node->pods[place];
	node->pod_count--;
	memmove(node->pods + place, node->pods + place + 1,
		(node->pod_count - place) * sizeof(struct world_pod *));
	node->rows -= pod->containers;
	node->catalog_size -= world_pod_size(pod);
	node->revision++;
	world->counts.pods--;
	world->counts.containers -= pod->containers;
	world_pod_free(pod);
	return 0;
}

/* --- lines ------------------------------------------------------------------------------------ */

static const struct {
	const char *word, *form;
	int words, meaning;
	int (*take)(struct world *world, char *const *word, struct world_node **ret_node,
		struct error *err);
} LINES[] = {
	{"node", "node NAME TOKEN", 3, WORLD_CHANGED, take_node},
	{"token", "token NODE TOKEN", 3, WORLD_CHANGED, take_token},
	{"leave", "leave NODE", 2, WORLD_CHANGED, take_leave},
	{"pod", "pod NODE NAMESPACE NAME UID CONTAINERS", 6, WORLD_CHANGED, take_pod},
	{"gone", "gone NODE UID", 3, WORLD_CHANGED, take_gone},
	{"run", "run", 1, WORLD_RUN, NULL},
	{"quit", "quit", 1, WORLD_QUIT, NULL},
};

/* Words parted by one blank each: an empty word is a field that its writer forgot. */
static int split(char *line, char *word[MAX_WORDS])
{
	int count = 0;

	while (line && count < MAX_WORDS)
		word[count++] = strsep(&line, " ");
	return count;
}

static int check_bytes(const char *line, size_t length, struct error *err)
{
	if (length > WORLD_MAX_LINE)
		return error_set(err, EMSGSIZE, "longer than %d bytes", WORLD_MAX_LINE);
	for (size_t i = 0; i < length; i++)
		if (!isprint((unsigned char)line[i]))
			return error_set(err, EINVAL, "byte %zu (0x%02x) is no printable ASCII",
				i + 1, (unsigned)(unsigned char)line[i]);
	return 0;
}

int world_take(struct world *world, char *line, size_t length, struct world_node **ret_node,
	struct error *err)
{
	char *word[MAX_WORDS];
	int count, r = check_bytes(line, length, err);

	if (r < 0)
		return r;
	line[length] = '\0';
	count = split(line, word);
	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		if (strcmp(word[0], LINES[i].word) != 0)
			continue;
		r = count == LINES[i].words ? 0 : -EINVAL;
		for (int w = 0; w < count && r == 0; w++)
			r = *word[w] ? 0 : -EINVAL;
		if (r < 0)
			return error_set(err, EINVAL, "want \"%s\"", LINES[i].form);
		r = LINES[i].take ? LINES[i].take(world, word, ret_node, err) : 0;
		return r < 0 ? r : LINES[i].meaning;
	}
	return error_set(err, EINVAL, "\"%.40s\" is no word that is known here", word[0]);
}

/* --- what there is ---------------------------------------------------------------------------- */

size_t world_nodes(const struct world *world)
{
	return world->count;
}

struct world_node *world_node(const struct world *world, size_t index)
{
	return &world->nodes[index]->node;
}

struct world_counts world_count(const struct world *world)
{
	return world->counts;
}
