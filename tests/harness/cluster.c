#include "tests/harness/cluster.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>

static void give_up(const char *what)
{
	(void)fprintf(stderr, "cluster: %s\n", what);
	abort();
}

static void *allocate(size_t count, size_t size)
{
	void *memory = calloc(count ? count : 1, size);

	if (!memory)
		give_up("out of memory");
	return memory;
}

struct store *cluster_store(struct telemetry *telemetry)
{
	const struct store_options options = {
		.expiry_ns = UINT64_MAX / 2,
		.max_nodes = 100000,
		.required = METRIC_BIT(METRIC_CPU_USAGE) | METRIC_BIT(METRIC_MEMORY_WORKING_SET) |
			    METRIC_BIT(METRIC_NODE_CPU_USAGE) |
			    METRIC_BIT(METRIC_NODE_MEMORY_WORKING_SET),
		.telemetry = telemetry,
	};
	struct error err;
	struct store *store = store_new(&options, &err);

	if (!store)
		give_up(err.message);
	return store;
}

/* --- one node --------------------------------------------------------------------------------- */

/* A catalog and a sample in the making. The messages point into the node's description. */
struct messages {
	Tacho__V1__Catalog catalog;
	Tacho__V1__Node node;
	Tacho__V1__Pod *pod, **pods;
	Tacho__V1__Container *container, **containers;
	char (*uid)[32];
	Tacho__V1__Sample sample;
	Tacho__V1__Column column[6], *columns[6];
	uint64_t node_value[3];
	uint64_t *value; /* three columns of all rows */
	size_t rows;
};

/* A figure as the wire has it. */
static uint64_t wire(uint64_t figure)
{
	return figure + 1; /* CLUSTER_NO_FIGURE becomes 0 */
}

static void put_usage(uint64_t *values, size_t stride, const struct cluster_usage *usage)
{
	values[0] = wire(usage->cpu_nanocores);
	values[stride] = wire(usage->memory_bytes);
	values[2 * stride] = wire(usage->swap_bytes);
}

static void fill_pod(struct messages *m, const struct cluster_pod *from, size_t i, size_t *row)
{
	Tacho__V1__Pod *pod = &m->pod[i];

	tacho__v1__pod__init(pod);
	(void)snprintf(m->uid[i], sizeof(m->uid[i]), "uid-%zu", i);
	pod->uid = m->uid[i];
	pod->namespace_ = (char *)(uintptr_t)from->namespace;
	pod->name = (char *)(uintptr_t)from->name;
	pod->n_containers = from->containers;
	pod->containers = m->containers + *row;
	m->pods[i] = pod;
	for (size_t c = 0; c < from->containers; c++, (*row)++) {
		Tacho__V1__Container *container = &m->container[*row];

		tacho__v1__container__init(container);
		container->name = (char *)(uintptr_t)from->container[c].name;
		m->containers[*row] = container;
		put_usage(m->value + *row, m->rows, &from->container[c].usage);
	}
}

static void fill_columns(struct messages *m)
{
	static const enum metric METRICS[6] = {METRIC_NODE_CPU_USAGE,
		METRIC_NODE_MEMORY_WORKING_SET, METRIC_NODE_MEMORY_SWAP, METRIC_CPU_USAGE,
		METRIC_MEMORY_WORKING_SET, METRIC_MEMORY_SWAP};

	for (size_t i = 0; i < 6; i++) {
		Tacho__V1__Column *column = &m->column[i];

		tacho__v1__column__init(column);
		column->metric = metric_info(METRICS[i])->id;
		column->n_values = i < 3 ? 1 : m->rows;
		column->values = i < 3 ? &m->node_value[i] : m->value + (i - 3) * m->rows;
		m->columns[i] = column;
	}
	m->sample.n_columns = 6;
	m->sample.columns = m->columns;
}

void cluster_put(struct store *store, const struct cluster_node *node)
{
	struct messages m = {0};
	struct error err;
	size_t row = 0;

	for (size_t i = 0; i < node->pods; i++)
		m.rows += node->pod[i].containers;
	m.pod = allocate(node->pods, sizeof(*m.pod));
	m.pods = allocate(node->pods, sizeof(*m.pods));
	m.uid = allocate(node->pods, sizeof(*m.uid));
	m.container = allocate(m.rows, sizeof(*m.container));
	m.containers = allocate(m.rows, sizeof(*m.containers));
	m.value = allocate(3 * m.rows, sizeof(*m.value));
	tacho__v1__catalog__init(&m.catalog);
	tacho__v1__node__init(&m.node);
	tacho__v1__sample__init(&m.sample);
	m.catalog.revision = m.sample.revision = 1;
	m.catalog.node = &m.node;
	m.catalog.n_pods = node->pods;
	m.catalog.pods = m.pods;
	m.sample.timestamp_ms = node->timestamp_ms;
	m.sample.window_ms = node->window_ms;
	for (size_t i = 0; i < node->pods; i++)
		fill_pod(&m, &node->pod[i], i, &row);
	put_usage(m.node_value, 1, &node->usage);
	fill_columns(&m);
	if (store_apply_catalog(store, node->name, &m.catalog, clock_monotonic_ns(), &err) < 0 ||
		store_apply_sample(store, node->name, &m.sample, clock_monotonic_ns(), &err) < 0)
		give_up(err.message);
	free(m.pod);
	free(m.pods);
	free(m.uid);
	free(m.container);
	free(m.containers);
	free(m.value);
}

/* --- many of them ----------------------------------------------------------------------------- */

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13; /* xorshift64, G. Marsaglia 2003 */
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* CPU from nothing to some cores; memory in pages, now and then in odd bytes. */
static struct cluster_usage random_usage(uint64_t *random, bool swaps)
{
	uint64_t page = next_random(random) % 10 == 0 ? 1 : 4096;

	return (struct cluster_usage){
		.cpu_nanocores = next_random(random) >> (32 + next_random(random) % 32),
		.memory_bytes = (next_random(random) % 1000000) * page,
		.swap_bytes = swaps ? (next_random(random) % 1000) * 4096 : CLUSTER_NO_FIGURE,
	};
}

struct names {
	char namespace[32], name[48];
};

static void fill_node(struct store *store, const struct cluster_shape *shape, uint32_t number,
	struct cluster_pod *pod, struct names *names, struct cluster_container *container)
{
	uint64_t random = ((uint64_t)number + 1) * 0x9e3779b97f4a7c15ULL + shape->seed;
	char name[32];
	struct cluster_node node = {
		.name = name,
		.usage = random_usage(&random, number % 3 == 0),
		.timestamp_ms = 1767225600000 + (uint64_t)(number % 7) * 300,
		.window_ms = 15000 + number % 3 * 8,
		.pod = pod,
		.pods = shape->pods,
	};

	(void)snprintf(name, sizeof(name), "node-%05u", number);
	for (uint32_t i = 0; i < shape->pods; i++) {
		uint32_t id = number * shape->pods + i;

		(void)snprintf(names[i].namespace, sizeof(names[i].namespace), "namespace-%03u",
			id % shape->namespaces);
		(void)snprintf(names[i].name, sizeof(names[i].name), "deployment-%07u-%05x", id,
			(unsigned)(next_random(&random) & 0xfffff));
		pod[i].container = container + (size_t)i * shape->containers;
		for (uint32_t c = 0; c < shape->containers; c++)
			container[(size_t)i * shape->containers + c].usage =
				random_usage(&random, id % 3 == 0);
	}
	cluster_put(store, &node);
}

void cluster_fill(struct store *store, const struct cluster_shape *shape)
{
	static const char *const NAMES[] = {"app", "istio-proxy", "logging-sidecar", "metrics"};
	struct cluster_pod *pod = allocate(shape->pods, sizeof(*pod));
	struct names *names = allocate(shape->pods, sizeof(*names));
	size_t containers = (size_t)shape->pods * shape->containers;
	struct cluster_container *container = allocate(containers, sizeof(*container));
	char(*other)[24] = allocate(shape->containers, sizeof(*other));

	for (uint32_t c = 0; c < shape->containers; c++)
		(void)snprintf(other[c], sizeof(other[c]), "container-%u", c);
	for (size_t i = 0; i < containers; i++) {
		size_t c = i % shape->containers;

		container[i].name = c < 4 ? NAMES[c] : other[c];
	}
	for (uint32_t i = 0; i < shape->pods; i++)
		pod[i] = (struct cluster_pod){.namespace = names[i].namespace,
			.name = names[i].name,
			.containers = shape->containers};
	for (uint32_t i = 0; i < shape->nodes; i++)
		fill_node(store, shape, shape->first_node + i, pod, names, container);
	free(pod);
	free(names);
	free(container);
	free(other);
}
