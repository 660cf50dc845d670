/* The labels of an object: a small immutable set, sorted by key. */
#ifndef STORE_LABELS_H
#define STORE_LABELS_H

#include <stdbool.h>
#include <stddef.h>

struct label {
	const char *key;
	const char *value;
};

/* `item` is sorted by key (strcmp), keys are unique. An empty set is {0}. */
struct labels {
	const struct label *item;
	size_t count;
};

/* The value of `key`, or NULL. */
const char *labels_get(const struct labels *labels, const char *key);

bool labels_equal(const struct labels *a, const struct labels *b);

#endif
