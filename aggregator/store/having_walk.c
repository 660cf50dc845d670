#include "aggregator/store/having_walk.h"

#include "aggregator/store/cursor.h"
#include "aggregator/store/pod_fetch.h"

/* Where the walk stands in one group. */
struct run {
	const struct ordered *pods;
	struct ordered_place place;
	const struct pod_metadata *pod;
};

/* The runs that are not at their end as a heap: the one with the least name is the first. */
struct merge {
	struct run run[LABEL_INDEX_MOST_GROUPS];
	size_t count;
};

static int compare_key(const void *key, const void *pod)
{
	return object_key_compare(key, NULL, pod_metadata_name(pod));
}

static bool goes_before(const struct run *a, const struct run *b)
{
	return pod_metadata_compare_in_group(a->pod, b->pod) < 0;
}

static void sink(struct merge *merge, size_t at)
{
	const struct run run = merge->run[at];
	size_t child;

	while ((child = 2 * at + 1) < merge->count) {
		if (child + 1 < merge->count &&
			goes_before(&merge->run[child + 1], &merge->run[child]))
			child++;
		if (!goes_before(&merge->run[child], &run))
			break;
		merge->run[at] = merge->run[child];
		at = child;
	}
	merge->run[at] = run;
}

static void begin(struct merge *merge, const struct store *store, struct label_group *const *group,
	size_t groups, const struct store_cursor *from)
{
	const struct object_key key = {
		.name = from->started ? from->name : "", .behind = from->started};

	merge->count = 0;
	for (size_t i = 0; i < groups; i++) {
		struct run *run = &merge->run[merge->count];

		run->pods = &group[i]->pods;
		run->place = ordered_seek(run->pods, &key, compare_key);
		run->pod = ordered_at(run->pods, run->place);
		merge->count += run->pod != NULL;
		pod_fetch_first(store, run->pods, run->place);
	}
	for (size_t at = merge->count / 2; at > 0; at--)
		sink(merge, at - 1);
}

static void next(struct merge *merge)
{
	struct run *first = &merge->run[0];

	first->place = ordered_next(first->pods, first->place);
	first->pod = ordered_at(first->pods, first->place);
	if (!first->pod)
		*first = merge->run[--merge->count];
	if (merge->count > 1)
		sink(merge, 0);
}

static void walk_groups(
	const struct pod_walk *walk, struct label_group *const *group, size_t groups)
{
	const struct pod_metadata *passed = NULL;
	struct merge merge;

	begin(&merge, walk->store, group, groups, walk->cursor);
	for (size_t left = walk->most; merge.count > 0 && left > 0; left--) {
		const struct listed_pod pod = view_listed(walk->store, merge.run[0].pod);

		if (!pod_walk_show(walk, &pod))
			break;
		passed = merge.run[0].pod;
		pod_fetch_next(walk->store, merge.run[0].pods, merge.run[0].place);
		next(&merge);
	}
	if (passed)
		cursor_move(walk->cursor, walk->namespace, pod_metadata_name(passed));
	walk->cursor->finished = merge.count == 0;
}

bool having_walk(const struct pod_walk *walk, const struct labels *having)
{
	struct label_group *group[LABEL_INDEX_MOST_GROUPS];
	size_t groups = 0;

	if (!walk->store->options.metadata || !walk->namespace || having->count == 0)
		return false;
	switch (label_index_find(&walk->store->index, walk->namespace, having, group, &groups)) {
	case LABEL_INDEX_WALK:
		return false;
	case LABEL_INDEX_NONE:
	case LABEL_INDEX_GROUPS:
		walk_groups(walk, group, groups);
	}
	return true;
}
