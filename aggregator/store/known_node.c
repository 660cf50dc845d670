#include "aggregator/store/known_node.h"

#include "aggregator/store/column_values.h"
#include "aggregator/store/catalog_check.h"
#include "aggregator/store/object_key.h"
#include "aggregator/store/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(STORE_MAX_CONTAINERS_PER_NODE < COLUMN_NO_ROW, "rows are counted in 16 bits");

/* What it is filled from, and where texts are copied to. Names are read by every list and stand
 * together; uids are hardly ever read. */
struct filling {
	const struct text_hash_key *key;
	bool with_names;
	uint64_t now_ns;
	char *names, *uids;
};

/* --- filling ---------------------------------------------------------------------------------- */

/* One block for everything but the columns. */
static struct known_node *allocate(const struct catalog_extent *extent, struct filling *filling)
{
	size_t names = extent->names + (filling->with_names ? extent->pod_names : 0);
	size_t size = sizeof(struct known_node) + extent->pods * sizeof(struct known_pod) +
		      extent->rows * sizeof(struct known_row) +
		      (extent->pods + 2 * extent->rows) * sizeof(uint16_t) + names + extent->uids;
	struct known_node *node = calloc(1, size);

	if (!node)
		return NULL;
	node->pod = (struct known_pod *)(node + 1);
	node->row = (struct known_row *)(node->pod + extent->pods);
	node->by_uid = (uint16_t *)(node->row + extent->rows);
	node->by_key = node->by_uid + extent->pods;
	node->listed = node->by_key + extent->rows;
	filling->names = (char *)(node->listed + extent->rows);
	filling->uids = filling->names + names;
	return node;
}

/* Copies a text to *at and moves that on. */
static const char *keep(char **at, const char *field)
{
	size_t size = catalog_text_size(field);
	const char *kept = *at;

	if (size == 0)
		return "";
	memcpy(*at, field, size);
	*at += size;
	return kept;
}

/* A node's own labels, the three that the kubelet sets too: sorted, as struct labels wants it. */
static void fill_labels(struct known_node *node, const char *architecture)
{
	size_t count = 0;

	if (*architecture)
		node->label[count++] = (struct label){"kubernetes.io/arch", architecture};
	node->label[count++] = (struct label){"kubernetes.io/hostname", node->name};
	node->label[count++] = (struct label){"kubernetes.io/os", "linux"};
	node->labels = (struct labels){.item = node->label, .count = count};
}

/* What a container is known by within its pod; "" when nothing of it is known. */
static const char *container_key(const Tacho__V1__Container *container)
{
	const char *id = catalog_text(container->id);

	return *id ? id : catalog_text(container->name);
}

#define ROW_KEY_MASK (UINT64_MAX >> 8) /* as long as a row's key is */

static uint64_t row_key(const struct text_hash_key *key, const Tacho__V1__Container *container)
{
	const char *text = container_key(container);
	uint64_t hash = *text ? text_hash_bytes(key, text, strlen(text)) & ROW_KEY_MASK : 0;

	return hash || !*text ? hash : 1;
}

static void fill_pod(struct known_node *node, const Tacho__V1__Pod *from, struct filling *filling)
{
	struct known_pod *pod = &node->pod[node->pods];

	*pod = (struct known_pod){
		.namespace = filling->with_names ? keep(&filling->names, from->namespace_) : "",
		.name = filling->with_names ? keep(&filling->names, from->name) : "",
		.uid = keep(&filling->uids, from->uid),
		.node = node,
		.first_seen_ns = filling->now_ns,
		.first_row = (uint16_t)node->rows,
		.rows = (uint16_t)from->n_containers,
		.incomplete = from->incomplete,
	};
	pod->namespace_length = (uint8_t)strlen(pod->namespace);
	pod->name_length = (uint8_t)strlen(pod->name);
	node->by_uid[node->pods] = (uint16_t)node->pods;
	node->pods++;
	for (size_t i = 0; i < from->n_containers; i++) {
		struct known_row *row = &node->row[node->rows];

		row->name = keep(&filling->names, from->containers[i]->name);
		row->name_length = (uint8_t)strlen(row->name);
		row->key = row_key(filling->key, from->containers[i]) & ROW_KEY_MASK;
		node->by_key[node->rows] = (uint16_t)node->rows;
		node->rows++;
	}
}

static void fill(struct known_node *node, const char *name, const Tacho__V1__Catalog *catalog,
	struct filling *filling)
{
	node->name = keep(&filling->names, name);
	node->revision = catalog->revision;
	node->message_ns = filling->now_ns;
	if (catalog->node) {
		node->cpu_millicores = catalog->node->cpu_millicores;
		node->memory_bytes = catalog->node->memory_bytes;
	}
	fill_labels(node, catalog->node ? keep(&filling->names, catalog->node->architecture) : "");
	for (size_t i = 0; i < catalog->n_pods; i++)
		fill_pod(node, catalog->pods[i], filling);
}

/* --- telling pods and containers apart -------------------------------------------------------- */

static int compare_uids(const void *a, const void *b, void *context)
{
	const struct known_node *node = context;

	return strcmp(node->pod[*(const uint16_t *)a].uid, node->pod[*(const uint16_t *)b].uid);
}

static int compare_keys(const void *a, const void *b, void *context)
{
	const struct known_node *node = context;
	uint64_t key_a = node->row[*(const uint16_t *)a].key;
	uint64_t key_b = node->row[*(const uint16_t *)b].key;

	return (key_a > key_b) - (key_a < key_b);
}

static int compare_rows(const void *a, const void *b)
{
	return (int)*(const uint16_t *)a - (int)*(const uint16_t *)b;
}

static int compare_names(const void *a, const void *b, void *context)
{
	const struct known_node *node = context;
	int order =
		strcmp(node->row[*(const uint16_t *)a].name, node->row[*(const uint16_t *)b].name);

	return order ? order : compare_rows(a, b);
}

static int sort_by_identity(
	struct known_node *node, const Tacho__V1__Catalog *catalog, struct error *err)
{
	qsort_r(node->by_uid, node->pods, sizeof(*node->by_uid), compare_uids, node);
	for (uint32_t i = 1; i < node->pods; i++)
		if (compare_uids(&node->by_uid[i - 1], &node->by_uid[i], node) == 0)
			return error_set(err, EINVAL, "two pods have the uid %s",
				node->pod[node->by_uid[i]].uid);
	for (uint32_t i = 0; i < node->pods; i++) {
		const struct known_pod *pod = &node->pod[i];
		uint16_t *row = node->by_key + pod->first_row;

		qsort_r(row, pod->rows, sizeof(*row), compare_keys, node);
		for (uint16_t j = 1; j < pod->rows; j++)
			if (node->row[row[j]].key && compare_keys(&row[j - 1], &row[j], node) == 0)
				return error_set(err, EINVAL,
					"pod %u: two of its rows are the container %s", i,
					container_key(
						catalog->pods[i]
							->containers[row[j] - pod->first_row]));
	}
	return 0;
}

/* The containers to serve: those with a name, in the order of the rows. For a moment after a
 * restart a container is there twice, the old cgroup and the new one: the later row is served. */
static void list_containers(struct known_node *node)
{
	uint16_t *listed = node->listed;

	for (uint32_t i = 0; i < node->pods; i++) {
		struct known_pod *pod = &node->pod[i];

		for (uint16_t j = 0; j < pod->rows; j++)
			listed[j] = (uint16_t)(pod->first_row + j);
		qsort_r(listed, pod->rows, sizeof(*listed), compare_names, node);
		for (uint16_t j = 0; j < pod->rows; j++) {
			const char *name = node->row[listed[j]].name;

			if (*name && (j + 1 == pod->rows ||
					     strcmp(name, node->row[listed[j + 1]].name) != 0))
				listed[pod->listed++] = listed[j];
		}
		qsort(listed, pod->listed, sizeof(*listed), compare_rows);
		pod->first_listed = (uint16_t)(listed - node->listed);
		listed += pod->listed;
	}
}

static void add_up(struct known_node *node)
{
	uint64_t label_bytes = 0;

	for (size_t i = 0; i < node->labels.count; i++)
		label_bytes +=
			strlen(node->labels.item[i].key) + strlen(node->labels.item[i].value);
	for (uint32_t i = 0; i < node->pods; i++) {
		struct known_pod *pod = &node->pod[i];
		struct store_totals totals;

		for (uint16_t j = 0; j < pod->listed; j++)
			pod->listed_bytes +=
				node->row[node->listed[pod->first_listed + j]].name_length;
		if (!known_pod_is_named(pod))
			continue;
		totals = known_pod_totals(pod, (size_t)pod->namespace_length + pod->name_length,
			node->labels.count, label_bytes);
		store_totals_add(&node->totals, &totals);
	}
}

struct store_totals known_pod_totals(
	const struct known_pod *pod, size_t name_bytes, size_t labels, uint64_t label_bytes)
{
	if (pod->listed == 0)
		return (struct store_totals){0};
	return (struct store_totals){
		.pods = 1,
		.containers = pod->listed,
		.name_bytes = name_bytes + pod->listed_bytes,
		.labels = labels,
		.label_bytes = label_bytes,
	};
}

/* --- what stays ------------------------------------------------------------------------------- */

/* For each container of `pod` that `old` has too: its old row. Both are sorted by key. */
static void match_rows(const struct known_pod *pod, const struct known_pod *old, uint16_t *from)
{
	const uint16_t *row = pod->node->by_key + pod->first_row;
	const uint16_t *old_row = old->node->by_key + old->first_row;

	for (uint16_t i = 0, j = 0; i < pod->rows && j < old->rows;) {
		uint64_t key = pod->node->row[row[i]].key;
		uint64_t old_key = old->node->row[old_row[j]].key;

		if (key == old_key && key)
			from[row[i]] = old_row[j];
		i = (uint16_t)(i + (key <= old_key));
		j = (uint16_t)(j + (key >= old_key));
	}
}

static int keep_what_stays(struct known_node *node, const struct known_node *before)
{
	uint16_t *from;
	int r;

	if (!before)
		return columns_init(&node->columns, node->rows, NULL, NULL);
	from = malloc((node->rows + 1) * sizeof(*from));
	if (!from)
		return -ENOMEM;
	for (uint32_t row = 0; row < node->rows; row++)
		from[row] = COLUMN_NO_ROW;
	for (uint32_t i = 0; i < node->pods; i++) {
		const struct known_pod *old = known_node_find_pod(before, node->pod[i].uid);

		if (!old)
			continue;
		node->pod[i].first_seen_ns = old->first_seen_ns;
		match_rows(&node->pod[i], old, from);
	}
	r = columns_init(&node->columns, node->rows, &before->columns, from);
	free(from);
	node->sampled = before->sampled;
	node->sample_ns = before->sample_ns;
	return r;
}

int known_node_new(const char *name, const Tacho__V1__Catalog *catalog,
	const struct known_node *before, const struct text_hash_key *key, bool with_names,
	uint64_t now_ns, struct known_node **ret_node, struct error *err)
{
	struct filling filling = {.key = key, .with_names = with_names, .now_ns = now_ns};
	struct catalog_extent extent = {0};
	struct known_node *node;
	int r = catalog_check(name, catalog, &extent, err);

	if (r < 0)
		return r;
	node = allocate(&extent, &filling);
	if (!node)
		return error_errno(err, ENOMEM, "keeping %zu pods", extent.pods);
	fill(node, name, catalog, &filling);
	r = sort_by_identity(node, catalog, err);
	if (r < 0)
		goto out;
	list_containers(node);
	add_up(node);
	r = keep_what_stays(node, before);
	if (r < 0) {
		(void)error_errno(err, -r, "keeping the figures");
		goto out;
	}
	*ret_node = node;
	return 0;
out:
	known_node_free(node);
	return r;
}

int known_node_compare(const void *a, const void *b)
{
	return strcmp(((const struct known_node *)a)->name, ((const struct known_node *)b)->name);
}

int known_node_compare_key(const void *key, const void *item)
{
	return object_key_compare(key, NULL, ((const struct known_node *)item)->name);
}

struct known_node *known_node_find(const struct ordered *nodes, const char *name)
{
	const struct object_key key = {.name = name};
	struct known_node *node =
		ordered_at(nodes, ordered_seek(nodes, &key, known_node_compare_key));

	return node && strcmp(node->name, name) == 0 ? node : NULL;
}

const struct known_pod *known_node_find_pod(const struct known_node *node, const char *uid)
{
	size_t low = 0, high = node->pods;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct known_pod *pod = &node->pod[node->by_uid[middle]];
		int order = strcmp(uid, pod->uid);

		if (order == 0)
			return pod;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

void known_node_free(struct known_node *node)
{
	if (!node)
		return;
	columns_free(&node->columns);
	free(node);
}
