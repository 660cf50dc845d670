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
