#include "aggregator/store/pod_walk.h"

#include "aggregator/store/cursor.h"
#include "aggregator/store/pod_fetch.h"

#include <string.h>

bool pod_walk_show(const struct pod_walk *walk, const struct listed_pod *pod)
{
	struct store_pod_view view;

	if (!view_pod_is_served(walk->store, pod, walk->now_ns))
		return true;
	view = view_pod(pod);
	return walk->visitor(walk->context, &view);
}

/* Whether the pod stands behind another of its name, which is served in its place. */
static bool is_hidden(const struct listed_pod *pod, const struct listed_pod *passed)
{
	return passed->name && strcmp(pod->name, passed->name) == 0 &&
	       strcmp(pod->namespace, passed->namespace) == 0;
}

void pod_walk(const struct pod_walk *walk)
{
	const struct ordered *pods = &walk->store->pods;
	const struct store_cursor *from = walk->cursor;
	const struct object_key key = {
		.namespace = from->started     ? from->namespace
			     : walk->namespace ? walk->namespace
					       : "",
		.name = from->started ? from->name : "",
		.behind = from->started,
	};
	struct ordered_place place = ordered_seek(pods, &key, walk->store->compare_pod_key);
	struct listed_pod passed = {0};
	size_t left = walk->most;
	const void *item;

	pod_fetch_first(walk->store, pods, place);
	for (; (item = ordered_at(pods, place)); place = ordered_next(pods, place)) {
		struct listed_pod pod = view_listed(walk->store, item);

		if (walk->namespace && strcmp(pod.namespace, walk->namespace) != 0) {
			item = NULL;
			break;
		}
		if (left-- == 0)
			break;
		pod_fetch_next(walk->store, pods, place);
		if (!is_hidden(&pod, &passed) && !pod_walk_show(walk, &pod))
			break;
		passed = pod;
	}
	if (passed.name)
		cursor_move(walk->cursor, passed.namespace, passed.name);
	walk->cursor->finished = !item;
}
