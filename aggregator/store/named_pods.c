#include "aggregator/store/named_pods.h"

#include <errno.h>
#include <string.h>

int named_pods_compare_key(const void *key, const void *item)
{
	const struct known_pod *pod = item;

	return object_key_compare(key, pod->namespace, pod->name);
}

int named_pods_compare(const void *a, const void *b)
{
	const struct known_pod *left = a, *right = b;
	const struct object_key key = {left->namespace, left->name, false};
	int order = named_pods_compare_key(&key, right);

	if (order == 0) /* seen later: stands before the other */
		order = (left->first_seen_ns < right->first_seen_ns) -
			(left->first_seen_ns > right->first_seen_ns);
	if (order == 0)
		order = strcmp(left->uid, right->uid);
	return order ? order : strcmp(left->node->name, right->node->name);
}

/* Whether another pod of the same name is in the set. */
static bool shares_its_name(const struct store *store, const struct known_pod *pod)
{
	const struct object_key key = {pod->namespace, pod->name, false};
	struct ordered_place place = ordered_seek(&store->pods, &key, named_pods_compare_key);
	const struct known_pod *first = ordered_at(&store->pods, place);

	if (first == pod)
		first = ordered_at(&store->pods, ordered_next(&store->pods, place));
	return first && named_pods_compare_key(&key, first) == 0;
}

/* Whether the pod stands in the set where a pod of `other`, the same node before or after a
 * catalog, stood or will stand. `other` may be NULL. */
static bool stays(const struct known_pod *pod, const struct known_node *other)
{
	const struct known_pod *like = other ? known_node_find_pod(other, pod->uid) : NULL;

	return like && named_pods_compare(pod, like) == 0;
}

/* Takes those of the node's first `count` pods out of the set that do not stay. */
static void take_out(struct store *store, const struct known_node *node, uint32_t count,
	const struct known_node *other)
{
	for (uint32_t i = 0; i < count; i++) {
		const struct known_pod *pod = &node->pod[i];

		if (!known_pod_is_named(pod) || stays(pod, other))
			continue;
		store->hidden -= shares_its_name(store, pod);
		(void)ordered_remove(&store->pods, pod);
	}
}

/* Puts those of the node's pods into the set that were not there before. 0, or -ENOMEM: then none
 * of them is. */
static int put_in(struct store *store, struct known_node *node, const struct known_node *before)
{
	for (uint32_t i = 0; i < node->pods; i++) {
		struct known_pod *pod = &node->pod[i];

		if (!known_pod_is_named(pod) || stays(pod, before))
			continue;
		if (ordered_insert(&store->pods, pod) < 0) {
			take_out(store, node, i, before);
			return -ENOMEM;
		}
		store->hidden += shares_its_name(store, pod);
	}
	return 0;
}

int named_pods_exchange(
	struct store *store, const struct known_node *before, struct known_node *node)
{
	int r = node ? put_in(store, node, before) : 0;

	if (r < 0)
		return r;
	if (before)
		take_out(store, before, before->pods, node);
	for (uint32_t i = 0; node && i < node->pods; i++)
		if (known_pod_is_named(&node->pod[i]) && stays(&node->pod[i], before))
			(void)ordered_replace(&store->pods, &node->pod[i]);
	if (before)
		store_totals_subtract(&store->totals, &before->totals);
	if (node)
		store_totals_add(&store->totals, &node->totals);
	return 0;
}
