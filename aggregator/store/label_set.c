#include "aggregator/store/label_set.h"

#include <stdlib.h>
#include <string.h>

bool label_is_particular(const char *key)
{
	static const char *const KEYS[] = {
		"apps.kubernetes.io/pod-index",
		"batch.kubernetes.io/job-completion-index",
		"statefulset.kubernetes.io/pod-name",
	};

	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (strcmp(key, KEYS[i]) == 0)
			return true;
	return false;
}

bool labels_have_particular(const struct labels *labels)
{
	for (size_t i = 0; i < labels->count; i++)
		if (label_is_particular(labels->item[i].key))
			return true;
	return false;
}

static bool add(struct interned *texts, struct label_set *set, const struct label *label)
{
	const char *key = interned_keep(texts, label->key), *value;

	if (!key)
		return false;
	value = interned_keep(texts, label->value);
	if (!value) {
		interned_release(texts, key);
		return false;
	}
	set->item[set->labels.count++] = (struct label){key, value};
	set->bytes += strlen(key) + strlen(value);
	return true;
}

struct label_set *label_set_new(struct interned *texts, const struct labels *labels, bool common)
{
	size_t count = 0;
	struct label_set *set;

	for (size_t i = 0; i < labels->count; i++)
		count += !common || !label_is_particular(labels->item[i].key);
	set = malloc(sizeof(*set) + count * sizeof(set->item[0]));
	if (!set)
		return NULL;
	*set = (struct label_set){.labels.item = set->item};
	for (size_t i = 0; i < labels->count; i++) {
		if (common && label_is_particular(labels->item[i].key))
			continue;
		if (!add(texts, set, &labels->item[i])) {
			label_set_free(texts, set);
			return NULL;
		}
	}
	return set;
}

void label_set_free(struct interned *texts, struct label_set *set)
{
	if (!set)
		return;
	for (size_t i = 0; i < set->labels.count; i++) {
		interned_release(texts, set->item[i].key);
		interned_release(texts, set->item[i].value);
	}
	free(set);
}

bool label_set_equals(const struct label_set *a, const struct label_set *b)
{
	if (a->labels.count != b->labels.count)
		return false;
	for (size_t i = 0; i < a->labels.count; i++) /* interned: the same text, the same pointer */
		if (a->item[i].key != b->item[i].key || a->item[i].value != b->item[i].value)
			return false;
	return true;
}
