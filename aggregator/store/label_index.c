#include "aggregator/store/label_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The groups of one namespace that have one label. The texts are those of its groups. */
struct posting {
	const struct label_namespace *namespace;
	struct label label;
	struct label_group **group;
	uint32_t count, capacity;
};

void label_index_free(struct label_index *index)
{
	hash_map_free(&index->namespaces);
	hash_map_free(&index->groups);
	hash_map_free(&index->postings);
}

int label_index_reserve(struct label_index *index, size_t labels, pthread_rwlock_t *readers)
{
	int r = hash_map_reserve(&index->namespaces, 1, readers);

	if (r == 0)
		r = hash_map_reserve(&index->groups, 1, readers);
	if (r == 0)
		r = hash_map_reserve(&index->postings, labels, readers);
	return r;
}

/* Joins hashes that can't be foreseen into one. */
static uint32_t mix(uint32_t a, uint32_t b)
{
	uint64_t product = ((uint64_t)a << 32 | b) * 0x9e3779b97f4a7c15; /* 2^64 / golden ratio */

	return (uint32_t)(product >> 32);
}

/* --- namespaces ------------------------------------------------------------------------------- */

static struct label_namespace *find_namespace(
	const struct label_index *index, const char *name, uint32_t hash)
{
	size_t slot;
	struct label_namespace *namespace = hash_map_first(&index->namespaces, hash, &slot);

	while (namespace && strcmp(namespace->name, name) != 0)
	namespace = hash_map_next(&index->namespaces, &slot);
	return namespace;
}

static struct label_namespace *open_namespace(struct label_index *index, const char *name)
{
	uint32_t hash = text_hash(index->key, name);
	struct label_namespace *namespace = find_namespace(index, name, hash);
	size_t size = strlen(name) + 1;

	if (namespace)
		return namespace;
	namespace = malloc(sizeof(*namespace) + size);
	if (!namespace)
		return NULL;
	*namespace = (struct label_namespace){.hash = hash, .name_length = (uint32_t)size - 1};
	memcpy(namespace->name, name, size);
	hash_map_insert(&index->namespaces, hash, namespace);
	return namespace;
}

/* When it has no groups any more. */
static void close_namespace(struct label_index *index, struct label_namespace *namespace)
{
	if (namespace->groups > 0)
		return;
	(void)hash_map_remove(&index->namespaces, namespace->hash, namespace);
	free(namespace);
}

/* --- postings --------------------------------------------------------------------------------- */

static uint32_t posting_hash(
	const struct label_namespace *namespace, uint32_t key_hash, uint32_t value_hash)
{
	return mix(mix(namespace->hash, key_hash), value_hash);
}

static uint32_t hash_of(const struct label_namespace *namespace, const struct label *label)
{
	return posting_hash(namespace, interned_hash(label->key), interned_hash(label->value));
}

static struct posting *find_posting(const struct label_index *index,
	const struct label_namespace *namespace, const struct label *label, uint32_t hash)
{
	size_t slot;
	struct posting *posting = hash_map_first(&index->postings, hash, &slot);

	while (posting &&
		(posting->namespace != namespace || strcmp(posting->label.key, label->key) != 0 ||
			strcmp(posting->label.value, label->value) != 0))
		posting = hash_map_next(&index->postings, &slot);
	return posting;
}

static bool make_room(struct posting *posting)
{
	uint32_t capacity = posting->capacity ? posting->capacity * 2 : 1;
	struct label_group **grown;

	if (posting->count < posting->capacity)
		return true;
	grown = reallocarray(posting->group, capacity, sizeof(struct label_group *));
	if (!grown)
		return false;
	posting->group = grown;
	posting->capacity = capacity;
	return true;
}

static void free_posting(struct label_index *index, struct posting *posting, uint32_t hash)
{
	(void)hash_map_remove(&index->postings, hash, posting);
	free(posting->group);
	free(posting);
}

/* Enters the group as one that has its label `number`. */
static bool post(struct label_index *index, struct label_group *group, size_t number)
{
	const struct label *label = &group->set->item[number];
	uint32_t hash = hash_of(group->namespace, label);
	struct posting *posting = find_posting(index, group->namespace, label, hash);

	if (!posting) {
		posting = calloc(1, sizeof(*posting));
		if (!posting)
			return false;
		posting->namespace = group->namespace;
		posting->label = *label;
		hash_map_insert(&index->postings, hash, posting);
	}
	if (!make_room(posting)) {
		if (posting->count == 0)
			free_posting(index, posting, hash);
		return false;
	}
	group->place[number] = posting->count;
	posting->group[posting->count++] = group;
	return true;
}

/* Where a set has this label, which it does have. */
static size_t number_of(const struct label_set *set, const struct label *label)
{
	size_t number = 0;

	while (set->item[number].key != label->key) /* interned */
		number++;
	return number;
}

static void withdraw(struct label_index *index, struct label_group *group, size_t number)
{
	const struct label *label = &group->set->item[number];
	uint32_t hash = hash_of(group->namespace, label), place = group->place[number];
	struct posting *posting = find_posting(index, group->namespace, label, hash);
	struct label_group *last = posting->group[--posting->count];

	posting->group[place] = last;
	last->place[number_of(last->set, label)] = place;
	if (posting->count == 0)
		free_posting(index, posting, hash);
}

/* --- groups ----------------------------------------------------------------------------------- */

static uint32_t group_hash(const struct label_namespace *namespace, const struct label_set *set)
{
	uint32_t hash = namespace->hash;

	for (size_t i = 0; i < set->labels.count; i++)
		hash = mix(mix(hash, interned_hash(set->item[i].key)),
			interned_hash(set->item[i].value));
	return hash;
}

static struct label_group *find_group(const struct label_index *index,
	const struct label_namespace *namespace, const struct label_set *set, uint32_t hash)
{
	size_t slot;
	struct label_group *group = hash_map_first(&index->groups, hash, &slot);

	while (group && (group->namespace != namespace || !label_set_equals(group->set, set)))
		group = hash_map_next(&index->groups, &slot);
	return group;
}

/* Takes the group, which has no pods, out of everything. `posted`: how many of its labels have been
 * entered. */
static void close_group(struct label_index *index, struct label_group *group, size_t posted)
{
	while (posted > 0)
		withdraw(index, group, --posted);
	(void)hash_map_remove(&index->groups, group->hash, group);
	group->namespace->groups--;
}

static struct label_group *open_group(struct label_index *index, struct label_namespace *namespace,
	struct label_set *set, uint32_t hash)
{
	size_t labels = set->labels.count, posted = 0;
	struct label_group *group = malloc(sizeof(*group) + labels * sizeof(group->place[0]));

	if (!group)
		return NULL;
	*group = (struct label_group){
		.namespace = namespace,
		.set = set,
		.pods.compare = index->compare_pods,
		.hash = hash,
	};
	namespace->groups++;
	hash_map_insert(&index->groups, hash, group);
	while (posted < labels && post(index, group, posted))
		posted++;
	if (posted == labels)
		return group;
	close_group(index, group, posted);
	free(group);
	return NULL;
}

int label_index_enter(struct label_index *index, const char *namespace, struct label_set *set,
	void *pod, struct label_group **ret_group)
{
	struct label_namespace *in = open_namespace(index, namespace);
	struct label_group *group;
	uint32_t hash;

	if (!in)
		return -ENOMEM;
	hash = group_hash(in, set);
	group = find_group(index, in, set, hash);
	if (!group)
		group = open_group(index, in, set, hash);
	if (group && ordered_insert(&group->pods, pod) == 0) {
		in->pods++;
		*ret_group = group;
		return 0;
	}
	if (group && group->pods.count == 0) {
		close_group(index, group, set->labels.count);
		ordered_free(&group->pods);
		free(group);
	}
	close_namespace(index, in);
	return -ENOMEM;
}

struct label_group *label_index_leave(
	struct label_index *index, struct label_group *group, const void *pod)
{
	(void)ordered_remove(&group->pods, pod);
	group->namespace->pods--;
	if (group->pods.count > 0)
		return NULL;
	close_group(index, group, group->set->labels.count);
	close_namespace(index, group->namespace);
	return group;
}

void label_group_free(struct interned *texts, struct label_group *group)
{
	if (!group)
		return;
	label_set_free(texts, group->set);
	ordered_free(&group->pods);
	free(group);
}

/* --- finding ---------------------------------------------------------------------------------- */

/* The posting with the fewest groups among those of `having`. False when one label has none; NULL
 * when all are particular. */
static bool shortest(const struct label_index *index, const struct label_namespace *namespace,
	const struct labels *having, const struct posting **ret_posting)
{
	const struct posting *least = NULL;

	for (size_t i = 0; i < having->count; i++) {
		const struct label *label = &having->item[i];
		const struct posting *posting;

		if (label_is_particular(label->key))
			continue;
		posting = find_posting(index, namespace, label,
			posting_hash(namespace, text_hash(index->key, label->key),
				text_hash(index->key, label->value)));
		if (!posting)
			return false;
		if (!least || posting->count < least->count)
			least = posting;
	}
	*ret_posting = least;
	return true;
}

static bool has_all(const struct label_group *group, const struct labels *having)
{
	for (size_t i = 0; i < having->count; i++) {
		const char *value;

		if (label_is_particular(having->item[i].key))
			continue;
		value = labels_get(&group->set->labels, having->item[i].key);
		if (!value || strcmp(value, having->item[i].value) != 0)
			return false;
	}
	return true;
}

enum label_index_answer label_index_find(const struct label_index *index, const char *namespace,
	const struct labels *having, struct label_group *ret_group[LABEL_INDEX_MOST_GROUPS],
	size_t *ret_groups)
{
	const struct label_namespace *in =
		find_namespace(index, namespace, text_hash(index->key, namespace));
	const struct posting *posting;
	size_t groups = 0, pods = 0;

	if (!in || !shortest(index, in, having, &posting))
		return LABEL_INDEX_NONE;
	if (!posting || posting->count > LABEL_INDEX_MOST_GROUPS)
		return LABEL_INDEX_WALK;
	for (uint32_t i = 0; i < posting->count; i++) {
		if (!has_all(posting->group[i], having))
			continue;
		pods += posting->group[i]->pods.count;
		ret_group[groups++] = posting->group[i];
	}
	*ret_groups = groups;
	if (groups == 0)
		return LABEL_INDEX_NONE;
	return groups > 1 && pods > in->pods / 2 ? LABEL_INDEX_WALK : LABEL_INDEX_GROUPS;
}
