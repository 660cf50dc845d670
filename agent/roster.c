#include "agent/roster.h"

#include "agent/wire.h"
#include "proto/bounds.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define ROOT_NAMESPACE "root" /* of units that are in no slice */

struct roster_builder {
	const struct log_names *names;
	struct roster roster;
	uint32_t capacity;    /* of `sorted`, rows and pods, each */
	uint64_t fingerprint; /* of the rows and names of `roster` */
	bool bounded;
	size_t encoded_size; /* of its pods on the wire, at most; for `bounded` */
	struct cgroup **sorted;
};

struct roster_builder *roster_builder_new(const struct log_names *names)
{
	struct roster_builder *builder = calloc(1, sizeof(*builder));

	if (builder)
		builder->names = names;
	return builder;
}

void roster_builder_free(struct roster_builder *builder)
{
	if (!builder)
		return;
	free(builder->roster.pods);
	free(builder->roster.rows);
	free(builder->sorted);
	free(builder);
}

void roster_builder_bound(struct roster_builder *builder)
{
	builder->bounded = true;
}

/* --- order ------------------------------------------------------------------------------------ */

/* Pods by uid, within a pod the oldest first, for a kernel's cgroup ids grow; then units by path.
 */
static int by_pod_then_age(const void *left, const void *right)
{
	const struct cgroup *a = *(struct cgroup *const *)left, *b = *(struct cgroup *const *)right;
	int order = (a->unit != NULL) - (b->unit != NULL);

	if (order == 0)
		order = a->unit ? strcmp(a->path, b->path) : strcmp(a->pod_uid, b->pod_uid);
	if (order == 0)
		order = (a->id > b->id) - (a->id < b->id);
	return order;
}

/* For `total` cgroups. What could not be made larger stays as it is. */
static int make_room(struct roster_builder *builder, uint32_t total)
{
	uint32_t capacity = builder->capacity ? builder->capacity : 64;
	struct cgroup **sorted;
	struct roster_row *rows;
	struct roster_pod *pods;

	if (total <= builder->capacity)
		return 0;
	while (capacity < total)
		capacity *= 2;
	sorted = reallocarray(builder->sorted, capacity, sizeof(*sorted));
	if (sorted)
		builder->sorted = sorted;
	rows = reallocarray(builder->roster.rows, capacity, sizeof(*rows));
	if (rows)
		builder->roster.rows = rows;
	pods = reallocarray(builder->roster.pods, capacity, sizeof(*pods));
	if (pods)
		builder->roster.pods = pods;
	if (!sorted || !rows || !pods)
		return -1;
	builder->capacity = capacity;
	return 0;
}

static int sort_tree(
	struct roster_builder *builder, const struct cgroup_tree *tree, uint32_t *ret_count)
{
	uint32_t count = 0, slots = cgroup_tree_slots(tree), total = cgroup_tree_count(tree);

	if (make_room(builder, total) < 0)
		return -1;
	for (uint32_t slot = 0; slot < slots && count < total; slot++) {
		struct cgroup *cgroup = cgroup_tree_at(tree, slot);

		if (cgroup)
			builder->sorted[count++] = cgroup;
	}
	if (count > 0)
		qsort(builder->sorted, count, sizeof(struct cgroup *), by_pod_then_age);
	*ret_count = count;
	return 0;
}

/* --- bounds ----------------------------------------------------------------------------------- */

/* Bytes of a Catalog that are not pods, and then some. The Sample of the rows is always smaller
 * than the Catalog: a row's id alone has as many bytes as its figures. */
#define CATALOG_HEAD 1024

/* Key and length of a field that is a text or a message of up to 2 MiB. */
#define FIELD_HEAD 4

static size_t field_size(const char *text)
{
	return FIELD_HEAD + strlen(text);
}

/* What a pod takes of a Catalog, at most. */
static size_t encoded_size(const struct roster *roster, const struct roster_pod *pod)
{
	size_t size = 2 * FIELD_HEAD + field_size(pod->namespace) + field_size(pod->name) +
		      field_size(pod->uid);

	for (uint32_t row = pod->first_row; row < pod->first_row + pod->rows; row++)
		size += FIELD_HEAD + field_size(roster->rows[row].container) +
			field_size(roster->rows[row].cgroup->container_id);
	return size;
}

/* Keeps the pod whose rows were added last, or takes them away again. */
static void keep_pod(struct roster_builder *builder, const struct roster_pod *pod)
{
	struct roster *roster = &builder->roster;
	size_t size = builder->encoded_size + encoded_size(roster, pod);

	if (builder->bounded &&
		(roster->pod_count == WIRE_MAX_PODS || roster->row_count > WIRE_MAX_ROWS ||
			size > WIRE_MAX_MESSAGE - CATALOG_HEAD)) {
		roster->row_count = pod->first_row;
		roster->left_out++;
		return;
	}
	builder->encoded_size = size;
	roster->pod_count++;
}

/* --- naming ----------------------------------------------------------------------------------- */

#define NAMED_MAX 256 /* names of a pod that are handed to log_names_remaining() */

static bool is_young(const struct cgroup *cgroup, uint64_t now_ns)
{
	return cgroup->created_ns && now_ns - cgroup->created_ns < ROSTER_NAMING_NS;
}

/* A container of a pod whose names the node knows. */
static void add_named_pod_row(struct roster_builder *builder, struct roster_pod *pod,
	struct cgroup *cgroup, bool oldest, const char **named, size_t *named_count,
	uint64_t now_ns)
{
	struct roster *roster = &builder->roster;
	const char *name =
		log_names_container(builder->names, cgroup->pod_uid, cgroup->container_id);

	if (!name && oldest) {
		roster->unnamed |= is_young(cgroup, now_ns);
		return; /* the sandbox */
	}
	if (!name)
		name = log_names_remaining(builder->names, cgroup->pod_uid, named, *named_count);
	if (!name) {
		pod->incomplete |= is_young(cgroup, now_ns);
		roster->unnamed |= is_young(cgroup, now_ns);
		return;
	}
	if (*named_count < NAMED_MAX)
		named[(*named_count)++] = name;
	roster->rows[roster->row_count++] =
		(struct roster_row){.cgroup = cgroup, .container = name};
}

static void add_pod(struct roster_builder *builder, struct cgroup *const *members, uint32_t count,
	uint64_t now_ns)
{
	struct roster *roster = &builder->roster;
	struct roster_pod *pod = &roster->pods[roster->pod_count];
	const char *namespace = NULL, *name = NULL, *named[NAMED_MAX];
	size_t named_count = 0;

	*pod = (struct roster_pod){.namespace = "",
		.name = "",
		.uid = members[0]->pod_uid,
		.first_row = roster->row_count};
	if (builder->names && log_names_pod(builder->names, pod->uid, &namespace, &name)) {
		pod->namespace = namespace;
		pod->name = name;
		for (uint32_t i = 0; i < count; i++)
			add_named_pod_row(
				builder, pod, members[i], i == 0, named, &named_count, now_ns);
	} else {
		roster->unnamed = true;
		for (uint32_t i = 0; i < count; i++)
			roster->rows[roster->row_count++] =
				(struct roster_row){.cgroup = members[i], .container = ""};
	}
	pod->rows = roster->row_count - pod->first_row;
	if (pod->rows > 0 || pod->incomplete)
		keep_pod(builder, pod);
}

static void add_unit(struct roster_builder *builder, struct cgroup *cgroup)
{
	struct roster *roster = &builder->roster;
	struct roster_pod *pod = &roster->pods[roster->pod_count];

	*pod = (struct roster_pod){.namespace = *cgroup->slice ? cgroup->slice : ROOT_NAMESPACE,
		.name = cgroup->unit,
		.uid = cgroup->pod_uid,
		.first_row = roster->row_count,
		.rows = 1};
	roster->rows[roster->row_count++] =
		(struct roster_row){.cgroup = cgroup, .container = cgroup->unit};
	keep_pod(builder, pod);
}

/* --- has anything changed? -------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *bytes = data;

	for (size_t i = 0; i < size; i++)
		hash = (hash ^ bytes[i]) * 1099511628211ULL; /* FNV-1a */
	return hash;
}

static uint64_t mix_string(uint64_t hash, const char *text)
{
	return mix(hash, text, strlen(text) + 1);
}

static uint64_t fingerprint(const struct roster *roster)
{
	uint64_t hash = 14695981039346656037ULL;

	for (uint32_t p = 0; p < roster->pod_count; p++) {
		const struct roster_pod *pod = &roster->pods[p];

		hash = mix_string(hash, pod->namespace);
		hash = mix_string(hash, pod->name);
		hash = mix_string(hash, pod->uid);
		hash = mix(hash, &pod->rows, sizeof(pod->rows));
		hash = mix(hash, &pod->incomplete, sizeof(pod->incomplete));
	}
	for (uint32_t r = 0; r < roster->row_count; r++) {
		hash = mix(hash, &roster->rows[r].cgroup->id, sizeof(uint64_t));
		hash = mix_string(hash, roster->rows[r].container);
	}
	return hash;
}

/* The first revision is random, so that a restarted agent's is none of its predecessor's. */
static uint64_t next_revision(uint64_t revision, uint64_t now_ns)
{
	if (revision == 0 && getrandom(&revision, sizeof(revision), 0) < 0)
		revision = now_ns; /* unlikely, and still another one than before */
	revision++;
	return revision ? revision : 1;
}

const struct roster *roster_build(
	struct roster_builder *builder, const struct cgroup_tree *tree, uint64_t now_ns)
{
	struct roster *roster = &builder->roster;
	uint32_t count, end;
	uint64_t hash;

	roster->pod_count = roster->row_count = roster->left_out = 0;
	builder->encoded_size = 0;
	roster->unnamed = false;
	if (sort_tree(builder, tree, &count) < 0)
		return NULL;
	for (uint32_t i = 0; i < count; i = end) {
		end = i + 1;
		if (builder->sorted[i]->unit) {
			add_unit(builder, builder->sorted[i]);
			continue;
		}
		while (end < count && !builder->sorted[end]->unit &&
			strcmp(builder->sorted[end]->pod_uid, builder->sorted[i]->pod_uid) == 0)
			end++;
		add_pod(builder, builder->sorted + i, end - i, now_ns);
	}
	hash = fingerprint(roster);
	if (hash != builder->fingerprint || roster->revision == 0)
		roster->revision = next_revision(roster->revision, now_ns);
	builder->fingerprint = hash;
	return roster;
}

/* --- the wire --------------------------------------------------------------------------------- */

/* The messages of one Catalog, in one piece of memory each. */
struct catalog_parts {
	Tacho__V1__Pod *pods;
	Tacho__V1__Pod **pod_pointers;
	Tacho__V1__Container *containers;
	Tacho__V1__Container **container_pointers;
};

static void fill_parts(const struct roster *roster, struct catalog_parts *parts)
{
	for (uint32_t r = 0; r < roster->row_count; r++) {
		tacho__v1__container__init(&parts->containers[r]);
		parts->containers[r].name = wire_string(roster->rows[r].container);
		parts->containers[r].id = wire_string(roster->rows[r].cgroup->container_id);
		parts->container_pointers[r] = &parts->containers[r];
	}
	for (uint32_t p = 0; p < roster->pod_count; p++) {
		const struct roster_pod *pod = &roster->pods[p];

		tacho__v1__pod__init(&parts->pods[p]);
		parts->pods[p].namespace_ = wire_string(pod->namespace);
		parts->pods[p].name = wire_string(pod->name);
		parts->pods[p].uid = wire_string(pod->uid);
		parts->pods[p].incomplete = pod->incomplete;
		parts->pods[p].n_containers = pod->rows;
		parts->pods[p].containers = parts->container_pointers + pod->first_row;
		parts->pod_pointers[p] = &parts->pods[p];
	}
}

static void pack(const struct roster *roster, const struct node_capacity *capacity,
	const struct catalog_parts *parts, struct buffer *out)
{
	Tacho__V1__Message message = TACHO__V1__MESSAGE__INIT;
	Tacho__V1__Catalog catalog = TACHO__V1__CATALOG__INIT;
	Tacho__V1__Node node = TACHO__V1__NODE__INIT;

	node.cpu_millicores = (uint64_t)capacity->cpus * 1000;
	node.memory_bytes = capacity->memory_bytes;
	node.architecture = wire_string(capacity->architecture);
	catalog.revision = roster->revision;
	catalog.node = &node;
	catalog.n_pods = roster->pod_count;
	catalog.pods = parts->pod_pointers;
	message.kind_case = TACHO__V1__MESSAGE__KIND_CATALOG;
	message.catalog = &catalog;
	wire_append(&message, out);
}

void roster_encode(
	const struct roster *roster, const struct node_capacity *capacity, struct buffer *out)
{
	struct catalog_parts parts = {
		.pods = calloc(roster->pod_count + 1U, sizeof(*parts.pods)),
		.pod_pointers = calloc(roster->pod_count + 1U, sizeof(*parts.pod_pointers)),
		.containers = calloc(roster->row_count + 1U, sizeof(*parts.containers)),
		.container_pointers =
			calloc(roster->row_count + 1U, sizeof(*parts.container_pointers)),
	};

	if (parts.pods && parts.pod_pointers && parts.containers && parts.container_pointers) {
		fill_parts(roster, &parts);
		pack(roster, capacity, &parts, out);
	} else {
		out->failed = true;
	}
	free(parts.pods);
	free(parts.pod_pointers);
	free(parts.containers);
	free(parts.container_pointers);
}
