#include "aggregator/store/pod_join.h"

#include <errno.h>
#include <string.h>

void pod_join_free(struct pod_join *join)
{
	hash_map_free(&join->metadata);
	hash_map_free(&join->pods);
}

/* --- who has a uid ---------------------------------------------------------------------------- */

/* The node that claimed it first. */
static struct known_pod *first_claim(const struct pod_join *join, const char *uid, uint32_t hash)
{
	struct known_pod *first = NULL, *pod;
	size_t slot;

	for (pod = hash_map_first(&join->pods, hash, &slot); pod;
		pod = hash_map_next(&join->pods, &slot))
		if (strcmp(pod->uid, uid) == 0 && (!first || pod->claim < first->claim))
			first = pod;
	return first;
}

/* Whether `pod` goes before `other` when both say that this cgroup uid is theirs. */
static bool goes_before(const struct pod_metadata *pod, const struct pod_metadata *other)
{
	bool own = pod->uid == pod->cgroup_uid;

	if (own != (other->uid == other->cgroup_uid))
		return own;
	return pod->order < other->order;
}

static struct pod_metadata *owner(const struct pod_join *join, const char *uid, uint32_t hash)
{
	struct pod_metadata *best = NULL, *pod;
	size_t slot;

	for (pod = hash_map_first(&join->metadata, hash, &slot); pod;
		pod = hash_map_next(&join->metadata, &slot))
		if (strcmp(pod_metadata_cgroup_uid(pod), uid) == 0 &&
			(!best || goes_before(pod, best)))
			best = pod;
	return best;
}

/* --- links ------------------------------------------------------------------------------------ */

static struct store_totals totals_of(const struct pod_metadata *metadata)
{
	return known_pod_totals(metadata->pod,
		strlen(pod_metadata_namespace(metadata)) + strlen(pod_metadata_name(metadata)),
		metadata->set->labels.count, metadata->set->bytes);
}

static void set_link(
	struct pod_join *join, struct pod_metadata *metadata, const struct known_pod *pod)
{
	struct store_totals totals;

	if (metadata->pod == pod)
		return;
	if (metadata->pod) {
		totals = totals_of(metadata);
		store_totals_subtract(&join->totals, &totals);
		join->joined--;
	}
	metadata->pod = pod;
	if (pod) {
		totals = totals_of(metadata);
		store_totals_add(&join->totals, &totals);
		join->joined++;
	}
}

/* Links those of this uid as they are now. */
static void settle(struct pod_join *join, const char *uid, uint32_t hash)
{
	const struct known_pod *first = first_claim(join, uid, hash);
	const struct pod_metadata *best = owner(join, uid, hash);
	struct pod_metadata *metadata;
	size_t slot;

	for (metadata = hash_map_first(&join->metadata, hash, &slot); metadata;
		metadata = hash_map_next(&join->metadata, &slot))
		if (strcmp(pod_metadata_cgroup_uid(metadata), uid) == 0)
			set_link(join, metadata, metadata == best ? first : NULL);
}

/* --- Kubernetes' pods ------------------------------------------------------------------------- */

int pod_join_prepare_metadata(struct pod_join *join, const struct pod_metadata *before,
	struct pod_metadata *pod, pthread_rwlock_t *readers)
{
	bool same = before && strcmp(pod_metadata_uid(pod), pod_metadata_uid(before)) == 0 &&
		    strcmp(pod_metadata_cgroup_uid(pod), pod_metadata_cgroup_uid(before)) == 0;

	pod->order = same ? before->order : ++join->orders;
	return hash_map_reserve(&join->metadata, 2, readers);
}

void pod_join_add_metadata(struct pod_join *join, struct pod_metadata *pod)
{
	const char *cgroup_uid = pod_metadata_cgroup_uid(pod);
	uint32_t hash = text_hash(join->key, cgroup_uid);

	hash_map_insert(&join->metadata, hash, pod);
	if (pod->uid != pod->cgroup_uid)
		hash_map_insert(&join->metadata, text_hash(join->key, pod_metadata_uid(pod)), pod);
	settle(join, cgroup_uid, hash);
}

void pod_join_remove_metadata(struct pod_join *join, struct pod_metadata *pod)
{
	const char *cgroup_uid = pod_metadata_cgroup_uid(pod);
	uint32_t hash = text_hash(join->key, cgroup_uid);

	set_link(join, pod, NULL);
	(void)hash_map_remove(&join->metadata, hash, pod);
	if (pod->uid != pod->cgroup_uid)
		(void)hash_map_remove(
			&join->metadata, text_hash(join->key, pod_metadata_uid(pod)), pod);
	settle(join, cgroup_uid, hash);
}

bool pod_join_has(const struct pod_join *join, const char *uid)
{
	size_t slot;
	const struct pod_metadata *pod =
		hash_map_first(&join->metadata, text_hash(join->key, uid), &slot);

	while (pod && strcmp(pod_metadata_uid(pod), uid) != 0)
		pod = hash_map_next(&join->metadata, &slot);
	return pod != NULL;
}

/* --- agents' pods ----------------------------------------------------------------------------- */

int pod_join_prepare_pods(
	struct pod_join *join, const struct known_node *before, struct known_node *node)
{
	int claimed = 0;

	if (hash_map_reserve(&join->pods, node->pods, NULL) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < node->pods; i++) {
		struct known_pod *pod = &node->pod[i];
		const struct known_pod *old = before ? known_node_find_pod(before, pod->uid) : NULL;

		pod->claim = old ? old->claim : ++join->claims;
		claimed += !old && first_claim(join, pod->uid, text_hash(join->key, pod->uid));
	}
	return claimed;
}

void pod_join_exchange_pods(
	struct pod_join *join, const struct known_node *before, struct known_node *node)
{
	for (uint32_t i = 0; before && i < before->pods; i++) {
		const char *uid = before->pod[i].uid;
		uint32_t hash = text_hash(join->key, uid);

		(void)hash_map_remove(&join->pods, hash, &before->pod[i]);
		join->contested -= first_claim(join, uid, hash) != NULL;
	}
	for (uint32_t i = 0; node && i < node->pods; i++) {
		const char *uid = node->pod[i].uid;
		uint32_t hash = text_hash(join->key, uid);

		join->contested += first_claim(join, uid, hash) != NULL;
		hash_map_insert(&join->pods, hash, &node->pod[i]);
	}
	for (uint32_t i = 0; before && i < before->pods; i++)
		settle(join, before->pod[i].uid, text_hash(join->key, before->pod[i].uid));
	for (uint32_t i = 0; node && i < node->pods; i++)
		settle(join, node->pod[i].uid, text_hash(join->key, node->pod[i].uid));
}
