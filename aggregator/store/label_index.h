/* Which pods of a namespace have a label, without looking at the others.
 *
 * The pods of one ReplicaSet have the same labels: a group is all pods of a namespace with the same
 * label set (but for what label_is_particular()), holds it once and has them sorted. A posting
 * (label_posting) is the groups that have one label. So the index costs by group, not by pod. The
 * owner's lock guards it, the changes of a pod are made by one thread. */
#ifndef STORE_LABEL_INDEX_H
#define STORE_LABEL_INDEX_H

#include "aggregator/store/hash_map.h"
#include "aggregator/store/label_set.h"
#include "aggregator/store/ordered.h"
#include "aggregator/store/text_hash.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct label_namespace {
	size_t groups, pods;
	uint32_t hash;
	uint32_t name_length;
	char name[];
};

struct label_group {
	struct label_namespace *namespace;
	struct label_set *set;
	struct ordered pods;
	uint32_t hash;
	uint32_t place[]; /* of each label: where the group stands in its posting */
};

struct label_index {
	const struct text_hash_key *key; /* must outlive it */
	/* Order of the pods in a group; never 0 for two of them. */
	int (*compare_pods)(const void *a, const void *b);
	struct hash_map namespaces, groups, postings;
};

/* Zero-initialise with `key` and `compare_pods` set. Every pod must have left. */
void label_index_free(struct label_index *index);

/* Makes room for one more pod with so many labels. `readers` is held for writing for moments. 0 or
 * -ENOMEM. */
int label_index_reserve(struct label_index *index, size_t labels, pthread_rwlock_t *readers);

/* Puts the pod into the group with this common label set, for which there is room. The set of a new
 * group is `set` itself, which is then the group's. 0; -ENOMEM: then nothing has changed. */
int label_index_enter(struct label_index *index, const char *namespace, struct label_set *set,
	void *pod, struct label_group **ret_group);

/* Takes the pod out. Returns the group when it was its last pod: nobody finds it any more, and it
 * is to be freed, which needs no lock of the readers; else NULL. */
struct label_group *label_index_leave(
	struct label_index *index, struct label_group *group, const void *pod);
void label_group_free(struct interned *texts, struct label_group *group);

#define LABEL_INDEX_MOST_GROUPS 256

enum label_index_answer {
	LABEL_INDEX_NONE,   /* no pod has these labels */
	LABEL_INDEX_GROUPS, /* all pods that have them are in these groups */
	LABEL_INDEX_WALK,   /* walking over the whole namespace is as well */
};

/* Which groups of the namespace have all of `having` but what is particular. Costs some 100 ns a
 * group of the label that the fewest have; of more than LABEL_INDEX_MOST_GROUPS none is looked at.
 */
enum label_index_answer label_index_find(const struct label_index *index, const char *namespace,
	const struct labels *having, struct label_group *ret_group[LABEL_INDEX_MOST_GROUPS],
	size_t *ret_groups);

#endif
