#include "aggregator/store/labels.h"

#include <string.h>

const char *labels_get(const struct labels *labels, const char *key)
{
	size_t low = 0, high = labels->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, labels->item[middle].key);

		if (order == 0)
			return labels->item[middle].value;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

bool labels_equal(const struct labels *a, const struct labels *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->item[i].key, b->item[i].key) != 0 ||
			strcmp(a->item[i].value, b->item[i].value) != 0)
			return false;
	return true;
}
