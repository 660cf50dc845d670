/* What Kubernetes says of one pod, as the store keeps it. */
#ifndef STORE_POD_METADATA_H
#define STORE_POD_METADATA_H

#include "aggregator/store/interned.h"
#include "aggregator/store/known_node.h"
#include "aggregator/store/label_index.h"
#include "aggregator/store/label_set.h"
#include "aggregator/store/store.h"

#include <stdbool.h>
#include <stdint.h>

struct pod_metadata {
	struct label_group *group;
	struct label_set *set;       /* the group's, or `own_set` */
	const struct known_pod *pod; /* whose figures are the pod's; NULL = nobody has any */
	uint32_t generation;         /* of the last time that it was put */
	uint32_t order;              /* who was put before whom */
	uint16_t uid, cgroup_uid; /* where they begin in `text`; the uid stands behind the name */
	bool own_set;             /* it has labels that its group has not */
	char text[];              /* begins with the name */
};

/* 0 or -EINVAL. */
int pod_metadata_check(const struct store_pod_metadata *from, struct error *err);

/* Copies what was checked, but for the namespace and the labels that it shares, which its group
 * has: `group` is to be set, and `set` to the group's unless it has one. NULL when memory is
 * short. */
struct pod_metadata *pod_metadata_new(
	const struct store_pod_metadata *from, struct interned *texts);
void pod_metadata_free(struct interned *texts, struct pod_metadata *pod);

/* Whether nothing is new in `news`, which is of the same namespace and name. */
bool pod_metadata_says(const struct pod_metadata *pod, const struct store_pod_metadata *news);

static inline const char *pod_metadata_namespace(const struct pod_metadata *pod)
{
	return pod->group->namespace->name;
}

static inline const char *pod_metadata_name(const struct pod_metadata *pod)
{
	return pod->text;
}

static inline size_t pod_metadata_name_length(const struct pod_metadata *pod)
{
	return (size_t)pod->uid - 1;
}

static inline const char *pod_metadata_uid(const struct pod_metadata *pod)
{
	return pod->text + pod->uid;
}

static inline const char *pod_metadata_cgroup_uid(const struct pod_metadata *pod)
{
	return pod->text + pod->cgroup_uid;
}

/* The order by namespace and name, which no two pods share; where a struct object_key stands in it;
 * and the order within a group, in which a pod and the one that takes its place stand side by
 * side. */
int pod_metadata_compare(const void *a, const void *b);
int pod_metadata_compare_key(const void *key, const void *pod);
int pod_metadata_compare_in_group(const void *a, const void *b);

#endif
