#include "aggregator/store/pod_fetch.h"

#include "aggregator/store/memory_fetch.h"
#include "aggregator/store/pod_metadata.h"

/* Each step reads what the one before has fetched. */
enum step { METADATA, POD, NODE, FIGURES, NAMES, STEPS };

/* How many pods before its visit a pod takes each step. */
static const size_t AHEAD[STEPS] = {
	[METADATA] = 32, [POD] = 24, [NODE] = 16, [FIGURES] = 8, [NAMES] = 4};

static void fetch_figures(const struct store *store, const struct known_pod *pod)
{
	const struct known_node *node = pod->node;

	memory_fetch(&node->row[pod->first_row]);
	memory_fetch(&node->row[pod->first_row + pod->rows] - 1); /* in the next line, at times */
	memory_fetch(&node->listed[pod->first_listed]);
	columns_fetch(&node->columns, pod->first_row, pod->rows,
		store->options.required | store->options.read);
}

/* The containers' names stand side by side. */
static void fetch_names(const struct known_pod *pod)
{
	if (pod->listed)
		memory_fetch(pod->node->row[pod->node->listed[pod->first_listed]].name);
}

static inline void fetch_known(
	const struct store *store, const struct known_pod *pod, enum step step)
{
	if (!pod)
		return;
	if (step == NODE) {
		memory_fetch(pod->node);
		memory_fetch(&pod->node->columns);
		if (!store->options.metadata) {
			memory_fetch(pod->namespace);
			memory_fetch(pod->namespace + 64);
		}
	} else if (step == FIGURES) {
		fetch_figures(store, pod);
	} else if (step == NAMES) {
		fetch_names(pod);
	}
}

/* Of a workload's pods, which stand side by side, once. The keys are everybody's, and warm. */
static inline void fetch_labels(const struct pod_metadata *before, const struct pod_metadata *pod)
{
	const struct label_set *set = pod->set;

	if (set == before->set)
		return;
	for (size_t i = 0; i < set->labels.count; i++)
		memory_fetch(set->item[i].value);
}

/* Where a pod is known by its metadata there is a step more. Groups are shared, and warm. */
static inline void fetch(const struct store *store, const void *item, enum step step)
{
	const struct pod_metadata *metadata = item;

	if (!store->options.metadata) {
		if (step == POD) {
			memory_fetch(item);
			memory_fetch((const char *)item + sizeof(struct known_pod) - 1);
		}
		fetch_known(store, item, step);
	} else if (step == METADATA) {
		memory_fetch(metadata);
		memory_fetch(metadata->text + 32);
	} else if (step == POD) {
		memory_fetch(metadata->pod);
		memory_fetch(metadata->set);
	} else {
		fetch_known(store, metadata->pod, step);
	}
}

void pod_fetch_first(
	const struct store *store, const struct ordered *pods, struct ordered_place place)
{
	size_t count;
	const void *const *run = ordered_run(pods, place, &count);

	for (enum step step = METADATA; step < STEPS; step++)
		for (size_t i = 0; i < AHEAD[step] && i < count; i++)
			fetch(store, run[i], step);
}

void pod_fetch_next(
	const struct store *store, const struct ordered *pods, struct ordered_place place)
{
	size_t count;
	const void *const *run = ordered_run(pods, place, &count);

	for (enum step step = METADATA; step < STEPS; step++) {
		const void *item = AHEAD[step] < count ? run[AHEAD[step]]
						       : ordered_ahead(pods, place, AHEAD[step]);

		if (item)
			fetch(store, item, step);
	}
	if (store->options.metadata && AHEAD[FIGURES] < count)
		fetch_labels(run[AHEAD[FIGURES] - 1], run[AHEAD[FIGURES]]);
}
